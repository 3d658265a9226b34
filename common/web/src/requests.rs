//! Metrics of the requests that were answered, under the names that Prometheus' programs have.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::middleware::{self, Next};
use axum::response::Response;
use common_instrument::{CounterVec, Histogram, HistogramVec, Registry};

use crate::accompanied::{Accompanied, Companion};

const SECONDS: &[f64] = &[0.1, 0.2, 0.4, 1.0, 3.0, 8.0, 20.0, 60.0, 120.0];
const BYTES: &[f64] = &[1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];

/// What is measured of requests.
pub struct RequestMetrics {
    requests: CounterVec<2>,
    seconds: HistogramVec<1>,
    bytes: HistogramVec<1>,
}

impl RequestMetrics {
    /// Metrics without requests, `PROGRAM_http_*`; they go to `registry`.
    #[must_use]
    pub fn register(registry: &Registry, program: &str) -> Arc<RequestMetrics> {
        Arc::new(RequestMetrics {
            requests: registry.counter_vec(
                format!("{program}_http_requests_total"),
                "Counter of HTTP requests.",
                ["code", "handler"],
            ),
            seconds: registry.histogram_vec(
                format!("{program}_http_request_duration_seconds"),
                "Histogram of latencies for HTTP requests.",
                ["handler"],
                SECONDS,
            ),
            bytes: registry.histogram_vec(
                format!("{program}_http_response_size_bytes"),
                "Histogram of response size for HTTP requests.",
                ["handler"],
                BYTES,
            ),
        })
    }

    /// The routes, measured.
    pub fn measuring(self: &Arc<RequestMetrics>, routes: Router) -> Router {
        let metrics = self.clone();
        routes.route_layer(middleware::from_fn(move |request: Request, next: Next| {
            let metrics = metrics.clone();
            async move { metrics.answer(request, next).await }
        }))
    }

    async fn answer(&self, request: Request, next: Next) -> Response {
        let begun = Instant::now();
        let route = request.extensions().get::<MatchedPath>().cloned();
        let response = next.run(request).await;
        let handler = handler(route.as_ref().map_or("", MatchedPath::as_str));
        self.requests.with([response.status().as_str(), &handler]).inc();
        let measure = Measure {
            begun,
            sent: 0,
            seconds: self.seconds.with([&handler]),
            bytes: self.bytes.with([&handler]),
        };
        response.map(|body| Body::new(Accompanied { body, companion: measure }))
    }
}

/// A route as the original names it: `/label/{name}/values` is `/label/:name/values`.
fn handler(route: &str) -> String {
    let parts = route.split('/').map(|part| {
        match part.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(name) => {
                name.strip_prefix('*').map_or(format!(":{name}"), |rest| format!("*{rest}"))
            }
            None => part.to_owned(),
        }
    });
    parts.collect::<Vec<_>>().join("/")
}

/// Noted when the answer was sent, or nobody waits for it any more.
struct Measure {
    begun: Instant,
    sent: u64,
    seconds: Histogram,
    bytes: Histogram,
}

impl Drop for Measure {
    fn drop(&mut self) {
        self.seconds.observe(self.begun.elapsed().as_secs_f64());
        self.bytes.observe(self.sent as f64);
    }
}

impl Companion for Measure {
    fn sent(&mut self, bytes: usize) {
        self.sent += bytes as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::handler;

    #[test]
    fn handlers_are_named_as_in_the_original() {
        for (route, name) in [
            ("/api/v1/query", "/api/v1/query"),
            ("/api/v1/label/{name}/values", "/api/v1/label/:name/values"),
            ("/assets/{*filepath}", "/assets/*filepath"),
            ("/", "/"),
        ] {
            assert_eq!(handler(route), name);
        }
    }
}
