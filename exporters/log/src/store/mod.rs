//! Metrics and their values.

mod metric;
pub mod output;
mod series;

pub use metric::{Metric, Refused};
pub(crate) use series::is_same;
pub use series::{Buckets, Datum, Labels, Series, ValueKind};

use std::collections::BTreeMap;

use crate::lang::ast::MetricKind;
use crate::vm::MetricSpec;

/// Most series of one metric, where nothing else is asked for. mtail has no such limit.
pub const SERIES_PER_METRIC_MAX: usize = 1_000_000;

/// All metrics of all programs.
#[derive(Debug)]
pub struct Store {
    metrics: Vec<Metric>,
    series_per_metric_max: usize,
    /// Whether `limit N` holds when a series is added, and not only when old ones are looked for.
    limit_at_insert: bool,
    hasher: foldhash::fast::RandomState,
}

impl Default for Store {
    fn default() -> Store {
        Store::new(SERIES_PER_METRIC_MAX, true)
    }
}

impl Store {
    /// An empty store.
    #[must_use]
    pub fn new(series_per_metric_max: usize, limit_at_insert: bool) -> Store {
        let hasher = foldhash::fast::RandomState::default();
        Store { metrics: Vec::new(), series_per_metric_max, limit_at_insert, hasher }
    }

    /// The hash of encoded labels, the same for all metrics.
    pub(crate) fn hash(&self, key: &[u8]) -> u64 {
        metric::hash(&self.hasher, key)
    }

    /// A metric by number.
    #[must_use]
    pub fn metric(&self, number: u32) -> &Metric {
        &self.metrics[number as usize]
    }

    /// A metric by number, to change.
    pub fn metric_mut(&mut self, number: u32) -> &mut Metric {
        &mut self.metrics[number as usize]
    }

    /// Those that are exported, sorted by name; of one name, the older first.
    #[must_use]
    pub fn exported(&self) -> Vec<&Metric> {
        let shown = |metric: &&Metric| !metric.spec.hidden && !metric.is_replaced();
        let mut metrics: Vec<&Metric> = self.metrics.iter().filter(shown).collect();
        metrics.sort_by(|a, b| a.spec.name.cmp(&b.spec.name));
        metrics
    }

    /// Adds the metrics of a program and gives their numbers. A metric that an earlier version of
    /// the program had keeps its series.
    ///
    /// # Errors
    /// Where another metric of that name is of another kind; nothing is added then.
    pub fn add(&mut self, program: &str, specs: Vec<MetricSpec>) -> Result<Vec<u32>, String> {
        let mut kinds: BTreeMap<String, MetricKind> = BTreeMap::new();
        for metric in self.exported() {
            kinds.entry(metric.spec.name.clone()).or_insert(metric.spec.kind);
        }
        for spec in specs.iter().filter(|spec| !spec.hidden) {
            let existing = *kinds.entry(spec.name.clone()).or_insert(spec.kind);
            if existing != spec.kind {
                let (name, new, old) = (&spec.name, spec.kind.name(), existing.name());
                return Err(format!("metric {name} has different kind {new} to existing {old}"));
            }
        }
        let before = self.metrics.len();
        let mut numbers = Vec::with_capacity(specs.len());
        for spec in specs {
            let limit = if self.limit_at_insert { spec.limit } else { 0 };
            let mut metric = Metric::new(program, spec, self.series_per_metric_max, limit);
            metric.set_hasher(&self.hasher);
            let same = |old: &&mut Metric| old.is_same_as(&metric);
            if let Some(old) = self.metrics[..before].iter_mut().find(same) {
                metric.take_series(old);
            } else {
                metric.preset();
            }
            numbers.push(u32::try_from(self.metrics.len()).unwrap_or(u32::MAX));
            self.metrics.push(metric);
        }
        Ok(numbers)
    }

    /// Removes series that are older than their `del after`, and the oldest beyond `limit`.
    pub fn collect_garbage(&mut self, now_ns: i64) {
        for metric in &mut self.metrics {
            metric.expire(now_ns);
            metric.enforce_limit();
        }
    }

    /// Series of all metrics.
    #[must_use]
    pub fn series_count(&self) -> usize {
        self.metrics.iter().map(Metric::len).sum()
    }

    /// Series that were not added because their metric had as many as it may.
    #[must_use]
    pub fn refused_total(&self) -> u64 {
        self.metrics.iter().map(Metric::refused_total).sum()
    }
}
