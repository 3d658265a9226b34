//! Zeros where counters begin.

use common_model::{Labels, TimestampMs};
use server_storage::SeriesRef;

use super::{Batch, check_labels, number_of};
use crate::head::Place;

impl Batch {
    /// Takes a zero at the time since which a series counts, where it is in order: a long-lived
    /// counter tells the same start with each sample, so what is not taken is nothing to count.
    /// Never out of order: each scrape would bring it again.
    pub(super) fn zero(
        &mut self,
        series: SeriesRef,
        labels: Option<&Labels>,
        start: TimestampMs,
        timestamp: TimestampMs,
    ) {
        let is_full = self.samples.weight() + self.late.len() >= self.db.options.batch_samples_max;
        // The sample decides what is old: in an empty head anything would be in order.
        if start >= timestamp || start < self.bounds(timestamp).0 || is_full {
            return;
        }
        let known = number_of(series).and_then(|id| Some((id, self.place_of_zero(id, start)?)));
        let known = known.or_else(|| {
            let id = self.series_of_zero(labels?)?;
            Some((id, self.place_of_zero(id, start)?))
        });
        if let Some((id, (Place::Newest, logged))) = known {
            if !logged {
                self.unlogged.push(id);
            }
            self.samples.push(id, start, 0.0);
        }
    }

    /// Finds or makes a series. What speaks against a new one is told, and counted, when its sample
    /// comes.
    fn series_of_zero(&self, labels: &Labels) -> Option<u32> {
        let head = &self.db.head;
        head.find(labels).or_else(|| {
            check_labels(labels).ok()?;
            Some(head.get_or_create(labels, None, self.db.options.series_max)?.0)
        })
    }

    /// Where a zero stands in a series, which is reserved for it where that is the newest place; and
    /// whether the log knows the series.
    fn place_of_zero(&mut self, id: u32, start: TimestampMs) -> Option<(Place, bool)> {
        self.with(id, |series| {
            let (place, logged, _) = series.reserve(series.place(start, 0.0), false);
            (place, logged)
        })
    }
}
