//! Damage in chunks of samples out of order: their series read them again from the log of those.

use std::collections::{BTreeMap, HashMap};
use std::io::ErrorKind;

use common_model::Labels;

use super::LateChunk;
use crate::Error;
use crate::db::Inner;
use crate::head::Generation;
use crate::sample::{Sample, Stamped, alone};
use crate::wal::histograms::{self, RefHistogram};
use crate::wal::record::{self, RecordKind, RefSample};
use crate::wal::{Event, SegmentReader, segments};

/// A row with chunks that cannot be read.
#[derive(Debug)]
pub(super) struct LostRow {
    row: (Generation, u32),
    /// All chunks of it, and for each whether it is lost.
    chunks: Vec<(LateChunk, bool)>,
}

/// What the log has of the times of lost chunks, by series: of several at one time the first.
struct Logged {
    spans: HashMap<u32, Vec<(i64, i64)>>,
    found: HashMap<u32, BTreeMap<i64, Stamped>>,
    /// Series by the numbers that the log gave them so far.
    named: HashMap<u64, u32>,
}

impl Inner {
    /// Rows with chunks that cannot be read, of those that the log still has.
    pub(super) fn damaged_rows(&self) -> Vec<LostRow> {
        let mut lost = Vec::new();
        for (generation, id, mapped) in self.head.out_of_order.all_mapped() {
            let is_lost = |late: &LateChunk| match self.head.files.each_late(late, &mut |_| ()) {
                Err(Error::Corrupt { .. }) => true,
                Err(Error::Io { cause, .. }) => cause.kind() == ErrorKind::NotFound,
                _ => false,
            };
            let chunks: Vec<_> = mapped.into_iter().map(|late| (late, is_lost(&late))).collect();
            if chunks.iter().any(|(_, lost)| *lost) {
                lost.push(LostRow { row: (generation, id), chunks });
            }
        }
        lost
    }

    /// Puts the samples of such rows into memory, from the log and from chunks that are good; says
    /// how many chunks were lost. What neither has is gone.
    pub(super) fn heal_rows(&self, lost: Vec<LostRow>) -> Result<u64, Error> {
        if lost.is_empty() {
            return Ok(0);
        }
        let logged = self.read_late_log_again(&lost)?;
        let mut healed = 0;
        for LostRow { row, chunks } in lost {
            // A series may have a row in both generations.
            let mut samples = logged.found.get(&row.1).cloned().unwrap_or_default();
            for (late, _) in chunks.iter().filter(|(_, lost)| *lost) {
                let ends = [late.chunk.min_time, late.chunk.max_time];
                if ends.iter().all(|time| samples.contains_key(time)) {
                    healed += 1;
                } else {
                    tracing::error!(series = row.1, ?late, "the log has not what a chunk had");
                }
            }
            for (late, _) in chunks.iter().filter(|(_, lost)| !*lost) {
                self.head.files.each_late(late, &mut |sample| {
                    samples.entry(sample.time).or_insert(sample);
                })?;
            }
            let mapped: Vec<LateChunk> = chunks.iter().map(|(late, _)| *late).collect();
            // Nobody writes to files what is being replaced.
            let _none = self.head.commits.write();
            if self.head.out_of_order.unmap(row, &mapped, samples.into_values().collect()) {
                self.head.out_of_order.await_files([row.1]);
            }
        }
        Ok(healed)
    }

    fn read_late_log_again(&self, lost: &[LostRow]) -> Result<Logged, Error> {
        let mut spans: HashMap<u32, Vec<(i64, i64)>> = HashMap::new();
        for LostRow { row, chunks } in lost {
            let lost = chunks.iter().filter(|(_, lost)| *lost);
            let times = lost.map(|(late, _)| (late.chunk.min_time, late.chunk.max_time));
            spans.entry(row.1).or_default().extend(times);
        }
        let mut logged = Logged { spans, found: HashMap::new(), named: HashMap::new() };
        let dir = self.out_of_order_log.lock().dir.clone();
        for (segment, _) in segments::list(&*self.fs, &dir)?.segments {
            let mut reader =
                SegmentReader::open(&*self.fs, &segments::segment_path(&dir, segment))?;
            loop {
                match reader.next_event()? {
                    Event::Record => self.note_late_record(reader.record(), &mut logged),
                    // Behind the end a batch may just be on its way.
                    Event::Corrupt { .. } => {}
                    Event::End => break,
                }
            }
        }
        Ok(logged)
    }

    fn note_late_record(&self, bytes: &[u8], logged: &mut Logged) {
        let kind = record::kind(bytes);
        if kind == RecordKind::Series {
            // A record that makes no sense has told what it could.
            let _ = record::decode_series(bytes, |reference, pairs| {
                if let Some(id) = self.head.find(&Labels::from_pairs(pairs.iter().copied())) {
                    logged.named.insert(reference, id);
                }
            });
            return;
        }
        let mut note = |reference: u64, (time, start): (i64, i64), sample: &dyn Fn() -> Sample| {
            // As a replay does: the other log may have named it.
            let named = logged.named.get(&reference).copied();
            let alias = || self.recovery.found().aliases.get(&reference).copied();
            let Some(id) = named.or_else(alias).or_else(|| u32::try_from(reference).ok()) else {
                return;
            };
            let Some(spans) = logged.spans.get(&id) else { return };
            if spans.iter().any(|(first, last)| (*first..=*last).contains(&time)) {
                let row = logged.found.entry(id).or_default();
                row.entry(time).or_insert_with(|| Stamped { time, start, sample: sample() });
            }
        };
        // A record that makes no sense has told what it could.
        let _ = match kind {
            RecordKind::Samples => record::decode_samples(bytes, |sample: RefSample, start| {
                note(sample.series, (sample.time, start), &|| Sample::Float(sample.value));
            }),
            RecordKind::Histograms => histograms::decode(bytes, |sample: RefHistogram, _| {
                let RefHistogram { series, time, start, histogram } = sample;
                note(series, (time, start), &|| alone(histogram.clone()));
            }),
            _ => Ok(()),
        };
    }
}
