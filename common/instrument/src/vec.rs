//! Families of metrics that differ in their labels.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use common_model::MetricType;
use hashbrown::{Equivalent, HashMap};
use parking_lot::RwLock;

use crate::{CollectError, Collector, Counter, Gauge, Histogram, Samples, Summary};

/// Series one family may have unless [`MetricVec::series_max`] says otherwise.
pub const SERIES_MAX: usize = 10_000;

/// What a [`MetricVec`] consists of.
pub trait Child: Clone + Send + Sync + 'static {
    /// Type of the family.
    const KIND: MetricType;
    /// What a new one needs to know: buckets, quantiles.
    type Options: Send + Sync + 'static;
    /// A new one, at zero.
    fn make(options: &Self::Options) -> Self;
    /// Pushes the value it has now.
    fn push(&self, samples: &mut Samples, name: &str, help: &str, labels: &[(&str, &str)]);
}

/// Counters that differ in `N` labels.
pub type CounterVec<const N: usize> = MetricVec<Counter, N>;
/// Gauges that differ in `N` labels.
pub type GaugeVec<const N: usize> = MetricVec<Gauge, N>;
/// Histograms that differ in `N` labels.
pub type HistogramVec<const N: usize> = MetricVec<Histogram, N>;
/// Summaries that differ in `N` labels.
pub type SummaryVec<const N: usize> = MetricVec<Summary, N>;

/// Metrics of one name that differ in the values of `N` labels; clones share them.
///
/// The number of series is limited. Beyond the limit [`MetricVec::with`] hands out one metric that
/// works but is not exported, and counts the refusal: a label that someone outside controls
/// cannot fill the memory.
#[derive(Clone)]
pub struct MetricVec<M: Child, const N: usize>(Arc<Inner<M, N>>);

struct Inner<M: Child, const N: usize> {
    name: Cow<'static, str>,
    help: Cow<'static, str>,
    labels: [&'static str; N],
    options: M::Options,
    series_max: usize,
    series: RwLock<HashMap<Values<N>, M>>,
    overflow: M,
    refused: AtomicU64,
}

#[derive(PartialEq, Eq, Hash)]
struct Values<const N: usize>([Box<str>; N]);

/// Looks up [`Values`] without owning them.
#[derive(Hash)]
struct Borrowed<'a, const N: usize>([&'a str; N]);

impl<const N: usize> Equivalent<Values<N>> for Borrowed<'_, N> {
    fn equivalent(&self, key: &Values<N>) -> bool {
        self.0.iter().zip(&key.0).all(|(a, b)| **a == **b)
    }
}

impl<M: Child, const N: usize> MetricVec<M, N> {
    /// A family without series. [`crate::Registry`] has a method per type that makes one that is exported.
    pub fn new(
        name: impl Into<Cow<'static, str>>,
        help: impl Into<Cow<'static, str>>,
        labels: [&'static str; N],
        options: M::Options,
    ) -> MetricVec<M, N> {
        MetricVec::limited(name.into(), help.into(), labels, options, SERIES_MAX)
    }

    pub(crate) fn limited(
        name: Cow<'static, str>,
        help: Cow<'static, str>,
        labels: [&'static str; N],
        options: M::Options,
        series_max: usize,
    ) -> MetricVec<M, N> {
        let overflow = M::make(&options);
        let (series, refused) = (RwLock::default(), AtomicU64::new(0));
        MetricVec(Arc::new(Inner {
            name,
            help,
            labels,
            options,
            series_max,
            series,
            overflow,
            refused,
        }))
    }

    /// The family's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The same family, still without series, with another limit.
    #[must_use]
    pub fn series_max(self, series_max: usize) -> MetricVec<M, N>
    where
        M::Options: Clone,
    {
        let Inner { name, help, labels, options, .. } = &*self.0;
        MetricVec::limited(name.clone(), help.clone(), *labels, options.clone(), series_max)
    }

    /// The metric with these label values, made when it is asked for first. Keep it where it is
    /// used often: the look-up hashes the values.
    #[must_use]
    pub fn with(&self, values: [&str; N]) -> M {
        let inner = &*self.0;
        if let Some(metric) = inner.series.read().get(&Borrowed(values)) {
            return metric.clone();
        }
        let mut series = inner.series.write();
        if let Some(metric) = series.get(&Borrowed(values)) {
            return metric.clone();
        }
        if series.len() >= inner.series_max {
            inner.refused.fetch_add(1, Relaxed);
            return inner.overflow.clone();
        }
        let metric = M::make(&inner.options);
        series.insert(Values(values.map(Box::from)), metric.clone());
        metric
    }

    /// Forgets the metric with these label values; whether there was one.
    pub fn remove(&self, values: [&str; N]) -> bool {
        self.0.series.write().remove(&Borrowed(values)).is_some()
    }

    /// Keeps the metrics whose label values `keep` accepts.
    pub fn retain(&self, mut keep: impl FnMut([&str; N]) -> bool) {
        self.0.series.write().retain(|values, _| keep(std::array::from_fn(|i| &*values.0[i])));
    }

    /// How many series there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.series.read().len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How often a new series was refused.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.0.refused.load(Relaxed)
    }
}

impl<M: Child, const N: usize> fmt::Debug for MetricVec<M, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} by {:?}: {} series", self.0.name, self.0.labels, self.len())
    }
}

impl<M: Child, const N: usize> Collector for MetricVec<M, N> {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        for (values, metric) in self.0.series.read().iter() {
            let labels: [(&str, &str); N] =
                std::array::from_fn(|i| (self.0.labels[i], &*values.0[i]));
            metric.push(samples, &self.0.name, &self.0.help, &labels);
        }
        Ok(())
    }
}
