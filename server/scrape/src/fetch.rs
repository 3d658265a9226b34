//! Getting at a target's samples: one timed GET, or a collector in this process.

use std::sync::Arc;

use common_client::{Cause, Client, ClientOptions, Dials, Request, gunzip};
use common_config::prometheus::{ScrapeConfig, ScrapeProtocol};
use common_exposition::{Dialect, for_each_series};
use common_instrument::{Collector, Samples};
use hyper::HeaderMap;
use hyper::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue};

use crate::asked::Asked;
use crate::defaults;
use crate::manager::Shared;
use crate::metadata::MetadataByName;
use crate::page::each_line;
use crate::session::{Session, SessionError};
use crate::target::Target;

/// How this scraper names itself.
const USER_AGENT: &str = concat!("Hearth/", env!("CARGO_PKG_VERSION"));

/// Why there is nothing to take. The texts are Prometheus'.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FetchError {
    #[error("body size limit exceeded")]
    BodyLimit,
    #[error("{0}")]
    Other(String),
}

/// How a page is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    pub(crate) dialect: Dialect,
    /// Whether it is to be unpacked first.
    pub(crate) is_gzip: bool,
}

impl Page {
    /// What stands for the page of a source inside this process, which has none.
    const NONE: Page = Page { dialect: Dialect::Text, is_gzip: false };
}

/// Where a target's samples come from.
pub(crate) enum Source {
    Http {
        client: Arc<Client>,
        asking: Asking,
        body_bytes_max: usize,
        fallback: Option<ScrapeProtocol>,
    },
    InProcess {
        inside: Inside,
        samples: Box<Samples>,
        raw: Vec<u8>,
    },
}

/// What has the address of a target inside this process.
pub(crate) enum Inside {
    Nothing,
    Collector(Arc<dyn Collector>),
    Asked(Arc<dyn Asked>),
}

/// The client of a scrape configuration, whose connections are counted in `dials`.
pub(crate) fn client(
    config: &ScrapeConfig,
    dials: Arc<Dials>,
) -> Result<Client, common_client::Error> {
    let user_agent = USER_AGENT.to_owned();
    let options = ClientOptions { user_agent, dials, ..ClientOptions::default() };
    Client::new(&config.http, options)
}

impl Source {
    pub(crate) fn of(
        target: &Target,
        config: &ScrapeConfig,
        client: &Arc<Client>,
        shared: &Shared,
    ) -> Source {
        match target.in_process() {
            Some(name) => Source::InProcess {
                inside: match (shared.in_process.get(name), shared.asked.get(name)) {
                    (Some(collector), _) => Inside::Collector(collector.clone()),
                    (None, Some(asked)) => Inside::Asked(asked.clone()),
                    (None, None) => Inside::Nothing,
                },
                samples: Box::default(),
                raw: Vec::new(),
            },
            None => Source::Http {
                client: client.clone(),
                asking: Asking::of(config),
                body_bytes_max: defaults::body_bytes(config),
                fallback: config.fallback_scrape_protocol,
            },
        }
    }

    /// Whether nobody is burdened when it is read at once.
    pub(crate) fn is_free(&self) -> bool {
        matches!(self, Source::InProcess { inside: Inside::Collector(_) | Inside::Nothing, .. })
    }

    /// Fetches the page, as it comes, or measures.
    pub(crate) async fn fetch(
        &mut self,
        target: &Target,
        body: &mut Vec<u8>,
    ) -> Result<Page, FetchError> {
        match self {
            Source::InProcess { inside: Inside::Nothing, .. } => {
                let message = format!("this process has no source for {}", target.url);
                Err(FetchError::Other(message))
            }
            Source::InProcess { inside: Inside::Asked(asked), samples, .. } => {
                let query = target.url.split_once('?').map_or("", |(_, query)| query);
                **samples = asked.ask(query, target.timeout).await.map_err(FetchError::Other)?;
                Ok(Page::NONE)
            }
            Source::InProcess { inside: Inside::Collector(collector), samples, .. } => {
                samples.clear();
                // What a collector could measure counts; it reports its own failures as samples.
                let result = tokio::task::block_in_place(|| collector.collect(samples));
                if samples.is_empty() {
                    result.map_err(|error| FetchError::Other(error.to_string()))?;
                }
                Ok(Page::NONE)
            }
            Source::Http { client, asking, body_bytes_max, fallback } => {
                let mut request = Request::get(target.url.clone()).timeout(target.timeout);
                request.headers = headers(asking, target);
                request.body_bytes_max = *body_bytes_max;
                request.encoded_bytes_max = *body_bytes_max;
                let head = client.send_into(request, body).await;
                let head = head.map_err(|error| refusal(&error.cause, &error))?;
                if head.status != 200 {
                    let status = head.status;
                    return Err(FetchError::Other(format!("server returned HTTP status {status}")));
                }
                let content_type = head.headers.get(CONTENT_TYPE);
                let content_type = content_type.and_then(|value| value.to_str().ok());
                let dialect = dialect(content_type, *fallback)?;
                Ok(Page { dialect, is_gzip: head.is_gzip })
            }
        }
    }

    /// Bytes a page may have, unpacked.
    fn body_bytes_max(&self) -> usize {
        match self {
            Source::Http { body_bytes_max, .. } => *body_bytes_max,
            Source::InProcess { .. } => 0,
        }
    }

    /// Hands every sample to the session.
    pub(crate) fn each_sample(
        &mut self,
        (body, dialect): (&[u8], Dialect),
        session: &mut Session<'_>,
        metadata: &mut MetadataByName,
    ) -> Result<(), SessionError> {
        match self {
            Source::Http { .. } => each_line(body, dialect, session, metadata),
            Source::InProcess { samples, raw, .. } => {
                for family in samples.families() {
                    metadata.set_kind(family.name(), family.kind());
                    metadata.set_help(family.name(), family.help());
                }
                let mut result = Ok(());
                for_each_series(samples, |series| {
                    if result.is_err() {
                        return;
                    }
                    raw.clear();
                    raw.extend_from_slice(series.name.as_bytes());
                    for (name, value) in series.labels() {
                        // No UTF-8 text has these bytes: names and values cannot run together.
                        raw.push(0xff);
                        raw.extend_from_slice(name.as_bytes());
                        raw.push(0xfe);
                        raw.extend_from_slice(value.as_bytes());
                    }
                    let labels = || Ok(series.to_labels());
                    result = session.sample(raw, labels, series.timestamp, series.value);
                });
                result
            }
        }
    }
}

/// Unpacks the page of a source to the front of a buffer.
pub(crate) fn unpack<'a>(
    source: &Source,
    body: &[u8],
    out: &'a mut Vec<u8>,
) -> Result<&'a [u8], FetchError> {
    let unpacked = gunzip(body, source.body_bytes_max(), out);
    unpacked.map(|end| &out[..end]).map_err(|cause| refusal(&cause, &cause))
}

fn refusal(cause: &Cause, error: &dyn std::fmt::Display) -> FetchError {
    match cause {
        Cause::BodyTooLarge => FetchError::BodyLimit,
        _ => FetchError::Other(error.to_string()),
    }
}

/// What is asked for, in headers.
#[derive(Clone, Debug)]
pub(crate) struct Asking {
    accept: HeaderValue,
    /// Whether a page may come packed.
    compressed: bool,
}

impl Asking {
    fn of(config: &ScrapeConfig) -> Asking {
        Asking { accept: accept(config), compressed: config.enable_compression }
    }
}

/// What a target is told beside the configured headers.
fn headers(asking: &Asking, target: &Target) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, asking.accept.clone());
    if !asking.compressed {
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
    let timeout = target.timeout.as_secs_f64().to_string();
    if let Ok(timeout) = HeaderValue::try_from(timeout) {
        let name = HeaderName::from_static("x-prometheus-scrape-timeout-seconds");
        headers.insert(name, timeout);
    }
    headers
}

/// The `Accept` header for the protocols of a configuration, most wanted first. Protocol buffers
/// are not asked for: this scraper reads the text formats.
fn accept(config: &ScrapeConfig) -> HeaderValue {
    let protocols = config.scrape_protocols.iter();
    let text: Vec<&ScrapeProtocol> =
        protocols.filter(|protocol| **protocol != ScrapeProtocol::PrometheusProto).collect();
    let escaping = format!(";escaping={}", config.metric_name_escaping_scheme.name());
    let mut parts = Vec::new();
    let mut weight = text.len() + 1;
    for protocol in text {
        let (kind, escaping) = match protocol {
            ScrapeProtocol::OpenMetricsText1_0_0 => {
                ("application/openmetrics-text;version=1.0.0", &*escaping)
            }
            ScrapeProtocol::OpenMetricsText0_0_1 => {
                ("application/openmetrics-text;version=0.0.1", "")
            }
            ScrapeProtocol::PrometheusText1_0_0 => ("text/plain;version=1.0.0", &*escaping),
            _ => ("text/plain;version=0.0.4", ""),
        };
        parts.push(format!("{kind}{escaping};q=0.{weight}"));
        weight -= 1;
    }
    parts.push("*/*;q=0.1".to_owned());
    HeaderValue::try_from(parts.join(",")).unwrap_or_else(|_| HeaderValue::from_static("*/*"))
}

/// How a body of this content type is read. The errors are Prometheus'.
fn dialect(
    content_type: Option<&str>,
    fallback: Option<ScrapeProtocol>,
) -> Result<Dialect, FetchError> {
    let content_type = content_type.unwrap_or("").trim();
    let media = content_type.split(';').next().unwrap_or("").trim();
    match media {
        "application/openmetrics-text" => return Ok(Dialect::OpenMetrics),
        "text/plain" => return Ok(Dialect::Text),
        _ => {}
    }
    match fallback {
        Some(ScrapeProtocol::OpenMetricsText1_0_0 | ScrapeProtocol::OpenMetricsText0_0_1) => {
            Ok(Dialect::OpenMetrics)
        }
        Some(ScrapeProtocol::PrometheusText0_0_4 | ScrapeProtocol::PrometheusText1_0_0) => {
            Ok(Dialect::Text)
        }
        _ if content_type.is_empty() => Err(FetchError::Other(
            "non-compliant scrape target sending blank Content-Type and no \
             fallback_scrape_protocol specified for target"
                .to_owned(),
        )),
        _ => Err(FetchError::Other(format!(
            "received unsupported Content-Type {content_type:?} and no fallback_scrape_protocol \
             specified for target"
        ))),
    }
}
