//! A batch of samples on its way into the log and the head.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use common_model::{Exemplar, FloatHistogram, Labels, Metadata, TimestampMs};
use server_storage::{AppendError, Appender, SeriesRef, StorageError};

use crate::db::Inner;
use crate::exemplars::PendingExemplars;
use crate::head::{Appended, Page, Place, Series, page_of};
use crate::wal::count;
use crate::wal::record::{self, RefSample};
use crate::wal::writer::Record;

/// Samples in one record of the log; a larger batch makes several.
const RECORD_SAMPLES: usize = 1 << 16;
/// Attempts to find a series that truncation keeps removing; it cannot win against one that was
/// just made, since that has a sample pending.
const LOOKUPS_MAX: usize = 8;

/// Collects one batch.
pub(crate) struct Batch {
    db: Arc<Inner>,
    samples: Vec<RefSample>,
    /// Series the log may not know yet.
    unlogged: Vec<u32>,
    /// Series and numbers of metadata.
    metadata: Vec<(u32, u32)>,
    exemplars: PendingExemplars,
    /// Time of the sample that came last, which stands for that of its exemplars.
    sample_time: i64,
    /// Samples before this are refused; fixed by the first one.
    min_time: Option<i64>,
    page: Option<(u32, Arc<Page>)>,
}

impl Batch {
    pub(crate) fn new(db: Arc<Inner>) -> Batch {
        Batch {
            db,
            samples: Vec::new(),
            unlogged: Vec::new(),
            metadata: Vec::new(),
            exemplars: PendingExemplars::default(),
            sample_time: 0,
            min_time: None,
            page: None,
        }
    }

    /// The oldest time that is taken: not what was truncated away, and not far behind the newest.
    fn bound(&mut self, time: i64) -> i64 {
        let head = &self.db.head;
        *self.min_time.get_or_insert_with(|| {
            let newest = head.max_time.load(Ordering::Acquire);
            let newest = if newest == i64::MIN { time } else { newest };
            let window = newest.saturating_sub(head.chunk_range_ms / 2);
            window.max(head.min_valid_time.load(Ordering::Acquire))
        })
    }

    /// Calls `act` with a series, remembering its page: a scrape's series are neighbours.
    fn with<T>(&mut self, id: u32, act: impl FnOnce(&mut Series) -> T) -> Option<T> {
        let number = page_of(id);
        if let Some((cached, page)) = &self.page
            && *cached == number
            && let Some(series) = page.series.write().get_mut(id)
        {
            return Some(act(series));
        }
        let page = self.db.head.page(id)?;
        let result = page.series.write().get_mut(id).map(act);
        self.page = Some((number, page));
        result
    }

    /// Takes a sample if its series exists.
    fn offer(&mut self, id: u32, time: i64, value: f64) -> Option<Result<(), AppendError>> {
        let place = self.with(id, |series| {
            let place = series.place(time, value);
            if place == Place::Newest {
                series.pending += 1;
            }
            (place, series.logged)
        });
        let counters = &self.db.head.counters;
        Some(match place? {
            (Place::Newest, logged) => {
                if !logged {
                    self.unlogged.push(id);
                }
                self.samples.push(RefSample { series: u64::from(id), time, value });
                Ok(())
            }
            (Place::Same, _) => Ok(()),
            (Place::Conflict, _) => {
                count(&counters.duplicates, 1);
                Err(AppendError::Duplicate)
            }
            (Place::Older, _) => {
                count(&counters.out_of_order, 1);
                Err(AppendError::OutOfOrder)
            }
        })
    }

    /// Finds or makes the series with these labels.
    fn series(&mut self, labels: &Labels) -> Result<u32, AppendError> {
        let head = &self.db.head;
        if let Some(id) = head.find(labels) {
            return Ok(id);
        }
        check_labels(labels)?;
        let max = self.db.options.series_max;
        match head.get_or_create(labels, None, max) {
            Some((id, _)) => Ok(id),
            None => {
                count(&head.counters.limit_refused, 1);
                Err(AppendError::Limit(format!("{max} series in memory")))
            }
        }
    }

    /// Undoes the reservations of samples that are not going to be applied.
    fn release(&mut self) {
        for sample in std::mem::take(&mut self.samples) {
            // Numbers in a batch come from `u32`s.
            self.with(sample.series as u32, |series| series.pending -= 1);
        }
        self.metadata.clear();
        self.exemplars.clear();
        self.unlogged.clear();
    }

    fn sample_records(&self) -> Vec<Record> {
        let mut plain = Vec::new();
        let chunks = self.samples.chunks(RECORD_SAMPLES);
        chunks
            .map(|samples| {
                plain.clear();
                record::encode_samples(&mut plain, samples.iter().copied());
                Record::new(&plain)
            })
            .collect()
    }

    fn metadata_record(&self) -> Option<Record> {
        if self.metadata.is_empty() {
            return None;
        }
        let mut plain = Vec::new();
        record::begin_metadata(&mut plain);
        let table = self.db.head.metadata.read();
        for (id, number) in &self.metadata {
            if let Some(metadata) = table.get(*number) {
                record::push_metadata(&mut plain, u64::from(*id), metadata);
            }
        }
        Some(Record::new(&plain))
    }

    /// The record of series the log still lacks; the log is locked, so nobody else writes it now.
    fn series_record(&mut self) -> Option<Record> {
        self.unlogged.sort_unstable();
        self.unlogged.dedup();
        let mut plain = Vec::new();
        record::begin_series(&mut plain);
        let db = self.db.clone();
        let mut unlogged = std::mem::take(&mut self.unlogged);
        unlogged.retain(|&id| {
            let push = |series: &mut Series| {
                if series.logged {
                    return false;
                }
                let symbols = db.head.symbols.read();
                let labels = series.labels.iter();
                let texts = labels.map(|pair| (symbols.text(pair.name), symbols.text(pair.value)));
                record::push_series(&mut plain, u64::from(id), series.labels.len(), texts);
                true
            };
            self.with(id, push).unwrap_or(false)
        });
        self.unlogged = unlogged;
        (!self.unlogged.is_empty()).then(|| Record::new(&plain))
    }

    fn write_log(&mut self) -> Result<(), StorageError> {
        let samples = self.sample_records();
        let metadata = self.metadata_record();
        let exemplars = self.exemplars.records(&self.db.head);
        let db = self.db.clone();
        let mut wal = db.wal.lock();
        db.check_open()?;
        let mut series = self.series_record();
        let all = series.iter().chain(&metadata).chain(&samples).chain(&exemplars);
        let bytes = all.map(Record::len).sum();
        let mut alone = None;
        if wal.would_sync(bytes) {
            // A sync under way ends first; the log is not locked while it is waited for.
            drop(wal);
            alone = Some(db.sync.lock());
            wal = db.wal.lock();
            series = self.series_record();
        }
        let records = series.into_iter().chain(metadata).chain(samples).chain(exemplars);
        let records: Vec<Record> = records.collect();
        if records.is_empty() {
            return Ok(());
        }
        wal.log(records)?;
        drop(alone);
        for id in std::mem::take(&mut self.unlogged) {
            self.with(id, |series| series.logged = true);
        }
        Ok(())
    }

    /// Makes the samples visible, page by page.
    fn apply(&mut self) {
        let samples = std::mem::take(&mut self.samples);
        let head = &self.db.head;
        let (mut oldest, mut newest) = (i64::MAX, i64::MIN);
        let mut sum = Appended::default();
        let (mut taken, mut late) = (0, 0);
        for run in samples.chunk_by(|a, b| page_of(a.series as u32) == page_of(b.series as u32)) {
            // Pending samples keep their series, and with them the page.
            let Some(page) = head.page(run[0].series as u32) else { continue };
            let mut page = page.series.write();
            for sample in run {
                let Some(series) = page.get_mut(sample.series as u32) else { continue };
                series.pending -= 1;
                match series.place(sample.time, sample.value) {
                    Place::Newest => {
                        sum.add(series.append(sample.time, sample.value, head.chunk_range_ms));
                        taken += 1;
                        oldest = oldest.min(sample.time);
                        newest = newest.max(sample.time);
                    }
                    Place::Same => {}
                    Place::Conflict | Place::Older => late += 1,
                }
            }
        }
        head.account(&sum);
        count(&head.counters.samples_appended, taken);
        count(&head.counters.out_of_order, late);
        if taken > 0 {
            head.cover(oldest, newest);
        }
        for (id, number) in std::mem::take(&mut self.metadata) {
            self.with(id, |series| series.metadata = number);
        }
        self.exemplars.apply(&self.db.head);
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.release();
    }
}

impl Appender for Batch {
    fn append(
        &mut self,
        series: SeriesRef,
        labels: &Labels,
        timestamp: TimestampMs,
        value: f64,
    ) -> Result<SeriesRef, AppendError> {
        self.sample_time = timestamp;
        if timestamp < self.bound(timestamp) {
            count(&self.db.head.counters.out_of_bounds, 1);
            return Err(AppendError::OutOfBounds);
        }
        if self.samples.len() >= self.db.options.batch_samples_max {
            let max = self.db.options.batch_samples_max;
            count(&self.db.head.counters.limit_refused, 1);
            return Err(AppendError::Limit(format!("{max} samples in one batch")));
        }
        if let Some(id) = u32::try_from(series.0).ok().filter(|id| *id > 0)
            && let Some(result) = self.offer(id, timestamp, value)
        {
            return result.map(|()| series);
        }
        for _ in 0..LOOKUPS_MAX {
            let id = self.series(labels)?;
            if let Some(result) = self.offer(id, timestamp, value) {
                return result.map(|()| SeriesRef(u64::from(id)));
            }
        }
        Err(StorageError::Unavailable("the series is being removed".to_owned()).into())
    }

    fn append_histogram(
        &mut self,
        _series: SeriesRef,
        _labels: &Labels,
        _timestamp: TimestampMs,
        _histogram: &FloatHistogram,
    ) -> Result<SeriesRef, AppendError> {
        Err(AppendError::InvalidHistogram("native histograms are not stored".to_owned()))
    }

    fn wants_exemplars(&self) -> bool {
        self.db.head.exemplars.is_on()
    }

    fn append_exemplar(
        &mut self,
        series: SeriesRef,
        labels: &Labels,
        exemplar: &Exemplar,
    ) -> Result<(), AppendError> {
        if !self.wants_exemplars() {
            return Ok(());
        }
        let db = self.db.clone();
        let given = u32::try_from(series.0).ok().filter(|id| *id > 0);
        let known = given.and_then(|id| self.with(id, |series| (id, series.logged)));
        let known = known.or_else(|| {
            let id = db.head.find(labels)?;
            self.with(id, |series| (id, series.logged))
        });
        let Some((id, logged)) = known else {
            count(&db.head.exemplars.refused, 1);
            return Err(AppendError::UnknownSeries(series.0));
        };
        if self.exemplars.len() >= db.options.batch_samples_max {
            count(&db.head.counters.limit_refused, 1);
            let max = db.options.batch_samples_max;
            return Err(AppendError::Limit(format!("{max} exemplars in one batch")));
        }
        let taken = self.exemplars.offer(&db.head, id, labels, exemplar, self.sample_time)?;
        if taken && !logged {
            self.unlogged.push(id);
        }
        Ok(())
    }

    fn update_metadata(
        &mut self,
        series: SeriesRef,
        labels: &Labels,
        metadata: &Metadata,
    ) -> Result<(), AppendError> {
        let given = u32::try_from(series.0).ok().filter(|id| *id > 0);
        let known = given.and_then(|id| self.with(id, |series| (id, series.metadata)));
        let known = known.or_else(|| {
            let id = self.db.head.find(labels)?;
            self.with(id, |series| (id, series.metadata))
        });
        let Some((id, now)) = known else {
            return Err(AppendError::InvalidLabels("metadata for an unknown series".to_owned()));
        };
        let found = self.db.head.metadata.read().find(metadata);
        let number = match found.or_else(|| self.db.head.metadata.write().number(metadata)) {
            Some(number) => number,
            None => {
                count(&self.db.head.counters.limit_refused, 1);
                return Err(AppendError::Limit("distinct metadata".to_owned()));
            }
        };
        if number != now {
            self.metadata.push((id, number));
        }
        Ok(())
    }

    fn commit(mut self: Box<Self>) -> Result<(), StorageError> {
        self.write_log()?;
        self.apply();
        Ok(())
    }

    fn rollback(self: Box<Self>) {}
}

/// What a new series must look like; `Labels` may hold anything that was built as sorted.
fn check_labels(labels: &Labels) -> Result<(), AppendError> {
    if labels.is_empty() {
        return Err(AppendError::InvalidLabels("empty labelset".to_owned()));
    }
    let mut before = None;
    for (name, _) in labels {
        if before.is_some_and(|before| before >= name) {
            let problem = format!("label name \"{name}\" is not unique or out of order");
            return Err(AppendError::InvalidLabels(problem));
        }
        before = Some(name);
    }
    Ok(())
}
