//! How [`Samples`] are read: families, their samples, labels and values.

use std::ops::Range;
use std::sync::Arc;

use common_model::{MetricType, TimestampMs};

use super::{FamilyEntry, Pair, SampleValue, Samples, Value, cut};
use crate::SharedFamily;

/// One family of a [`Samples`].
#[derive(Clone, Copy, Debug)]
pub struct FamilyView<'a> {
    all: &'a Samples,
    entry: &'a FamilyEntry,
}

impl<'a> FamilyView<'a> {
    pub(super) fn new(all: &'a Samples, entry: &'a FamilyEntry) -> FamilyView<'a> {
        FamilyView { all, entry }
    }

    /// Full name.
    #[must_use]
    pub fn name(&self) -> &'a str {
        &self.entry.name
    }

    /// Help text, unescaped.
    #[must_use]
    pub fn help(&self) -> &'a str {
        &self.entry.help
    }

    /// Declared type.
    #[must_use]
    pub fn kind(&self) -> MetricType {
        self.entry.kind
    }

    /// The shared family that holds all samples of this one, where it is so.
    #[must_use]
    pub fn shared(&self) -> Option<&'a Arc<SharedFamily>> {
        self.entry.shared.as_ref()
    }

    /// Samples in order: fewer labels first, then by the labels' values.
    pub fn samples(&self) -> impl Iterator<Item = SampleView<'a>> + use<'a> {
        let (all, entry) = (self.all, self.entry);
        let mut sorted = Vec::new();
        if !all.sealed {
            sorted.clone_from(&entry.samples);
            sorted.sort_by(|&a, &b| all.compare(a, b));
        }
        let shared = entry.shared.as_deref();
        let count = shared.map_or(entry.samples.len(), SharedFamily::len);
        (0..count).map(move |rank| match shared {
            Some(family) => SampleView(Source::Shared { family, rank }),
            None => {
                let sample = if all.sealed { entry.samples[rank] } else { sorted[rank] };
                SampleView(Source::Own { all, sample })
            }
        })
    }
}

/// One sample of a [`FamilyView`].
#[derive(Clone, Copy, Debug)]
pub struct SampleView<'a>(Source<'a>);

#[derive(Clone, Copy, Debug)]
enum Source<'a> {
    Own { all: &'a Samples, sample: u32 },
    Shared { family: &'a SharedFamily, rank: usize },
}

/// Where the labels of a sample are.
#[derive(Clone, Copy)]
enum Labels<'a> {
    Own { text: &'a str, pairs: &'a [Pair] },
    Shared { family: &'a SharedFamily, ids: &'a [u32] },
}

impl<'a> SampleView<'a> {
    /// Names and values of the labels, in order of the names.
    pub fn labels(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let (labels, count) = match self.0 {
            Source::Own { all, sample } => {
                let pairs = all.pairs(sample);
                (Labels::Own { text: &all.text, pairs }, pairs.len())
            }
            Source::Shared { family, rank } => {
                let ids = family.label_ids(rank);
                (Labels::Shared { family, ids }, ids.len())
            }
        };
        (0..count).map(move |at| match labels {
            Labels::Own { text, pairs } => (cut(text, &pairs[at].0), cut(text, &pairs[at].1)),
            Labels::Shared { family, ids } => family.label(ids[at]),
        })
    }

    /// The value.
    #[must_use]
    pub fn value(&self) -> SampleValue<'a> {
        let (all, sample) = match self.0 {
            Source::Own { all, sample } => (all, sample),
            Source::Shared { family, rank } => return family.value(rank),
        };
        let points = |range: &Range<u32>| &all.points[range.start as usize..range.end as usize];
        match &all.samples[sample as usize].value {
            Value::Number(number) => SampleValue::Number(*number),
            Value::Histogram { buckets, sum, count } => {
                SampleValue::Histogram { buckets: points(buckets), sum: *sum, count: *count }
            }
            Value::Summary { quantiles, sum, count } => {
                SampleValue::Summary { quantiles: points(quantiles), sum: *sum, count: *count }
            }
        }
    }

    /// The sample's own timestamp, where it has one.
    #[must_use]
    pub fn timestamp(&self) -> Option<TimestampMs> {
        match self.0 {
            Source::Own { all, sample } => all.samples[sample as usize].timestamp,
            Source::Shared { .. } => None,
        }
    }
}
