//! The samples of a batch: floats, histograms, and in which order those of one series came.
//!
//! The log has records of floats and records of histograms. A series that changes its type within a
//! batch would get its samples out of order from them, so there begins a new group.

use std::collections::HashMap;
use std::ops::Range;

use crate::chunk::histogram::AnyHistogram;
use crate::wal::histograms::{HistogramRecord, KINDS, RefHistogram, kind_of};
use crate::wal::record::{self, RefSample};
use crate::wal::writer::{Packer, Record};

/// Samples in one record of the log; a larger batch makes several.
const RECORD_SAMPLES: usize = 1 << 16;
/// A record of histograms that is longer is not added to.
const RECORD_HISTOGRAM_BYTES: usize = 1 << 20;

/// Samples in the order of a batch.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    pub(crate) floats: Vec<RefSample>,
    /// Since when floats count; shorter where the rest do not say.
    starts: Vec<i64>,
    pub(crate) histograms: Vec<RefHistogram>,
    /// Where groups end, but for the last.
    ends: Vec<(usize, usize)>,
    /// Series with histograms in the last group: of which kind, and how many.
    in_group: HashMap<u32, (u8, u32)>,
    weight: usize,
}

impl Samples {
    /// No samples yet; floats go to this empty buffer.
    pub(crate) fn in_buffer(floats: Vec<RefSample>) -> Samples {
        Samples { floats, ..Samples::default() }
    }

    /// Adds a float of a series.
    pub(crate) fn push(&mut self, id: u32, time: i64, value: f64) {
        if !self.in_group.is_empty() && self.in_group.contains_key(&id) {
            self.end_group();
        }
        self.weight += 1;
        self.floats.push(RefSample { series: u64::from(id), time, value });
    }

    /// Adds a histogram of a series, of which `pending` samples wait in this batch or another.
    pub(crate) fn push_histogram(
        &mut self,
        id: u32,
        (time, start): (i64, i64),
        histogram: AnyHistogram,
        pending: u32,
    ) {
        let kind = kind_of(&histogram, start);
        let (kind_before, count) = self.in_group.get(&id).copied().unwrap_or((kind, 0));
        // Other pending samples may be floats of this group.
        if kind_before != kind || pending > count {
            self.end_group();
        }
        self.in_group.entry(id).or_insert((kind, 0)).1 += 1;
        self.weight += 1 + histogram.buckets();
        self.histograms.push(RefHistogram { series: u64::from(id), time, start, histogram });
    }

    /// Says since when the float added last counts.
    pub(crate) fn start_float(&mut self, start: i64) {
        self.starts.resize(self.floats.len().saturating_sub(1), 0);
        self.starts.push(start);
    }

    /// Says the same of the histogram added last, when `pending` samples of its series waited.
    pub(crate) fn start_histogram(&mut self, start: i64, pending: u32) {
        let Some(RefHistogram { series, time, histogram, .. }) = self.histograms.pop() else {
            return;
        };
        // Those with starts go to records of their own, so that it is added anew.
        let id = series as u32;
        self.weight -= 1 + histogram.buckets();
        if let Some((kind, count)) = self.in_group.remove(&id)
            && count > 1
        {
            self.in_group.insert(id, (kind, count - 1));
        }
        self.push_histogram(id, (time, start), histogram, pending);
    }

    /// Floats of a range, and since when they count, zero where that is not known.
    pub(crate) fn started(
        &self,
        floats: Range<usize>,
    ) -> impl Iterator<Item = (RefSample, i64)> + Clone {
        let start = |at| self.starts.get(at).copied().unwrap_or(0);
        floats.map(move |at| (self.floats[at], start(at)))
    }

    /// Takes out samples before a time and says of which series they were.
    pub(crate) fn take_before(&mut self, time: i64) -> Vec<u64> {
        let old = std::mem::take(self);
        let mut taken = Vec::new();
        let mut keep = |at: i64, series: u64| {
            if at < time {
                taken.push(series);
            }
            at >= time
        };
        for (floats, histograms) in old.groups() {
            for (sample, start) in old.started(floats).filter(|(s, _)| keep(s.time, s.series)) {
                self.floats.push(sample);
                if start != 0 {
                    self.start_float(start);
                }
            }
            let kept = old.histograms[histograms].iter().filter(|s| keep(s.time, s.series));
            self.histograms.extend(kept.cloned());
            self.ends.push((self.floats.len(), self.histograms.len()));
        }
        taken
    }

    fn end_group(&mut self) {
        let end = (self.floats.len(), self.histograms.len());
        if self.ends.last().copied().unwrap_or_default() != end {
            self.ends.push(end);
        }
        self.in_group.clear();
    }

    /// Samples, every bucket counted as one.
    pub(crate) fn weight(&self) -> usize {
        self.weight
    }

    /// Ranges of floats and histograms to be taken in turn.
    pub(crate) fn groups(&self) -> impl Iterator<Item = (Range<usize>, Range<usize>)> + '_ {
        let last = (self.floats.len(), self.histograms.len());
        let ends = self.ends.iter().copied().chain([last]);
        let mut start = (0, 0);
        ends.map(move |end| {
            let group = (start.0..end.0, start.1..end.1);
            start = end;
            group
        })
    }

    /// What the log gets.
    pub(crate) fn records(&self, packer: &mut Packer) -> Vec<Record> {
        let mut records = Vec::new();
        for (floats, histograms) in self.groups() {
            for from in floats.clone().step_by(RECORD_SAMPLES) {
                let part = from..floats.end.min(from + RECORD_SAMPLES);
                records.push(packer.record(|out| self.encode_floats(out, part)));
            }
            histogram_records(&self.histograms[histograms], &mut records);
        }
        records
    }
}

impl Samples {
    fn encode_floats(&self, out: &mut Vec<u8>, floats: Range<usize>) {
        if self.starts.is_empty() {
            record::encode_samples(out, self.floats[floats].iter().copied());
        } else {
            record::encode_started_samples(out, self.started(floats));
        }
    }
}

fn histogram_records(histograms: &[RefHistogram], records: &mut Vec<Record>) {
    if histograms.is_empty() {
        return;
    }
    for kind in KINDS {
        let mut open = HistogramRecord::new(kind);
        for sample in
            histograms.iter().filter(|sample| kind_of(&sample.histogram, sample.start) == kind)
        {
            open.push(sample);
            if open.len() > RECORD_HISTOGRAM_BYTES {
                let full = std::mem::replace(&mut open, HistogramRecord::new(kind));
                records.push(Record::new(full.bytes()));
            }
        }
        if !open.is_empty() {
            records.push(Record::new(open.bytes()));
        }
    }
}
