//! Exemplars of OpenMetrics pages reach the store, whether their line is new or known.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common_config::Config;
use common_instrument::{Registry, SampleValue, Samples};
use common_model::{Exemplar, FloatHistogram, Labels, Metadata};
use common_testkit::{Answer, FakeTarget};
use parking_lot::Mutex;
use server_scrape::{Manager, ManagerOptions, StartTimes};
use server_storage::{AppendError, Appendable, Appender, NumberedSample, SeriesRef, StorageError};

const PATIENCE: Duration = Duration::from_secs(20);

const LATE: &str = "prometheus_target_scrapes_exemplar_out_of_order_total";

/// What came: metric, trace, value, time of the target.
type Seen = Vec<(String, String, f64, Option<i64>)>;

/// A store that takes note of exemplars alone.
#[derive(Clone, Default)]
struct Notes {
    seen: Arc<Mutex<Seen>>,
    /// Series by number, from 1.
    series: Arc<Mutex<Vec<Labels>>>,
    wants: bool,
}

impl Appendable for Notes {
    fn appender(&self) -> Box<dyn Appender> {
        Box::new(self.clone())
    }
}

impl Appender for Notes {
    fn append(
        &mut self,
        _: SeriesRef,
        labels: &Labels,
        _: i64,
        _: f64,
    ) -> Result<SeriesRef, AppendError> {
        let mut series = self.series.lock();
        series.push(labels.clone());
        Ok(SeriesRef(series.len() as u64))
    }

    fn append_known(&mut self, samples: &[NumberedSample], _: &mut dyn FnMut(usize, AppendError)) {
        let known = self.series.lock().len() as u64;
        assert!(samples.iter().all(|sample| (1..=known).contains(&sample.series.0)));
    }

    fn append_histogram(
        &mut self,
        _: SeriesRef,
        _: &Labels,
        _: i64,
        _: &FloatHistogram,
    ) -> Result<SeriesRef, AppendError> {
        Ok(SeriesRef(1))
    }

    fn wants_exemplars(&self) -> bool {
        self.wants
    }

    fn append_exemplar(
        &mut self,
        _: SeriesRef,
        labels: &Labels,
        exemplar: &Exemplar,
    ) -> Result<(), AppendError> {
        let name = labels.metric_name().to_owned();
        let trace = exemplar.labels.value("trace_id").to_owned();
        self.seen.lock().push((name, trace, exemplar.value, exemplar.timestamp));
        Err(AppendError::OutOfOrderExemplar)
    }

    fn append_known_exemplar(
        &mut self,
        series: SeriesRef,
        exemplar: &Exemplar,
    ) -> Result<(), AppendError> {
        let labels = self.series.lock()[series.0 as usize - 1].clone();
        self.append_exemplar(series, &labels, exemplar)
    }

    fn update_metadata(
        &mut self,
        _: SeriesRef,
        _: &Labels,
        _: &Metadata,
    ) -> Result<(), AppendError> {
        Ok(())
    }

    fn commit(self: Box<Self>) -> Result<(), StorageError> {
        Ok(())
    }

    fn rollback(self: Box<Self>) {}
}

const PAGE: &str = "# TYPE a counter\na_total 1 # {trace_id=\"x\"} 0.5 1.25\n# TYPE b counter\n\
                    b_total 2\n# TYPE c counter\nc_total 3 # {trace_id=\"y\"} 7\n# EOF\n";

/// Scrapes the page until `done`; returns what was seen, and how many the scraper counted as late.
async fn scrape(wants: bool, done: impl Fn(&Seen, usize) -> bool) -> (Seen, f64) {
    let kind = ("content-type", "application/openmetrics-text; version=1.0.0".to_owned());
    let page = Answer::Page("200 OK", vec![kind], PAGE.as_bytes().to_vec());
    let target = FakeTarget::start([("/metrics", page)]).await;
    let notes = Notes { wants, ..Notes::default() };
    let (registry, clock) = (Registry::new(), Instant::now());
    let options = ManagerOptions {
        storage: Arc::new(notes.clone()),
        now: Arc::new(move || 1_000_000 + clock.elapsed().as_millis() as i64),
        in_process: HashMap::new(),
        asked: HashMap::new(),
        ready: None,
        starts: StartTimes::default(),
    };
    let manager = Manager::new(options, &registry);
    let yaml = format!(
        "scrape_configs:\n- job_name: t\n  scrape_interval: 50ms\n  scrape_timeout: 50ms\n  \
         static_configs: [{{targets: ['{}']}}]\n",
        target.address()
    );
    let config = Config::parse(&yaml, &|_| None).unwrap();
    manager.apply(&config.scrape_configs).await.unwrap();
    let begun = Instant::now();
    loop {
        let samples = manager.active().await.first().map_or(0, |target| target.last.samples);
        if done(&notes.seen.lock(), samples) {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{:?}", notes.seen.lock());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    manager.shutdown().await;
    let mut late = 0.0;
    let mut samples = Samples::default();
    assert!(registry.gather(&mut samples).is_empty());
    for family in samples.families().filter(|family| family.name() == LATE) {
        if let Some(SampleValue::Number(number)) = family.samples().next().map(|s| s.value()) {
            late = number;
        }
    }
    let seen = notes.seen.lock().clone();
    (seen, late)
}

#[tokio::test(flavor = "multi_thread")]
async fn exemplars_of_new_and_known_lines_are_handed_over() {
    let (seen, late) = scrape(true, |seen, _| seen.len() >= 6).await;
    for two in seen.chunks_exact(2) {
        let a = ("a_total".to_owned(), "x".to_owned(), 0.5, Some(1250));
        let c = ("c_total".to_owned(), "y".to_owned(), 7.0, None);
        assert_eq!(two, [a, c]);
    }
    assert_eq!(late, seen.len() as f64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_keeps_no_exemplars_is_offered_none() {
    let (seen, late) = scrape(false, |_, samples| samples == 3).await;
    assert_eq!((seen, late), (Vec::new(), 0.0));
}
