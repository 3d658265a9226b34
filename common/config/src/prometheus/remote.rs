//! `remote_write` and `remote_read`: other stores that get samples, and are asked for some.

use std::collections::BTreeMap;
use std::time::Duration;

use common_model::Labels;

use super::cloud::{AzureAd, GoogleIam, SigV4};
use super::names::NameScheme;
use super::relabel::{self, RelabelConfig};
use super::targets::{label_set, labels_out};
use crate::http::HttpClientConfig;
use crate::url::Url;
use crate::yaml::{FromNode, MapOut, Node, Out, Section};
use crate::{Error, Position};

/// Largest frame of a streamed answer, in bytes.
const CHUNKED_READ_LIMIT_DEFAULT: u64 = 50_000_000;

/// Headers that the client itself sets; a configuration must not.
const HEADERS_RESERVED: [&str; 16] = [
    "host",
    "content-encoding",
    "content-length",
    "content-type",
    "user-agent",
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "www-authenticate",
    "accept-encoding",
    "x-prometheus-remote-write-version",
    "x-prometheus-remote-read-version",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-content-sha256",
];

/// The message a remote write sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WriteMessage {
    /// `prometheus.WriteRequest`
    #[default]
    V1,
    /// `io.prometheus.write.v2.Request`
    V2,
}

impl WriteMessage {
    /// The message's full name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            WriteMessage::V1 => "prometheus.WriteRequest",
            WriteMessage::V2 => "io.prometheus.write.v2.Request",
        }
    }
}

/// One entry of `remote_write`.
#[derive(Clone, Debug, PartialEq)]
pub struct RemoteWriteConfig {
    /// `url`.
    pub url: Url,
    /// `remote_timeout`, 30s by default.
    pub remote_timeout: Duration,
    /// `headers`.
    pub headers: BTreeMap<String, String>,
    /// `write_relabel_configs`.
    pub write_relabel_configs: Vec<RelabelConfig>,
    /// `name`, unique; empty where none is written.
    pub name: String,
    /// `send_exemplars`.
    pub send_exemplars: bool,
    /// `send_native_histograms`.
    pub send_native_histograms: bool,
    /// `round_robin_dns`.
    pub round_robin_dns: bool,
    /// `protobuf_message`.
    pub protobuf_message: WriteMessage,
    /// The inline *http client* keys; HTTP/2 is off by default here.
    pub http: HttpClientConfig,
    /// `queue_config`.
    pub queue: QueueConfig,
    /// `metadata_config`.
    pub metadata: MetadataConfig,
    /// `sigv4`.
    pub sigv4: Option<SigV4>,
    /// `azuread`.
    pub azuread: Option<AzureAd>,
    /// `google_iam`.
    pub google_iam: Option<GoogleIam>,
    /// Where the entry stands.
    pub position: Position,
}

/// How a remote write queues and sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueConfig {
    /// `capacity`: samples per shard.
    pub capacity: i64,
    /// `max_shards`.
    pub max_shards: i64,
    /// `min_shards`.
    pub min_shards: i64,
    /// `max_samples_per_send`.
    pub max_samples_per_send: i64,
    /// `batch_send_deadline`.
    pub batch_send_deadline: Duration,
    /// `min_backoff`.
    pub min_backoff: Duration,
    /// `max_backoff`.
    pub max_backoff: Duration,
    /// `retry_on_http_429`.
    pub retry_on_http_429: bool,
    /// `sample_age_limit`, zero for none.
    pub sample_age_limit: Duration,
}

impl Default for QueueConfig {
    fn default() -> QueueConfig {
        QueueConfig {
            capacity: 10_000,
            max_shards: 50,
            min_shards: 1,
            max_samples_per_send: 2000,
            batch_send_deadline: Duration::from_secs(5),
            min_backoff: Duration::from_millis(30),
            max_backoff: Duration::from_secs(5),
            retry_on_http_429: false,
            sample_age_limit: Duration::ZERO,
        }
    }
}

/// Whether and how often metadata is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataConfig {
    /// `send`.
    pub send: bool,
    /// `send_interval`.
    pub send_interval: Duration,
    /// `max_samples_per_send`.
    pub max_samples_per_send: i64,
}

impl Default for MetadataConfig {
    fn default() -> MetadataConfig {
        MetadataConfig {
            send: true,
            send_interval: Duration::from_secs(60),
            max_samples_per_send: 2000,
        }
    }
}

impl FromNode for QueueConfig {
    fn from_node(node: &Node) -> Result<QueueConfig, Error> {
        let mut section = Section::open(node, "config.QueueConfig")?;
        let default = QueueConfig::default();
        let queue = QueueConfig {
            capacity: section.or("capacity", default.capacity)?,
            max_shards: section.or("max_shards", default.max_shards)?,
            min_shards: section.or("min_shards", default.min_shards)?,
            max_samples_per_send: section
                .or("max_samples_per_send", default.max_samples_per_send)?,
            batch_send_deadline: section.or("batch_send_deadline", default.batch_send_deadline)?,
            min_backoff: section.or("min_backoff", default.min_backoff)?,
            max_backoff: section.or("max_backoff", default.max_backoff)?,
            retry_on_http_429: section.or_default("retry_on_http_429")?,
            sample_age_limit: section.or_default("sample_age_limit")?,
        };
        let positive = [
            ("capacity", queue.capacity),
            ("max_shards", queue.max_shards),
            ("min_shards", queue.min_shards),
            ("max_samples_per_send", queue.max_samples_per_send),
        ];
        for (key, value) in positive {
            if value <= 0 {
                let message = format!("queue_config {key} must be greater than 0, got {value}");
                return Err(section.complain(key, message));
            }
        }
        if queue.min_shards > queue.max_shards {
            let (min, max) = (queue.min_shards, queue.max_shards);
            let message = format!(
                "queue_config min_shards ({min}) must not be greater than max_shards ({max})"
            );
            return Err(section.complain("min_shards", message));
        }
        section.finish()?;
        Ok(queue)
    }
}

impl FromNode for MetadataConfig {
    fn from_node(node: &Node) -> Result<MetadataConfig, Error> {
        let mut section = Section::open(node, "config.MetadataConfig")?;
        let default = MetadataConfig::default();
        let metadata = MetadataConfig {
            send: section.or("send", default.send)?,
            send_interval: section.or("send_interval", default.send_interval)?,
            max_samples_per_send: section
                .or("max_samples_per_send", default.max_samples_per_send)?,
        };
        section.finish()?;
        Ok(metadata)
    }
}

impl RemoteWriteConfig {
    pub(super) fn read(node: &Node, scheme: NameScheme) -> Result<RemoteWriteConfig, Error> {
        let mut section = Section::open(node, "config.RemoteWriteConfig")?;
        let default_http = HttpClientConfig { enable_http2: false, ..HttpClientConfig::default() };
        let rules = section.take("write_relabel_configs");
        let config = RemoteWriteConfig {
            url: url(&mut section, "url for remote_write is empty")?,
            remote_timeout: section.or("remote_timeout", Duration::from_secs(30))?,
            headers: headers(&mut section)?,
            write_relabel_configs: relabel::list(
                rules,
                "empty or null relabeling rule in remote write config",
                scheme,
            )?,
            name: section.or_default("name")?,
            send_exemplars: section.or_default("send_exemplars")?,
            send_native_histograms: section.or_default("send_native_histograms")?,
            round_robin_dns: section.or_default("round_robin_dns")?,
            protobuf_message: message(&mut section)?,
            http: HttpClientConfig::take(&mut section, default_http)?,
            queue: section.or_default("queue_config")?,
            metadata: section.or_default("metadata_config")?,
            sigv4: section.get("sigv4")?,
            azuread: section.get("azuread")?,
            google_iam: section.get("google_iam")?,
            position: section.at(),
        };
        section.finish()?;
        config.check_authorization().map_err(|message| Error::at(node.at, message))?;
        Ok(config)
    }

    fn check_authorization(&self) -> Result<(), String> {
        let ways = [
            ("basic_auth", self.http.basic_auth.is_some()),
            ("authorization", self.http.authorization.is_some()),
            ("oauth2", self.http.oauth2.is_some()),
            ("sigv4", self.sigv4.is_some()),
            ("azuread", self.azuread.is_some()),
            ("google_iam", self.google_iam.is_some()),
        ];
        let used: Vec<&str> =
            ways.iter().filter(|(_, used)| *used).map(|(name, _)| *name).collect();
        if used.len() < 2 {
            return Ok(());
        }
        Err(format!(
            "at most one of basic_auth, authorization, oauth2, sigv4, azuread or google_iam must be \
             configured. Currently configured: [{}]",
            used.join(" ")
        ))
    }

    pub(super) fn render(&self) -> Out {
        let mut out = MapOut::default();
        out.text("url", &self.url.to_string()).span("remote_timeout", self.remote_timeout);
        out.text_map("headers", &self.headers);
        out.list("write_relabel_configs", relabel::render(&self.write_relabel_configs));
        out.text("name", &self.name);
        out.flag_if("send_exemplars", self.send_exemplars);
        out.flag_if("send_native_histograms", self.send_native_histograms);
        out.flag_if("round_robin_dns", self.round_robin_dns);
        out.text("protobuf_message", self.protobuf_message.name());
        out.inline(self.http.render());
        out.map("queue_config", self.queue.render());
        let mut metadata = MapOut::default();
        metadata.flag("send", self.metadata.send);
        metadata
            .put("send_interval", Out::Text(crate::duration::format(self.metadata.send_interval)));
        metadata.number("max_samples_per_send", self.metadata.max_samples_per_send);
        out.map("metadata_config", metadata);
        if let Some(sigv4) = &self.sigv4 {
            out.put("sigv4", Out::Map(sigv4.render()));
        }
        if let Some(azuread) = &self.azuread {
            out.put("azuread", Out::Map(azuread.render()));
        }
        if let Some(google_iam) = &self.google_iam {
            out.put("google_iam", Out::Map(google_iam.render()));
        }
        Out::Map(out)
    }
}

impl QueueConfig {
    fn render(&self) -> MapOut {
        let mut out = MapOut::default();
        out.number("capacity", self.capacity);
        out.number("max_shards", self.max_shards);
        out.number("min_shards", self.min_shards);
        out.number("max_samples_per_send", self.max_samples_per_send);
        out.span("batch_send_deadline", self.batch_send_deadline);
        out.span("min_backoff", self.min_backoff);
        out.span("max_backoff", self.max_backoff);
        out.flag_if("retry_on_http_429", self.retry_on_http_429);
        out.span("sample_age_limit", self.sample_age_limit);
        out
    }
}

/// One entry of `remote_read`.
#[derive(Clone, Debug, PartialEq)]
pub struct RemoteReadConfig {
    /// `url`.
    pub url: Url,
    /// `remote_timeout`, 1m by default.
    pub remote_timeout: Duration,
    /// `chunked_read_limit` in bytes.
    pub chunked_read_limit: u64,
    /// `headers`.
    pub headers: BTreeMap<String, String>,
    /// `read_recent`: ask even where the local store has everything.
    pub read_recent: bool,
    /// `name`, unique; empty where none is written.
    pub name: String,
    /// The inline *http client* keys.
    pub http: HttpClientConfig,
    /// `required_matchers`: only selectors with these are asked.
    pub required_matchers: Labels,
    /// `filter_external_labels`, on by default.
    pub filter_external_labels: bool,
    /// Where the entry stands.
    pub position: Position,
}

impl RemoteReadConfig {
    pub(super) fn read(node: &Node) -> Result<RemoteReadConfig, Error> {
        let mut section = Section::open(node, "config.RemoteReadConfig")?;
        let config = RemoteReadConfig {
            url: url(&mut section, "url for remote_read is empty")?,
            remote_timeout: section.or("remote_timeout", Duration::from_secs(60))?,
            chunked_read_limit: section.or("chunked_read_limit", CHUNKED_READ_LIMIT_DEFAULT)?,
            headers: headers(&mut section)?,
            read_recent: section.or_default("read_recent")?,
            name: section.or_default("name")?,
            http: HttpClientConfig::take(&mut section, HttpClientConfig::default())?,
            required_matchers: label_set(section.take("required_matchers"))?,
            filter_external_labels: section.or("filter_external_labels", true)?,
            position: section.at(),
        };
        section.finish()?;
        Ok(config)
    }

    pub(super) fn render(&self) -> Out {
        let mut out = MapOut::default();
        out.text("url", &self.url.to_string()).span("remote_timeout", self.remote_timeout);
        out.number("chunked_read_limit", self.chunked_read_limit);
        out.text_map("headers", &self.headers);
        out.flag_if("read_recent", self.read_recent);
        out.text("name", &self.name);
        out.inline(self.http.render());
        out.map("required_matchers", labels_out(&self.required_matchers));
        out.flag_if("filter_external_labels", self.filter_external_labels);
        Out::Map(out)
    }
}

fn url(section: &mut Section<'_>, empty: &str) -> Result<Url, Error> {
    match section.take("url").filter(|node| !node.is_null()) {
        None => Err(section.complain("url", empty)),
        Some(node) => {
            let text = String::from_node(node)?;
            Url::parse(&text).map_err(|reason| Error::at(node.at, reason))
        }
    }
}

fn headers(section: &mut Section<'_>) -> Result<BTreeMap<String, String>, Error> {
    let headers: BTreeMap<String, String> = section.or_default("headers")?;
    let refused = "authorization header must be changed via the basic_auth, authorization, oauth2, \
                   sigv4, azuread or google_iam parameter";
    match check_headers(&headers, refused) {
        Ok(()) => Ok(headers),
        Err(message) => Err(section.complain("headers", message)),
    }
}

/// Refuses headers that must not be changed; `authorization` is the complaint about that one.
pub(super) fn check_headers(
    headers: &BTreeMap<String, String>,
    authorization: &str,
) -> Result<(), String> {
    for name in headers.keys() {
        let lower = name.to_lowercase();
        if lower == "authorization" {
            return Err(authorization.to_owned());
        }
        if HEADERS_RESERVED.contains(&lower.as_str()) {
            return Err(format!("{name} is a reserved header. It must not be changed"));
        }
    }
    Ok(())
}

fn message(section: &mut Section<'_>) -> Result<WriteMessage, Error> {
    let key = "protobuf_message";
    let name: String = section.or(key, WriteMessage::V1.name().to_owned())?;
    let known = [WriteMessage::V1, WriteMessage::V2].into_iter().find(|m| m.name() == name);
    known.ok_or_else(|| {
        let message = format!(
            "invalid protobuf_message value: unknown remote write protobuf message {name}, \
             supported: prometheus.WriteRequest, io.prometheus.write.v2.Request"
        );
        section.complain(key, message)
    })
}
