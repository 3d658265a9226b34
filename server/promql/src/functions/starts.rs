//! Start times: since when the counter behind a sample counts, which tells of resets that the
//! values do not show.

use common_model::TimestampMs;
use server_storage::SampleColumns;

use super::RangeCall;
use crate::eval::{RangeTrack, Window};

/// The start times of one series, where there are any and the engine is to look at them.
#[derive(Clone, Copy)]
pub(super) struct Starts<'a> {
    samples: &'a SampleColumns,
}

/// What is known of the beginning of the first sample of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begin {
    /// Nothing, or it lies before the window.
    Open,
    /// It counts from its own time on: there is nothing before it.
    AtSample,
    /// It counts from zero at this time within the window.
    Within(TimestampMs),
}

/// What start times say of two neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Between {
    Silent,
    Reset,
    /// The later one began before the earlier one was taken, and yet counts from another time.
    Overlap,
}

impl<'a> Starts<'a> {
    pub(super) fn new(call: &RangeCall<'_, '_>, track: &'a RangeTrack) -> Option<Starts<'a>> {
        let known = call.eval.options.use_start_timestamps && !track.samples.starts.is_empty();
        known.then_some(Starts { samples: &track.samples })
    }

    /// How the first sample of a window begins.
    pub(super) fn begin(self, window: &Window) -> Begin {
        let first = window.samples.start;
        let time = self.samples.timestamps[first];
        match self.samples.start(first) {
            Some(start) if start == time => Begin::AtSample,
            Some(start) if start > window.start && start < time => Begin::Within(start),
            _ => Begin::Open,
        }
    }

    /// Whether the counter began anew between a sample and the one before it.
    pub(super) fn reset(self, at: usize) -> bool {
        self.between(at) == Between::Reset
    }

    /// Notes samples that overlap, among those after `first` and up to `last`.
    pub(super) fn warn_overlaps(
        self,
        call: &RangeCall<'_, '_>,
        track: &RangeTrack,
        first: usize,
        last: usize,
    ) {
        if (first + 1..=last).any(|at| self.between(at) == Between::Overlap) {
            let name = track.labels.metric_name();
            let text = format!(
                "sample has start time that overlaps with previous sample timestamp for metric \
                 \"{name}\""
            );
            call.eval.notes.warn(text, call.span(call.matrix));
        }
    }

    /// A start that is not before its sample says nothing. One at the very time of the sample
    /// before is that of a delta, unless that sample's own start is not known: then the counter
    /// counts on from it.
    fn between(self, at: usize) -> Between {
        let Some(before) = at.checked_sub(1) else { return Between::Silent };
        let (time, time_before) = (self.samples.timestamps[at], self.samples.timestamps[before]);
        let Some(start) = self.samples.start(at).filter(|&start| start < time) else {
            return Between::Silent;
        };
        let start_before = self.samples.start(before).filter(|&start| start <= time_before);
        if start > time_before {
            Between::Reset
        } else if start == time_before {
            let known = start_before.is_some_and(|start| start < time_before);
            if known { Between::Reset } else { Between::Silent }
        } else if start_before.is_some_and(|before| before != start) {
            Between::Overlap
        } else {
            Between::Silent
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_times_tell_of_resets_and_overlaps() {
        // Start of a sample at 100, start of the one at 200.
        for (first, second, wanted) in [
            (0, 0, Between::Silent),
            (50, 50, Between::Silent),
            (50, 150, Between::Reset),
            (0, 150, Between::Reset),
            (50, 100, Between::Reset),
            (0, 100, Between::Silent),
            (100, 100, Between::Silent),
            (130, 100, Between::Silent),
            (50, 200, Between::Silent),
            (50, 250, Between::Silent),
            (50, 70, Between::Overlap),
            (0, 70, Between::Silent),
        ] {
            let mut samples = SampleColumns::default();
            for (time, start) in [(100, first), (200, second)] {
                samples.push(time, 1.0);
                samples.set_start(start);
            }
            let found = Starts { samples: &samples }.between(1);
            assert_eq!(found, wanted, "{first} {second}");
        }
    }
}
