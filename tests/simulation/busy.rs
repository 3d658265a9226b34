//! Heavy queries on every seat, and light ones between them: these are answered as if they were
//! alone, and all together keep within the memory that queries share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common_testkit::{Answer, FakeTarget, Tree};
use tokio::time::Instant;

use crate::support::child::{Program, config, job};
use crate::support::{PATIENCE, eventually};

const FLAGS: &[&str] = &["server", "--query.max-memory=64MB", "--query.max-memory-total=64MB"];
/// The budget of all queries, as above.
const BUDGET_BYTES: u64 = 64 << 20;
const INTERVAL: Duration = Duration::from_secs(2);
const SERIES: u64 = 20_000;
/// As many as there are seats.
const HEAVY: usize = 20;
const LIGHT: usize = 50;
/// One second on a machine of its own; an unoptimized program beside other tests has longer.
const LIGHT_MAX: Duration = Duration::from_secs(4);

/// Much to compute, much to keep, and much to answer.
const HEAVY_QUERIES: &[&str] = &[
    "sum by (g) (card)",
    "topk(5, card)",
    "sum(max_over_time(rate(card[1m])[1h:1s]))",
    "quantile(0.9, card) by (g)",
    "count_values(\"v\", card)",
    "card * on (id) group_left (z) card",
    "sum_over_time(card[1d:1s])",
];

fn page(_: u64) -> String {
    let series = (0..SERIES).map(|id| {
        format!("card{{id=\"{id}\",g=\"{}\",z=\"abcdefghij{id}\"}} {}\n", id % 100, id * 7 % 1_000)
    });
    series.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_light_query_is_quick_beside_heavy_ones() {
    let target = FakeTarget::start([("/metrics", Answer::Each(page))]).await;
    let tree = Tree::new();
    let job = job("t", &target.address().to_string(), "/metrics");
    tree.write("prometheus.yml", config(INTERVAL, &[job]));
    let mut program = Program::hearth(FLAGS, tree.path()).await;
    let api = program.api.clone();
    eventually("some scrapes", PATIENCE, async || {
        let count = api.value("sum(count_over_time(up[1m]))").await?;
        if count >= 4.0 { Ok(()) } else { Err(format!("{count} scrapes")) }
    })
    .await;
    let base = program.memory_peak();
    let is_over = Arc::new(AtomicBool::new(false));
    let (begun, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    for at in 0..HEAVY {
        let (api, is_over) = (api.clone(), is_over.clone());
        let (begun, ended) = (begun.clone(), ended.clone());
        tokio::spawn(async move {
            for query in HEAVY_QUERIES.iter().cycle().skip(at) {
                if is_over.load(Ordering::Relaxed) {
                    return;
                }
                begun.fetch_add(1, Ordering::Relaxed);
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
                let (start, end) = ((now - 30).to_string(), (now + 10_900).to_string());
                let form = [("query", *query), ("start", &start), ("end", &end), ("step", "1")];
                // It may take longer than this client waits; another one then follows it.
                let _ = api.post("/api/v1/query_range", &form).await;
                ended.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    eventually("heavy queries run", PATIENCE, async || {
        let begun = begun.load(Ordering::Relaxed);
        if begun >= HEAVY { Ok(()) } else { Err(format!("{begun} began")) }
    })
    .await;
    let mut times = Vec::new();
    for at in 0..LIGHT {
        let sent = Instant::now();
        assert_eq!(api.value(&format!("card{{id=\"{at}\"}} * 0 + 1")).await, Ok(1.0));
        times.push(sent.elapsed());
    }
    is_over.store(true, Ordering::Relaxed);
    times.sort();
    let (median, p99) = (times[LIGHT / 2], times[LIGHT * 99 / 100]);
    let peak = program.memory_peak();
    eprintln!(
        "busy: light queries: median {median:?}, p99 {p99:?}; heavy ones: {} begun, {} ended; peak \
         of memory {} MiB, {} MiB before",
        begun.load(Ordering::Relaxed),
        ended.load(Ordering::Relaxed),
        peak >> 20,
        base >> 20,
    );
    assert!(program.is_alive());
    assert!(p99 < LIGHT_MAX, "light queries: {times:?}");
    let allowed = base + BUDGET_BYTES + BUDGET_BYTES / 4;
    assert!(peak < allowed, "peak of memory: {} of {} MiB", peak >> 20, allowed >> 20);
}
