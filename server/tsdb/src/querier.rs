//! The read side: series by matchers, samples straight from chunks into columns.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use common_model::{Labels, Matcher, TimestampMs};
use server_storage::{
    Pieces, Querier, SampleColumns, SelectHints, SeriesSet, SetSize, StorageError, Watch,
};

use crate::blocks::BlockList;
use crate::chunk;
use crate::db::Inner;
use crate::head::{Page, matching, merge, page_of};
use crate::head_chunks::MappedChunk;

/// Series that are looked at to say how many of them have samples.
const PROBES: usize = 64;
/// Time between samples where the work ahead is estimated.
const ASSUMED_INTERVAL_MS: i64 = 15_000;

/// A view of the head between two times.
pub(crate) struct HeadQuerier {
    pub(crate) db: Arc<Inner>,
    /// The blocks that go with it: what moved to others since stays in the head meanwhile.
    pub(crate) view: BlockList,
    pub(crate) start: TimestampMs,
    pub(crate) end: TimestampMs,
    pub(crate) watch: Watch,
}

/// Series by number; labels come along where they had to be sorted.
pub(crate) struct HeadSeries {
    db: Arc<Inner>,
    /// As that of its querier.
    view: BlockList,
    /// In ascending order where there are no labels; shared by the parts of a set that was divided.
    ids: Arc<Vec<(u32, Option<Labels>)>>,
    /// Places among them that are left.
    left_ids: Range<usize>,
    page: Option<(u32, Arc<Page>)>,
    /// Chunks of the series at hand that are in files.
    mapped: Vec<MappedChunk>,
    start: TimestampMs,
    end: TimestampMs,
    labels_only: bool,
    left: usize,
    /// The labels that are looked at, where it is not all.
    wanted: Option<Arc<[String]>>,
}

impl HeadQuerier {
    fn series(&self, ids: Vec<(u32, Option<Labels>)>, hints: &SelectHints) -> HeadSeries {
        HeadSeries {
            db: self.db.clone(),
            view: self.view.clone(),
            left_ids: 0..ids.len(),
            ids: Arc::new(ids),
            page: None,
            mapped: Vec::new(),
            start: if hints.labels_only { self.start } else { self.start.max(hints.start) },
            end: if hints.labels_only { self.end } else { self.end.min(hints.end) },
            labels_only: hints.labels_only,
            left: if hints.limit == 0 { usize::MAX } else { hints.limit },
            wanted: hints.labels.clone(),
        }
    }

    /// Labels of the series that satisfy the matchers and have samples in the querier's time.
    pub(crate) fn each_labels(
        &self,
        matchers: &[Matcher],
        each: &mut dyn FnMut(&Labels),
    ) -> Result<(), StorageError> {
        let ids = matching(&self.db.head, matchers, &self.watch)?;
        let ids = ids.into_iter().map(|id| (id, None)).collect();
        let hints = SelectHints { labels_only: true, ..SelectHints::default() };
        let mut series = self.series(ids, &hints);
        while let Some((id, labels)) = series.step() {
            self.watch.check(series.len())?;
            if let Some(labels) = series.labels(id, labels) {
                each(&labels);
            }
        }
        Ok(())
    }
}

impl HeadSeries {
    fn page(&mut self, id: u32) -> Option<Arc<Page>> {
        if self.page.as_ref().is_none_or(|(number, _)| *number != page_of(id)) {
            self.page = Some((page_of(id), self.db.head.page(id)?));
        }
        self.page.as_ref().map(|(_, page)| page.clone())
    }

    /// The labels of a series whose chunks reach into the wanted time.
    fn labels(&mut self, id: u32, known: Option<Labels>) -> Option<Labels> {
        let page = self.page(id)?;
        let series = page.series.read();
        let series = series.get(id)?;
        let (first, last) = self.db.head.span_of(series)?;
        if first > self.end || last < self.start {
            return None;
        }
        if self.db.head.is_buried(id, first.max(self.start), last.min(self.end)) {
            return None;
        }
        // The page is locked, so the series and its symbols stay.
        Some(known.unwrap_or_else(|| self.db.head.labels(&series.labels)))
    }

    /// Appends the samples of a series that is still there, and says its labels if it has any.
    pub(crate) fn read(
        &mut self,
        id: u32,
        known: Option<Labels>,
        samples: &mut SampleColumns,
    ) -> Result<Option<Labels>, StorageError> {
        // Those in order win, and none of these becomes one: so they may be read first.
        let late = self.db.head.late_samples(id, (self.start, self.end))?;
        let Some(page) = self.page(id) else { return Ok(None) };
        let mut from = self.start;
        // Files are not read while the page is locked, and chunks may go there meanwhile.
        let series = loop {
            let series = page.series.read();
            let Some(found) = series.get(id) else { return Ok(None) };
            found.mapped_within(from, self.end, &mut self.mapped);
            if self.mapped.is_empty() {
                break series;
            }
            drop(series);
            from = self.read_files(id, from, samples)?;
        };
        let Some(series) = series.get(id) else { return Ok(None) };
        series
            .read(from, self.end, samples)
            .map_err(|error| StorageError::Corrupt(format!("series {id}: {error}")))?;
        merge(late, samples);
        self.db.head.bury(id, samples);
        if samples.is_empty() {
            return Ok(None);
        }
        let make = || self.db.head.some_labels(&series.labels, self.wanted.as_ref());
        Ok(Some(known.unwrap_or_else(make)))
    }
}

impl HeadSeries {
    /// Appends samples of chunks that are in files; says from which time on the others are.
    fn read_files(
        &mut self,
        id: u32,
        mut from: i64,
        samples: &mut SampleColumns,
    ) -> Result<i64, StorageError> {
        for chunk in self.mapped.drain(..) {
            let read =
                |encoding, bytes: &[u8]| chunk::read(encoding, bytes, from, self.end, samples);
            // One whose file went is too old for anybody.
            if let Some(Err(error)) = self.db.head.files.read(&chunk, read)? {
                return Err(StorageError::Corrupt(format!("series {id}: {error}")));
            }
            from = chunk.max_time.saturating_add(1);
        }
        Ok(from)
    }
}

/// What a merge with blocks needs.
impl HeadSeries {
    /// About how many of the series that are left have samples in the wanted time.
    fn reaching(&self) -> usize {
        let ids = self.rest();
        if ids.len() < PROBES {
            return ids.len();
        }
        let reaches = |id: u32| {
            let page = self.db.head.page(id)?;
            let (first, last) = self.db.head.span_of(page.series.read().get(id)?)?;
            (first <= self.end && last >= self.start).then_some(())
        };
        // Series that came and went lie together, so a few all over the list stand for the rest.
        let every = ids.len() / PROBES;
        let probes = ids.iter().step_by(every).take(PROBES);
        probes.filter(|(id, _)| reaches(*id).is_some()).count() * every
    }

    fn rest(&self) -> &[(u32, Option<Labels>)] {
        &self.ids[self.left_ids.clone()]
    }

    /// The number of the next series, and its labels where series are sorted.
    pub(crate) fn step(&mut self) -> Option<(u32, Option<Labels>)> {
        self.left_ids.next().map(|at| self.ids[at].clone())
    }

    /// How many series are left.
    pub(crate) fn len(&self) -> usize {
        self.left_ids.len()
    }

    /// The same series, for another reader.
    pub(crate) fn whole(&self) -> HeadSeries {
        self.part(self.left_ids.clone())
    }

    fn part(&self, left_ids: Range<usize>) -> HeadSeries {
        HeadSeries {
            db: self.db.clone(),
            view: self.view.clone(),
            ids: self.ids.clone(),
            wanted: self.wanted.clone(),
            left_ids,
            page: None,
            mapped: Vec::new(),
            ..*self
        }
    }

    /// The labels of the next series, where series are sorted.
    pub(crate) fn peek(&self) -> Option<&Labels> {
        self.rest().first()?.1.as_ref()
    }

    /// Leaves the next series out and says its number.
    pub(crate) fn take_id(&mut self) -> Option<u32> {
        self.step().map(|(id, _)| id)
    }

    /// Takes the next series, with its labels even where it has no samples.
    pub(crate) fn take(
        &mut self,
        samples: &mut SampleColumns,
    ) -> Result<Option<Labels>, StorageError> {
        let Some((id, labels)) = self.step() else { return Ok(None) };
        if !self.labels_only {
            self.read(id, labels.clone(), samples)?;
        }
        Ok(labels)
    }

    /// The number of the series with these labels, if it is one of these; `found` takes note.
    pub(crate) fn find(&self, labels: &Labels, found: &[AtomicBool]) -> Option<u32> {
        let id = self.db.head.find(labels)?;
        let at = self.rest().binary_search_by_key(&id, |(id, _)| *id).ok()?;
        found.get(at)?.store(true, Ordering::Relaxed);
        Some(id)
    }

    /// Takes out what was found, so that the rest can follow.
    pub(crate) fn leave_out(&mut self, found: &[AtomicBool]) {
        let rest =
            self.rest().iter().zip(found).filter(|(_, found)| !found.load(Ordering::Relaxed));
        self.ids = Arc::new(rest.map(|(id, _)| id.clone()).collect());
        self.left_ids = 0..self.ids.len();
    }
}

impl SeriesSet for HeadSeries {
    fn heap_bytes(&self) -> usize {
        let labels = self.rest().iter().filter_map(|(_, labels)| labels.as_ref());
        size_of_val(self.rest()) + labels.map(Labels::heap_bytes).sum::<usize>()
    }

    fn size(&self) -> SetSize {
        let (first, last) = self.db.head.whole_span();
        let seen = self.end.min(last).saturating_sub(self.start.max(first)).max(0);
        let each = (seen / ASSUMED_INTERVAL_MS) as usize + 1;
        let series = self.reaching();
        SetSize { series, samples: series.saturating_mul(each) }
    }

    fn split(&mut self, pieces: usize) -> Result<Option<Pieces>, StorageError> {
        if self.labels_only || self.left != usize::MAX {
            return Ok(None);
        }
        let Range { start, end } = std::mem::take(&mut self.left_ids);
        let size = (end - start).div_ceil(pieces.max(1)).max(1);
        let parts = (start..end).step_by(size).map(|from| {
            let part = self.part(from..end.min(from + size));
            Box::new(part) as Box<dyn SeriesSet>
        });
        Ok(Some(Pieces { parts: parts.collect(), last: None }))
    }

    fn next(&mut self, samples: &mut SampleColumns) -> Result<Option<Labels>, StorageError> {
        samples.clear();
        while self.left > 0
            && let Some((id, known)) = self.step()
        {
            let found = match self.labels_only {
                true => self.labels(id, known),
                false => self.read(id, known, samples)?,
            };
            if found.is_some() {
                self.left -= 1;
                return Ok(found);
            }
        }
        Ok(None)
    }
}

impl Querier for HeadQuerier {
    fn watch(&mut self, watch: Watch) {
        self.watch = watch;
    }

    fn select(
        &self,
        sorted: bool,
        hints: &SelectHints,
        matchers: &[Matcher],
    ) -> Result<Box<dyn SeriesSet>, StorageError> {
        Ok(Box::new(self.select_series(sorted, hints, matchers)?))
    }

    fn label_names(&self, matchers: &[Matcher], limit: usize) -> Result<Vec<String>, StorageError> {
        let mut names = BTreeSet::new();
        if matchers.is_empty() && self.covers_head() {
            let index = self.db.head.index.read();
            let symbols = self.db.head.symbols.read();
            names.extend(index.postings.names().map(|(name, _)| symbols.text(name).to_owned()));
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
        let mut values = BTreeSet::new();
        if matchers.is_empty() && self.covers_head() {
            let index = self.db.head.index.read();
            let symbols = self.db.head.symbols.read();
            if let Some(name) = symbols.find(name) {
                let found = index.postings.values(name);
                values.extend(found.map(|(value, _)| symbols.text(value).to_owned()));
            }
        } else {
            self.each_labels(matchers, &mut |labels| {
                if let Some(value) = labels.get(name).filter(|value| !values.contains(*value)) {
                    values.insert(value.to_owned());
                }
            })?;
        }
        Ok(limited(values, limit))
    }
}

impl HeadQuerier {
    /// Series that satisfy all matchers.
    pub(crate) fn select_series(
        &self,
        sorted: bool,
        hints: &SelectHints,
        matchers: &[Matcher],
    ) -> Result<HeadSeries, StorageError> {
        let ids = matching(&self.db.head, matchers, &self.watch)?;
        let mut series = self.series(Vec::new(), hints);
        let mut with_labels: Vec<(u32, Option<Labels>)> = Vec::with_capacity(ids.len());
        for (at, id) in ids.into_iter().enumerate() {
            self.watch.check(at)?;
            if !sorted {
                with_labels.push((id, None));
            } else if let Some(labels) = series.labels(id, None) {
                with_labels.push((id, Some(labels)));
            }
        }
        if sorted {
            with_labels.sort_by(|a, b| a.1.cmp(&b.1));
        }
        series.left_ids = 0..with_labels.len();
        series.ids = Arc::new(with_labels);
        Ok(series)
    }

    /// Whether the head has samples in a range of time.
    pub(crate) fn overlaps(&self, (start, end): (i64, i64)) -> bool {
        let (min, max) = self.db.head.whole_span();
        min <= end && start <= max
    }

    /// Whether every series of the head lies in the querier's time, so that none need be looked at.
    fn covers_head(&self) -> bool {
        let (min, max) = self.db.head.whole_span();
        self.start <= min && max <= self.end
    }
}

/// The first ones of sorted values, as many as the limit says; zero means all.
pub(crate) fn limited(values: impl IntoIterator<Item = String>, limit: usize) -> Vec<String> {
    let limit = if limit == 0 { usize::MAX } else { limit };
    values.into_iter().take(limit).collect()
}
