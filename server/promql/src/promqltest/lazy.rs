//! Series of a rule test: known from the beginning, stored as the time of the test goes by.

use std::sync::Arc;

use common_model::{FloatHistogram, Labels, TimestampMs};
use hashbrown::HashMap;
use parking_lot::Mutex;
use server_storage::memory::MemoryStore;
use server_storage::{
    AppendError, Appendable, Appender, Querier, Queryable, SeriesRef, StorageError,
};

use super::load::{hinted, series};
use crate::parser::SequenceValue;

/// The in-memory store with the order of the database: samples of a series are taken in order of
/// their time, and histograms are told apart by counter resets. Clones share the store.
#[derive(Clone, Debug, Default)]
pub struct OrderedStore {
    store: MemoryStore,
    newest: Arc<Mutex<HashMap<Labels, Newest>>>,
}

/// The newest sample of a series.
#[derive(Clone, Debug)]
struct Newest {
    timestamp: TimestampMs,
    value: NewestValue,
}

#[derive(Clone, Debug)]
enum NewestValue {
    Float(u64),
    Histogram(Arc<FloatHistogram>),
}

impl OrderedStore {
    /// Takes a sample as the newest of its series, unless it is not; what it follows.
    fn admit(
        &self,
        labels: &Labels,
        newest: Newest,
        is_same: impl Fn(&NewestValue) -> bool,
    ) -> Result<(), AppendError> {
        let mut known = self.newest.lock();
        if let Some(before) = known.get(labels) {
            if newest.timestamp < before.timestamp {
                return Err(AppendError::OutOfOrder);
            }
            if newest.timestamp == before.timestamp && !is_same(&before.value) {
                return Err(AppendError::Duplicate);
            }
        }
        known.insert(labels.clone(), newest);
        Ok(())
    }

    /// The histogram before the next sample, if that is what the last one was.
    fn histogram_before(&self, labels: &Labels) -> Option<Arc<FloatHistogram>> {
        match self.newest.lock().get(labels)?.value {
            NewestValue::Histogram(ref histogram) => Some(histogram.clone()),
            NewestValue::Float(_) => None,
        }
    }
}

impl Appendable for OrderedStore {
    fn appender(&self) -> Box<dyn Appender> {
        Box::new(OrderedAppender { store: self.clone(), inner: self.store.appender() })
    }
}

impl Queryable for OrderedStore {
    fn querier(
        &self,
        start: TimestampMs,
        end: TimestampMs,
    ) -> Result<Box<dyn Querier>, StorageError> {
        self.store.querier(start, end)
    }
}

struct OrderedAppender {
    store: OrderedStore,
    inner: Box<dyn Appender>,
}

impl Appender for OrderedAppender {
    fn append(
        &mut self,
        series: SeriesRef,
        labels: &Labels,
        timestamp: TimestampMs,
        value: f64,
    ) -> Result<SeriesRef, AppendError> {
        let bits = value.to_bits();
        let newest = Newest { timestamp, value: NewestValue::Float(bits) };
        let is_same = |before: &NewestValue| matches!(before, NewestValue::Float(b) if *b == bits);
        self.store.admit(labels, newest, is_same)?;
        self.inner.append(series, labels, timestamp, value)
    }

    fn append_histogram(
        &mut self,
        series: SeriesRef,
        labels: &Labels,
        timestamp: TimestampMs,
        histogram: &FloatHistogram,
    ) -> Result<SeriesRef, AppendError> {
        let before = self.store.histogram_before(labels);
        let hinted = hinted(&Arc::new(histogram.clone()), before.as_deref());
        let newest = Newest { timestamp, value: NewestValue::Histogram(hinted.clone()) };
        let is_same = |before: &NewestValue| match before {
            NewestValue::Histogram(before) => crate::value::histogram::equal(before, &hinted),
            NewestValue::Float(_) => false,
        };
        self.store.admit(labels, newest, is_same)?;
        self.inner.append_histogram(series, labels, timestamp, &hinted)
    }

    fn wants_exemplars(&self) -> bool {
        self.inner.wants_exemplars()
    }

    fn append_exemplar(
        &mut self,
        series: SeriesRef,
        labels: &Labels,
        exemplar: &common_model::Exemplar,
    ) -> Result<(), AppendError> {
        self.inner.append_exemplar(series, labels, exemplar)
    }

    fn update_metadata(
        &mut self,
        series: SeriesRef,
        labels: &Labels,
        metadata: &common_model::Metadata,
    ) -> Result<(), AppendError> {
        self.inner.update_metadata(series, labels, metadata)
    }

    fn commit(self: Box<Self>) -> Result<(), StorageError> {
        self.inner.commit()
    }

    fn rollback(self: Box<Self>) {
        self.inner.rollback();
    }
}

/// Series that are stored bit by bit.
#[derive(Debug)]
pub struct LazyLoader {
    store: OrderedStore,
    series: Vec<Pending>,
    start: TimestampMs,
    step_ms: i64,
}

#[derive(Debug)]
struct Pending {
    labels: Labels,
    values: Vec<SequenceValue>,
    /// How many of the values are stored.
    stored: usize,
}

impl LazyLoader {
    /// Reads series, one `name{labels} values` a line, whose samples stand `step_ms` apart from
    /// `start` on. Of a series that is there twice, the last one counts.
    ///
    /// # Errors
    /// The first complaint about a line; the first one of them counts as line 2, since in
    /// upstream's test language `load` stands before them.
    pub fn new(text: &str, start: TimestampMs, step_ms: i64) -> Result<LazyLoader, String> {
        let mut loader =
            LazyLoader { store: OrderedStore::default(), series: Vec::new(), start, step_ms };
        for (i, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let read = series(line).map_err(|error| in_line(&error, i + 2))?;
            if read.start_times {
                return Err(format!("{}:1: start times of samples are not supported", i + 2));
            }
            loader.series.retain(|earlier| earlier.labels != read.labels);
            loader.series.push(Pending { labels: read.labels, values: read.values, stored: 0 });
        }
        Ok(loader)
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &OrderedStore {
        &self.store
    }

    /// Stores the samples up to `time` that are not yet stored.
    ///
    /// # Errors
    /// What the store says against one of them.
    pub fn load_till(&mut self, time: TimestampMs) -> Result<(), String> {
        let mut appender = self.store.appender();
        for series in &mut self.series {
            while let Some(value) = series.values.get(series.stored) {
                let steps = i64::try_from(series.stored).unwrap_or(i64::MAX);
                let at = self.start.saturating_add(self.step_ms.saturating_mul(steps));
                if at > time {
                    break;
                }
                series.stored += 1;
                let (series, labels) = (SeriesRef::default(), &series.labels);
                match value {
                    SequenceValue::Omitted => continue,
                    SequenceValue::Float(value) => appender.append(series, labels, at, *value),
                    SequenceValue::Histogram { histogram, .. } => {
                        appender.append_histogram(series, labels, at, histogram)
                    }
                }
                .map_err(|error| error.to_string())?;
            }
        }
        appender.commit().map_err(|error| error.to_string())
    }
}

/// A complaint about one line as one about the text that the line stands in.
fn in_line(complaint: &str, line: usize) -> String {
    match complaint.strip_prefix("1:") {
        Some(rest) => format!("{line}:{rest}"),
        None => complaint.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Engine, QueryOptions};
    use crate::parser::{Options, parse};
    use crate::value::{SampleValue, Value};

    fn sum_at(loader: &LazyLoader, expr: &str, time: i64) -> Option<f64> {
        let expr = parse(expr, &Options::default()).unwrap();
        let output =
            Engine::default().instant(loader.store(), &expr, time, &QueryOptions::default());
        match output.unwrap().value {
            Value::Vector(samples) => samples.first().map(|sample| match &sample.value {
                SampleValue::Float(value) => *value,
                SampleValue::Histogram(histogram) => histogram.count,
            }),
            _ => None,
        }
    }

    #[test]
    fn samples_come_with_the_time() {
        let mut loader = LazyLoader::new("a 1 2 3\n\nb 5\nb 6\n", 1000, 10).unwrap();
        assert_eq!(sum_at(&loader, "a", 2000), None);
        loader.load_till(1010).unwrap();
        assert_eq!(
            (sum_at(&loader, "a", 2000), sum_at(&loader, "b", 2000)),
            (Some(2.0), Some(6.0))
        );
        loader.load_till(5000).unwrap();
        assert_eq!(sum_at(&loader, "a", 2000), Some(3.0));
    }

    #[test]
    fn a_sample_must_be_the_newest_of_its_series() {
        let mut loader = LazyLoader::new("a 1 2", 0, 10).unwrap();
        loader.load_till(10).unwrap();
        let labels = crate::parser::parse_metric("a").unwrap();
        let mut appender = loader.store().appender();
        let mut check = |time, value, wanted: Result<(), AppendError>| {
            let got = appender.append(SeriesRef::default(), &labels, time, value);
            assert_eq!(got.map(drop), wanted, "{time} {value}");
        };
        check(5, 1.0, Err(AppendError::OutOfOrder));
        check(10, 3.0, Err(AppendError::Duplicate));
        check(10, 2.0, Ok(()));
        check(20, 3.0, Ok(()));
    }

    #[test]
    fn complaints_name_the_line_after_load() {
        let error = LazyLoader::new("a 1\nb{ 1", 0, 10).unwrap_err();
        assert_eq!(error, "3:4: parse error: unexpected character inside braces: '1'");
        let error = LazyLoader::new("a@st 0 1", 0, 10);
        assert!(error.is_err(), "{error:?}");
    }
}
