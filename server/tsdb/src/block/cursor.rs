//! Walks over the series of one block that a query wants.

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

use common_model::{Labels, Matcher};
use server_storage::{SampleColumns, SetSize, Watch};

use super::{Block, BlockMeta, KnownLabels, Projection, SeriesEntry};
use crate::Error;

/// A block as a query sees it. Blocks of the same class have the same symbols, so that their series
/// are compared by references.
#[derive(Clone, Debug)]
pub(crate) struct Classed {
    pub(crate) block: Arc<Block>,
    pub(crate) class: u32,
}

/// Stands at one series of a block.
#[derive(Debug)]
pub(crate) struct BlockCursor {
    source: Classed,
    /// Series in order of labels, shared by the parts of a cursor that was divided.
    numbers: Arc<Vec<u32>>,
    /// Place among the numbers behind the current one, and the end.
    next: usize,
    end: usize,
    /// Number, entry, and time of the first sample of its first chunk in the range.
    current: Option<(u32, SeriesEntry, i64)>,
    /// First and last time wanted.
    range: (i64, i64),
    /// The labels that are looked at, where it is not all, and what makes them.
    wanted: Option<Arc<[String]>>,
    projection: Option<Projection>,
    /// Where labels are remembered.
    known: Option<Arc<KnownLabels>>,
}

impl BlockCursor {
    /// Stands at the first series that satisfies the matchers and has a chunk in the range.
    pub(crate) fn new(
        source: Classed,
        matchers: &[Matcher],
        range: (i64, i64),
        watch: &Watch,
    ) -> Result<BlockCursor, Error> {
        let numbers = Arc::new(source.block.matching(matchers, watch)?);
        let end = numbers.len();
        let current = None;
        let (wanted, projection, known) = (None, None, None);
        let mut cursor = BlockCursor {
            source,
            numbers,
            next: 0,
            end,
            current,
            range,
            wanted,
            projection,
            known,
        };
        cursor.advance()?;
        Ok(cursor)
    }

    /// Makes only these labels from now on.
    pub(crate) fn project(mut self, names: Option<&Arc<[String]>>) -> BlockCursor {
        self.projection = names.and_then(|names| self.source.block.projection(names));
        self.wanted = names.cloned();
        self
    }

    /// Remembers labels there from now on, and takes what is known.
    pub(crate) fn remember(mut self, known: Option<&Arc<KnownLabels>>) -> BlockCursor {
        self.known = known.cloned();
        self
    }

    /// Bytes of the list of series.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.numbers.capacity() * size_of::<u32>()
    }

    /// Places of the current series and of those behind it.
    pub(crate) fn places(&self) -> Range<usize> {
        self.next - usize::from(self.current.is_some())..self.end
    }

    /// About how many series are left, and how many of their samples are in the range.
    pub(crate) fn size(&self) -> SetSize {
        let series = self.places().len();
        let BlockMeta { min_time, max_time, stats, .. } = self.source.block.meta();
        let whole = (max_time.saturating_sub(*min_time)).max(1) as f64;
        let seen = self.range.1.min(*max_time).saturating_sub(self.range.0.max(*min_time));
        let each = stats.num_samples as f64 / (stats.num_series as f64).max(1.0);
        SetSize { series, samples: (series as f64 * each * (seen as f64 / whole)) as usize }
    }

    /// Stands at the first of some places that has a chunk in the range.
    pub(crate) fn part(&self, places: Range<usize>) -> Result<BlockCursor, Error> {
        let (source, numbers) = (self.source.clone(), self.numbers.clone());
        let Range { start: next, end } = places;
        let (current, range) = (None, self.range);
        let (wanted, projection, known) = (None, None, self.known.clone());
        let mut part =
            BlockCursor { source, numbers, next, end, current, range, wanted, projection, known };
        part.advance()?;
        Ok(part.project(self.wanted.as_ref()))
    }

    /// The first place whose series does not come before the one at a place of another cursor.
    pub(crate) fn place_of(&self, other: &BlockCursor, at: usize) -> Result<usize, Error> {
        let (block, others) = (&self.source.block, &other.source.block);
        let wanted = others.entry(other.numbers[at])?;
        let order = |place: usize| {
            let entry = block.entry(self.numbers[place])?;
            let same_symbols = self.source.class == other.source.class;
            if same_symbols && block.same_references(&entry, (others, &wanted)) {
                return Ok(Ordering::Equal);
            }
            block.compare(&entry, (others, &wanted))
        };
        let (Range { start: mut low, end: mut high }, whole) = (self.places(), other.places());
        // Blocks mostly have the same series, so the place is about the same part of the way.
        let mut probe = low + (high - low) * (at - whole.start) / whole.len().max(1);
        let mut leap = 1;
        while low < high {
            let middle = low.midpoint(high);
            probe = probe.clamp(low, high - 1);
            match order(probe)? {
                Ordering::Equal => return Ok(probe),
                Ordering::Less => {
                    low = probe + 1;
                    probe = middle.max(low).min(low + leap);
                }
                Ordering::Greater => {
                    high = probe;
                    probe = middle.min(high).max(high.saturating_sub(leap + 1));
                }
            }
            leap *= 4;
        }
        Ok(low)
    }

    /// Goes on to the next series with a chunk in the range.
    pub(crate) fn advance(&mut self) -> Result<(), Error> {
        self.current = None;
        let block = &self.source.block;
        while self.next < self.end {
            let number = self.numbers[self.next];
            self.next += 1;
            let entry = block.entry(number)?;
            if let Some(first) = block.first_time(&entry, self.range.0, self.range.1)? {
                self.current = Some((number, entry, first));
                break;
            }
        }
        Ok(())
    }

    /// The number of the series.
    pub(crate) fn number(&self) -> Option<u32> {
        self.current.as_ref().map(|(number, ..)| *number)
    }

    /// Whether the last series is behind.
    pub(crate) fn is_done(&self) -> bool {
        self.current.is_none()
    }

    /// The order of two cursors' series by labels; one that is done comes last.
    pub(crate) fn compare(&self, other: &BlockCursor) -> Result<Ordering, Error> {
        let ((_, entry, _), (_, others, _)) = match (&self.current, &other.current) {
            (Some(one), Some(other)) => (one, other),
            (one, other) => return Ok(one.is_none().cmp(&other.is_none())),
        };
        let block = &self.source.block;
        let other = (&*other.source.block, others, other.source.class);
        if self.source.class == other.2 && block.same_references(entry, (other.0, other.1)) {
            return Ok(Ordering::Equal);
        }
        block.compare(entry, (other.0, other.1))
    }

    /// The labels of the series that are looked at.
    pub(crate) fn labels(&mut self, buffer: &mut Vec<u8>) -> Result<Labels, Error> {
        match (&self.current, &mut self.projection) {
            (Some((_, entry, _)), Some(projection)) => {
                self.source.block.some_labels(entry, projection, buffer)
            }
            _ => self.all_labels(buffer),
        }
    }

    /// The labels of the series.
    pub(crate) fn all_labels(&self, buffer: &mut Vec<u8>) -> Result<Labels, Error> {
        let Some((number, entry, _)) = &self.current else { return Ok(Labels::empty()) };
        let block = &self.source.block;
        let Some(known) = &self.known else { return block.labels(entry, buffer) };
        let key = (block.serial, *number);
        if let Some(labels) = known.get(key) {
            return Ok(labels);
        }
        let labels = block.labels(entry, buffer)?;
        known.put(key, &labels);
        Ok(labels)
    }

    /// Adds the samples of the series to those of earlier sources: at the same time this one wins.
    pub(crate) fn read(&self, columns: &mut SampleColumns, spare: &mut Spare) -> Result<(), Error> {
        let Some((number, entry, first)) = &self.current else { return Ok(()) };
        let block = &self.source.block;
        if columns.timestamps.last().is_none_or(|last| first > last) {
            return block.read(*number, entry, self.range, columns);
        }
        spare.one.clear();
        block.read(*number, entry, self.range, &mut spare.one)?;
        spare.merge_into(columns);
        Ok(())
    }
}

/// Columns for samples that overlap.
#[derive(Debug, Default)]
pub(crate) struct Spare {
    /// The later source's samples.
    pub(crate) one: SampleColumns,
    merged: SampleColumns,
}

impl Spare {
    /// Merges the later source's samples into `columns`; at the same time the later one wins.
    pub(crate) fn merge_into(&mut self, columns: &mut SampleColumns) {
        if columns.is_empty() {
            std::mem::swap(columns, &mut self.one);
            return;
        }
        let (old, new) = (&*columns, &self.one);
        let merged = &mut self.merged;
        merged.clear();
        if old.timestamps.last() < new.timestamps.first() {
            (0..new.len()).for_each(|at| push(columns, new, at));
            return;
        }
        let (mut i, mut j) = (0, 0);
        while i < old.len() || j < new.len() {
            let order = match (old.timestamps.get(i), new.timestamps.get(j)) {
                (Some(old), Some(new)) => old.cmp(new),
                (Some(_), None) => Ordering::Less,
                _ => Ordering::Greater,
            };
            if order.is_lt() {
                push(merged, old, i);
            } else {
                push(merged, new, j);
            }
            i += usize::from(order.is_le());
            j += usize::from(order.is_ge());
        }
        std::mem::swap(columns, merged);
    }
}

fn push(columns: &mut SampleColumns, from: &SampleColumns, at: usize) {
    match from.histogram(at) {
        Some(histogram) => columns.push_histogram(from.timestamps[at], histogram.clone()),
        None => columns.push(from.timestamps[at], from.values[at]),
    }
    columns.set_start(from.start(at).unwrap_or_default());
}
