//! A store in plain maps, for tests: obviously right rather than fast.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use common_model::{Exemplar, FloatHistogram, Labels, Matcher, Metadata, TimestampMs};
use parking_lot::RwLock;

use crate::{
    AppendError, Appendable, Appender, NumberedSample, Pieces, Querier, Queryable, SampleColumns,
    SelectHints, SeriesRef, SeriesSet, SetSize, StorageError,
};

/// Samples and since when they count, by series and time.
type Series = BTreeMap<Labels, BTreeMap<TimestampMs, (Point, TimestampMs)>>;

#[derive(Clone, Debug)]
enum Point {
    Float(f64),
    Histogram(Arc<FloatHistogram>),
}

/// Numbers of series; none is given out twice.
#[derive(Debug, Default)]
struct Numbers {
    /// Numbers up to this one are forgotten.
    forgotten: u64,
    /// Of the numbers behind it.
    labels: Vec<Labels>,
    by_labels: BTreeMap<Labels, u64>,
}

impl Numbers {
    fn number(&mut self, labels: &Labels) -> SeriesRef {
        if let Some(number) = self.by_labels.get(labels) {
            return SeriesRef(*number);
        }
        self.labels.push(labels.clone());
        let number = self.forgotten + self.labels.len() as u64;
        self.by_labels.insert(labels.clone(), number);
        SeriesRef(number)
    }

    fn labels(&self, number: SeriesRef) -> Option<&Labels> {
        let at = number.0.checked_sub(self.forgotten + 1)?;
        self.labels.get(usize::try_from(at).ok()?)
    }

    fn forget(&mut self) {
        self.forgotten += self.labels.len() as u64;
        self.labels.clear();
        self.by_labels.clear();
    }
}

/// Keeps every sample ever committed. Clones share the store.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    series: Arc<RwLock<Series>>,
    numbers: Arc<RwLock<Numbers>>,
}

impl MemoryStore {
    /// Forgets everything, also which numbers stood for which series.
    pub fn clear(&self) {
        self.series.write().clear();
        self.numbers.write().forget();
    }
}

impl Appendable for MemoryStore {
    fn appender(&self) -> Box<dyn Appender> {
        Box::new(MemoryAppender { store: self.clone(), batch: Vec::new() })
    }
}

struct MemoryAppender {
    store: MemoryStore,
    /// Series, time, sample, and since when it counts.
    batch: Vec<(Labels, TimestampMs, Point, TimestampMs)>,
}

impl MemoryAppender {
    fn push(&mut self, labels: &Labels, timestamp: TimestampMs, point: Point) -> SeriesRef {
        self.batch.push((labels.clone(), timestamp, point, 0));
        self.store.numbers.write().number(labels)
    }
}

impl Appender for MemoryAppender {
    fn append(
        &mut self,
        _series: SeriesRef,
        labels: &Labels,
        timestamp: TimestampMs,
        value: f64,
    ) -> Result<SeriesRef, AppendError> {
        Ok(self.push(labels, timestamp, Point::Float(value)))
    }

    fn append_known(
        &mut self,
        samples: &[NumberedSample],
        refused: &mut dyn FnMut(usize, AppendError),
    ) {
        let numbers = self.store.numbers.read();
        for (at, sample) in samples.iter().enumerate() {
            match numbers.labels(sample.series) {
                Some(labels) => {
                    let point = Point::Float(sample.value);
                    self.batch.push((labels.clone(), sample.timestamp, point, 0));
                }
                None => refused(at, AppendError::UnknownSeries(sample.series.0)),
            }
        }
    }

    fn append_histogram(
        &mut self,
        _series: SeriesRef,
        labels: &Labels,
        timestamp: TimestampMs,
        histogram: &FloatHistogram,
    ) -> Result<SeriesRef, AppendError> {
        Ok(self.push(labels, timestamp, Point::Histogram(Arc::new(histogram.clone()))))
    }

    fn set_start(&mut self, start: TimestampMs) {
        if let Some(last) = self.batch.last_mut() {
            last.3 = start;
        }
    }

    fn append_zero(
        &mut self,
        series: SeriesRef,
        labels: Option<&Labels>,
        start: TimestampMs,
        timestamp: TimestampMs,
    ) {
        let known = self.store.numbers.read().labels(series).cloned();
        let Some(labels) = known.or_else(|| labels.cloned()) else { return };
        let newest = |series: &Series| Some(*series.get(&labels)?.last_key_value()?.0);
        let newest = newest(&self.store.series.read());
        if start < timestamp && newest.is_none_or(|newest| start > newest) {
            self.push(&labels, start, Point::Float(0.0));
        }
    }

    fn append_exemplar(
        &mut self,
        _series: SeriesRef,
        _labels: &Labels,
        _exemplar: &Exemplar,
    ) -> Result<(), AppendError> {
        Ok(())
    }

    fn update_metadata(
        &mut self,
        _series: SeriesRef,
        _labels: &Labels,
        _metadata: &Metadata,
    ) -> Result<(), AppendError> {
        Ok(())
    }

    fn commit(self: Box<Self>) -> Result<(), StorageError> {
        let mut series = self.store.series.write();
        for (labels, timestamp, point, start) in self.batch {
            series.entry(labels).or_default().insert(timestamp, (point, start));
        }
        Ok(())
    }

    fn rollback(self: Box<Self>) {}
}

impl Queryable for MemoryStore {
    fn querier(
        &self,
        start: TimestampMs,
        end: TimestampMs,
    ) -> Result<Box<dyn Querier>, StorageError> {
        Ok(Box::new(MemoryQuerier { store: self.clone(), start, end }))
    }
}

struct MemoryQuerier {
    store: MemoryStore,
    start: TimestampMs,
    end: TimestampMs,
}

impl MemoryQuerier {
    fn matching(&self, matchers: &[Matcher]) -> Vec<Labels> {
        if self.start > self.end {
            return Vec::new(); // of such a range a map panics
        }
        let series = self.store.series.read();
        series
            .iter()
            .filter(|(labels, _)| matchers.iter().all(|m| m.matches(labels.value(&m.name))))
            .filter(|(_, points)| points.range(self.start..=self.end).next().is_some())
            .map(|(labels, _)| labels.clone())
            .collect()
    }
}

impl Querier for MemoryQuerier {
    fn select(
        &self,
        _sorted: bool,
        hints: &SelectHints,
        matchers: &[Matcher],
    ) -> Result<Box<dyn SeriesSet>, StorageError> {
        let mut rest = self.matching(matchers);
        if hints.limit > 0 {
            rest.truncate(hints.limit);
        }
        rest.reverse();
        let (start, end) = (hints.start.max(self.start), hints.end.min(self.end));
        let labels_only = hints.labels_only;
        Ok(Box::new(MemorySeriesSet { store: self.store.clone(), rest, start, end, labels_only }))
    }

    fn label_names(&self, matchers: &[Matcher], limit: usize) -> Result<Vec<String>, StorageError> {
        let sets = self.matching(matchers);
        let names: BTreeSet<&str> = sets.iter().flat_map(|l| l.iter().map(|(n, _)| n)).collect();
        Ok(limited(names, limit))
    }

    fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        limit: usize,
    ) -> Result<Vec<String>, StorageError> {
        let sets = self.matching(matchers);
        let values: BTreeSet<&str> = sets.iter().filter_map(|l| l.get(name)).collect();
        Ok(limited(values, limit))
    }
}

fn limited(values: BTreeSet<&str>, limit: usize) -> Vec<String> {
    let limit = if limit == 0 { usize::MAX } else { limit };
    values.into_iter().take(limit).map(str::to_owned).collect()
}

struct MemorySeriesSet {
    store: MemoryStore,
    /// Series to come, the next one last.
    rest: Vec<Labels>,
    start: TimestampMs,
    end: TimestampMs,
    labels_only: bool,
}

impl SeriesSet for MemorySeriesSet {
    fn next(&mut self, samples: &mut SampleColumns) -> Result<Option<Labels>, StorageError> {
        while let Some(labels) = self.rest.pop() {
            samples.clear();
            if self.labels_only {
                return Ok(Some(labels));
            }
            let series = self.store.series.read();
            if self.start <= self.end
                && let Some(points) = series.get(&labels)
            {
                for (&timestamp, (point, start)) in points.range(self.start..=self.end) {
                    match point {
                        Point::Float(value) => samples.push(timestamp, *value),
                        Point::Histogram(histogram) => {
                            samples.push_histogram(timestamp, histogram.clone());
                        }
                    }
                    samples.set_start(*start);
                }
            }
            if !samples.is_empty() {
                return Ok(Some(labels));
            }
        }
        samples.clear();
        Ok(None)
    }

    fn size(&self) -> SetSize {
        SetSize { series: self.rest.len(), samples: 0 }
    }

    fn split(&mut self, pieces: usize) -> Result<Option<Pieces>, StorageError> {
        let size = self.rest.len().div_ceil(pieces.max(1)).max(1);
        let parts = self.rest.rchunks(size).map(|rest| {
            let (store, rest) = (self.store.clone(), rest.to_vec());
            let (start, end, labels_only) = (self.start, self.end, self.labels_only);
            Box::new(MemorySeriesSet { store, rest, start, end, labels_only }) as Box<dyn SeriesSet>
        });
        let parts = parts.collect();
        self.rest.clear();
        Ok(Some(Pieces { parts, last: None }))
    }
}
