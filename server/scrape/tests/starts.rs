//! Start times of OpenMetrics pages reach the store: with samples, as zeros before them, or both.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use common_config::Config;
use common_instrument::Registry;
use common_model::{Matcher, is_stale_marker};
use common_testkit::{Answer, FakeTarget};
use server_scrape::{Manager, ManagerOptions, StartTimes};
use server_storage::memory::MemoryStore;
use server_storage::{Queryable, SampleColumns, SelectHints};

const PATIENCE: Duration = Duration::from_secs(20);

const OFF: StartTimes = StartTimes { stored: false, zeros: false };
const STORED: StartTimes = StartTimes { stored: true, zeros: false };
const ZEROS: StartTimes = StartTimes { stored: false, zeros: true };
const BOTH: StartTimes = StartTimes { stored: true, zeros: true };

/// What a series has: a zero at that second, and samples that count since that second.
type Told = (Option<i64>, Option<i64>);

/// The clock begins at 1000 s. What comes after `|` says where a zero belongs, and since when the
/// samples count.
const PAGE: &str = r#"# TYPE a counter
a_total{x="1"} 7 # {trace_id="t"} 1 | 990 990
a_created{x="1"} 990
a_total{x="2"} 7 | 991 991
a_created{x="2"} 991 # {trace_id="t"} 1
a_total{x="3"} 7 | - -
# TYPE before counter
before_created 990
before_total 7 | 990 990
# TYPE grouped counter
grouped_total{x="1"} 7 | 990 990
grouped_total{x="2"} 7 | 991 991
grouped_created{x="1"} 990
grouped_created{x="2"} 991
# TYPE h histogram
h_bucket{le="1"} 7 | 990 990
h_bucket{le="+Inf"} 7 | 990 990
h_count 7 | 990 990
h_sum 7 | 990 990
h_created 990
# TYPE s summary
s{quantile="0.5"} 7 | 990 990
s_count 7 | 990 990
s_sum 7 | 990 990
s_created 990
# TYPE future counter
future_total 7 | - 9999
future_created 9999
# TYPE stamped counter
stamped_total 7 980 | - 990
stamped_created 990
# TYPE never counter
never_total 7 | - -
never_created NaN
# TYPE alone counter
alone_created 990
# TYPE x_created gauge
x_created 7 | - -
# TYPE odd unknown
odd 7 | - -
odd_created 7 | - -
# EOF
"#;

/// The page, and what its series have.
fn page() -> (String, Vec<(String, Told)>) {
    let (mut page, mut wanted) = (String::new(), Vec::new());
    for line in PAGE.lines() {
        let (line, told) = line.split_once(" | ").unwrap_or((line, ""));
        page.push_str(&format!("{line}\n"));
        if let Some((zero, start)) = told.split_once(' ') {
            let series = line.split_once(' ').unwrap().0;
            let series = series.replace("le=\"1\"", "le=\"1.0\"");
            wanted.push((series, (zero.parse().ok(), start.parse().ok())));
        }
    }
    (page, wanted)
}

struct Bench {
    store: MemoryStore,
    manager: Manager,
    target: FakeTarget,
}

impl Bench {
    async fn start(starts: StartTimes, page: &str, kind: &str, job: &str) -> Bench {
        let kind = ("content-type", kind.to_owned());
        let page = Answer::Page("200 OK", vec![kind], page.as_bytes().to_vec());
        let target = FakeTarget::start([("/metrics", page)]).await;
        let (store, clock) = (MemoryStore::default(), Instant::now());
        let options = ManagerOptions {
            storage: Arc::new(store.clone()),
            now: Arc::new(move || 1_000_000 + clock.elapsed().as_millis() as i64),
            in_process: HashMap::new(),
            asked: HashMap::new(),
            ready: None,
            starts,
        };
        let manager = Manager::new(options, &Registry::new());
        let yaml = format!(
            "scrape_configs:\n- job_name: t\n  scrape_interval: 50ms\n  scrape_timeout: 50ms\n{job}  \
             static_configs: [{{targets: ['{}']}}]\n",
            target.address()
        );
        let config = Config::parse(&yaml, &|_| None).unwrap();
        manager.apply(&config.scrape_configs).await.unwrap();
        Bench { store, manager, target }
    }

    /// All samples, by name and labels without the target's.
    fn samples(&self) -> BTreeMap<String, SampleColumns> {
        let querier = self.store.querier(0, i64::MAX).unwrap();
        let hints = SelectHints { end: i64::MAX, ..SelectHints::default() };
        let matchers = [Matcher::equal("job", "t")];
        let mut set = querier.select(true, &hints, &matchers).unwrap();
        let (mut found, mut samples) = (BTreeMap::new(), SampleColumns::default());
        while let Some(labels) = set.next(&mut samples).unwrap() {
            let own =
                labels.iter().filter(|(name, _)| !["__name__", "job", "instance"].contains(name));
            let own: Vec<String> = own.map(|(name, value)| format!("{name}=\"{value}\"")).collect();
            let braces =
                if own.is_empty() { String::new() } else { format!("{{{}}}", own.join(",")) };
            found.insert(format!("{}{braces}", labels.metric_name()), samples.clone());
        }
        found
    }

    /// Waits until it was scraped so many times.
    async fn scraped(&self, times: usize) -> BTreeMap<String, SampleColumns> {
        let begun = Instant::now();
        loop {
            let samples = self.samples();
            if samples.get("up").is_some_and(|up| up.len() >= times) {
                self.manager.shutdown().await;
                return self.samples();
            }
            assert!(begun.elapsed() < PATIENCE, "{samples:#?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// What a series has.
fn told(samples: &SampleColumns) -> Told {
    let is_zero = samples.values[0] == 0.0;
    let from = usize::from(is_zero);
    assert!(samples.values[from..].iter().all(|value| *value == 7.0 || is_stale_marker(*value)));
    let starts: Vec<Option<i64>> = (from..samples.len()).map(|at| samples.start(at)).collect();
    assert!(starts.windows(2).all(|two| two[0] == two[1]), "{starts:?}");
    assert!(!is_zero || samples.start(0).is_none(), "a zero is where it counts from");
    (is_zero.then(|| samples.timestamps[0] / 1000), starts[0].map(|start| start / 1000))
}

#[tokio::test(flavor = "multi_thread")]
async fn start_times_are_stored_with_samples_and_as_zeros_before_them() {
    let (page, wanted) = page();
    for starts in [STORED, ZEROS, BOTH] {
        let bench = Bench::start(starts, &page, "application/openmetrics-text", "").await;
        let mut samples = bench.scraped(4).await;
        for (series, (zero, start)) in &wanted {
            let found = samples.remove(series).unwrap();
            let (zero, start) = (zero.filter(|_| starts.zeros), start.filter(|_| starts.stored));
            assert_eq!(told(&found), (zero, start), "{series} {starts:?}");
        }
        // Neither zeros nor lines that are no series are samples of the scrape.
        let count = wanted.len() as f64;
        for (name, first) in [
            ("scrape_samples_scraped", count),
            ("scrape_samples_post_metric_relabeling", count),
            // One has a time of its own and is not followed.
            ("scrape_series_added", count - 1.0),
        ] {
            assert_eq!(samples.remove(name).unwrap().values[0], first, "{name}");
        }
        samples.remove("up").unwrap();
        samples.remove("scrape_duration_seconds").unwrap();
        assert!(samples.is_empty(), "{:?}", samples.keys());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_features_and_in_the_text_format_created_lines_are_series() {
    let (page, wanted) = page();
    let created =
        PAGE.lines().filter(|line| line.split(['{', ' ']).next().unwrap().ends_with("_created"));
    let created = created.filter(|line| !line.contains('|')).count();
    let bench = Bench::start(OFF, &page, "application/openmetrics-text", "").await;
    let samples = bench.scraped(3).await;
    let count = (wanted.len() + created) as f64;
    assert_eq!(samples["scrape_samples_scraped"].values[0], count);
    assert_eq!(samples["a_created{x=\"1\"}"].values[0], 990.0);
    assert!(samples.values().all(|samples| samples.starts.is_empty()));
    // The same in the other format, which knows neither exemplars nor seconds.
    let text = "# TYPE a counter\na_total 7\na_created 990\n";
    let bench = Bench::start(BOTH, text, "text/plain; version=0.0.4", "").await;
    let samples = bench.scraped(3).await;
    assert_eq!(samples["scrape_samples_scraped"].values[0], 2.0);
    assert_eq!(samples["a_created"].values[0], 990.0);
    assert_eq!((samples["a_total"].values[0], samples["a_total"].start(0)), (7.0, None));
    let accept = bench.target.seen()[0].to_lowercase();
    assert!(accept.contains("accept: application/openmetrics-text;version=1.0.0"), "{accept}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_tell_start_times_do_not_count_for_the_limit() {
    let page = "# TYPE a counter\na_total 7\na_created 990\n# TYPE b counter\nb_total 7\nb_created 990\n# EOF\n";
    for (starts, limit, up) in [(OFF, 3, 0.0), (OFF, 4, 1.0), (BOTH, 1, 0.0), (BOTH, 2, 1.0)] {
        let job = format!("  sample_limit: {limit}\n");
        let bench = Bench::start(starts, page, "application/openmetrics-text", &job).await;
        let samples = bench.scraped(2).await;
        assert_eq!(samples["up"].values[0], up, "{starts:?} {limit}");
        assert_eq!(samples.contains_key("a_total"), up == 1.0, "a refused scrape leaves no zero");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn relabeling_sees_series_not_what_tells_of_them() {
    let page = "# TYPE a counter\na_total{x=\"1\"} 7\na_created{x=\"1\"} 990\n# EOF\n";
    let job = "  metric_relabel_configs:\n  - {regex: x, action: labeldrop}\n  - {source_labels: [__name__], \
               target_label: __name__, replacement: renamed}\n";
    let bench = Bench::start(BOTH, page, "application/openmetrics-text", job).await;
    let samples = bench.scraped(3).await;
    assert_eq!(told(&samples["renamed"]), (Some(990), Some(990)));
}
