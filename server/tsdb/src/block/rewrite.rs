//! Writing a block anew without the samples that were deleted from it.

use std::path::Path;
use std::sync::Arc;

use super::write::unfinished;
use super::{
    Block, BlockCompaction, BlockMeta, BlockParent, BlockWriter, EncodedChunk, OwnedChunk,
};
use crate::Error;
use crate::chunk::histogram::{AnyHistogram, Count, Histogram, HistogramReader};
use crate::chunk::xor::XorReader;
use crate::chunk::xor2::Xor2Reader;
use crate::chunk::{ChunkError, Encoding};
use crate::fs::Fs;
use crate::head::{Chunking, Series};
use crate::sample::{Sample, Stamped};

/// A chunk as it stands in the old block, or what is left of one.
pub(crate) enum Kept<'a> {
    Whole(EncodedChunk<'a>),
    Part(OwnedChunk),
}

impl Block {
    /// Whether samples were deleted from it.
    pub(crate) fn has_tombstones(&self) -> bool {
        !self.tombstones.is_empty()
    }

    /// Writes what is not deleted to a new block, which says that it replaces this one; `None` when
    /// nothing is left. An error leaves nothing behind, or a folder that the next start removes.
    pub(crate) fn rewrite(
        &self,
        fs: &Arc<dyn Fs>,
        dir: &Path,
        ulid: &str,
    ) -> Result<Option<BlockMeta>, Error> {
        let written = self.write_rest(fs, dir, ulid);
        if written.is_err() {
            // The error that was first is the one to tell.
            let _ = fs.remove_dir(&unfinished(dir, ulid));
        }
        written
    }

    fn write_rest(
        &self,
        fs: &Arc<dyn Fs>,
        dir: &Path,
        ulid: &str,
    ) -> Result<Option<BlockMeta>, Error> {
        let mut writer = BlockWriter::create(fs.clone(), dir, ulid)?;
        let mut buffer = Vec::new();
        for number in self.index.all().map_err(|flaw| self.index_error(flaw))? {
            let number = u32::from_be_bytes(*number);
            let kept = self.kept(number)?;
            if !kept.is_empty() {
                let chunks: Vec<_> = kept.iter().map(Kept::as_encoded).collect();
                writer.add_series(&self.labels(&self.entry(number)?, &mut buffer)?, &chunks)?;
            }
        }
        let BlockMeta { min_time, max_time, compaction, .. } = &self.meta;
        let (min_time, max_time) = (*min_time, *max_time);
        let is_partial = self.meta.is_partial();
        let compaction = BlockCompaction {
            level: 1,
            sources: vec![ulid.to_owned()],
            parents: vec![BlockParent { ulid: self.meta.ulid.clone(), min_time, max_time }],
            hints: if is_partial { compaction.hints.clone() } else { Vec::new() },
            ..BlockCompaction::default()
        };
        writer.finish(Some((min_time, max_time)), Some(compaction))
    }

    /// The chunks of a series without what is deleted.
    pub(crate) fn kept(&self, number: u32) -> Result<Vec<Kept<'_>>, Error> {
        let entry = self.entry(number)?;
        let none = Vec::new();
        let ranges = self.tombstones.get(&u64::from(number)).unwrap_or(&none);
        let mut kept = Vec::new();
        for chunk in self.index.chunks(&entry) {
            let chunk = chunk.map_err(|flaw| self.index_error(flaw))?;
            let (encoding, bytes) = self.chunk(chunk.reference)?;
            let whole = EncodedChunk {
                encoding,
                min_time: chunk.min_time,
                max_time: chunk.max_time,
                bytes,
            };
            let parts = without(&whole, ranges)
                .map_err(|error| self.corrupt_chunk(chunk.reference, error.to_string()))?;
            match parts {
                None => kept.push(Kept::Whole(whole)),
                Some(parts) => kept.extend(parts.into_iter().map(Kept::Part)),
            }
        }
        Ok(kept)
    }
}

impl Kept<'_> {
    pub(crate) fn as_encoded(&self) -> EncodedChunk<'_> {
        match self {
            Kept::Whole(chunk) => *chunk,
            Kept::Part(chunk) => chunk.as_encoded(),
        }
    }
}

/// What is left of a chunk when ranges of time (first and last) are deleted; `None` when they do not
/// touch it. A chunk whose encoding is not known is left as it is.
pub(crate) fn without(
    chunk: &EncodedChunk<'_>,
    ranges: &[(i64, i64)],
) -> Result<Option<Vec<OwnedChunk>>, ChunkError> {
    let touches = |range: &&(i64, i64)| range.0 <= chunk.max_time && chunk.min_time <= range.1;
    let ranges: Vec<(i64, i64)> = ranges.iter().filter(touches).copied().collect();
    let Some(encoding) = Encoding::from_number(chunk.encoding).filter(|_| !ranges.is_empty())
    else {
        return Ok(None);
    };
    let dead = |time: i64| ranges.iter().any(|(first, last)| (*first..=*last).contains(&time));
    let mut rest = Rest::default();
    each_sample(encoding, chunk.bytes, &mut |sample| {
        if !dead(sample.time) {
            rest.push(&sample);
        }
    })?;
    Ok(Some(rest.into_chunks().collect()))
}

/// Calls `each` with the samples of a chunk.
pub(crate) fn each_sample(
    encoding: Encoding,
    bytes: &[u8],
    each: &mut dyn FnMut(Stamped),
) -> Result<(), ChunkError> {
    let integers = AnyHistogram::Integer;
    let floats = AnyHistogram::Float;
    match encoding {
        Encoding::Xor => {
            let mut reader = XorReader::new(bytes);
            while let Some((time, value)) = reader.next_sample()? {
                each(Stamped { time, start: 0, sample: Sample::Float(value) });
            }
            Ok(())
        }
        Encoding::Xor2 => {
            let mut reader = Xor2Reader::new(bytes);
            while let Some((time, start, value)) = reader.next_sample()? {
                each(Stamped { time, start, sample: Sample::Float(value) });
            }
            Ok(())
        }
        Encoding::Histogram => each_histogram(HistogramReader::new(bytes)?, integers, each),
        Encoding::FloatHistogram => each_histogram(HistogramReader::new(bytes)?, floats, each),
        Encoding::HistogramStarts => {
            each_histogram(HistogramReader::with_starts(bytes)?, integers, each)
        }
        Encoding::FloatHistogramStarts => {
            each_histogram(HistogramReader::with_starts(bytes)?, floats, each)
        }
    }
}

fn each_histogram<T: Count>(
    mut reader: HistogramReader<'_, T>,
    any: fn(Histogram<T>) -> AnyHistogram,
    each: &mut dyn FnMut(Stamped),
) -> Result<(), ChunkError> {
    while let Some(time) = reader.next_time()? {
        let sample = Sample::Histogram(Box::new(any(reader.histogram())));
        each(Stamped { time, start: reader.start(), sample });
    }
    Ok(())
}

/// Samples that go into chunks again; chunks of a block end where the old one did, at the latest.
#[derive(Debug)]
pub(crate) struct Rest(Series);

impl Default for Rest {
    fn default() -> Rest {
        Rest(Series::new(0, Box::default(), false))
    }
}

impl Rest {
    /// Adds a sample that is newer than those before it; others are left out.
    pub(crate) fn push(&mut self, sample: &Stamped) {
        self.0.append_any(sample, Chunking::ANEW);
    }

    /// The chunks in order of time.
    pub(crate) fn into_chunks(self) -> impl Iterator<Item = OwnedChunk> {
        self.0.into_chunks().into_iter().map(OwnedChunk::from)
    }
}
