//! Chunks: samples of one series as a few compressed bytes, exactly as Prometheus lays them out.
//!
//! One module per kind of sample, each pure functions between samples and bytes: [`xor`] for
//! floats, [`histogram`] for native histograms with integer or float counts. They share [`bits`];
//! [`columns`] is the fast way from bytes of floats to many samples.

pub mod bits;
pub mod columns;
pub mod histogram;
pub mod varbit;
pub mod xor;

use std::sync::Arc;

use server_storage::SampleColumns;

use histogram::{Count, HistogramReader};

/// How a chunk is laid out; the number stands before its bytes in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Floats.
    Xor = 1,
    /// Histograms with integer counts.
    Histogram = 2,
    /// Histograms with float counts.
    FloatHistogram = 3,
}

impl Encoding {
    /// The encoding with a number; `None` for those that are not known.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Encoding> {
        [Encoding::Xor, Encoding::Histogram, Encoding::FloatHistogram]
            .into_iter()
            .find(|encoding| *encoding as u8 == number)
    }
}

/// Why bytes are no chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// The bytes end inside sample number `sample`, counted from zero.
    #[error("chunk ends inside sample {sample}")]
    Short {
        /// Which sample.
        sample: u16,
    },
    /// A value claims more than 64 bits.
    #[error("chunk has an impossible bit window in sample {sample}")]
    Window {
        /// Which sample.
        sample: u16,
    },
    /// The spans of a histogram chunk end early, or claim buckets that its bytes cannot hold.
    #[error("histogram chunk has an impossible bucket layout")]
    Layout,
}

/// Appends the samples of a chunk that lie in `[start, end]` to columns.
pub fn read(
    encoding: Encoding,
    bytes: &[u8],
    start: i64,
    end: i64,
    columns: &mut SampleColumns,
) -> Result<(), ChunkError> {
    match encoding {
        Encoding::Xor => columns::decode(bytes, start, end, columns),
        Encoding::Histogram => read_histograms::<i64>(bytes, start, end, columns),
        Encoding::FloatHistogram => read_histograms::<f64>(bytes, start, end, columns),
    }
}

fn read_histograms<T: Count>(
    bytes: &[u8],
    start: i64,
    end: i64,
    columns: &mut SampleColumns,
) -> Result<(), ChunkError> {
    let mut reader = HistogramReader::<T>::new(bytes)?;
    while let Some(time) = reader.next_time()? {
        if time > end {
            break;
        }
        if time >= start {
            columns.push_histogram(time, Arc::new(reader.histogram().into_float()));
        }
    }
    Ok(())
}
