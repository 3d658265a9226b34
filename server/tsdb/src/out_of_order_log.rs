//! The log of samples out of order, `wbl`: segments like those of the log before the head. Every
//! series introduces itself here too, so that a power cut that takes its introduction from the other
//! log cannot give its number, and its samples, to another series.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use crate::Error;
use crate::chunk::histogram::AnyHistogram;
use crate::db::Inner;
use crate::fs::Fs;
use crate::head_chunks::LateChunk;
use crate::sample::{Sample, Stamped};
use crate::wal::histograms::{HistogramRecord, KINDS, RefHistogram, kind_of};
use crate::wal::record::{self, RefSample};
use crate::wal::segments::{self, segment_path};
use crate::wal::writer::Record;
use crate::wal::{Wal, WalCounters, markers};

/// A sample out of order of a batch, and its series.
pub(crate) type Late = (u32, Stamped);

/// The end of the log.
#[derive(Debug)]
pub(crate) struct OutOfOrderLog {
    pub(crate) wal: Wal,
    pub(crate) dir: PathBuf,
    pub(crate) counters: Arc<WalCounters>,
    /// Series that introduced themselves since the log began.
    introduced: HashSet<u32>,
}

impl OutOfOrderLog {
    pub(crate) fn new(
        fs: Arc<dyn Fs>,
        dir: PathBuf,
        segment_bytes: u64,
        next: u64,
        counters: Arc<WalCounters>,
    ) -> OutOfOrderLog {
        let wal = Wal::new(fs, &dir, segment_bytes, next, counters.clone());
        OutOfOrderLog { wal, dir, counters, introduced: HashSet::new() }
    }

    /// Ends the segment, and everything begins anew in the next one, whose number is returned.
    pub(crate) fn begin_anew(&mut self) -> Result<u64, Error> {
        self.wal.cut()?;
        self.introduced.clear();
        Ok(self.wal.current_number())
    }

    /// Removes the segments before `number`.
    pub(crate) fn remove_before(&self, fs: &dyn Fs, number: u64) -> Result<(), Error> {
        let old = segments::list(fs, &self.dir)?.segments;
        for (segment, _) in old.into_iter().filter(|(segment, _)| *segment < number) {
            let path = segment_path(&self.dir, segment);
            fs.remove(&path).map_err(Error::io("remove", &path))?;
        }
        fs.sync_dir(&self.dir).map_err(Error::io("sync", &self.dir))
    }
}

impl Inner {
    /// Writes samples out of order to their log.
    pub(crate) fn log_out_of_order(&self, samples: &[Late]) -> Result<(), Error> {
        if samples.is_empty() {
            return Ok(());
        }
        // Whatever syncs the log ends first.
        let _alone = self.sync.lock();
        let mut log = self.out_of_order_log.lock();
        self.fs.create_dir(&log.dir).map_err(Error::io("create", &log.dir))?;
        let ids = samples.iter().map(|late| late.0).collect();
        self.log_of(&mut log, ids, records_of(samples))
    }

    /// Writes to the log of samples out of order that those of series that it has are in these
    /// chunks.
    pub(crate) fn log_markers(
        &self,
        log: &mut OutOfOrderLog,
        chunks: &[(u32, LateChunk)],
    ) -> Result<(), Error> {
        let mut plain = Vec::new();
        markers::encode(&mut plain, chunks.iter().map(|(id, late)| (u64::from(*id), late.place())));
        let ids = chunks.iter().map(|(id, _)| *id).collect();
        self.log_of(log, ids, vec![Record::new(&plain)])
    }

    /// Writes records, after introductions of those of their series that had none since the log began,
    /// or since a start.
    fn log_of(
        &self,
        log: &mut OutOfOrderLog,
        mut ids: Vec<u32>,
        records: Vec<Record>,
    ) -> Result<(), Error> {
        ids.sort_unstable();
        ids.dedup();
        ids.retain(|id| !log.introduced.contains(id));
        let records = self.introductions(&ids).into_iter().chain(records).collect();
        log.wal.log(records).inspect_err(|error| self.reserve.note(error))?;
        log.introduced.extend(ids);
        Ok(())
    }

    fn introductions(&self, ids: &[u32]) -> Option<Record> {
        let mut plain = Vec::new();
        record::begin_series(&mut plain);
        for &id in ids {
            let Some(page) = self.head.page(id) else { continue };
            let page = page.series.read();
            let Some(series) = page.get(id) else { continue };
            let symbols = self.head.symbols.read();
            let labels = series.labels.iter();
            let texts = labels.map(|pair| (symbols.text(pair.name), symbols.text(pair.value)));
            record::push_series(&mut plain, u64::from(id), series.labels.len(), texts);
        }
        (!ids.is_empty()).then(|| Record::new(&plain))
    }
}

fn records_of(samples: &[Late]) -> Vec<Record> {
    let mut records = Vec::new();
    let floats = samples.iter().filter_map(|(id, late)| match late.sample {
        Sample::Float(value) => {
            Some((RefSample { series: u64::from(*id), time: late.time, value }, late.start))
        }
        Sample::Histogram(_) => None,
    });
    let mut plain = Vec::new();
    record::encode_started_samples(&mut plain, floats);
    if !plain.is_empty() {
        records.push(Record::new(&plain));
    }
    for kind in KINDS {
        let mut open = HistogramRecord::new(kind);
        for (id, late) in samples {
            if let Sample::Histogram(histogram) = &late.sample
                && kind_of(histogram, late.start) == kind
            {
                let histogram = AnyHistogram::clone(histogram);
                let series = u64::from(*id);
                open.push(&RefHistogram { series, time: late.time, start: late.start, histogram });
            }
        }
        if !open.is_empty() {
            records.push(Record::new(open.bytes()));
        }
    }
    records
}
