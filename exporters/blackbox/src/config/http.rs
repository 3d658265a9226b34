//! The section `http`.

use std::collections::BTreeMap;

use common_config::yaml::{FromNode, Node, Section, list_of};
use common_config::{Error, HttpClientConfig, byte_size};
use common_re2::Regex;

use super::encoding::accepts;
use super::{Cel, IpChoice};

/// How to probe a URL.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpModule {
    /// `valid_status_codes`; empty for all of 200 to 299.
    pub valid_status_codes: Vec<i64>,
    /// `valid_http_versions`; empty for any.
    pub valid_http_versions: Vec<String>,
    /// Which kind of address.
    pub ip: IpChoice,
    /// `skip_resolve_phase_with_proxy`.
    pub skip_resolve_phase_with_proxy: bool,
    /// Whether `no_follow_redirects` was written; what it said is in `client`.
    pub is_no_follow_written: bool,
    /// `fail_if_ssl`.
    pub fail_if_ssl: bool,
    /// `fail_if_not_ssl`.
    pub fail_if_not_ssl: bool,
    /// `method`; empty for GET.
    pub method: String,
    /// `headers` as written.
    pub headers: BTreeMap<String, String>,
    /// `fail_if_body_matches_regexp`
    pub fail_if_body_matches: Vec<Regex>,
    /// `fail_if_body_not_matches_regexp`
    pub fail_if_body_not_matches: Vec<Regex>,
    /// `fail_if_body_json_matches_cel`
    pub fail_if_body_json_matches: Option<Cel>,
    /// `fail_if_body_json_not_matches_cel`
    pub fail_if_body_json_not_matches: Option<Cel>,
    /// `fail_if_header_matches`
    pub fail_if_header_matches: Vec<HeaderMatch>,
    /// `fail_if_header_not_matches`
    pub fail_if_header_not_matches: Vec<HeaderMatch>,
    /// `body`.
    pub body: String,
    /// `body_file`.
    pub body_file: String,
    /// Whom to be, whom to trust, through which proxy.
    pub client: HttpClientConfig,
    /// `enable_http3`.
    pub enable_http3: bool,
    /// `compression` as written; unknown ones fail the probe.
    pub compression: String,
    /// `body_size_limit` in bytes; zero for none of the operator's.
    pub body_size_limit: u64,
}

/// A pattern for the values of a header.
#[derive(Clone, Debug, PartialEq)]
pub struct HeaderMatch {
    /// Its name.
    pub header: String,
    /// What is looked for.
    pub regexp: Regex,
    /// Whether an answer without the header is good.
    pub allow_missing: bool,
}

/// What `compression` can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// RFC 1952.
    Gzip,
    /// RFC 7932.
    Brotli,
    /// RFC 1951, without the wrapping that RFC 9110 asks for.
    Deflate,
    /// None.
    Identity,
}

impl HttpModule {
    pub(super) fn zero() -> HttpModule {
        HttpModule {
            valid_status_codes: Vec::new(),
            valid_http_versions: Vec::new(),
            ip: IpChoice::zero(),
            skip_resolve_phase_with_proxy: false,
            is_no_follow_written: false,
            fail_if_ssl: false,
            fail_if_not_ssl: false,
            method: String::new(),
            headers: BTreeMap::new(),
            fail_if_body_matches: Vec::new(),
            fail_if_body_not_matches: Vec::new(),
            fail_if_body_json_matches: None,
            fail_if_body_json_not_matches: None,
            fail_if_header_matches: Vec::new(),
            fail_if_header_not_matches: Vec::new(),
            body: String::new(),
            body_file: String::new(),
            client: HttpClientConfig {
                follow_redirects: false,
                enable_http2: false,
                ..HttpClientConfig::default()
            },
            enable_http3: false,
            compression: String::new(),
            body_size_limit: 0,
        }
    }

    /// The compression; `None` for none, and the text as written where it is not known.
    pub fn compression(&self) -> Result<Option<Compression>, &str> {
        match self.compression.as_str() {
            "" => Ok(None),
            "gzip" => Ok(Some(Compression::Gzip)),
            "br" => Ok(Some(Compression::Brotli)),
            "deflate" => Ok(Some(Compression::Deflate)),
            "identity" => Ok(Some(Compression::Identity)),
            other => Err(other),
        }
    }

    /// The value of a header of the module.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    fn check(&self) -> Result<(), (&'static str, String)> {
        if !self.body.is_empty() && !self.body_file.is_empty() {
            let message = "setting body and body_file both are not allowed".to_owned();
            return Err(("body", message));
        }
        let has_other = self.valid_http_versions.iter().any(|version| version != "HTTP/3.0");
        let has_three = self.valid_http_versions.iter().any(|version| version == "HTTP/3.0");
        if self.enable_http3 && self.client.enable_http2 {
            let message = "when enable_http3 is true, enable_http2 must be set to false".to_owned();
            return Err(("enable_http3", message));
        }
        if (self.enable_http3 && has_other) || (has_three && !self.enable_http3) {
            let message = "HTTP/3 and HTTP/2.0/1.1 cannot be used together - only HTTP/3.0 is \
                           allowed when enable_http3 is true";
            return Err(("valid_http_versions", message.to_owned()));
        }
        for (key, value) in &self.headers {
            let is_it = key.eq_ignore_ascii_case("accept-encoding");
            if is_it && !self.compression.is_empty() && !accepts(value, &self.compression) {
                let compression = &self.compression;
                let message = format!(
                    "invalid configuration \"{key}: {value}\", \"compression: {compression}\""
                );
                return Err(("headers", message));
            }
        }
        Ok(())
    }
}

impl Default for HttpModule {
    fn default() -> HttpModule {
        let client = HttpClientConfig::default();
        HttpModule { ip: IpChoice::default(), client, ..HttpModule::zero() }
    }
}

impl FromNode for HttpModule {
    fn from_node(node: &Node) -> Result<HttpModule, Error> {
        let mut section = Section::open(node, "config.plain")?;
        let no_follow: Option<bool> = section.get("no_follow_redirects")?;
        let mut client = HttpClientConfig::take(&mut section, HttpClientConfig::default())?;
        if let Some(no_follow) = no_follow {
            client.follow_redirects = !no_follow;
        }
        let module = HttpModule {
            valid_status_codes: section.or_default("valid_status_codes")?,
            valid_http_versions: section.or_default("valid_http_versions")?,
            ip: IpChoice::take(&mut section, true)?,
            skip_resolve_phase_with_proxy: section.or_default("skip_resolve_phase_with_proxy")?,
            is_no_follow_written: no_follow.is_some(),
            fail_if_ssl: section.or_default("fail_if_ssl")?,
            fail_if_not_ssl: section.or_default("fail_if_not_ssl")?,
            method: section.or_default("method")?,
            headers: section.or_default("headers")?,
            fail_if_body_matches: super::patterns(&mut section, "fail_if_body_matches_regexp")?,
            fail_if_body_not_matches: super::patterns(
                &mut section,
                "fail_if_body_not_matches_regexp",
            )?,
            fail_if_body_json_matches: section.get("fail_if_body_json_matches_cel")?,
            fail_if_body_json_not_matches: section.get("fail_if_body_json_not_matches_cel")?,
            fail_if_header_matches: header_matches(&mut section, "fail_if_header_matches")?,
            fail_if_header_not_matches: header_matches(&mut section, "fail_if_header_not_matches")?,
            body: section.or_default("body")?,
            body_file: section.or_default("body_file")?,
            client,
            enable_http3: section.or_default("enable_http3")?,
            compression: section.or_default("compression")?,
            body_size_limit: body_size(&mut section)?,
        };
        module.check().map_err(|(key, message)| section.complain(key, message))?;
        section.finish()?;
        Ok(module)
    }
}

fn body_size(section: &mut Section<'_>) -> Result<u64, Error> {
    match section.filled("body_size_limit")? {
        Some(text) => byte_size::parse(&text)
            .map_err(|error| section.complain("body_size_limit", error.to_string())),
        None => Ok(0),
    }
}

fn header_matches(section: &mut Section<'_>, key: &str) -> Result<Vec<HeaderMatch>, Error> {
    list_of(section.take(key), "a header matcher must be a mapping", HeaderMatch::from_node)
}

impl FromNode for HeaderMatch {
    fn from_node(node: &Node) -> Result<HeaderMatch, Error> {
        let mut section = Section::open(node, "config.plain")?;
        let header: String = section.or_default("header")?;
        let regexp = section.filled("regexp")?;
        let at = section.position_of("regexp");
        let allow_missing = section.or_default("allow_missing")?;
        section.finish()?;
        if header.is_empty() {
            return Err(Error::at(node.at, "header name must be set for HTTP header matchers"));
        }
        let Some(regexp) = regexp else {
            return Err(Error::at(at, "regexp must be set for HTTP header matchers"));
        };
        Ok(HeaderMatch { header, regexp: super::compile(at, &regexp)?, allow_missing })
    }
}
