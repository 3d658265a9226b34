//! Reading samples out of order: from chunks in files and from memory, as one row.

use std::sync::Arc;

use server_storage::SampleColumns;

use super::Head;
use super::out_of_order::Row;
use crate::Error;
use crate::block::Spare;
use crate::chunk::histogram::AnyHistogram;
use crate::sample::{Sample, Stamped};

impl Head {
    /// Samples out of order of a series between two times, in order of time. Nothing may be locked:
    /// files are read.
    pub(crate) fn late_samples(&self, id: u32, times: (i64, i64)) -> Result<Vec<Stamped>, Error> {
        self.read_late(self.out_of_order.find(id, times), times)
    }

    /// The same of those that were put aside to be written.
    pub(crate) fn frozen_samples(&self, id: u32, times: (i64, i64)) -> Result<Vec<Stamped>, Error> {
        let row = self.out_of_order.find_frozen(id, times);
        self.read_late(row.into_iter().collect(), times)
    }

    fn read_late(&self, rows: Vec<Row>, (first, last): (i64, i64)) -> Result<Vec<Stamped>, Error> {
        let mut all = Vec::new();
        for row in rows {
            for late in row.mapped {
                self.files.each_late(&late, &mut |sample: Stamped| {
                    if (first..=last).contains(&sample.time) {
                        all.push(sample);
                    }
                })?;
            }
            all.extend(row.memory);
        }
        // Of several at one time the first stays.
        all.sort_by_key(|sample| sample.time);
        all.dedup_by_key(|sample| sample.time);
        Ok(all)
    }
}

/// Merges samples out of order into those of their series in order, which win at the same time.
pub(crate) fn merge(late: Vec<Stamped>, samples: &mut SampleColumns) {
    if late.is_empty() {
        return;
    }
    let mut columns = SampleColumns::default();
    for Stamped { time, start, sample } in late {
        match sample {
            Sample::Float(value) => columns.push(time, value),
            Sample::Histogram(histogram) => {
                let float = match *histogram {
                    AnyHistogram::Integer(histogram) => histogram.into_float(),
                    AnyHistogram::Float(histogram) => histogram.into_float(),
                };
                columns.push_histogram(time, Arc::new(float));
            }
        }
        columns.set_start(start);
    }
    let mut spare = Spare::default();
    spare.one = std::mem::replace(samples, columns);
    spare.merge_into(samples);
}

/// Whether all of some samples are among others; both are in order of time.
pub(super) fn holds(all: &[Stamped], some: &[Stamped]) -> bool {
    let mut rest = all;
    some.iter().all(|sample| {
        let at = rest.partition_point(|other| other.time < sample.time);
        rest = &rest[at..];
        rest.first().is_some_and(|other| same(other, sample))
    })
}

/// Samples whose times are not those of others; both are in order of time.
pub(super) fn without(all: Vec<Stamped>, others: &[Stamped]) -> Vec<Stamped> {
    if all.len() == others.len() {
        return Vec::new();
    }
    let mut others = others.iter().map(|other| other.time).peekable();
    let mut kept = Vec::with_capacity(all.len() - others.len());
    for sample in all {
        while others.next_if(|time| *time < sample.time).is_some() {}
        if others.peek() != Some(&sample.time) {
            kept.push(sample);
        }
    }
    kept
}

/// Whether both say the same, however their buckets are laid out.
fn same(a: &Stamped, b: &Stamped) -> bool {
    let same_sample = match (&a.sample, &b.sample) {
        (Sample::Float(a), Sample::Float(b)) => a.to_bits() == b.to_bits(),
        (Sample::Histogram(a), Sample::Histogram(b)) => match (&**a, &**b) {
            (AnyHistogram::Integer(a), AnyHistogram::Integer(b)) => {
                a.counter_reset == b.counter_reset && a.same_counts(b)
            }
            (AnyHistogram::Float(a), AnyHistogram::Float(b)) => {
                a.counter_reset == b.counter_reset && a.same_counts(b)
            }
            _ => false,
        },
        _ => false,
    };
    (a.time, a.start) == (b.time, b.start) && same_sample
}

/// Whether chunks that were made of samples would be read as they are.
pub(crate) fn equal(a: &[Stamped], b: &[Stamped]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
}
