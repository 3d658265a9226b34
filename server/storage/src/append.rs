//! The write side: batches that are committed whole.

use common_model::{Exemplar, FloatHistogram, Labels, Metadata, TimestampMs};

use crate::{AppendError, StorageError};

/// A store's number for a series; saves looking its labels up again. Zero is no series.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeriesRef(pub u64);

/// A float sample of a series that is known by its number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NumberedSample {
    /// The series, as an earlier batch called it.
    pub series: SeriesRef,
    /// Milliseconds since the epoch.
    pub timestamp: TimestampMs,
    /// The value.
    pub value: f64,
}

/// Gives out appenders.
pub trait Appendable: Send + Sync {
    /// Starts a batch.
    fn appender(&self) -> Box<dyn Appender>;
}

/// One batch of samples. Nothing is visible or durable before [`Appender::commit`] returns, which
/// acknowledges the batch; dropping the appender rolls back.
pub trait Appender: Send {
    /// Adds a sample. `series` may be zero or a number an earlier call returned for these labels; a
    /// stale number is looked up again by `labels`. The error concerns this sample only, unless it
    /// is [`AppendError::Storage`].
    fn append(
        &mut self,
        series: SeriesRef,
        labels: &Labels,
        timestamp: TimestampMs,
        value: f64,
    ) -> Result<SeriesRef, AppendError>;

    /// Adds samples of series that earlier batches made: what a steady scrape brings, without labels.
    /// Tells of those that are not taken, by their place among `samples`; those whose number is
    /// [`AppendError::UnknownSeries`] may come again by [`Appender::append`]. Stores that do not keep
    /// numbers know none.
    fn append_known(
        &mut self,
        samples: &[NumberedSample],
        refused: &mut dyn FnMut(usize, AppendError),
    ) {
        for (at, sample) in samples.iter().enumerate() {
            refused(at, AppendError::UnknownSeries(sample.series.0));
        }
    }

    /// Adds a native histogram sample.
    fn append_histogram(
        &mut self,
        series: SeriesRef,
        labels: &Labels,
        timestamp: TimestampMs,
        histogram: &FloatHistogram,
    ) -> Result<SeriesRef, AppendError>;

    /// Adds a native histogram that came with integer counts, as applications count; a store may keep
    /// it in fewer bytes than one with float counts.
    fn append_integer_histogram(
        &mut self,
        series: SeriesRef,
        labels: &Labels,
        timestamp: TimestampMs,
        histogram: &FloatHistogram,
    ) -> Result<SeriesRef, AppendError> {
        self.append_histogram(series, labels, timestamp, histogram)
    }

    /// Says since when the sample added last counts; zero where that is not known. Stores that do
    /// not keep start times forget it.
    fn set_start(&mut self, _start: TimestampMs) {}

    /// Adds a zero at `start`, since when a series counts, before its sample of `timestamp` that comes
    /// next. It is passed over, and not counted as refused, where it would not be the newest sample of
    /// its series and older than that one. `labels` may be missing where `series` is a number;
    /// without them a series that the number does not lead to gets none. Stores that make no zeros do
    /// nothing.
    fn append_zero(
        &mut self,
        _series: SeriesRef,
        _labels: Option<&Labels>,
        _start: TimestampMs,
        _timestamp: TimestampMs,
    ) {
    }

    /// Whether exemplars are kept, so that it is worth reading them.
    fn wants_exemplars(&self) -> bool {
        false
    }

    /// Adds an exemplar to a series of this batch or an earlier one. One without a time has that of
    /// the sample added last. The newest one of its series may come again and is no error.
    fn append_exemplar(
        &mut self,
        series: SeriesRef,
        labels: &Labels,
        exemplar: &Exemplar,
    ) -> Result<(), AppendError>;

    /// Adds an exemplar to a series that has a sample in this batch, by its number.
    fn append_known_exemplar(
        &mut self,
        series: SeriesRef,
        _exemplar: &Exemplar,
    ) -> Result<(), AppendError> {
        Err(AppendError::UnknownSeries(series.0))
    }

    /// Records what the series' metric says of itself.
    fn update_metadata(
        &mut self,
        series: SeriesRef,
        labels: &Labels,
        metadata: &Metadata,
    ) -> Result<(), AppendError>;

    /// Makes the batch durable as the store promises, then visible.
    fn commit(self: Box<Self>) -> Result<(), StorageError>;

    /// Drops the batch.
    fn rollback(self: Box<Self>);
}
