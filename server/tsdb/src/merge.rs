//! A query over blocks and head: every series once, its samples in order of time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use common_model::{Labels, Matcher, TimestampMs};
use server_storage::{
    Pieces, Querier, SampleColumns, SelectHints, SeriesSet, SetSize, StorageError, Watch,
};

use crate::block::{Block, BlockCursor, Classed, KnownLabels, Spare};
use crate::blocks::classify;
use crate::querier::{HeadQuerier, HeadSeries, limited};

/// A view of blocks and, where there is one, the head between two times.
pub(crate) struct MergeQuerier {
    /// In order of time: of samples at the same time the last one wins.
    pub(crate) blocks: Vec<Classed>,
    pub(crate) head: Option<HeadQuerier>,
    pub(crate) start: TimestampMs,
    pub(crate) end: TimestampMs,
    pub(crate) watch: Watch,
    /// Where labels of blocks' series are remembered.
    pub(crate) known: Option<Arc<KnownLabels>>,
}

struct Merged {
    blocks: Vec<BlockCursor>,
    /// Which cursors stand at the series that is next, and its labels.
    group: Option<(Vec<usize>, Labels)>,
    /// An empty group to be used again.
    members: Vec<usize>,
    head: HeadSide,
    buffer: Vec<u8>,
    spare: Spare,
    labels_only: bool,
    left: usize,
    /// Whether series that only the head has are read here, after those of blocks.
    with_rest: bool,
}

/// How the head's series meet those of the blocks.
enum HeadSide {
    None,
    /// Both in order of labels.
    Sorted(HeadSeries),
    /// Found by hash: cheaper than sorting. Which of the head's series were found already.
    Hashed(HeadSeries, Arc<[AtomicBool]>),
}

/// A view of blocks alone, for tools that look at a directory without opening a database. Blocks
/// must be in order of time, as [`crate::open_blocks`] gives them.
#[must_use]
pub fn block_querier(
    blocks: Vec<Arc<Block>>,
    start: TimestampMs,
    end: TimestampMs,
) -> Box<dyn Querier> {
    Box::new(MergeQuerier {
        blocks: classify(blocks),
        head: None,
        start,
        end,
        watch: Watch::default(),
        known: None,
    })
}

impl MergeQuerier {
    fn cursors(
        &self,
        matchers: &[Matcher],
        range: (i64, i64),
    ) -> Result<Vec<BlockCursor>, StorageError> {
        let mut cursors = Vec::with_capacity(self.blocks.len());
        for source in &self.blocks {
            if source.block.meta().overlaps(range.0, range.1) {
                let cursor = BlockCursor::new(source.clone(), matchers, range, &self.watch)?;
                // Where it was interrupted the list is not whole.
                self.watch.check(0)?;
                if !cursor.is_done() {
                    cursors.push(cursor.remember(self.known.as_ref()));
                }
            }
        }
        Ok(cursors)
    }

    /// Labels of the series that satisfy the matchers and have samples in the querier's time.
    fn each_labels(
        &self,
        matchers: &[Matcher],
        each: &mut dyn FnMut(&Labels),
    ) -> Result<(), StorageError> {
        let mut buffer = Vec::new();
        let mut seen = 0;
        for mut cursor in self.cursors(matchers, (self.start, self.end))? {
            while !cursor.is_done() {
                seen += 1;
                self.watch.check(seen)?;
                each(&cursor.labels(&mut buffer)?);
                cursor.advance()?;
            }
        }
        if let Some(head) = &self.head {
            head.each_labels(matchers, each)?;
        }
        Ok(())
    }
}

impl Querier for MergeQuerier {
    fn watch(&mut self, watch: Watch) {
        if let Some(head) = &mut self.head {
            head.watch(watch.clone());
        }
        self.watch = watch;
    }

    fn select(
        &self,
        sorted: bool,
        hints: &SelectHints,
        matchers: &[Matcher],
    ) -> Result<Box<dyn SeriesSet>, StorageError> {
        let range = match hints.labels_only {
            true => (self.start, self.end),
            false => (self.start.max(hints.start), self.end.min(hints.end)),
        };
        let names = hints.labels.as_ref();
        let cursors = self.cursors(matchers, range)?.into_iter();
        let blocks: Vec<_> = cursors.map(|cursor| cursor.project(names)).collect();
        let head = match &self.head {
            Some(head) if blocks.is_empty() => return head.select(sorted, hints, matchers),
            Some(head) if head.overlaps(range) => {
                let series = head.select_series(sorted, hints, matchers)?;
                match sorted {
                    true => HeadSide::Sorted(series),
                    false => {
                        let found = (0..series.len()).map(|_| AtomicBool::new(false)).collect();
                        HeadSide::Hashed(series, found)
                    }
                }
            }
            _ => HeadSide::None,
        };
        Ok(Box::new(Merged {
            blocks,
            group: None,
            members: Vec::new(),
            head,
            buffer: Vec::new(),
            spare: Spare::default(),
            labels_only: hints.labels_only,
            left: if hints.limit == 0 { usize::MAX } else { hints.limit },
            with_rest: true,
        }))
    }

    fn label_names(&self, matchers: &[Matcher], limit: usize) -> Result<Vec<String>, StorageError> {
        let mut names = BTreeSet::new();
        if matchers.is_empty() {
            // As the original: all names of a block that overlaps, whatever the series' own times.
            for source in self.overlapping() {
                names.extend(source.block.label_names().map(|(name, _)| name.to_owned()));
            }
            if let Some(head) = &self.head {
                names.extend(head.label_names(&[], 0)?);
            }
        } else {
            self.each_labels(matchers, &mut |labels| {
                for (name, _) in labels {
                    if !names.contains(name) {
                        names.insert(name.to_owned());
                    }
                }
            })?;
        }
        Ok(limited(names, limit))
    }

    fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        limit: usize,
    ) -> Result<Vec<String>, StorageError> {
        if matchers.is_empty() {
            return Ok(limited(self.all_values(name)?, limit));
        }
        let mut values = BTreeSet::new();
        self.each_labels(matchers, &mut |labels| {
            if let Some(value) = labels.get(name).filter(|value| !values.contains(*value)) {
                values.insert(value.to_owned());
            }
        })?;
        Ok(limited(values, limit))
    }
}

impl MergeQuerier {
    /// All values of a label, sorted. Blocks mostly have the same ones, in the same order.
    fn all_values(&self, name: &str) -> Result<Vec<String>, StorageError> {
        let mut known: Vec<String> = Vec::new();
        for source in self.overlapping() {
            let (mut at, mut fresh) = (0, Vec::new());
            source.block.each_value(name, &mut |value| {
                while known.get(at).is_some_and(|known| known.as_str() < value) {
                    at += 1;
                }
                if known.get(at).is_none_or(|known| known != value) {
                    fresh.push(value.to_owned());
                }
            })?;
            known.append(&mut fresh);
            known.sort();
        }
        if let Some(head) = &self.head {
            known.extend(head.label_values(name, &[], 0)?);
            known.sort();
            known.dedup();
        }
        Ok(known)
    }

    fn overlapping(&self) -> impl Iterator<Item = &Classed> {
        self.blocks.iter().filter(|source| source.block.meta().overlaps(self.start, self.end))
    }
}

impl Merged {
    fn part(blocks: Vec<BlockCursor>, head: HeadSide, with_rest: bool) -> Merged {
        Merged {
            blocks,
            group: None,
            members: Vec::new(),
            head,
            buffer: Vec::new(),
            spare: Spare::default(),
            labels_only: false,
            left: usize::MAX,
            with_rest,
        }
    }

    /// Pieces of the series that blocks have, divided where the one with most is.
    fn parts(&self, pieces: usize) -> Result<Vec<Box<dyn SeriesSet>>, StorageError> {
        let mut parts: Vec<Box<dyn SeriesSet>> = Vec::with_capacity(pieces);
        let Some(lead) = self.blocks.iter().max_by_key(|cursor| cursor.places().len()) else {
            return Ok(parts);
        };
        let whole = lead.places();
        let mut from: Vec<usize> = self.blocks.iter().map(|cursor| cursor.places().start).collect();
        for piece in 1..=pieces {
            let cut = whole.start + whole.len() * piece / pieces;
            let mut blocks = Vec::with_capacity(self.blocks.len());
            for (cursor, from) in self.blocks.iter().zip(&mut from) {
                let to = match piece == pieces {
                    true => cursor.places().end,
                    false => cursor.place_of(lead, cut)?.max(*from),
                };
                let part = cursor.part(std::mem::replace(from, to)..to)?;
                if !part.is_done() {
                    blocks.push(part);
                }
            }
            let head = match &self.head {
                HeadSide::Hashed(head, found) => HeadSide::Hashed(head.whole(), found.clone()),
                _ => HeadSide::None,
            };
            if !blocks.is_empty() {
                parts.push(Box::new(Merged::part(blocks, head, false)));
            }
        }
        Ok(parts)
    }

    /// Finds the first series by labels among the cursors and who stands at it.
    fn gather(&mut self) -> Result<(), StorageError> {
        if self.group.is_some() {
            return Ok(());
        }
        let mut group = std::mem::take(&mut self.members);
        group.clear();
        for (at, cursor) in self.blocks.iter().enumerate().filter(|(_, c)| !c.is_done()) {
            let order = match group.first() {
                Some(&first) => cursor.compare(&self.blocks[first])?,
                None => std::cmp::Ordering::Equal,
            };
            if order.is_lt() {
                group.clear();
            }
            if order.is_le() {
                group.push(at);
            }
        }
        if let Some(&first) = group.first() {
            let cursor = &mut self.blocks[first];
            let labels = match self.head {
                HeadSide::None => cursor.labels(&mut self.buffer)?,
                // By which the head is asked for the series.
                _ => cursor.all_labels(&mut self.buffer)?,
            };
            self.group = Some((group, labels));
        }
        Ok(())
    }

    /// Reads the group's samples and lets its cursors go on.
    fn read_group(
        &mut self,
        group: &[usize],
        samples: &mut SampleColumns,
    ) -> Result<(), StorageError> {
        for &at in group {
            let cursor = &mut self.blocks[at];
            if !self.labels_only {
                cursor.read(samples, &mut self.spare)?;
            }
            cursor.advance()?;
        }
        Ok(())
    }

    /// The next series that only the head has, after all those of blocks.
    fn rest(&mut self, samples: &mut SampleColumns) -> Result<Option<Labels>, StorageError> {
        if !self.with_rest {
            return Ok(None);
        }
        self.head = match std::mem::replace(&mut self.head, HeadSide::None) {
            HeadSide::Hashed(mut head, found) => {
                head.leave_out(&found);
                HeadSide::Sorted(head)
            }
            other => other,
        };
        match &mut self.head {
            HeadSide::Sorted(head) => head.next(samples),
            _ => Ok(None),
        }
    }

    /// The next series, with or without samples.
    fn step(&mut self, samples: &mut SampleColumns) -> Result<Option<Labels>, StorageError> {
        self.gather()?;
        let Some((group, labels)) = self.group.take() else { return self.rest(samples) };
        let mut in_head = None;
        match &mut self.head {
            HeadSide::None => {}
            HeadSide::Sorted(head) => match head.peek().map(|next| next.cmp(&labels)) {
                Some(std::cmp::Ordering::Less) => {
                    self.group = Some((group, labels));
                    return head.take(samples);
                }
                Some(std::cmp::Ordering::Equal) => in_head = head.take_id(),
                _ => {}
            },
            HeadSide::Hashed(head, found) => in_head = head.find(&labels, found),
        }
        self.read_group(&group, samples)?;
        self.members = group;
        if let (Some(id), HeadSide::Sorted(head) | HeadSide::Hashed(head, _), false) =
            (in_head, &mut self.head, self.labels_only)
        {
            self.spare.one.clear();
            head.read(id, Some(labels.clone()), &mut self.spare.one)?;
            if !self.spare.one.is_empty() {
                self.spare.merge_into(samples);
            }
        }
        Ok(Some(labels))
    }
}

impl SeriesSet for Merged {
    fn heap_bytes(&self) -> usize {
        let head = match &self.head {
            HeadSide::None => 0,
            HeadSide::Sorted(head) => head.heap_bytes(),
            HeadSide::Hashed(head, found) => head.heap_bytes() + found.len(),
        };
        head + self.blocks.iter().map(BlockCursor::heap_bytes).sum::<usize>()
    }

    fn size(&self) -> SetSize {
        let mut size = match &self.head {
            HeadSide::None => SetSize::default(),
            HeadSide::Sorted(head) | HeadSide::Hashed(head, _) => head.size(),
        };
        for block in self.blocks.iter().map(BlockCursor::size) {
            // Mostly they are the same series.
            size.series = size.series.max(block.series);
            size.samples = size.samples.saturating_add(block.samples);
        }
        size
    }

    fn split(&mut self, pieces: usize) -> Result<Option<Pieces>, StorageError> {
        let divisible = !self.labels_only && self.left == usize::MAX;
        if !divisible || matches!(self.head, HeadSide::Sorted(_)) {
            return Ok(None);
        }
        let parts = self.parts(pieces)?;
        self.group = None;
        self.blocks.clear();
        let last = match std::mem::replace(&mut self.head, HeadSide::None) {
            HeadSide::None => None,
            head => Some(Box::new(Merged::part(Vec::new(), head, true)) as Box<dyn SeriesSet>),
        };
        Ok(Some(Pieces { parts, last }))
    }

    fn next(&mut self, samples: &mut SampleColumns) -> Result<Option<Labels>, StorageError> {
        samples.clear();
        while self.left > 0 {
            let Some(labels) = self.step(samples)? else { return Ok(None) };
            if self.labels_only || !samples.is_empty() {
                self.left -= 1;
                return Ok(Some(labels));
            }
        }
        Ok(None)
    }
}
