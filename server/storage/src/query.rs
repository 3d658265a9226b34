//! The read side: series by matchers, samples by columns.

use std::sync::Arc;

use common_model::{Labels, Matcher, TimestampMs};

use crate::{SampleColumns, StorageError, Watch};

/// Gives out queriers.
pub trait Queryable: Send + Sync {
    /// A consistent view of the samples in `[start, end]`, both ends included.
    fn querier(
        &self,
        start: TimestampMs,
        end: TimestampMs,
    ) -> Result<Box<dyn Querier>, StorageError>;
}

/// What the reader is going to do, so that the store can read less.
#[derive(Clone, Debug, Default)]
pub struct SelectHints {
    /// First time of interest; never before the querier's.
    pub start: TimestampMs,
    /// Last time of interest, included.
    pub end: TimestampMs,
    /// Only labels are wanted: the sample columns stay empty.
    pub labels_only: bool,
    /// At most that many series; zero means all.
    pub limit: usize,
    /// Names of the only labels that are looked at, sorted, where it is not all of them. Series may
    /// come without the others, so that several have the same labels; sets that are alike may share
    /// their memory.
    pub labels: Option<Arc<[String]>>,
}

/// A view of the store for one query.
pub trait Querier: Send + Sync {
    /// Ends searches with [`StorageError::Interrupted`] when nobody waits for them any more. Stores
    /// that find everything at once need not look.
    fn watch(&mut self, _watch: Watch) {}

    /// Series that satisfy all matchers and have, unless only labels are wanted, at least one
    /// sample between the hints' ends. `sorted` asks for ascending labels.
    fn select(
        &self,
        sorted: bool,
        hints: &SelectHints,
        matchers: &[Matcher],
    ) -> Result<Box<dyn SeriesSet>, StorageError>;

    /// Names of labels on series that satisfy all matchers, sorted; `limit` zero means all.
    fn label_names(&self, matchers: &[Matcher], limit: usize) -> Result<Vec<String>, StorageError>;

    /// Values of one label on series that satisfy all matchers, sorted; `limit` zero means all.
    fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        limit: usize,
    ) -> Result<Vec<String>, StorageError>;
}

/// Series one after the other.
pub trait SeriesSet: Send {
    /// Moves to the next series: clears `samples`, fills it with the samples between the hints'
    /// ends and returns the labels; `None` after the last series.
    fn next(&mut self, samples: &mut SampleColumns) -> Result<Option<Labels>, StorageError>;

    /// Bytes that the list of series takes, for memory budgets; zero where that is not known.
    fn heap_bytes(&self) -> usize {
        0
    }

    /// About what is left to be read; nothing where that is not known.
    fn size(&self) -> SetSize {
        SetSize::default()
    }

    /// Divides what is left into about so many pieces that can be read at the same time, and is
    /// empty then; `None`, and nothing has changed, where that cannot be done.
    fn split(&mut self, _pieces: usize) -> Result<Option<Pieces>, StorageError> {
        Ok(None)
    }
}

/// How much a [`SeriesSet`] has, estimated before it is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SetSize {
    /// Series, rather too few.
    pub series: usize,
    /// Samples that must be decoded for all of them.
    pub samples: usize,
}

/// A [`SeriesSet`] in pieces: read one after the other, and `last` at the end, they give what the
/// whole would have given, in the same order.
pub struct Pieces {
    /// May be read in any order and at the same time.
    pub parts: Vec<Box<dyn SeriesSet>>,
    /// Depends on what the others found, so it is read when they have been.
    pub last: Option<Box<dyn SeriesSet>>,
}
