//! Targets scraped over HTTP into the in-memory store.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should fail")]

mod exemplars;
mod starts;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use common_config::Config;
use common_instrument::{CollectError, Collector, Family, Registry, Samples};
use common_model::{Labels, Matcher, is_stale_marker};
use common_testkit::{Answer, FakeTarget, Tree};
use server_scrape::{Asked, Asking, Health, Manager, ManagerOptions, StartTimes};
use server_storage::memory::MemoryStore;
use server_storage::{Queryable, SampleColumns, SelectHints};
use tokio::sync::watch;

/// How long a test waits for something that should happen within a scrape interval or two.
const PATIENCE: Duration = Duration::from_secs(20);

/// A page in the text format.
fn metrics(body: &str) -> Answer {
    let kind = ("content-type", "text/plain; version=0.0.4".to_owned());
    Answer::Page("200 OK", vec![kind], body.as_bytes().to_vec())
}

struct Bench {
    store: MemoryStore,
    manager: Manager,
}

impl Bench {
    fn new(in_process: HashMap<String, Arc<dyn Collector>>) -> Bench {
        Bench::waiting_for(None, in_process)
    }

    /// One whose store takes samples when `ready` turns true.
    fn waiting_for(
        ready: Option<watch::Receiver<bool>>,
        in_process: HashMap<String, Arc<dyn Collector>>,
    ) -> Bench {
        let store = MemoryStore::default();
        let clock = Instant::now();
        let now = Arc::new(move || 1_000_000 + clock.elapsed().as_millis() as i64);
        let options = ManagerOptions {
            storage: Arc::new(store.clone()),
            now,
            in_process,
            asked: HashMap::from([("echo".to_owned(), Arc::new(Echo) as Arc<dyn Asked>)]),
            ready,
            starts: StartTimes::default(),
        };
        Bench { store, manager: Manager::new(options, &Registry::new()) }
    }

    async fn apply(&self, yaml: &str) {
        let config = Config::parse(yaml, &|_| None).unwrap();
        self.manager.apply(&config.scrape_configs).await.unwrap();
    }

    /// Newest values by series; a stale marker is `None`.
    fn newest(&self) -> BTreeMap<String, Option<f64>> {
        let querier = self.store.querier(0, i64::MAX).unwrap();
        let hints = SelectHints { end: i64::MAX, ..SelectHints::default() };
        let all = [Matcher::not_equal("__name__", "")];
        let mut set = querier.select(true, &hints, &all).unwrap();
        let (mut newest, mut samples) = (BTreeMap::new(), SampleColumns::default());
        while let Some(labels) = set.next(&mut samples).unwrap() {
            let value = *samples.values.last().unwrap();
            newest.insert(labels.to_string(), Some(value).filter(|v| !is_stale_marker(*v)));
        }
        newest
    }

    async fn until(&self, what: &str, done: impl Fn(&BTreeMap<String, Option<f64>>) -> bool) {
        let begun = Instant::now();
        while !done(&self.newest()) {
            assert!(begun.elapsed() < PATIENCE, "{what} did not happen: {:#?}", self.newest());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

fn series(name: &str, address: &str, more: &[(&str, &str)]) -> String {
    let mut pairs = vec![("__name__", name), ("instance", address), ("job", "t")];
    pairs.extend_from_slice(more);
    Labels::from_pairs(pairs).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_are_stored_under_relabeled_names_beside_the_report() {
    let body =
        "# TYPE a counter\na{x=\"1\"} 5\na{x=\"2\"} 6\nb 7 # no exemplar\nc{job=\"own\"} 8\n";
    let body = body.replace(" # no exemplar", "");
    let target = FakeTarget::start([("/metrics", metrics(&body))]).await;
    let address = target.address().to_string();
    let bench = Bench::new(HashMap::new());
    let yaml = format!(
        "scrape_configs:\n- job_name: t\n  scrape_interval: 100ms\n  scrape_timeout: 100ms\n  \
         static_configs: [{{targets: ['{address}']}}]\n  metric_relabel_configs:\n  \
         - {{source_labels: [__name__, x], regex: a;2, action: drop}}\n"
    );
    bench.apply(&yaml).await;
    bench.until("a scrape", |newest| newest.contains_key(&series("up", &address, &[]))).await;
    let newest = bench.newest();
    let value =
        |name: &str, more: &[(&str, &str)]| newest.get(&series(name, &address, more)).copied();
    assert_eq!(value("a", &[("x", "1")]), Some(Some(5.0)));
    assert_eq!(value("a", &[("x", "2")]), None);
    assert_eq!(value("b", &[]), Some(Some(7.0)));
    assert_eq!(value("c", &[("exported_job", "own")]), Some(Some(8.0)));
    assert_eq!(value("up", &[]), Some(Some(1.0)));
    assert_eq!(value("scrape_samples_scraped", &[]), Some(Some(4.0)));
    assert_eq!(value("scrape_samples_post_metric_relabeling", &[]), Some(Some(3.0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn series_end_when_their_target_fails_or_is_removed() {
    let target = FakeTarget::start([("/metrics", metrics("a 1\n"))]).await;
    let address = target.address().to_string();
    let bench = Bench::new(HashMap::new());
    let yaml = |path: &str, targets: &str| {
        format!(
            "scrape_configs:\n- job_name: t\n  scrape_interval: 50ms\n  scrape_timeout: 50ms\n  \
             metrics_path: {path}\n  static_configs: [{{targets: [{targets}]}}]\n"
        )
    };
    let quoted = format!("'{address}'");
    bench.apply(&yaml("/metrics", &quoted)).await;
    let (a, up) = (series("a", &address, &[]), series("up", &address, &[]));
    bench.until("a scrape", |newest| newest.get(&a) == Some(&Some(1.0))).await;
    drop(target);
    bench.until("the failure", |newest| newest.get(&up) == Some(&Some(0.0))).await;
    bench.until("the end of a", |newest| newest.get(&a) == Some(&None)).await;
    let active = bench.manager.active().await;
    assert_eq!(active[0].last.health, Health::Down);
    assert!(active[0].last.error.contains("connection refused"), "{}", active[0].last.error);
    let nothing = "scrape_configs: []";
    bench.apply(nothing).await;
    bench.until("the end of up", |newest| newest.get(&up) == Some(&None)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_and_malformed_bodies_are_the_targets_last_error() {
    let many: String = (0..20).map(|i| format!("m{i} 1\n")).collect();
    let target = FakeTarget::start([
        ("/many", metrics(&many)),
        ("/broken", metrics("a 1\nb{ 2\n")),
        ("/labels", metrics("a{a=\"1\",b=\"2\",c=\"3\"} 1\n")),
    ])
    .await;
    let address = target.address().to_string();
    let bench = Bench::new(HashMap::new());
    let mut yaml = "scrape_configs:\n".to_owned();
    for path in ["many", "broken", "labels", "missing"] {
        yaml.push_str(&format!(
            "- job_name: {path}\n  metrics_path: /{path}\n  scrape_interval: 100ms\n  \
             scrape_timeout: 100ms\n  sample_limit: 10\n  label_limit: 3\n  static_configs: \
             [{{targets: ['{address}']}}]\n"
        ));
    }
    bench.apply(&yaml).await;
    bench
        .until("four scrapes", |newest| {
            newest.keys().filter(|name| name.contains("\"up\"")).count() == 4
        })
        .await;
    let errors: BTreeMap<String, String> = bench
        .manager
        .active()
        .await
        .into_iter()
        .map(|target| (target.pool.to_string(), target.last.error))
        .collect();
    assert_eq!(errors["many"], "sample limit exceeded");
    assert!(errors["broken"].starts_with("expected "), "{}", errors["broken"]);
    assert_eq!(errors["labels"], "label_limit exceeded (metric: a, number of labels: 4, limit: 3)");
    assert_eq!(errors["missing"], "server returned HTTP status 404 Not Found");
    assert!(bench.newest().keys().all(|name| !name.contains("\"m0\"")), "nothing of it is kept");
}

struct Answers;

impl Collector for Answers {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        const ANSWER: Family = Family::gauge("answer", "To everything.");
        samples.push(&ANSWER, &[("q", "?")], 42.0);
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_of_this_process_gives_the_series_of_a_scrape() {
    let bench =
        Bench::new(HashMap::from([("own".to_owned(), Arc::new(Answers) as Arc<dyn Collector>)]));
    let yaml = "scrape_configs:\n- job_name: t\n  scheme: inprocess\n  scrape_interval: 50ms\n  \
                scrape_timeout: 50ms\n  static_configs: [{targets: [own, other]}]\n";
    bench.apply(yaml).await;
    let answer = series("answer", "own", &[("q", "?")]);
    bench.until("a scrape", |newest| newest.get(&answer) == Some(&Some(42.0))).await;
    let missing = series("up", "other", &[]);
    bench.until("a failure", |newest| newest.get(&missing) == Some(&Some(0.0))).await;
    let active = bench.manager.active().await;
    let metadata = active.iter().find(|t| t.target.labels.value("instance") == "own").unwrap();
    assert_eq!(metadata.metadata.lock().get("answer").unwrap().help, "To everything.");
}

/// Answers with how long it was asked.
struct Echo;

impl Asked for Echo {
    fn ask<'a>(&'a self, query: &'a str, timeout: Duration) -> Asking<'a> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            if query != "q=a+b" {
                return Err(format!("asked {query}"));
            }
            let mut samples = Samples::default();
            const ANSWER: Family = Family::gauge("answer", "How long it may take.");
            samples.push(&ANSWER, &[("ms", &timeout.as_millis().to_string())], 1.0);
            samples.seal();
            Ok(samples)
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_of_this_process_is_asked_with_the_query_of_its_target() {
    let bench = Bench::new(HashMap::new());
    let yaml = "scrape_configs:\n- job_name: t\n  scheme: inprocess\n  scrape_interval: 50ms\n  \
                scrape_timeout: 40ms\n  params: {q: [a b]}\n  static_configs: [{targets: [echo]}]\n\
                - job_name: u\n  scheme: inprocess\n  scrape_interval: 50ms\n  \
                scrape_timeout: 40ms\n  static_configs: [{targets: [echo], labels: {bad: y}}]\n";
    bench.apply(yaml).await;
    let answer = series("answer", "echo", &[("ms", "40")]);
    bench.until("an answer", |newest| newest.get(&answer) == Some(&Some(1.0))).await;
    let failed =
        Labels::from_pairs([("__name__", "up"), ("bad", "y"), ("instance", "echo"), ("job", "u")])
            .to_string();
    bench.until("a failure", |newest| newest.get(&failed) == Some(&Some(0.0))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_of_this_process_is_not_waited_for() {
    let bench =
        Bench::new(HashMap::from([("own".to_owned(), Arc::new(Answers) as Arc<dyn Collector>)]));
    let yaml = "scrape_configs:\n- job_name: t\n  scheme: inprocess\n  scrape_interval: 1h\n  \
                static_configs: [{targets: [own]}]\n";
    bench.apply(yaml).await;
    let answer = series("answer", "own", &[("q", "?")]);
    bench.until("a scrape", |newest| newest.get(&answer) == Some(&Some(42.0))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_in_files_come_and_go_with_the_files() {
    let target = FakeTarget::start([("/metrics", metrics("a 1\n"))]).await;
    let address = target.address().to_string();
    let tree = Tree::with(&[("t.json", "[]")]);
    let bench = Bench::new(HashMap::new());
    let pattern = tree.join("*.json").display().to_string();
    let yaml = format!(
        "scrape_configs:\n- job_name: t\n  scrape_interval: 50ms\n  scrape_timeout: 50ms\n  \
         file_sd_configs: [{{files: ['{pattern}']}}]\n"
    );
    bench.apply(&yaml).await;
    tree.write(
        "t.json",
        format!("[{{\"targets\": [\"{address}\"], \"labels\": {{\"l\": \"v\"}}}}]"),
    );
    let up = series("up", &address, &[("l", "v")]);
    bench.until("a scrape", |newest| newest.get(&up) == Some(&Some(1.0))).await;
    tree.write("t.json", "[{broken");
    tree.write("t.json", "[]");
    bench.until("the end", |newest| newest.get(&up) == Some(&None)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_the_old_names_asks_for_them_and_takes_no_others() {
    let target = FakeTarget::start([("/metrics", metrics("{\"a.b\"} 1\n"))]).await;
    let address = target.address().to_string();
    let bench = Bench::new(HashMap::new());
    bench
        .apply(&format!(
            "scrape_configs:\n- job_name: t\n  scrape_interval: 100ms\n  scrape_timeout: 100ms\n  \
             enable_compression: false\n  metric_name_validation_scheme: legacy\n  \
             metric_name_escaping_scheme: dots\n  static_configs: [{{targets: ['{address}']}}]\n"
        ))
        .await;
    let up = series("up", &address, &[]);
    bench.until("a scrape", |newest| newest.contains_key(&up)).await;
    assert_eq!(bench.newest()[&up], Some(0.0));
    let error = bench.manager.active().await[0].last.error.clone();
    assert!(error.starts_with("invalid metric name or label names: "), "{error}");
    let head = target.seen()[0].to_lowercase();
    assert!(head.contains("accept-encoding: identity"), "{head}");
    assert!(head.contains("version=1.0.0;escaping=dots;"), "{head}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_scraped_before_the_store_is_ready_is_stored_afterwards_with_its_time() {
    let target = FakeTarget::start([("/metrics", metrics("a 1\n"))]).await;
    let address = target.address().to_string();
    let (ready, waiting) = watch::channel(false);
    let before = Instant::now();
    let bench = Bench::waiting_for(Some(waiting), HashMap::new());
    bench
        .apply(&format!(
            "scrape_configs:\n- job_name: t\n  scrape_interval: 300ms\n  scrape_timeout: 300ms\n  \
             static_configs: [{{targets: ['{address}', '127.0.0.1:1']}}]\n"
        ))
        .await;
    let begun = Instant::now();
    while target.seen().is_empty() {
        assert!(begun.elapsed() < PATIENCE, "the target is not asked");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(bench.newest().is_empty(), "{:?}", bench.newest());
    assert_eq!(target.seen().len(), 1, "one page waits, no more");

    // On the clock of the bench it is not later than that.
    let now = 1_000_000 + before.elapsed().as_millis() as i64;
    ready.send_replace(true);
    let up = series("up", &address, &[]);
    let down = series("up", "127.0.0.1:1", &[]);
    bench.until("a scrape", |newest| newest.contains_key(&up) && newest.contains_key(&down)).await;
    let querier = bench.store.querier(0, i64::MAX).unwrap();
    let hints = SelectHints { end: i64::MAX, ..SelectHints::default() };
    let mut set = querier.select(true, &hints, &[Matcher::equal("__name__", "a")]).unwrap();
    let mut samples = SampleColumns::default();
    set.next(&mut samples).unwrap().unwrap();
    let first = samples.timestamps[0];
    assert!(first <= now - 1_000, "scraped at {first}, taken at {now}");
}
