//! The seam between those who write samples and those who ask for them.
//!
//! Scrapes and rules write through [`Appender`]; queries read through [`Querier`]. Neither knows
//! what keeps the samples: `server-tsdb` does in the product, [`memory::MemoryStore`] in tests.
//!
//! Reading is by columns: a [`SeriesSet`] hands out one series after the other and decodes its
//! samples straight into buffers the caller owns and reuses, one virtual call a series.

pub mod memory;

mod append;
mod columns;
mod error;
mod exemplars;
mod query;
mod watch;

pub use append::{Appendable, Appender, NumberedSample, SeriesRef};
pub use columns::SampleColumns;
pub use error::{AppendError, StorageError};
pub use exemplars::{ExemplarQuerier, SeriesExemplars, StoredExemplar};
pub use query::{Pieces, Querier, Queryable, SelectHints, SeriesSet, SetSize};
pub use watch::{GoOn, Watch};
