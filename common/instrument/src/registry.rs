//! Everything a program exports, in one place.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use common_model::MetricType;
use parking_lot::RwLock;

use crate::vec::Child;
use crate::{
    CollectError, Collector, Counter, CounterVec, Gauge, GaugeVec, Histogram, HistogramVec,
    MetricVec, Samples, Summary,
};

/// What is exported; clones share it.
///
/// Two metrics of one name are not an error of registration: what is pushed first wins when
/// samples are gathered, and the rest is reported.
#[derive(Clone, Default)]
pub struct Registry {
    /// A scrape takes the inner `Arc` and lets go of the lock: collectors may register others.
    entries: Arc<RwLock<Arc<Vec<Entry>>>>,
}

#[derive(Clone)]
struct Entry {
    name: Cow<'static, str>,
    collector: Arc<dyn Collector>,
}

/// What went wrong in one [`Registry::gather`]; the samples of all others are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatherError {
    /// Who: the name given at registration, or a metric's name.
    pub name: String,
    /// What, in words.
    pub problem: String,
}

impl Registry {
    /// A registry without metrics.
    #[must_use]
    pub fn new() -> Registry {
        Registry::default()
    }

    /// Registers a counter.
    pub fn counter(&self, name: impl Text, help: impl Text) -> Counter {
        self.single(name, help, &())
    }

    /// Registers a gauge.
    pub fn gauge(&self, name: impl Text, help: impl Text) -> Gauge {
        self.single(name, help, &())
    }

    /// Registers a histogram with these upper bounds; see [`crate::DEFAULT_BUCKETS`].
    pub fn histogram(&self, name: impl Text, help: impl Text, bounds: &[f64]) -> Histogram {
        self.single(name, help, &bounds.to_vec())
    }

    /// Registers a summary with these quantiles.
    pub fn summary(&self, name: impl Text, help: impl Text, quantiles: &[f64]) -> Summary {
        self.single(name, help, &quantiles.to_vec())
    }

    /// Registers counters that differ in `labels`.
    pub fn counter_vec<const N: usize>(
        &self,
        name: impl Text,
        help: impl Text,
        labels: [&'static str; N],
    ) -> CounterVec<N> {
        self.add(MetricVec::new(name, help, labels, ()))
    }

    /// Registers gauges that differ in `labels`.
    pub fn gauge_vec<const N: usize>(
        &self,
        name: impl Text,
        help: impl Text,
        labels: [&'static str; N],
    ) -> GaugeVec<N> {
        self.add(MetricVec::new(name, help, labels, ()))
    }

    /// Registers histograms that differ in `labels`.
    pub fn histogram_vec<const N: usize>(
        &self,
        name: impl Text,
        help: impl Text,
        labels: [&'static str; N],
        bounds: &[f64],
    ) -> HistogramVec<N> {
        self.add(MetricVec::new(name, help, labels, bounds.to_vec()))
    }

    /// Registers a gauge whose value is asked for at each scrape.
    pub fn gauge_fn(
        &self,
        name: impl Text,
        help: impl Text,
        value: impl Fn() -> f64 + Send + Sync + 'static,
    ) {
        self.callback(name.into(), help.into(), MetricType::Gauge, value);
    }

    /// Registers a counter whose value is asked for at each scrape.
    pub fn counter_fn(
        &self,
        name: impl Text,
        help: impl Text,
        value: impl Fn() -> f64 + Send + Sync + 'static,
    ) {
        self.callback(name.into(), help.into(), MetricType::Counter, value);
    }

    /// Registers a ready-made metric family and hands it back.
    pub fn add<M: Child, const N: usize>(&self, family: MetricVec<M, N>) -> MetricVec<M, N> {
        self.register(family.name().to_owned(), Arc::new(family.clone()));
        family
    }

    /// Registers a collector under a name that errors are reported with.
    pub fn register(&self, name: impl Text, collector: Arc<dyn Collector>) {
        let entry = Entry { name: name.into(), collector };
        Arc::make_mut(&mut self.entries.write()).push(entry);
    }

    /// Pushes all that is measured now, in order of registration, and seals `samples`. A
    /// collector that fails or panics takes nobody else down. What was refused stands in
    /// [`Samples::rejected`], what failed is returned.
    pub fn gather(&self, samples: &mut Samples) -> Vec<GatherError> {
        let entries = Arc::clone(&self.entries.read());
        let mut errors = Vec::new();
        for Entry { name, collector } in entries.iter() {
            let outcome = catch_unwind(AssertUnwindSafe(|| collector.collect(samples)));
            let problem = match outcome {
                Ok(Ok(()) | Err(CollectError::Absent(_))) => continue,
                Ok(Err(CollectError::Failed(problem))) => problem,
                Err(payload) => format!("panicked: {}", panic_text(&*payload)),
            };
            errors.push(GatherError { name: name.to_string(), problem });
        }
        samples.seal();
        errors
    }

    fn single<M: Child>(&self, name: impl Text, help: impl Text, options: &M::Options) -> M {
        let metric = M::make(options);
        let (name, help) = (name.into(), help.into());
        let single = Single { name: name.clone(), help, metric: metric.clone() };
        self.register(name, Arc::new(single));
        metric
    }

    fn callback(
        &self,
        name: Cow<'static, str>,
        help: Cow<'static, str>,
        kind: MetricType,
        value: impl Fn() -> f64 + Send + Sync + 'static,
    ) {
        self.register(name.clone(), Arc::new(Callback { name, help, kind, value }));
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.entries.read().iter().map(|entry| entry.name.clone())).finish()
    }
}

impl std::fmt::Display for GatherError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.name, self.problem)
    }
}

impl std::error::Error for GatherError {}

/// A name or help text: a literal costs nothing, a `String` is kept.
pub trait Text: Into<Cow<'static, str>> {}

impl<T: Into<Cow<'static, str>>> Text for T {}

struct Single<M> {
    name: Cow<'static, str>,
    help: Cow<'static, str>,
    metric: M,
}

impl<M: Child> Collector for Single<M> {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        self.metric.push(samples, &self.name, &self.help, &[]);
        Ok(())
    }
}

struct Callback<F> {
    name: Cow<'static, str>,
    help: Cow<'static, str>,
    kind: MetricType,
    value: F,
}

impl<F: Fn() -> f64 + Send + Sync> Collector for Callback<F> {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        samples.push_named(&self.name, &self.help, self.kind, &[], (self.value)());
        Ok(())
    }
}

fn panic_text(payload: &(dyn std::any::Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no reason given")
}
