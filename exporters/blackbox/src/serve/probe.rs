//! `/probe`: whose module, which target, how long.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use common_client::ProxyEnv;
use common_exposition::Format;
use common_service::clock::Clock;
use common_web::axum::body::Body;
use common_web::axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE};
use common_web::axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use common_web::axum::response::Response;
use common_web::plain;
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::time::Instant;

use super::routes::bare;
use crate::config::Module;
use crate::history::{Entry, History, Report};
use crate::probe::{Level, ProbeContext, ProbeLog, Prober, Resolve, prober, run};
use crate::query::Query;
use crate::state::State;

/// The header in which a scraper says how long it waits.
const TIMEOUT_HEADER: &str = "X-Prometheus-Scrape-Timeout-Seconds";

/// How long a probe may take where neither scraper nor module say so.
const TIMEOUT_DEFAULT_SECONDS: f64 = 120.0;

/// Whatever they say, no probe takes longer.
const TIMEOUT_SECONDS_MAX: f64 = 3600.0;

/// Longest target; it is kept in the history and stands in every line of the log.
const TARGET_BYTES_MAX: usize = 16 << 10;

/// The page.
#[derive(Clone)]
pub(super) struct ProbePage {
    pub(super) state: Arc<State>,
    pub(super) history: Arc<History>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) resolver: Arc<dyn Resolve>,
    pub(super) proxies: Arc<ProxyEnv>,
    pub(super) offset: f64,
    pub(super) least: Level,
}

/// A request that was understood.
struct Order {
    module_name: String,
    module: Arc<Module>,
    prober: &'static Prober,
    target: String,
    timeout: Duration,
    wants_report: bool,
}

impl ProbePage {
    pub(super) async fn answer(&self, uri: &Uri, headers: &HeaderMap) -> Response {
        match self.order(uri, headers) {
            Ok(order) => self.probe(order, headers).await,
            Err((status, words)) => plain(status, format!("{words}\n")),
        }
    }

    fn order(&self, uri: &Uri, headers: &HeaderMap) -> Result<Order, (StatusCode, String)> {
        let bad = |words: String| (StatusCode::BAD_REQUEST, words);
        let query = Query::parse(uri.query().unwrap_or(""));
        let name = match query.get("module") {
            "" => "http_2xx",
            name => name,
        };
        let config = self.state.config();
        let Some(module) = config.modules.get(name) else {
            self.state.unknown_modules.inc();
            return Err(bad(format!("Unknown module {name:?}")));
        };
        let timeout = timeout(headers, module.timeout.seconds(), self.offset)
            .map_err(|words| (StatusCode::INTERNAL_SERVER_ERROR, words))?;
        let target = query.get("target");
        if target.is_empty() {
            return Err(bad("Target parameter is missing".to_owned()));
        }
        if target.len() > TARGET_BYTES_MAX {
            return Err(bad(format!("Target parameter is longer than {TARGET_BYTES_MAX} bytes")));
        }
        let prober = prober(&module.prober)
            .ok_or_else(|| bad(format!("Unknown prober {:?}", module.prober)))?;
        let module = with_hostname(module, query.get("hostname")).map_err(bad)?;
        Ok(Order {
            module_name: name.to_owned(),
            module,
            prober,
            target: target.to_owned(),
            timeout,
            wants_report: query.get("debug") == "true",
        })
    }

    async fn probe(&self, order: Order, headers: &HeaderMap) -> Response {
        let context = ProbeContext {
            deadline: Instant::now() + order.timeout,
            clock: Arc::clone(&self.clock),
            resolver: Arc::clone(&self.resolver),
            proxies: Arc::clone(&self.proxies),
        };
        let clock = Arc::clone(&self.clock);
        let log = ProbeLog::new(clock, self.least, &order.module_name, &order.target);
        let outcome = run(&context, order.prober, &order.module, &order.target, log).await;
        // A reader of stderr that went away is no reason to fail.
        let _ = std::io::stderr().write_all(outcome.log.as_bytes());
        let metrics = bytes::Bytes::from(outcome.text());
        let report = Report { log: outcome.log, metrics: metrics.clone(), settings: order.module };
        let text = order.wants_report.then(|| report.text());
        self.history.add(Entry {
            id: 0,
            module: order.module_name,
            target: order.target,
            is_success: outcome.is_success,
            at_ms: self.clock.now_ms(),
            seconds: outcome.elapsed.as_secs_f64(),
            report,
        });
        match text {
            Some(text) => bare(text),
            None => exposition(metrics, headers),
        }
    }
}

/// The module with the `hostname` of the query, where the prober can use one.
fn with_hostname(module: &Arc<Module>, hostname: &str) -> Result<Arc<Module>, String> {
    if hostname.is_empty() {
        return Ok(Arc::clone(module));
    }
    let mut changed = Module::clone(module);
    match module.prober.as_str() {
        "http" => {
            if let Some(given) = module.http.header("host").filter(|given| *given != hostname) {
                return Err(format!(
                    "host header defined both in module configuration ({given}) and with \
                     URL-parameter 'hostname' ({hostname})"
                ));
            }
            changed.http.headers.retain(|name, _| !name.eq_ignore_ascii_case("host"));
            changed.http.headers.insert("Host".to_owned(), hostname.to_owned());
        }
        "tcp" if module.tcp.tls_config.server_name.is_none() => {
            changed.tcp.tls_config.server_name = Some(hostname.to_owned());
        }
        _ => return Ok(Arc::clone(module)),
    }
    Ok(Arc::new(changed))
}

/// How long a probe may take: what the scraper allows without the way back, or less if the module
/// says so.
fn timeout(headers: &HeaderMap, module: f64, offset: f64) -> Result<Duration, String> {
    let mut allowed = 0.0;
    if let Some(value) = headers.get(TIMEOUT_HEADER).filter(|value| !value.is_empty()) {
        let text = String::from_utf8_lossy(value.as_bytes());
        let parsed = text.parse().ok().filter(|seconds: &f64| !seconds.is_nan());
        allowed = parsed.ok_or_else(|| {
            format!(
                "Failed to parse timeout from Prometheus header: strconv.ParseFloat: parsing \
                 {text:?}: invalid syntax"
            )
        })?;
    }
    if allowed == 0.0 {
        allowed = TIMEOUT_DEFAULT_SECONDS;
    }
    let most = allowed - offset;
    let seconds = if module > 0.0 && (module < most || most < 0.0) { module } else { most };
    Ok(Duration::from_secs_f64(seconds.clamp(0.0, TIMEOUT_SECONDS_MAX)))
}

fn exposition(metrics: bytes::Bytes, headers: &HeaderMap) -> Response {
    let accepted = headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    let wants_gzip = accepted.is_some_and(|accepted| {
        accepted.split(',').any(|clause| {
            let clause = clause.trim();
            clause == "gzip" || (clause.starts_with("gzip;") && !clause.ends_with("q=0"))
        })
    });
    let packed = wants_gzip.then(|| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&metrics).and_then(|()| encoder.finish()).ok()
    });
    let packed = packed.flatten();
    let is_packed = packed.is_some();
    let mut response = Response::new(Body::from(packed.map_or(metrics, Into::into)));
    let kind = HeaderValue::from_str(&Format::default().content_type());
    let kind = kind.unwrap_or(HeaderValue::from_static("text/plain"));
    response.headers_mut().insert(CONTENT_TYPE, kind);
    if is_packed {
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smaller_of_what_scraper_and_module_allow_holds() {
        let check = |module: f64,
                     header: Option<&str>,
                     offset: f64,
                     expected: Result<f64, &str>| {
            let mut headers = HeaderMap::new();
            if let Some(text) = header {
                headers.insert(TIMEOUT_HEADER, text.parse().unwrap());
            }
            let got = timeout(&headers, module, offset).map(|timeout| timeout.as_secs_f64());
            let what = format!("{module} {header:?} {offset}");
            assert_eq!(got, expected.map_err(|bad| {
                format!("Failed to parse timeout from Prometheus header: strconv.ParseFloat: parsing {bad:?}: invalid syntax")
            }), "{what}");
        };
        check(0.0, Some("15"), 0.5, Ok(14.5));
        check(0.0, Some("15"), 0.0, Ok(15.0));
        check(20.0, Some("15"), 0.5, Ok(14.5));
        check(20.0, Some("15"), 0.0, Ok(15.0));
        check(5.0, Some("15"), 0.0, Ok(5.0));
        check(5.0, Some("15"), 0.5, Ok(5.0));
        check(10.0, None, 0.5, Ok(10.0));
        check(10.0, Some("10"), 0.5, Ok(9.5));
        check(9.5, None, 0.5, Ok(9.5));
        check(9.5, None, 1.0, Ok(9.5));
        check(0.0, None, 0.5, Ok(119.5));
        check(0.0, None, 0.0, Ok(120.0));
        check(0.0, Some("0"), 0.0, Ok(120.0));
        check(1.0, Some("0.3"), 0.5, Ok(1.0));
        check(0.0, Some("0.3"), 0.5, Ok(0.0));
        check(0.0, Some("inf"), 0.5, Ok(TIMEOUT_SECONDS_MAX));
        check(0.0, Some("abc"), 0.5, Err("abc"));
        check(0.0, Some("NaN"), 0.5, Err("NaN"));
    }
}
