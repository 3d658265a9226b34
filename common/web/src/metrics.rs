//! The `/metrics` page: gathers, encodes, compresses, and counts how that went.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::routing::any;
use common_exposition::{Format, encode, negotiate, negotiate_text};
use common_instrument::{CounterVec, GatherError, Gauge, Registry, Samples};
use hyper::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use hyper::{HeaderMap, Request, Response, StatusCode};
use parking_lot::Mutex;

use crate::page::{Chunks, GzipSink, PlainSink};
use crate::plain;

/// Bytes below which compression does not pay.
const GZIP_BYTES_MIN: usize = 1024;
/// Buffers that are kept for the next scrape.
const SPARE_SAMPLES_MAX: usize = 2;
/// The header in which Prometheus says how long it waits.
const TIMEOUT_HEADER: &str = "x-prometheus-scrape-timeout-seconds";
/// What is kept of that time for encoding and the way back: a tenth, but not more than this.
const RETURN_TIME_MAX: Duration = Duration::from_millis(500);

/// Gathers registries and writes them in the format that is asked for. Clones share it.
#[derive(Clone)]
pub struct MetricsHandler(Arc<Inner>);

struct Inner {
    registry: Registry,
    openmetrics: bool,
    in_flight_max: usize,
    running: AtomicUsize,
    spare: Mutex<Vec<Samples>>,
    requests: Option<CounterVec<1>>,
    errors: Option<CounterVec<1>>,
    in_flight: Option<Gauge>,
}

/// What comes with the page of one scrape.
struct Page {
    body: Chunks,
    is_gzip: bool,
    errors: Vec<GatherError>,
    rejected: Vec<String>,
    is_empty: bool,
}

impl MetricsHandler {
    /// The page of `registry`; at most `in_flight_max` at the same time, 0 for no limit. Without
    /// `openmetrics` only text 0.0.4 and 1.0.0 are offered, as node_exporter does.
    #[must_use]
    pub fn new(registry: Registry, in_flight_max: usize, openmetrics: bool) -> MetricsHandler {
        MetricsHandler(Arc::new(Inner {
            registry,
            openmetrics,
            in_flight_max,
            running: AtomicUsize::new(0),
            spare: Mutex::default(),
            requests: None,
            errors: None,
            in_flight: None,
        }))
    }

    /// The same page, whose use is counted in `own` under the names of the Go client library.
    #[must_use]
    pub fn instrumented(self, own: &Registry) -> MetricsHandler {
        let requests = own.counter_vec(
            "promhttp_metric_handler_requests_total",
            "Total number of scrapes by HTTP status code.",
            ["code"],
        );
        for code in ["200", "500", "503"] {
            requests.with([code]).add(0);
        }
        let errors = own.counter_vec(
            "promhttp_metric_handler_errors_total",
            "Total number of internal errors encountered by the promhttp metric handler.",
            ["cause"],
        );
        for cause in ["encoding", "gathering"] {
            errors.with([cause]).add(0);
        }
        let in_flight = own.gauge(
            "promhttp_metric_handler_requests_in_flight",
            "Current number of scrapes being served.",
        );
        let inner = &*self.0;
        MetricsHandler(Arc::new(Inner {
            registry: inner.registry.clone(),
            openmetrics: inner.openmetrics,
            in_flight_max: inner.in_flight_max,
            running: AtomicUsize::new(0),
            spare: Mutex::default(),
            requests: Some(requests),
            errors: Some(errors),
            in_flight: Some(in_flight),
        }))
    }

    /// A router with the page at `path`, for every method.
    pub fn router(&self, path: &str) -> Router {
        let handler = self.clone();
        Router::new().route(path, any(move |request: Request<Body>| async move {
            handler.answer(request.headers()).await
        }))
    }

    /// The page for a request with these headers.
    pub async fn answer(&self, headers: &HeaderMap) -> Response<Body> {
        self.answer_from(headers, None).await
    }

    /// The page of another registry, say of the collectors a query names, under the same limit and
    /// the same accounts.
    pub async fn answer_from(
        &self,
        headers: &HeaderMap,
        registry: Option<Registry>,
    ) -> Response<Body> {
        let inner = &self.0;
        let Some(_running) = Running::enter(inner) else {
            inner.count("503");
            let max = inner.in_flight_max;
            let text = format!("Limit of concurrent requests reached ({max}), try again later.\n");
            return plain(StatusCode::SERVICE_UNAVAILABLE, text);
        };
        let _in_flight = inner.in_flight.as_ref().map(Gauge::hold);
        // What is counted here is what a scrape sees after this one.
        let response = self.page(headers, registry).await;
        inner.count(response.status().as_str());
        response
    }

    async fn page(&self, headers: &HeaderMap, registry: Option<Registry>) -> Response<Body> {
        let inner = Arc::clone(&self.0);
        let format = inner.format(headers);
        let gzip = wants_gzip(headers);
        let limit = scrape_timeout(headers);
        let deadline =
            limit.map(|limit| Instant::now() + (limit - RETURN_TIME_MAX.min(limit / 10)));
        // Collectors read files and may block.
        let work = tokio::task::spawn_blocking(move || {
            let registry = registry.as_ref().unwrap_or(&inner.registry);
            inner.gather(registry, deadline, format, gzip)
        });
        let page = match limit {
            Some(limit) => match tokio::time::timeout(limit, work).await {
                Ok(done) => done,
                Err(_) => {
                    let text = "The scrape took longer than its timeout.\n";
                    return plain(StatusCode::SERVICE_UNAVAILABLE, text);
                }
            },
            None => work.await,
        };
        let Ok(page) = page else {
            return plain(StatusCode::INTERNAL_SERVER_ERROR, "Gathering metrics failed.\n");
        };
        self.report(&page);
        if page.is_empty && !page.errors.is_empty() {
            let problems: Vec<String> =
                page.errors.iter().map(|e| format!("* {}: {}", e.name, e.problem)).collect();
            let text = format!(
                "An error has occurred while serving metrics:\n\n{} error(s) occurred:\n{}\n",
                problems.len(),
                problems.join("\n")
            );
            return plain(StatusCode::INTERNAL_SERVER_ERROR, text);
        }
        let mut response = Response::new(Body::new(page.body));
        let kind = HeaderValue::from_str(&format.content_type());
        let kind = kind.unwrap_or(HeaderValue::from_static("text/plain"));
        response.headers_mut().insert(CONTENT_TYPE, kind);
        if page.is_gzip {
            let gzip = HeaderValue::from_static("gzip");
            response.headers_mut().insert(CONTENT_ENCODING, gzip);
        }
        response
    }

    /// What went wrong is logged and counted once a scrape; the rest is served nevertheless.
    fn report(&self, page: &Page) {
        if page.errors.is_empty() && page.rejected.is_empty() {
            return;
        }
        if let Some(errors) = &self.0.errors {
            errors.with(["gathering"]).inc();
        }
        for error in &page.errors {
            tracing::error!(collector = %error.name, err = %error.problem, "Gathering metrics failed");
        }
        if let Some(first) = page.rejected.first() {
            let count = page.rejected.len();
            tracing::error!(err = %first, count, "Samples were left out");
        }
    }
}

impl Inner {
    fn format(&self, headers: &HeaderMap) -> Format {
        let accepts: Vec<&str> =
            headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
        let accept = accepts.join(",");
        if self.openmetrics { negotiate(&accept) } else { negotiate_text(&accept) }
    }

    fn gather(
        &self,
        registry: &Registry,
        deadline: Option<Instant>,
        format: Format,
        gzip: bool,
    ) -> Page {
        let mut samples = self.spare.lock().pop().unwrap_or_default();
        samples.clear();
        if let Some(deadline) = deadline {
            samples.set_deadline(deadline);
        }
        let errors = registry.gather(&mut samples);
        let (body, is_gzip) = if gzip {
            let mut sink = GzipSink::default();
            encode(&samples, format, &mut sink);
            sink.finish(GZIP_BYTES_MIN)
        } else {
            let mut sink = PlainSink::default();
            encode(&samples, format, &mut sink);
            (sink.finish(), false)
        };
        let page = Page {
            body,
            is_gzip,
            errors,
            rejected: samples.rejected().to_vec(),
            is_empty: samples.is_empty(),
        };
        // What others share is not held until the next scrape.
        samples.clear();
        let mut spare = self.spare.lock();
        if spare.len() < SPARE_SAMPLES_MAX {
            spare.push(samples);
        }
        page
    }

    fn count(&self, code: &str) {
        if let Some(requests) = &self.requests {
            requests.with([code]).inc();
        }
    }
}

/// One of the places that the limit allows.
struct Running<'a>(&'a Inner);

impl<'a> Running<'a> {
    fn enter(inner: &'a Inner) -> Option<Running<'a>> {
        let before = inner.running.fetch_add(1, Relaxed);
        let running = Running(inner);
        (inner.in_flight_max == 0 || before < inner.in_flight_max).then_some(running)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Relaxed);
    }
}

/// Whether the client takes gzip; `gzip;q=0` says that it does not.
pub(crate) fn wants_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut encodings = values.flat_map(|value| value.split(','));
    encodings.any(|encoding| {
        let (name, weight) = encoding.split_once(';').unwrap_or((encoding, ""));
        let weight = weight.trim().strip_prefix("q=").unwrap_or("1").trim();
        name.trim().eq_ignore_ascii_case("gzip") && weight.parse::<f64>().is_ok_and(|q| q > 0.0)
    })
}

/// How long the client waits, where it says so.
fn scrape_timeout(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(TIMEOUT_HEADER)?.to_str().ok()?;
    let seconds: f64 = text.parse().ok()?;
    // Nobody waits longer than a day; beyond it the sum of a time and the limit could overflow.
    let limit = Duration::try_from_secs_f64(seconds.min(86_400.0)).ok()?;
    (!limit.is_zero()).then_some(limit)
}
