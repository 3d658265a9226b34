//! Samples of series that are known by number: what a steady scrape brings.

use common_model::is_stale_marker;
use server_storage::{AppendError, NumberedSample, SeriesRef};

use super::start::Newest;
use super::{Batch, number_of};
use crate::head::{Page, Place, page_of};
use crate::wal::count;

impl Batch {
    /// Takes samples, each page of series locked once.
    pub(super) fn append_numbered(
        &mut self,
        samples: &[NumberedSample],
        refused: &mut dyn FnMut(usize, AppendError),
    ) {
        let mut begin = 0;
        self.newest = Newest::Nothing;
        for run in samples.chunk_by(|a, b| number_of_page(a.series) == number_of_page(b.series)) {
            let page = number_of(run[0].series).and_then(|id| self.db.head.page(id));
            let mut at = 0;
            while at < run.len() {
                let mut refuse = |place: usize, error| refused(begin + at + place, error);
                let taken = match &page {
                    Some(page) => self.append_on(page, &run[at..], &mut refuse),
                    None => 0,
                };
                at += taken;
                // What needs more than a look at its series comes when the page is free again.
                if let Some(sample) = run.get(at) {
                    if let Err(error) = self.append_alone(sample) {
                        refused(begin + at, error);
                    }
                    at += 1;
                }
            }
            begin += run.len();
        }
        self.sample_time = samples.last().map_or(self.sample_time, |last| last.timestamp);
    }

    /// Takes samples of series on one page up to the first that is older than others, ends its
    /// series or belongs to none; how many.
    fn append_on(
        &mut self,
        page: &Page,
        run: &[NumberedSample],
        refused: &mut dyn FnMut(usize, AppendError),
    ) -> usize {
        let weight = self.samples.weight() + self.late.len();
        let room = self.db.options.batch_samples_max.saturating_sub(weight);
        let oldest = self.bounds(run[0].timestamp).0;
        let mut page = page.series.write();
        for (at, sample) in run.iter().enumerate() {
            let NumberedSample { timestamp, value, .. } = *sample;
            // Numbers on a page have 32 bits.
            let id = sample.series.0 as u32;
            let usual = at < room && timestamp >= oldest && !is_stale_marker(value);
            let Some(series) = page.get_mut(id).filter(|_| usual) else { return at };
            match series.place(timestamp, value) {
                Place::Newest => {
                    series.pending += 1;
                    if !series.logged {
                        self.unlogged.push(id);
                    }
                    self.samples.push(id, timestamp, value);
                    self.newest = Newest::Float;
                }
                Place::Same => self.newest = Newest::Nothing,
                Place::Conflict => {
                    self.newest = Newest::Nothing;
                    count(&self.db.head.counters.duplicates, 1);
                    refused(at, AppendError::Duplicate);
                }
                Place::Older => return at,
            }
        }
        run.len()
    }

    fn append_alone(&mut self, sample: &NumberedSample) -> Result<(), AppendError> {
        let unknown = AppendError::UnknownSeries(sample.series.0);
        let id = number_of(sample.series).ok_or_else(|| unknown.clone())?;
        self.newest = Newest::Nothing;
        self.admit(sample.timestamp)?;
        self.offer(id, sample.timestamp, sample.value).unwrap_or(Err(unknown))
    }
}

/// The page of a series; numbers that are none have one of their own.
fn number_of_page(series: SeriesRef) -> Option<u32> {
    number_of(series).map(page_of)
}
