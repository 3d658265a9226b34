//! Damage in files of head chunks under a running server: the samples are read again from the log.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use common_model::Labels;

use super::MappedChunk;
use crate::Error;
use crate::block::{OwnedChunk, Rest};
use crate::db::Inner;
use crate::head::Head;
use crate::sample::{Sample, Stamped};
use crate::wal::histograms::{self, RefHistogram};
use crate::wal::record::{self, RecordKind, RefSample};
use crate::wal::{Event, SegmentReader, checkpoint, count, segments};

/// Chunks in files by series, and what the log has of their times.
type Lost = HashMap<u32, Row>;

/// Those of one series.
#[derive(Default)]
struct Row {
    chunks: Vec<(MappedChunk, Vec<Stamped>)>,
    /// Time of the newest sample so far: what comes behind it in the log is not in order.
    newest: Option<i64>,
}

impl Inner {
    /// Writes chunks anew that cannot be read, when any were found since the last time or `look` says
    /// to look at all of them; says how many. What the log has not stays damaged.
    pub(crate) fn heal_head_chunks(&self, look: bool) -> Result<u64, Error> {
        let store = &self.head.files;
        let found = store.damaged.swap(false, Ordering::AcqRel);
        if !(found || look && store.has_damage()) || !self.recovery.is_done() {
            return Ok(0);
        }
        let (lost, late) = (self.damaged_chunks(), self.damaged_rows());
        // Looking has found them once more.
        store.damaged.store(false, Ordering::Release);
        let healed = self.heal_rows(late)?;
        let healed = healed + if lost.is_empty() { 0 } else { self.heal_chunks(lost)? };
        if healed > 0 {
            tracing::info!(chunks = healed, "damaged head chunks were read from the log");
            count(&store.counters.healed, healed);
        }
        Ok(healed)
    }

    fn heal_chunks(&self, mut lost: Lost) -> Result<u64, Error> {
        self.read_log_again(&mut lost, i64::MIN)?;
        let mut healed = 0;
        for (id, row) in lost {
            for (old, samples) in row.chunks {
                let new = chunks_of(&samples);
                let times = (new.first().map(|c| c.min_time), new.last().map(|c| c.max_time));
                if times != (Some(old.min_time), Some(old.max_time)) {
                    tracing::error!(series = id, ?old, "the log has not what a damaged chunk had");
                    continue;
                }
                self.head.replace_mapped(id, &old, &new)?;
                healed += 1;
            }
        }
        Ok(healed)
    }

    /// Gives chunks in files the samples that the log has of their times from `compacted_until` on,
    /// and no others: a power cut took the rest from the log, and the next one may take it for good.
    pub(crate) fn believe_log(&self, doubts: Vec<(u32, MappedChunk)>) -> Result<(), Error> {
        if doubts.is_empty() {
            return Ok(());
        }
        let mut lost = Lost::default();
        for (id, chunk) in doubts {
            lost.entry(id).or_default().chunks.push((chunk, Vec::new()));
        }
        let covered = self.head.compacted_until.load(Ordering::Acquire);
        self.read_log_again(&mut lost, covered)?;
        for (id, row) in lost {
            for (old, samples) in row.chunks {
                self.head.replace_mapped(id, &old, &chunks_of(&samples))?;
            }
        }
        self.head.measure();
        Ok(())
    }

    fn damaged_chunks(&self) -> Lost {
        let pages = self.head.index.read().pages.all();
        let mut lost = Lost::default();
        let mut chunks: Vec<(u32, MappedChunk)> = Vec::new();
        for page in pages {
            for series in page.series.read().iter() {
                chunks.extend(series.mapped().iter().map(|chunk| (series.id, *chunk)));
            }
            for (id, chunk) in chunks.drain(..) {
                if matches!(self.head.files.read(&chunk, |_, _| ()), Err(Error::Corrupt { .. })) {
                    lost.entry(id).or_default().chunks.push((chunk, Vec::new()));
                }
            }
        }
        lost
    }

    /// Collects what the log has of the times of lost chunks.
    fn read_log_again(&self, lost: &mut Lost, from: i64) -> Result<(), Error> {
        let mut named = Named::new();
        let listing = segments::list(&*self.fs, &self.wal_dir)?;
        for path in checkpoint::sources(&*self.fs, &self.wal_dir, &listing, u64::MAX)? {
            let mut reader = SegmentReader::open(&*self.fs, &path)?;
            loop {
                match reader.next_event()? {
                    Event::Record => {
                        note_record(reader.record(), &self.head, &mut named, lost, from);
                    }
                    Event::Corrupt { .. } => {}
                    Event::End => break,
                }
            }
        }
        Ok(())
    }
}

fn chunks_of(samples: &[Stamped]) -> Vec<OwnedChunk> {
    let mut rest = Rest::default();
    samples.iter().for_each(|sample| rest.push(sample));
    rest.into_chunks().collect()
}

/// Series of the head by the numbers that the log gave them so far. A number may mean another series
/// later, and nothing before the log says what.
type Named = HashMap<u64, u32>;

/// Takes note of the samples of a record that are of the times of lost chunks, and not before `from`.
fn note_record(bytes: &[u8], head: &Head, named: &mut Named, lost: &mut Lost, from: i64) {
    if record::kind(bytes) == RecordKind::Series {
        // A record that makes no sense has told what it could.
        let _ = record::decode_series(bytes, |reference, pairs| {
            match head.find(&Labels::from_pairs(pairs.iter().copied())) {
                Some(id) => named.insert(reference, id),
                None => named.remove(&reference),
            };
        });
        return;
    }
    let mut note = |reference: u64, (time, start): (i64, i64), sample: &dyn Fn() -> Sample| {
        let id = named.get(&reference);
        let Some(row) = id.and_then(|id| lost.get_mut(id)) else { return };
        if time < from || row.newest.is_some_and(|newest| newest >= time) {
            return;
        }
        row.newest = Some(time);
        for (chunk, samples) in &mut row.chunks {
            if (chunk.min_time..=chunk.max_time).contains(&time) {
                samples.push(Stamped { time, start, sample: sample() });
            }
        }
    };
    // A record that makes no sense has told what it could.
    let _ = match record::kind(bytes) {
        RecordKind::Samples => record::decode_samples(bytes, |sample: RefSample, start| {
            note(sample.series, (sample.time, start), &|| Sample::Float(sample.value));
        }),
        RecordKind::Histograms => histograms::decode(bytes, |sample: RefHistogram, _| {
            let RefHistogram { series, time, start, histogram } = sample;
            note(series, (time, start), &|| Sample::Histogram(Box::new(histogram.clone())));
        }),
        _ => Ok(()),
    };
}
