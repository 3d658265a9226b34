//! Samples that came out of order: few, so they wait as they are until they go to blocks of their own.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use foldhash::fast::FixedState;
use parking_lot::RwLock;
use server_storage::SampleColumns;

use crate::block::Spare;
use crate::chunk::histogram::AnyHistogram;
use crate::sample::{Sample, Stamped};

/// Samples of one series in order of time.
type Row = Vec<Stamped>;
type Rows = HashMap<u32, Row, FixedState>;

/// All samples out of order.
#[derive(Debug, Default)]
pub(crate) struct OutOfOrder {
    /// How far behind the newest sample of the head they may be; zero takes none.
    pub(crate) window_ms: AtomicI64,
    /// How many there are.
    samples: AtomicU64,
    pub(crate) appended: AtomicU64,
    pub(crate) too_old: AtomicU64,
    rows: RwLock<Generations>,
}

/// Those that come now, and those that are being written to blocks.
#[derive(Debug, Default)]
struct Generations {
    current: Rows,
    frozen: Option<Rows>,
}

impl Generations {
    fn rows(&self, id: u32) -> impl Iterator<Item = &Row> {
        self.frozen.iter().chain([&self.current]).filter_map(move |rows| rows.get(&id))
    }
}

impl OutOfOrder {
    /// Whether there are none, which is nearly always so.
    pub(crate) fn is_empty(&self) -> bool {
        self.samples.load(Ordering::Acquire) == 0
    }

    pub(crate) fn len(&self) -> u64 {
        self.samples.load(Ordering::Acquire)
    }

    /// Adds a sample; of several at the same time the first stays. Says whether it is new.
    pub(crate) fn insert(&self, id: u32, sample: Stamped) -> bool {
        let mut generations = self.rows.write();
        let row = generations.current.entry(id).or_default();
        match row.binary_search_by_key(&sample.time, |sample| sample.time) {
            Ok(_) => return false,
            Err(at) => row.insert(at, sample),
        }
        self.samples.fetch_add(1, Ordering::AcqRel);
        true
    }

    /// Whether a series has any.
    pub(crate) fn has(&self, id: u32) -> bool {
        !self.is_empty() && self.rows.read().rows(id).next().is_some()
    }

    /// Times of the first and the last one of a series.
    pub(crate) fn span_of(&self, id: u32) -> Option<(i64, i64)> {
        if self.is_empty() {
            return None;
        }
        span(self.rows.read().rows(id))
    }

    /// Times of the first and the last one.
    pub(crate) fn span(&self) -> Option<(i64, i64)> {
        if self.is_empty() {
            return None;
        }
        let generations = self.rows.read();
        let all = generations.frozen.iter().chain([&generations.current]);
        span(all.flat_map(|rows| rows.values()))
    }

    /// Merges those of a series in `[start, end]` into its samples in order, which win at the same
    /// time.
    pub(crate) fn merge(&self, id: u32, (start, end): (i64, i64), samples: &mut SampleColumns) {
        if self.is_empty() {
            return;
        }
        for row in self.rows.read().rows(id) {
            let from = row.partition_point(|sample| sample.time < start);
            let mut spare = Spare::default();
            let mut late = SampleColumns::default();
            for Stamped { time, start, sample } in
                row[from..].iter().take_while(|sample| sample.time <= end)
            {
                match sample {
                    Sample::Float(value) => late.push(*time, *value),
                    Sample::Histogram(histogram) => {
                        let float = match &**histogram {
                            AnyHistogram::Integer(histogram) => histogram.clone().into_float(),
                            AnyHistogram::Float(histogram) => histogram.clone().into_float(),
                        };
                        late.push_histogram(*time, Arc::new(float));
                    }
                }
                late.set_start(*start);
            }
            if !late.is_empty() {
                spare.one = std::mem::replace(samples, late);
                spare.merge_into(samples);
            }
        }
    }

    /// Those of a series.
    pub(crate) fn row(&self, id: u32) -> Row {
        let generations = self.rows.read();
        let mut row: Row = generations.rows(id).flatten().cloned().collect();
        row.sort_by_key(|sample| sample.time);
        row.dedup_by_key(|sample| sample.time);
        row
    }

    /// Puts those that are there aside to be written; what comes later is apart. Says whether there
    /// are any. What was put aside before must be gone.
    pub(crate) fn freeze(&self) -> bool {
        let mut generations = self.rows.write();
        let current = std::mem::take(&mut generations.current);
        let any = !current.is_empty();
        generations.frozen = any.then_some(current);
        any
    }

    /// Numbers of the series that were put aside.
    pub(crate) fn frozen(&self) -> Vec<u32> {
        self.rows.read().frozen.iter().flat_map(|rows| rows.keys().copied()).collect()
    }

    /// Samples that were put aside, of a series between two times.
    pub(crate) fn frozen_row(&self, id: u32, (first, last): (i64, i64)) -> Row {
        let generations = self.rows.read();
        let row = generations.frozen.as_ref().and_then(|rows| rows.get(&id));
        let inside = |time: &i64| (first..=last).contains(time);
        row.into_iter().flatten().filter(|sample| inside(&sample.time)).cloned().collect()
    }

    /// Times of the first and the last one that was put aside.
    pub(crate) fn frozen_span(&self) -> Option<(i64, i64)> {
        span(self.rows.read().frozen.iter().flat_map(|rows| rows.values()))
    }

    /// Forgets those that were put aside.
    pub(crate) fn thaw(&self) {
        let gone = self.rows.write().frozen.take();
        let samples: usize = gone.iter().flat_map(|rows| rows.values()).map(Vec::len).sum();
        self.samples.fetch_sub(samples as u64, Ordering::AcqRel);
    }
}

fn span<'a>(rows: impl Iterator<Item = &'a Row>) -> Option<(i64, i64)> {
    let ends = rows.filter_map(|row| Some((row.first()?.time, row.last()?.time)));
    ends.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}
