//! Rebuilds the head from the log, one record at a time.

mod apply;
mod lanes;
mod late;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use common_model::Labels;
use parking_lot::Mutex;

use crate::fs::Fs;
use crate::head::{Arrivals, Head, Offered, Page, RawPair, Series, page_of};
use crate::head_chunks::{Awaiting, MappedChunk};
use crate::sample::{Sample, Stamped, alone};
use crate::wal::histograms::{self, RefHistogram};
use crate::wal::record::{self, RecordKind, RefExemplar, RefSample};
use crate::wal::{Event, SegmentReader};
use crate::{Error, delete};
use apply::Entry;
use lanes::{Feeder, Lanes};

/// Samples of segments that are shorter are not worth a thread of their own.
const APART_BYTES_MIN: u64 = 1 << 20;

/// Series of a record that are added together: who wants to read the head waits for so many.
const ARRIVALS_MAX: usize = 1024;

/// What a replay found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplayReport {
    /// Segments read, those of the checkpoint included.
    pub segments: u64,
    /// Good records.
    pub records: u64,
    /// Series that were new.
    pub series: u64,
    /// Samples taken into the head.
    pub samples: u64,
    /// Samples that were there already, or that were older than one that was.
    pub samples_repeated: u64,
    /// Samples that chunks in files have.
    pub samples_mapped: u64,
    /// Chunks of samples out of order that were found in files.
    pub late_chunks: u64,
    /// Samples that blocks have.
    pub samples_covered: u64,
    /// Times that a series had left for a block.
    pub series_left: u64,
    /// Samples, and metadata, of series the log does not describe.
    pub unknown_refs: u64,
    /// Good records of kinds that are not used, by kind.
    pub records_skipped: BTreeMap<RecordKind, u64>,
    /// Records whose checksum is right and whose contents are not.
    pub records_invalid: u64,
    /// Damaged places, torn tails not counted.
    pub corruptions: u64,
}

/// How far a replay is, for those who wait for it: numbers of segments of the log.
#[derive(Debug, Default)]
pub struct ReplayProgress {
    first: AtomicU64,
    last: AtomicU64,
    current: AtomicU64,
}

impl ReplayProgress {
    /// The first segment that is read, the last one, and the one that is being read; zeros before
    /// it is known.
    #[must_use]
    pub fn segments(&self) -> (u64, u64, u64) {
        let load = |number: &AtomicU64| number.load(Ordering::Relaxed);
        (load(&self.first), load(&self.last), load(&self.current))
    }

    pub(crate) fn begin(&self, first: u64, last: u64) {
        self.first.store(first, Ordering::Relaxed);
        self.last.store(last, Ordering::Relaxed);
        self.current.store(first, Ordering::Relaxed);
    }

    pub(crate) fn reach(&self, segment: u64) {
        self.current.store(segment, Ordering::Relaxed);
    }
}

/// What is to be known of a segment after it was read.
#[derive(Clone, Debug)]
pub(crate) struct SegmentOutcome {
    pub(crate) path: PathBuf,
    /// Where the last good record ends.
    pub(crate) good_end: u64,
    /// Damaged places before that, and behind it.
    pub(crate) damage_inside: u64,
    pub(crate) damage_at_end: u64,
}

/// Numbers of series in the log, and the series they mean.
pub(crate) type Aliases = HashMap<u64, u32, foldhash::fast::FixedState>;

/// A replay under way.
pub(crate) struct Replay<'a> {
    head: &'a Head,
    /// Blocks have what is before this time.
    covered_until: i64,
    /// Whether samples come out of order.
    late: bool,
    /// Numbers in the log that mean a series with another number.
    pub(crate) aliases: Aliases,
    /// Series that the log named, a bit each.
    named: Vec<u64>,
    /// Chunks in files that wait for the log.
    awaiting: &'a Mutex<Awaiting>,
    /// Whether there were any.
    awaits: bool,
    /// Chunks in files with samples that the log does not have.
    doubts: Vec<(u32, MappedChunk)>,
    /// Series with samples out of order that are not in the file where the log says they are.
    pub(crate) refused: HashSet<u32>,
    page: Option<(u32, Arc<Page>)>,
    pub(crate) report: ReplayReport,
}

impl<'a> Replay<'a> {
    /// A replay that lets chunks in files wait in `awaiting`.
    pub(crate) fn new(head: &'a Head, awaiting: &'a Mutex<Awaiting>) -> Replay<'a> {
        let candidates = head.files.load();
        if let Some(last) = candidates.last_series(u64::from(u32::MAX)) {
            // Whatever becomes of the log, nobody else gets the number, and with it the chunks.
            head.index.write().reserve_ids(last as u32);
        }
        let awaits = !candidates.is_empty();
        *awaiting.lock() = Awaiting::new(candidates);
        let covered_until = head.compacted_until.load(Ordering::Acquire);
        Replay { awaits, covered_until, ..Replay::begin(head, awaiting) }
    }

    fn begin(head: &'a Head, awaiting: &'a Mutex<Awaiting>) -> Replay<'a> {
        Replay {
            head,
            covered_until: i64::MIN,
            late: false,
            aliases: Aliases::default(),
            named: Vec::new(),
            awaiting,
            awaits: false,
            doubts: Vec::new(),
            refused: HashSet::new(),
            page: None,
            report: ReplayReport::default(),
        }
    }

    /// A replay of the log of samples out of order, after that of the others.
    pub(crate) fn out_of_order(
        head: &'a Head,
        awaiting: &'a Mutex<Awaiting>,
        report: ReplayReport,
        aliases: Aliases,
    ) -> Replay<'a> {
        Replay { late: true, report, aliases, ..Replay::begin(head, awaiting) }
    }

    /// Reads one segment into the head; `None` when `go_on` said no.
    pub(crate) fn segment(
        &mut self,
        fs: &dyn Fs,
        path: &Path,
        go_on: &dyn Fn() -> bool,
    ) -> Result<Option<SegmentOutcome>, Error> {
        let mut reader = SegmentReader::open(fs, path)?;
        let lanes = Lanes::new(self.head, self.awaiting);
        let apart = reader.len()? >= APART_BYTES_MIN;
        let outcome = lanes.run(apart, |feeder| self.read(&mut reader, path, go_on, feeder));
        lanes.tell(&mut self.report, &mut self.doubts);
        if let Err(error) = self.head.map_chunks() {
            tracing::warn!(%error, "full chunks stay in memory");
        }
        outcome
    }

    /// Reads a segment; samples are fed to their series.
    fn read(
        &mut self,
        reader: &mut SegmentReader,
        path: &Path,
        go_on: &dyn Fn() -> bool,
        feeder: &mut Feeder<'_, '_>,
    ) -> Result<Option<SegmentOutcome>, Error> {
        let mut outcome = SegmentOutcome {
            path: path.to_owned(),
            good_end: 0,
            damage_inside: 0,
            damage_at_end: 0,
        };
        self.report.segments += 1;
        loop {
            match reader.next_event()? {
                Event::Record if !go_on() => return Ok(None),
                Event::Record => {
                    outcome.damage_inside += std::mem::take(&mut outcome.damage_at_end);
                    self.record(reader.record(), feeder);
                }
                Event::Corrupt { offset, problem } => {
                    tracing::warn!(segment = %path.display(), offset, problem, "damage in the log");
                    outcome.damage_at_end += 1;
                }
                Event::End => break,
            }
        }
        outcome.good_end = reader.good_end();
        Ok(Some(outcome))
    }

    fn record(&mut self, record: &[u8], feeder: &mut Feeder<'_, '_>) {
        self.report.records += 1;
        let kind = record::kind(record);
        let decoded = match kind {
            RecordKind::Series => self.series_record(record),
            RecordKind::Samples => self.samples(record, feeder),
            RecordKind::Histograms => self.histograms(record, feeder),
            RecordKind::Metadata => record::decode_metadata(record, |reference, metadata| {
                self.metadata(reference, &metadata);
            }),
            RecordKind::Tombstones => {
                record::decode_tombstones(record, |reference, first, last| {
                    self.tombstone(reference, (first, last), feeder);
                })
            }
            RecordKind::MmapMarkers if self.late => self.markers(record),
            RecordKind::Exemplars if self.head.exemplars.is_on() => self.exemplars(record),
            _ => {
                *self.report.records_skipped.entry(kind).or_default() += 1;
                Ok(())
            }
        };
        if let Err(problem) = decoded {
            tracing::warn!(problem, "a record of the log makes no sense");
            self.report.records_invalid += 1;
        }
    }

    /// Takes up series: those that are new and have free numbers together, others one by one. One
    /// with labels that are no text is passed over.
    fn series_record(&mut self, record: &[u8]) -> Result<(), String> {
        let mut arrivals = Arrivals::logged();
        let mut problems = Vec::new();
        let decoded = record::decode_series_bytes(record, |reference, labels| {
            let sorted = labels.windows(2).all(|two| two[0].0 < two[1].0);
            let usual = sorted && labels.iter().all(|(_, value)| !value.is_empty());
            match u32::try_from(reference) {
                Ok(id) if usual && !self.late => arrivals.push(id, labels),
                _ => {
                    problems.extend(self.arrive(&mut arrivals).err());
                    problems.extend(self.series(reference, labels).err());
                }
            }
            if arrivals.len() == ARRIVALS_MAX {
                problems.extend(self.arrive(&mut arrivals).err());
            }
        });
        problems.extend(self.arrive(&mut arrivals).err());
        problems.into_iter().next().map_or(decoded, Err)
    }

    /// Adds series that wait for it.
    fn arrive(&mut self, arrivals: &mut Arrivals<'_>) -> Result<(), String> {
        let mut outcome = Ok(());
        let mut at = 0;
        while at < arrivals.len() {
            let added = self.head.add(arrivals, at);
            self.report.series += added as u64;
            for at in at..at + added {
                let (id, _) = arrivals.get(at);
                self.name(id);
                self.drop_alias(id);
                if self.awaits && self.awaiting.lock().begin(u64::from(id), id) {
                    self.with(id, |series| series.awaits_chunks = true);
                }
            }
            at += added;
            if at < arrivals.len() {
                let (id, labels) = arrivals.get(at);
                outcome = outcome.and(self.series(u64::from(id), labels));
                at += 1;
            }
        }
        arrivals.clear();
        outcome
    }

    /// Takes up a series, which may be there.
    fn series(&mut self, reference: u64, labels: &[RawPair<'_>]) -> Result<(), String> {
        let labels = Labels::from_pairs(record::texts(reference, labels)?);
        self.introduce(reference, &labels);
        Ok(())
    }

    fn introduce(&mut self, reference: u64, labels: &Labels) {
        let wanted = u32::try_from(reference).ok();
        let Some((id, new)) = self.head.get_or_create(labels, wanted, usize::MAX) else {
            self.report.unknown_refs += 1;
            return;
        };
        if let Some(wanted) = wanted {
            self.head.index.write().reserve_ids(wanted);
        }
        self.report.series += u64::from(new);
        if self.late {
            // The number may be another one's in the log before the head.
            self.aliases.insert(reference, id);
            return;
        }
        self.name(id);
        let awaits = self.awaits && self.awaiting.lock().begin(reference, id);
        if wanted == Some(id) {
            self.drop_alias(id);
            self.with(id, |series| {
                series.logged = true;
                series.awaits_chunks |= awaits;
            });
            return;
        }
        self.with(id, |series| series.awaits_chunks |= awaits);
        let before = self.aliases.insert(reference, id).filter(|before| *before != id);
        // A series that had the number must introduce itself again before its next sample.
        let holder = wanted.filter(|id| self.with(*id, |s| s.logged = false).is_some());
        for other in [before, holder].into_iter().flatten() {
            self.head.files.contest([other, id]);
        }
    }

    /// From now on the number of a series means that series.
    fn drop_alias(&mut self, id: u32) {
        if !self.aliases.is_empty()
            && let Some(other) = self.aliases.remove(&u64::from(id))
        {
            self.head.files.contest([other, id]);
        }
    }

    fn name(&mut self, id: u32) {
        let at = id as usize / 64;
        if self.named.len() <= at {
            self.named.resize(at + 1, 0);
        }
        self.named[at] |= 1 << (id % 64);
    }

    /// The series of a sample that the head is to have. The log must have named it before: what comes
    /// first and is applied later may not find a series that got its number in between.
    fn wants(&mut self, reference: u64, time: i64) -> Option<u32> {
        if time < self.covered_until {
            self.report.samples_covered += 1;
            return None;
        }
        let named =
            |id: &u32| self.named.get(*id as usize / 64).is_some_and(|n| n >> (id % 64) & 1 == 1);
        let id = self.resolve(reference).filter(named);
        self.report.unknown_refs += u64::from(id.is_none());
        id
    }

    fn samples(&mut self, record: &[u8], feeder: &mut Feeder<'_, '_>) -> Result<(), String> {
        record::decode_samples(record, |RefSample { series, time, value }, start| {
            let stamped = || Stamped { time, start, sample: Sample::Float(value) };
            if self.late {
                self.take_late(series, stamped());
            } else if let Some(id) = self.wants(series, time) {
                match start {
                    0 => feeder.float(Entry { id, time, value }),
                    _ => feeder.other((id, stamped())),
                }
            }
        })
    }

    fn histograms(&mut self, record: &[u8], feeder: &mut Feeder<'_, '_>) -> Result<(), String> {
        histograms::decode(record, |RefHistogram { series, time, start, histogram }, _| {
            if self.late {
                self.take_late(series, Stamped { time, start, sample: alone(histogram) });
            } else if let Some(id) = self.wants(series, time) {
                let sample = Sample::Histogram(Box::new(histogram));
                feeder.other((id, Stamped { time, start, sample }));
            }
        })
    }

    /// Ends the replay of the log before the head; says which chunks in files have samples that the log
    /// does not have, as after a power cut.
    pub(crate) fn end(&mut self) -> Vec<(u32, MappedChunk)> {
        let mut doubts = std::mem::take(&mut self.doubts);
        if !self.awaits {
            return doubts;
        }
        // Chunks may have been taken for those of the other series with the number.
        for id in self.head.files.contested() {
            self.with(id, |series| doubts.extend(series.mapped().iter().map(|chunk| (id, *chunk))));
        }
        let pages = self.head.index.read().pages.all();
        for page in pages {
            for series in page.series.write().iter_mut().filter(|s| s.unconfirmed > 0) {
                series.unconfirmed = 0;
                doubts.extend(series.mapped().last().map(|chunk| (series.id, *chunk)));
            }
        }
        doubts.sort_unstable_by_key(|(id, chunk)| (*id, chunk.min_time));
        doubts.dedup();
        let unclaimed = self.awaiting.lock().end();
        if doubts.is_empty() && unclaimed.is_none_or(|newest| newest < self.covered_until) {
            return doubts;
        }
        tracing::info!("files of head chunks have samples that the log has not");
        if let Err(error) = self.head.files.disown() {
            tracing::warn!(%error, "they stay, and the next start may believe them");
        }
        doubts
    }

    fn exemplars(&mut self, record: &[u8]) -> Result<(), String> {
        record::decode_exemplars(record, |exemplar: RefExemplar<'_>| {
            let head = self.head;
            let id = self.resolve(exemplar.series);
            let labels = id.and_then(|id| self.with(id, |series| head.labels(&series.labels)));
            let Some(labels) = labels else {
                self.report.unknown_refs += 1;
                return;
            };
            let offered = Offered {
                labels: exemplar.labels.clone(),
                value: exemplar.value,
                time: exemplar.time,
                own_time: false,
            };
            head.exemplars.add(&labels, offered);
        })
    }

    fn metadata(&mut self, reference: u64, metadata: &common_model::Metadata) {
        let number = self.head.metadata.write().number(metadata);
        let id = self.resolve(reference);
        let (Some(id), Some(number)) = (id, number) else {
            self.report.unknown_refs += 1;
            return;
        };
        if self.with(id, |series| series.metadata = number).is_none() {
            self.report.unknown_refs += 1;
        }
    }

    fn tombstone(
        &mut self,
        reference: u64,
        (first, last): (i64, i64),
        feeder: &mut Feeder<'_, '_>,
    ) {
        match self.resolve(reference).filter(|id| self.head.has(u64::from(*id))) {
            // No deletion, which has the times of samples: newer versions say so that a series left
            // the head for a block. What comes of it later is to be seen.
            Some(id) if (first, last) == (i64::MIN, i64::MAX) => {
                self.report.series_left += 1;
                feeder.leave(id);
            }
            Some(id) => {
                delete::add(self.head.tombstones.write().entry(id).or_default(), (first, last));
            }
            None => self.report.unknown_refs += 1,
        }
    }

    fn resolve(&self, reference: u64) -> Option<u32> {
        if !self.aliases.is_empty()
            && let Some(id) = self.aliases.get(&reference)
        {
            return Some(*id);
        }
        u32::try_from(reference).ok()
    }

    /// Calls `act` with a series, remembering its page: neighbours come one after the other.
    fn with<T>(&mut self, id: u32, act: impl FnOnce(&mut Series) -> T) -> Option<T> {
        if !self.turn_to(id) {
            return None;
        }
        let (_, page) = self.page.as_ref()?;
        page.series.write().get_mut(id).map(act)
    }

    /// Makes the page of a number the one at hand; says whether there is one.
    fn turn_to(&mut self, id: u32) -> bool {
        if self.page.as_ref().is_none_or(|(number, _)| *number != page_of(id)) {
            self.page = self.head.page(id).map(|page| (page_of(id), page));
        }
        self.page.is_some()
    }
}
