//! A store, a clock that is turned by hand, and what was notified.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use common_instrument::{Registry, SampleValue, Samples};
use common_model::{Labels, Matcher, is_stale_marker};
use parking_lot::Mutex;
use server_notify::Alert;
use server_promql::engine::Engine;
use server_promql::parser;
use server_rules::{
    Evaluator, Group, GroupSettings, GroupSpec, LoadOptions, ManagerOptions, QUERY_TIMEOUT_DEFAULT,
    load,
};
use server_storage::memory::MemoryStore;
use server_storage::{Appendable, Queryable, SampleColumns, SelectHints, SeriesRef};

/// Minutes as milliseconds.
pub(crate) const MINUTE: i64 = 60_000;

/// What a group or manager lives in.
pub(crate) struct World {
    pub(crate) store: MemoryStore,
    pub(crate) now: Arc<AtomicI64>,
    pub(crate) told: Arc<Mutex<Vec<Alert>>>,
    pub(crate) registry: Registry,
}

impl World {
    pub(crate) fn new() -> World {
        World {
            store: MemoryStore::default(),
            now: Arc::default(),
            told: Arc::default(),
            registry: Registry::new(),
        }
    }

    pub(crate) fn options(&self) -> ManagerOptions {
        let (now, told) = (self.now.clone(), self.told.clone());
        ManagerOptions {
            engine: Engine::default(),
            storage: Arc::new(self.store.clone()),
            appendable: Arc::new(self.store.clone()),
            notify: Arc::new(move |alerts| told.lock().extend(alerts)),
            now: Arc::new(move || now.load(Ordering::SeqCst)),
            external_url: "http://h".to_owned(),
            parser: parser::Options::default(),
            query_timeout: QUERY_TIMEOUT_DEFAULT,
            timing: server_rules::Timing::default(),
        }
    }

    pub(crate) fn evaluator(&self) -> Evaluator {
        Evaluator::new(self.options(), &self.registry)
    }

    /// Appends one sample.
    pub(crate) fn put(&self, series: &str, time: i64, value: f64) {
        let labels = labels(series);
        let mut appender = self.store.appender();
        appender.append(SeriesRef(0), &labels, time, value).unwrap();
        appender.commit().unwrap();
    }

    /// All samples of a metric in the store, one text each: `{labels} value@time`, stale markers
    /// as `stale`.
    pub(crate) fn samples(&self, metric: &str) -> Vec<String> {
        let (start, end) = (i64::MIN / 2, i64::MAX / 2);
        let querier = self.store.querier(start, end).unwrap();
        let hints = SelectHints { start, end, ..SelectHints::default() };
        let matchers = [Matcher::equal("__name__", metric)];
        let mut set = querier.select(true, &hints, &matchers).unwrap();
        let (mut columns, mut texts) = (SampleColumns::default(), Vec::new());
        while let Some(labels) = set.next(&mut columns).unwrap() {
            let labels = labels.without_name();
            for (time, value) in columns.timestamps.iter().zip(&columns.values) {
                let value =
                    if is_stale_marker(*value) { "stale".to_owned() } else { value.to_string() };
                texts.push(format!("{labels} {value}@{time}"));
            }
        }
        texts
    }

    /// The sum of a metric of the registry over all its series.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let mut samples = Samples::default();
        assert!(self.registry.gather(&mut samples).is_empty());
        let family = samples.families().find(|family| family.name() == name);
        let values = family.map(|f| f.samples().map(|s| s.value()).collect::<Vec<_>>());
        let number = |value| if let SampleValue::Number(n) = value { n } else { 0.0 };
        values.unwrap_or_default().into_iter().map(number).sum()
    }
}

/// The only group of a text.
pub(crate) fn spec(text: &str) -> GroupSpec {
    let mut groups = load(text, "r.yml", &LoadOptions::default()).unwrap();
    assert_eq!(groups.len(), 1);
    groups.remove(0)
}

/// A group of these rules, evaluated every minute.
pub(crate) fn group(rules: &str, evaluator: &Evaluator, restored: bool) -> Group {
    let spec = spec(&format!("groups:\n- name: g\n  rules:\n{rules}"));
    let settings = GroupSettings {
        interval: std::time::Duration::from_secs(60),
        query_offset: spec.query_offset.unwrap_or_default(),
        external_labels: Labels::from_pairs([("site", "here")]),
    };
    Group::new(spec, settings, evaluator, restored)
}

/// `name{a="b"}` as labels.
pub(crate) fn labels(series: &str) -> Labels {
    parser::parse_metric(series).unwrap()
}
