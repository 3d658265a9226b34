//! What is committed becomes visible: in its series, or beside them where it came out of order.

use std::ops::Range;

use super::Batch;
use super::samples::Samples;
use crate::head::{Appended, AppendedSum, Place, page_of};
use crate::out_of_order_log::Late;
use crate::sample::{Sample, Stamped, alone};
use crate::wal::count;
use crate::wal::histograms::RefHistogram;
use crate::wal::record::RefSample;

impl Batch {
    /// Makes the samples visible.
    pub(super) fn apply(&mut self) {
        let samples = std::mem::take(&mut self.samples);
        let mut done = Applied::default();
        for (floats, histograms) in samples.groups() {
            self.apply_floats(&samples, floats, &mut done);
            for sample in &samples.histograms[histograms] {
                self.apply_histogram(sample, &mut done);
            }
        }
        self.scratch.floats = samples.floats;
        let head = &self.db.head;
        head.account(&done.sum);
        count(&head.counters.samples_appended, done.floats);
        count(&head.counters.histograms_appended, done.histograms);
        count(&head.counters.out_of_order, done.late);
        head.files.await_writing(&mut done.ended);
        if done.floats + done.histograms > 0 {
            head.cover(done.oldest, done.newest);
        }
        for (id, number) in std::mem::take(&mut self.metadata) {
            self.with(id, |series| series.metadata = number);
        }
        self.exemplars.apply(&self.db.head);
        self.late.append(&mut done.displaced);
    }

    /// Makes samples out of order visible.
    pub(super) fn apply_late(&mut self) {
        let mut new = 0;
        for (id, late) in std::mem::take(&mut self.late) {
            new += u64::from(self.db.head.out_of_order.insert(id, late));
            // Only now may the series go.
            self.with(id, |series| series.pending -= 1);
        }
        count(&self.db.head.out_of_order.appended, new);
    }

    /// Page by page: a scrape locks each once.
    fn apply_floats(&self, samples: &Samples, floats: Range<usize>, done: &mut Applied) {
        let head = &self.db.head;
        let rules = head.chunking();
        let oldest = self.bounds.map_or(i64::MAX, |bounds| bounds.1);
        let same_page =
            |a: &RefSample, b: &RefSample| page_of(a.series as u32) == page_of(b.series as u32);
        let mut begin = floats.start;
        for run in samples.floats[floats].chunk_by(same_page) {
            let run = begin..begin + run.len();
            begin = run.end;
            // Pending samples keep their series, and with them the page.
            let Some(page) = head.page(samples.floats[run.start].series as u32) else { continue };
            let mut page = page.series.write();
            for (sample, start) in samples.started(run) {
                let Some(series) = page.get_mut(sample.series as u32) else { continue };
                series.pending -= 1;
                match series.place(sample.time, sample.value) {
                    Place::Newest => {
                        let sum = series.append((sample.time, start), sample.value, rules);
                        done.note(series.id, sum);
                        done.floats += 1;
                        done.cover(sample.time);
                    }
                    Place::Same => {}
                    Place::Older if sample.time >= oldest => {
                        series.pending += 1;
                        let late = Sample::Float(sample.value);
                        done.displace(series.id, (sample.time, start), late);
                    }
                    Place::Conflict | Place::Older => done.late += 1,
                }
            }
        }
    }

    fn apply_histogram(&mut self, sample: &RefHistogram, done: &mut Applied) {
        let rules = self.db.head.chunking();
        let oldest = self.bounds.map_or(i64::MAX, |bounds| bounds.1);
        let RefHistogram { series, time, start, histogram } = sample;
        let (time, start) = (*time, *start);
        self.with(*series as u32, |series| {
            series.pending -= 1;
            match series.place_histogram(time, histogram) {
                Place::Newest => {
                    let sum = series.append_histogram((time, start), histogram, rules);
                    done.note(series.id, sum);
                    done.histograms += 1;
                    done.cover(time);
                }
                Place::Same => {}
                Place::Older if time >= oldest => {
                    series.pending += 1;
                    done.displace(series.id, (time, start), alone(histogram.clone()));
                }
                Place::Conflict | Place::Older => done.late += 1,
            }
        });
    }
}

/// What applying a batch came to.
struct Applied {
    sum: AppendedSum,
    floats: u64,
    histograms: u64,
    /// Samples behind others that were committed meanwhile.
    late: u64,
    /// Those of them that may come out of order.
    displaced: Vec<Late>,
    /// Series whose chunks ended, which can go to files now.
    ended: Vec<u32>,
    oldest: i64,
    newest: i64,
}

impl Default for Applied {
    fn default() -> Applied {
        Applied {
            sum: AppendedSum::default(),
            floats: 0,
            histograms: 0,
            late: 0,
            displaced: Vec::new(),
            ended: Vec::new(),
            oldest: i64::MAX,
            newest: i64::MIN,
        }
    }
}

impl Applied {
    fn note(&mut self, id: u32, sum: Appended) {
        self.sum.add(sum);
        if sum.closed {
            self.ended.push(id);
        }
    }

    fn displace(&mut self, id: u32, (time, start): (i64, i64), sample: Sample) {
        self.displaced.push((id, Stamped { time, start, sample }));
    }

    fn cover(&mut self, time: i64) {
        self.oldest = self.oldest.min(time);
        self.newest = self.newest.max(time);
    }
}
