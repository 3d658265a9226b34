//! The /metrics page over a real socket.

use common_instrument::{CollectError, Collector, Family, Registry, Samples};
use common_web::{MetricsHandler, WebOptions};
use std::sync::Arc;

use crate::support::{TestServer, request};

struct Broken;

impl Collector for Broken {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        samples.declare(&Family::gauge("broken", "Never there."));
        Err(CollectError::failed("/proc/nothing", "no such file"))
    }
}

fn server(registry: &Registry, in_flight_max: usize) -> TestServer {
    let handler = MetricsHandler::new(registry.clone(), in_flight_max, true);
    let router = handler.instrumented(registry).router("/metrics");
    TestServer::start(router, WebOptions::default())
}

fn with_header(header: &str) -> String {
    request("GET", "/metrics").replace("\r\n\r\n", &format!("\r\n{header}\r\n\r\n"))
}

#[tokio::test]
async fn the_page_comes_in_the_format_that_is_asked_for() {
    let registry = Registry::new();
    registry.gauge("a", "First.").set(1.5);
    let server = server(&registry, 0);
    let plain = server.get("/metrics").await;
    assert!(plain.contains("Content-Type: text/plain; version=0.0.4; charset=utf-8"), "{plain}");
    assert!(plain.contains("# HELP a First.\n# TYPE a gauge\na 1.5\n"), "{plain}");
    assert!(plain.contains("promhttp_metric_handler_requests_in_flight 1\n"), "{plain}");
    let open =
        server.talk(&with_header("Accept: application/openmetrics-text;version=1.0.0")).await;
    assert!(open.contains("Content-Type: application/openmetrics-text; version=1.0.0"), "{open}");
    assert!(open.contains("promhttp_metric_handler_requests_total{code=\"200\"} 1.0\n"), "{open}");
    let posted = server.talk(&request("POST", "/metrics")).await;
    assert!(posted.starts_with("HTTP/1.1 200"), "{posted}");
}

#[tokio::test]
async fn large_pages_are_compressed_for_those_who_take_it() {
    let registry = Registry::new();
    let vec = registry.gauge_vec("many", "Many.", ["n"]);
    (0..100).for_each(|n| vec.with([n.to_string().as_str()]).set(1.0));
    let server = server(&registry, 0);
    let packed = server.talk(&with_header("Accept-Encoding: br, gzip;q=0.5")).await;
    assert!(packed.contains("Content-Encoding: gzip"), "{packed}");
    let refused = server.talk(&with_header("Accept-Encoding: gzip;q=0")).await;
    assert!(refused.contains("many{n=\"99\"} 1\n"), "{refused}");
}

#[tokio::test]
async fn a_broken_collector_spoils_only_its_own_samples() {
    let registry = Registry::new();
    registry.register("broken", Arc::new(Broken));
    let alone = TestServer::start(
        MetricsHandler::new(registry.clone(), 0, false).router("/metrics"),
        WebOptions::default(),
    );
    let answer = alone.get("/metrics").await;
    assert!(answer.starts_with("HTTP/1.1 500"), "{answer}");
    assert!(answer.contains("broken: /proc/nothing: no such file"), "{answer}");

    let with_others = server(&registry, 0);
    assert!(with_others.get("/metrics").await.starts_with("HTTP/1.1 200"));
    let second = with_others.get("/metrics").await;
    let line = "promhttp_metric_handler_errors_total{cause=\"gathering\"} 1\n";
    assert!(second.contains(line), "{second}");
}

struct Slow(Arc<std::sync::Barrier>);

impl Collector for Slow {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        self.0.wait();
        self.0.wait();
        samples.push(&Family::gauge("slow", "Late."), &[], 1.0);
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_scrapes_are_told_to_come_back() {
    let registry = Registry::new();
    let barrier = Arc::new(std::sync::Barrier::new(2));
    registry.register("slow", Arc::new(Slow(Arc::clone(&barrier))));
    let server = Arc::new(server(&registry, 1));
    let first = tokio::spawn({
        let server = Arc::clone(&server);
        async move { server.get("/metrics").await }
    });
    let both_there = Arc::clone(&barrier);
    tokio::task::spawn_blocking(move || both_there.wait()).await.unwrap();
    let second = server.get("/metrics").await;
    assert!(second.starts_with("HTTP/1.1 503"), "{second}");
    assert!(
        second.ends_with("Limit of concurrent requests reached (1), try again later.\n"),
        "{second}"
    );
    tokio::task::spawn_blocking(move || barrier.wait()).await.unwrap();
    assert!(first.await.unwrap().contains("slow 1\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scrape_ends_when_the_scraper_stops_waiting() {
    let registry = Registry::new();
    let barrier = Arc::new(std::sync::Barrier::new(2));
    registry.register("slow", Arc::new(Slow(Arc::clone(&barrier))));
    let server = server(&registry, 1);
    let late = server.talk(&with_header("X-Prometheus-Scrape-Timeout-Seconds: 0.02")).await;
    assert!(late.starts_with("HTTP/1.1 503"), "{late}");
    tokio::task::spawn_blocking(move || (barrier.wait(), barrier.wait())).await.unwrap();
}
