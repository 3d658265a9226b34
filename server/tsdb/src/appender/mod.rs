//! A batch of samples on its way into the log and the head.

mod apply;
mod numbered;
mod samples;
mod scratch;
mod start;
mod zero;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use common_model::{Exemplar, FloatHistogram, Labels, Metadata, TimestampMs, is_stale_marker};
use server_storage::{AppendError, Appender, NumberedSample, SeriesRef, StorageError};

use crate::chunk::histogram::{AnyHistogram, Histogram, validate};
use crate::db::Inner;
use crate::exemplars::PendingExemplars;
use crate::head::{Page, Place, Series, page_of};
use crate::out_of_order_log::Late;
use crate::sample::{Sample, Stamped, alone};
use crate::wal::count;
use crate::wal::record;
use crate::wal::writer::Record;
use samples::Samples;
use scratch::Scratch;
use start::Newest;

pub(crate) use scratch::Scratches;

/// Attempts to find a series that truncation keeps removing; it cannot win against one that was
/// just made, since that has a sample pending.
const LOOKUPS_MAX: usize = 8;

/// Collects one batch.
pub(crate) struct Batch {
    db: Arc<Inner>,
    samples: Samples,
    /// Series the log may not know yet.
    unlogged: Vec<u32>,
    /// Series and numbers of metadata.
    metadata: Vec<(u32, u32)>,
    exemplars: PendingExemplars,
    /// Time of the sample that came last, which stands for that of its exemplars.
    sample_time: i64,
    /// Samples out of order.
    late: Vec<Late>,
    /// What the sample that came last became.
    newest: Newest,
    /// Samples before the first are not taken in order, those before the second not at all; fixed by
    /// the first sample.
    bounds: Option<(i64, i64)>,
    page: Option<(u32, Arc<Page>)>,
    scratch: Scratch,
}

impl Batch {
    pub(crate) fn new(db: Arc<Inner>) -> Batch {
        db.upkeep.appends.fetch_add(1, Ordering::Release);
        let mut scratch = db.scratches.take();
        let floats = std::mem::take(&mut scratch.floats);
        Batch {
            db,
            samples: Samples::in_buffer(floats),
            unlogged: Vec::new(),
            metadata: Vec::new(),
            exemplars: PendingExemplars::default(),
            sample_time: 0,
            late: Vec::new(),
            newest: Newest::Nothing,
            bounds: None,
            page: None,
            scratch,
        }
    }

    /// The oldest time that is taken in order: not what was truncated away, and not far behind the
    /// newest; and the oldest that is taken at all.
    fn bounds(&mut self, time: i64) -> (i64, i64) {
        let head = &self.db.head;
        *self.bounds.get_or_insert_with(|| {
            let newest = head.max_time.load(Ordering::Acquire);
            let newest = if newest == i64::MIN { time } else { newest };
            let ordered = newest.saturating_sub(head.chunk_range_ms / 2);
            let ordered = ordered.max(head.min_valid_time.load(Ordering::Acquire));
            match head.out_of_order.window_ms.load(Ordering::Relaxed) {
                0 => (ordered, i64::MAX),
                window => (ordered, newest.saturating_sub(window)),
            }
        })
    }

    /// Whether a sample is taken before others.
    fn may_be_late(&mut self, time: i64) -> bool {
        time >= self.bounds(time).1
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
        if is_stale_marker(value) {
            // A series of histograms ends with a histogram.
            let encoding = self.with(id, |series| series.encoding())?;
            if let Some(marker) = AnyHistogram::stale(encoding, value) {
                return self.offer_histogram(id, time, &marker);
            }
        }
        let (late, ordered) = (self.may_be_late(time), time >= self.bounds(time).0);
        let (place, logged, _) = self.with(id, |series| {
            let place = if ordered { series.place(time, value) } else { Place::Older };
            series.reserve(place, late)
        })?;
        if place == Place::Older {
            return Some(self.take_late(id, (time, Sample::Float(value)), logged));
        }
        let taken = (Newest::Float, |samples: &mut Samples| samples.push(id, time, value));
        Some(self.take(id, place, logged, taken))
    }

    /// Takes a histogram if its series exists.
    fn offer_histogram(
        &mut self,
        id: u32,
        time: i64,
        histogram: &AnyHistogram,
    ) -> Option<Result<(), AppendError>> {
        let (late, ordered) = (self.may_be_late(time), time >= self.bounds(time).0);
        let (place, logged, pending) = self.with(id, |series| {
            let place =
                if ordered { series.place_histogram(time, histogram) } else { Place::Older };
            series.reserve(place, late)
        })?;
        if place == Place::Older {
            return Some(self.take_late(id, (time, alone(histogram.clone())), logged));
        }
        let push = |samples: &mut Samples| {
            samples.push_histogram(id, (time, 0), histogram.clone(), pending);
        };
        Some(self.take(id, place, logged, (Newest::Histogram { pending }, push)))
    }

    /// Notes a sample that is the newest of its series, or says why it is not taken.
    fn take(
        &mut self,
        id: u32,
        place: Place,
        logged: bool,
        (newest, push): (Newest, impl FnOnce(&mut Samples)),
    ) -> Result<(), AppendError> {
        let counters = &self.db.head.counters;
        match place {
            Place::Newest => {
                if !logged {
                    self.unlogged.push(id);
                }
                push(&mut self.samples);
                self.newest = newest;
                Ok(())
            }
            Place::Same => Ok(()),
            Place::Conflict => {
                count(&counters.duplicates, 1);
                Err(AppendError::Duplicate)
            }
            Place::Older => Err(AppendError::OutOfOrder),
        }
    }

    /// Notes a sample that comes before others of its series, or says why it is not taken.
    fn take_late(
        &mut self,
        id: u32,
        (time, sample): (i64, Sample),
        logged: bool,
    ) -> Result<(), AppendError> {
        if self.may_be_late(time) {
            if !logged {
                self.unlogged.push(id);
            }
            self.late.push((id, Stamped { time, start: 0, sample }));
            self.newest = Newest::Late;
            return Ok(());
        }
        let (ordered, oldest) = self.bounds(time);
        let head = &self.db.head;
        if oldest < i64::MAX {
            count(&head.out_of_order.too_old, 1);
            return Err(AppendError::TooOld);
        }
        if time < ordered {
            count(&head.counters.out_of_bounds, 1);
            return Err(AppendError::OutOfBounds);
        }
        count(&head.counters.out_of_order, 1);
        Err(AppendError::OutOfOrder)
    }

    /// Says why no sample of this time is taken, of whatever series.
    fn admit(&mut self, timestamp: TimestampMs) -> Result<(), AppendError> {
        let (ordered, oldest) = self.bounds(timestamp);
        if timestamp < ordered.min(oldest) {
            let is_ordered = oldest == i64::MAX;
            let head = &self.db.head;
            let counters = (&head.counters.out_of_bounds, &head.out_of_order.too_old);
            count(if is_ordered { counters.0 } else { counters.1 }, 1);
            return Err(if is_ordered { AppendError::OutOfBounds } else { AppendError::TooOld });
        }
        let late = self.db.head.out_of_order.len() + self.late.len() as u64;
        if timestamp < ordered && late >= self.db.options.out_of_order_samples_max {
            let max = self.db.options.out_of_order_samples_max;
            count(&self.db.head.counters.limit_refused, 1);
            return Err(AppendError::Limit(format!(
                "{max} samples out of order that wait for a block"
            )));
        }
        if self.samples.weight() + self.late.len() >= self.db.options.batch_samples_max {
            let max = self.db.options.batch_samples_max;
            count(&self.db.head.counters.limit_refused, 1);
            return Err(AppendError::Limit(format!("{max} samples in one batch")));
        }
        Ok(())
    }

    /// Finds the series of a sample of any type and offers it.
    fn add(
        &mut self,
        series: SeriesRef,
        labels: &Labels,
        timestamp: TimestampMs,
        offer: impl Fn(&mut Batch, u32) -> Option<Result<(), AppendError>>,
    ) -> Result<SeriesRef, AppendError> {
        self.newest = Newest::Nothing;
        self.admit(timestamp)?;
        if let Some(id) = number_of(series)
            && let Some(result) = offer(self, id)
        {
            return result.map(|()| series);
        }
        for _ in 0..LOOKUPS_MAX {
            let id = self.series(labels)?;
            if let Some(result) = offer(self, id) {
                return result.map(|()| SeriesRef(u64::from(id)));
            }
        }
        Err(StorageError::Unavailable("the series is being removed".to_owned()).into())
    }

    fn add_histogram(
        &mut self,
        series: SeriesRef,
        labels: &Labels,
        timestamp: TimestampMs,
        histogram: &AnyHistogram,
    ) -> Result<SeriesRef, AppendError> {
        self.add(series, labels, timestamp, |batch, id| {
            batch.offer_histogram(id, timestamp, histogram)
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

    /// Drops samples whose time went into a block since the batch began.
    fn drop_late(&mut self) {
        let oldest = self.db.head.min_valid_time.load(Ordering::Acquire);
        if self.bounds.is_none_or(|bounds| bounds.0 >= oldest) {
            return;
        }
        let late = self.samples.take_before(oldest);
        count(&self.db.head.counters.out_of_bounds, late.len() as u64);
        self.unreserve(late);
    }

    fn unreserve(&mut self, ids: Vec<u64>) {
        for id in ids {
            // Numbers in a batch come from `u32`s.
            self.with(id as u32, |series| series.pending -= 1);
        }
    }

    /// Undoes the reservations of samples that are not going to be applied.
    fn release(&mut self) {
        let samples = std::mem::take(&mut self.samples);
        let floats = samples.floats.iter().map(|sample| sample.series);
        let histograms = samples.histograms.iter().map(|sample| sample.series);
        self.unreserve(floats.chain(histograms).collect());
        if samples.floats.capacity() > 0 {
            self.scratch.floats = samples.floats;
        }
        let late = std::mem::take(&mut self.late);
        self.unreserve(late.into_iter().map(|late| u64::from(late.0)).collect());
        self.metadata.clear();
        self.exemplars.clear();
        self.unlogged.clear();
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
        let samples = self.samples.records(&mut self.scratch.packer);
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
        wal.log(records).inspect_err(|error| db.reserve.note(error))?;
        drop(alone);
        for id in std::mem::take(&mut self.unlogged) {
            self.with(id, |series| series.logged = true);
        }
        Ok(())
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.db.upkeep.appends_ended.fetch_add(1, Ordering::Release);
        self.release();
        self.db.scratches.give(std::mem::take(&mut self.scratch));
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
        self.add(series, labels, timestamp, |batch, id| batch.offer(id, timestamp, value))
    }

    fn append_known(
        &mut self,
        samples: &[NumberedSample],
        refused: &mut dyn FnMut(usize, AppendError),
    ) {
        self.append_numbered(samples, refused);
    }

    fn append_histogram(
        &mut self,
        series: SeriesRef,
        labels: &Labels,
        timestamp: TimestampMs,
        histogram: &FloatHistogram,
    ) -> Result<SeriesRef, AppendError> {
        self.sample_time = timestamp;
        validate(histogram).map_err(AppendError::InvalidHistogram)?;
        let float = match is_stale_marker(histogram.sum) {
            true => Histogram::stale(histogram.sum),
            false => Histogram::from(histogram),
        };
        self.add_histogram(series, labels, timestamp, &AnyHistogram::Float(float))
    }

    /// What is said to be integers and is not is kept as it is.
    fn append_integer_histogram(
        &mut self,
        series: SeriesRef,
        labels: &Labels,
        timestamp: TimestampMs,
        histogram: &FloatHistogram,
    ) -> Result<SeriesRef, AppendError> {
        let integer = match is_stale_marker(histogram.sum) {
            true => Histogram::stale(histogram.sum),
            false => match Histogram::from_float(histogram) {
                Some(integer) => integer,
                None => return self.append_histogram(series, labels, timestamp, histogram),
            },
        };
        self.sample_time = timestamp;
        validate(histogram).map_err(AppendError::InvalidHistogram)?;
        self.add_histogram(series, labels, timestamp, &AnyHistogram::Integer(integer))
    }

    fn set_start(&mut self, start: TimestampMs) {
        self.start_newest(start);
    }

    fn append_zero(
        &mut self,
        series: SeriesRef,
        labels: Option<&Labels>,
        start: TimestampMs,
        timestamp: TimestampMs,
    ) {
        self.zero(series, labels, start, timestamp);
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
        let given = number_of(series);
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

    fn append_known_exemplar(
        &mut self,
        series: SeriesRef,
        exemplar: &Exemplar,
    ) -> Result<(), AppendError> {
        let db = self.db.clone();
        let id = number_of(series);
        let labels = id.and_then(|id| self.with(id, |series| db.head.labels(&series.labels)));
        // One that is not there is refused, and counted, as one that nobody ever saw.
        self.append_exemplar(series, &labels.unwrap_or_else(Labels::empty), exemplar)
    }

    fn update_metadata(
        &mut self,
        series: SeriesRef,
        labels: &Labels,
        metadata: &Metadata,
    ) -> Result<(), AppendError> {
        let given = number_of(series);
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
        let db = self.db.clone();
        let _passing = db.head.commits.read();
        self.drop_late();
        self.write_log()?;
        self.apply();
        // What is logged counts, whatever becomes of the rest.
        db.log_out_of_order(&self.late)?;
        self.apply_late();
        Ok(())
    }

    fn rollback(self: Box<Self>) {}
}

/// The number in the head; zero is none.
fn number_of(series: SeriesRef) -> Option<u32> {
    u32::try_from(series.0).ok().filter(|id| *id > 0)
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
