//! The chunk of a series that is being written: floats, or histograms of one kind.

use common_model::{CounterReset, is_stale_marker};

use crate::chunk::Encoding;
use crate::chunk::histogram::{AnyHistogram, Count, Fit, Histogram, HistogramWriter};
use crate::chunk::xor::XorWriter;
use crate::chunk::xor2::Xor2Writer;

/// Bytes a chunk of histograms is meant to have.
const HISTOGRAM_CHUNK_BYTES: usize = 1024;
/// A chunk of histograms has that many however large they are, unless its range ends.
const HISTOGRAM_CHUNK_SAMPLES_MIN: u16 = 10;

/// The chunk that is being written. Series of floats pay nothing for the histograms of others.
#[derive(Debug)]
pub(crate) enum Open {
    Float(XorWriter),
    /// Floats that say since when they count.
    Started(Box<Xor2Writer>),
    Histogram(Box<OpenHistogram>),
}

/// An open chunk of histograms.
#[derive(Debug)]
pub(crate) struct OpenHistogram {
    writer: AnyWriter,
    /// Whether the end of the chunk was foretold from its size.
    foretold: bool,
}

#[derive(Debug)]
enum AnyWriter {
    Integer(HistogramWriter<i64>),
    Float(HistogramWriter<f64>),
}

/// Does the same with either kind of writer.
macro_rules! each {
    ($any:expr, $writer:ident => $act:expr) => {
        match $any {
            AnyWriter::Integer($writer) => $act,
            AnyWriter::Float($writer) => $act,
        }
    };
}

impl Default for Open {
    fn default() -> Open {
        Open::Float(XorWriter::default())
    }
}

impl Open {
    pub(super) fn count(&self) -> u16 {
        match self {
            Open::Float(writer) => writer.count(),
            Open::Started(writer) => writer.count(),
            Open::Histogram(open) => each!(&open.writer, writer => writer.samples()),
        }
    }

    pub(super) fn last_time(&self) -> i64 {
        match self {
            Open::Float(writer) => writer.last_time(),
            Open::Started(writer) => writer.last_time(),
            Open::Histogram(open) => each!(&open.writer, writer => writer.last_time()),
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Open::Float(writer) => writer.bytes(),
            Open::Started(writer) => writer.bytes(),
            Open::Histogram(open) => each!(&open.writer, writer => writer.bytes()),
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        match self {
            Open::Float(writer) => writer.heap_bytes(),
            Open::Started(writer) => size_of::<Xor2Writer>() + writer.heap_bytes(),
            Open::Histogram(open) => {
                size_of::<OpenHistogram>() + each!(&open.writer, writer => writer.heap_bytes())
            }
        }
    }

    pub(crate) fn encoding(&self) -> Encoding {
        match self {
            Open::Float(_) => Encoding::Xor,
            Open::Started(_) => Encoding::Xor2,
            Open::Histogram(open) => each!(&open.writer, writer => writer.encoding()),
        }
    }

    /// Whether the newest sample says that the series ended.
    pub(super) fn is_stale(&self) -> bool {
        match self {
            Open::Float(writer) => is_stale_marker(writer.last_value()),
            Open::Started(writer) => is_stale_marker(writer.last_value()),
            Open::Histogram(open) => each!(&open.writer, writer => writer.is_stale()),
        }
    }

    /// Gives the bytes of the chunk away and starts an empty one.
    pub(super) fn finish(&mut self) -> Box<[u8]> {
        match std::mem::take(self) {
            Open::Float(mut writer) => writer.finish(),
            Open::Started(mut writer) => writer.finish(),
            Open::Histogram(open) => each!(open.writer, writer => writer.finish()),
        }
    }

    /// Whether the newest sample is this histogram.
    pub(super) fn ends_with(&self, histogram: &AnyHistogram) -> bool {
        let Open::Histogram(open) = self else { return false };
        match (&open.writer, histogram) {
            (AnyWriter::Integer(writer), AnyHistogram::Integer(h)) => writer.last().same_counts(h),
            (AnyWriter::Float(writer), AnyHistogram::Float(h)) => writer.last().same_counts(h),
            _ => false,
        }
    }

    /// Starts a chunk of histograms. `continues` says that the chunk before, `self`, was ended for
    /// its size alone, so that it is known whether there was a reset between the two.
    pub(super) fn begin(
        &self,
        times: (i64, i64),
        histogram: &AnyHistogram,
        continues: bool,
    ) -> Open {
        let (before, foretold) = match self {
            Open::Histogram(open) => (Some(&open.writer), open.foretold),
            Open::Float(_) | Open::Started(_) => (None, false),
        };
        let writer = match histogram {
            AnyHistogram::Integer(h) => {
                let before = before.and_then(|writer| match writer {
                    AnyWriter::Integer(writer) => Some(writer),
                    AnyWriter::Float(_) => None,
                });
                AnyWriter::Integer(begin(header(before, h, continues), times, h))
            }
            AnyHistogram::Float(h) => {
                let before = before.and_then(|writer| match writer {
                    AnyWriter::Float(writer) => Some(writer),
                    AnyWriter::Integer(_) => None,
                });
                AnyWriter::Float(begin(header(before, h, continues), times, h))
            }
        };
        let mut next = Open::Histogram(Box::new(OpenHistogram { writer, foretold: false }));
        let same = self.encoding() == next.encoding();
        if let Open::Histogram(next) = &mut next {
            // As Prometheus has it: behind a reset no end is foretold again.
            next.foretold = foretold && same && !continues;
        }
        next
    }
}

/// What the head of a new chunk says of resets.
fn header<T: Count>(
    before: Option<&HistogramWriter<T>>,
    first: &Histogram<T>,
    continues: bool,
) -> CounterReset {
    if matches!(first.counter_reset, CounterReset::Gauge | CounterReset::Reset) {
        return first.counter_reset;
    }
    match before.map(|writer| writer.fit(first)) {
        Some(Fit::Apart { reset: true }) => CounterReset::Reset,
        Some(_) if continues => CounterReset::NotReset,
        _ => CounterReset::Unknown,
    }
}

impl OpenHistogram {
    fn bytes_len(&self) -> usize {
        each!(&self.writer, writer => writer.bytes().len())
    }

    /// Adds a histogram if it belongs into this chunk; says whether it did.
    pub(super) fn try_append(&mut self, times: (i64, i64), histogram: &AnyHistogram) -> bool {
        match (&mut self.writer, histogram) {
            (AnyWriter::Integer(writer), AnyHistogram::Integer(h)) => try_append(writer, times, h),
            (AnyWriter::Float(writer), AnyHistogram::Float(h)) => try_append(writer, times, h),
            _ => false,
        }
    }

    pub(super) fn last_time(&self) -> i64 {
        each!(&self.writer, writer => writer.last_time())
    }

    /// How many times as large the chunk is to become; said once, when it has a quarter of its size.
    pub(super) fn foretell(&mut self) -> Option<f64> {
        let bytes = self.bytes_len();
        if self.foretold || bytes < HISTOGRAM_CHUNK_BYTES / 4 {
            return None;
        }
        self.foretold = true;
        Some(HISTOGRAM_CHUNK_BYTES as f64 / bytes as f64)
    }

    /// Whether the chunk is to end before `time`; `cut_at` is its foretold end, `range_end` that of
    /// its range.
    pub(super) fn is_full(&self, time: i64, cut_at: i64, range_end: i64) -> bool {
        let samples = each!(&self.writer, writer => writer.samples());
        (time >= cut_at || self.bytes_len() >= 2 * HISTOGRAM_CHUNK_BYTES)
            && (samples >= HISTOGRAM_CHUNK_SAMPLES_MIN || time >= range_end)
    }
}

/// A chunk with its first histogram; one that says since when it counts has room for that.
fn begin<T: Count>(
    header: CounterReset,
    (time, start): (i64, i64),
    first: &Histogram<T>,
) -> HistogramWriter<T> {
    match start {
        0 => HistogramWriter::begin(header, time, first),
        start => HistogramWriter::begin_with_start(header, time, start, first),
    }
}

fn try_append<T: Count>(
    writer: &mut HistogramWriter<T>,
    (time, start): (i64, i64),
    h: &Histogram<T>,
) -> bool {
    let fit = writer.fit(h);
    if matches!(fit, Fit::Apart { .. }) || start != 0 && !writer.encoding().has_starts() {
        return false;
    }
    writer.append_with_start(&fit, time, start, h);
    true
}
