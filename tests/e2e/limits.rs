//! Queries that would take all memory or never end: refused quickly, and the program goes on.

use std::time::Duration;

use common_testkit::{Answer, FakeTarget, Tree};
use tokio::time::Instant;

use crate::support::child::{Program, config, job};
use crate::support::{PATIENCE, eventually};

/// A refusal that takes longer is no protection; unoptimized builds on busy machines included.
const QUICK: Duration = Duration::from_secs(10);
const MEMORY_BYTES_MAX: u64 = 512 << 20;
const INTERVAL: Duration = Duration::from_millis(500);

/// Queries, and what the refusal contains. The first three kill or stall the original.
fn queries() -> Vec<(String, &'static str)> {
    let nested = |count: usize| format!("{}1{}", "(".repeat(count), ")".repeat(count));
    let strings = |queries: &[(&str, &'static str)]| -> Vec<(String, &'static str)> {
        queries.iter().map(|&(query, refusal)| (query.to_owned(), refusal)).collect()
    };
    let mut all = strings(&[
        ("sum_over_time(up[1y:1ms])", "query processing would"),
        ("absent_over_time(up[1y:1ms])", "query processing would"),
        ("max_over_time(up[1y:1ms])", "query processing would"),
        ("sum_over_time(vector(1)[10d:20ms])", "query processing would"),
        ("sum_over_time(vector(1)[100y:1ms])", "query processing would"),
        ("max_over_time(sum_over_time(vector(1)[1h:1ms])[1d:1s])", "query processing would"),
    ]);
    all.push((nested(500_000), "deeper than"));
    all.push((nested(1_000_000), "bytes long"));
    all.push(("-".repeat(500_000) + "1", "deeper than"));
    all.push(("sum(".repeat(100_000) + "up" + &")".repeat(100_000), "deeper than"));
    all.push((format!("up{{a=~\"{}\"}}", "(a{1000}){1000}".repeat(2)), "invalid repeat count"));
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_of_death_are_refused_quickly() {
    let target =
        FakeTarget::start([("/metrics", Answer::Each(|n| format!("answers {n}\n")))]).await;
    let address = target.address().to_string();
    let tree = Tree::new();
    tree.write("prometheus.yml", config(INTERVAL, &[job("t", &address, "/metrics")]));
    let mut program = Program::hearth(&["server"], tree.path()).await;
    let api = program.api.clone();
    eventually("a sample", PATIENCE, async || api.value("up").await).await;
    for (query, refusal) in queries() {
        let shown: String = query.chars().take(60).collect();
        let begun = Instant::now();
        let (status, body) = api.post("/api/v1/query", &[("query", &query)]).await.unwrap();
        let took = begun.elapsed();
        let body: String = body.chars().take(300).collect();
        eprintln!("limits: {shown}: {status} in {took:?}: {body}");
        assert!(status == 400 || status == 422 || status == 503, "{shown}: {status}: {body}");
        assert!(body.contains(refusal), "{shown}: {body}");
        assert!(took < QUICK, "{shown}: {took:?}");
        assert_eq!(api.value("up").await, Ok(1.0), "after {shown}");
    }
    assert!(program.is_alive());
    let peak = program.memory_peak();
    eprintln!("limits: peak of memory {} MiB", peak >> 20);
    assert!(peak < MEMORY_BYTES_MAX, "peak of memory: {} MiB", peak >> 20);
}
