//! Chunks: samples of one series as a few compressed bytes, exactly as Prometheus lays them out.
//!
//! One module per kind of sample, each pure functions between samples and bytes: [`xor`] and [`xor2`]
//! for floats, [`histogram`] for native histograms with integer or float counts. They share [`bits`],
//! and [`starts`] where samples have a start; [`columns`] is the fast way from bytes of floats to
//! many samples.

pub mod bits;
pub mod columns;
pub mod histogram;
mod starts;
pub mod varbit;
pub mod xor;
pub mod xor2;

use std::sync::Arc;

use server_storage::SampleColumns;

use histogram::{Count, HistogramReader};
use xor2::Xor2Reader;

/// How a chunk is laid out; the number stands before its bytes in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Floats.
    Xor = 1,
    /// Histograms with integer counts.
    Histogram = 2,
    /// Histograms with float counts.
    FloatHistogram = 3,
    /// Floats in fewer bits, with or without starts.
    Xor2 = 4,
    /// Histograms with integer counts and starts.
    HistogramStarts = 5,
    /// Histograms with float counts and starts.
    FloatHistogramStarts = 6,
}

const ENCODINGS: [Encoding; 6] = [
    Encoding::Xor,
    Encoding::Histogram,
    Encoding::FloatHistogram,
    Encoding::Xor2,
    Encoding::HistogramStarts,
    Encoding::FloatHistogramStarts,
];

impl Encoding {
    /// The encoding with a number; `None` for those that are not known.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Encoding> {
        ENCODINGS.into_iter().find(|encoding| *encoding as u8 == number)
    }

    /// Whether its samples are floats; otherwise they are histograms.
    #[must_use]
    pub fn has_floats(self) -> bool {
        matches!(self, Encoding::Xor | Encoding::Xor2)
    }

    /// Whether there is room for the starts of samples.
    #[must_use]
    pub fn has_starts(self) -> bool {
        matches!(self, Encoding::Xor2 | Encoding::HistogramStarts | Encoding::FloatHistogramStarts)
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

/// How many samples a chunk says it has.
#[must_use]
pub fn samples(encoding: Encoding, bytes: &[u8]) -> u16 {
    match encoding {
        Encoding::HistogramStarts | Encoding::FloatHistogramStarts => {
            xor::count(bytes) & histogram::STARTS_SAMPLES_MAX
        }
        _ => xor::count(bytes),
    }
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
        Encoding::Histogram => {
            read_histograms(HistogramReader::<i64>::new(bytes)?, start, end, columns)
        }
        Encoding::FloatHistogram => {
            read_histograms(HistogramReader::<f64>::new(bytes)?, start, end, columns)
        }
        Encoding::Xor2 => read_xor2(bytes, start, end, columns),
        Encoding::HistogramStarts => {
            read_histograms(HistogramReader::<i64>::with_starts(bytes)?, start, end, columns)
        }
        Encoding::FloatHistogramStarts => {
            read_histograms(HistogramReader::<f64>::with_starts(bytes)?, start, end, columns)
        }
    }
}

fn read_xor2(
    bytes: &[u8],
    start: i64,
    end: i64,
    columns: &mut SampleColumns,
) -> Result<(), ChunkError> {
    let mut reader = Xor2Reader::new(bytes);
    while let Some((time, counts_since, value)) = reader.next_sample()? {
        if time > end {
            break;
        }
        if time >= start {
            columns.push(time, value);
            columns.set_start(counts_since);
        }
    }
    Ok(())
}

fn read_histograms<T: Count>(
    mut reader: HistogramReader<'_, T>,
    start: i64,
    end: i64,
    columns: &mut SampleColumns,
) -> Result<(), ChunkError> {
    while let Some(time) = reader.next_time()? {
        if time > end {
            break;
        }
        if time >= start {
            columns.push_histogram(time, Arc::new(reader.histogram().into_float()));
            columns.set_start(reader.start());
        }
    }
    Ok(())
}
