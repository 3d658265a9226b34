//! The samples of one scrape in one flat, reusable buffer.

use std::collections::HashMap;
use std::ops::Range;

use common_model::{MetricType, TimestampMs};

use crate::Family;

/// Samples by family. Texts lie in one string, label ranges in one vector: a scrape after the first
/// allocates nothing that it did not allocate before.
#[derive(Debug, Default)]
pub struct Samples {
    text: String,
    labels: Vec<(Range<u32>, Range<u32>)>,
    points: Vec<(f64, f64)>,
    samples: Vec<Entry>,
    families: Vec<FamilyEntry>,
    by_name: HashMap<String, u32>,
    /// The family of the last push: pushes come in runs.
    last: Option<u32>,
    rejected: Vec<String>,
}

#[derive(Debug)]
struct FamilyEntry {
    name: Range<u32>,
    help: Range<u32>,
    kind: MetricType,
    samples: Vec<u32>,
}

#[derive(Clone, Debug)]
struct Entry {
    labels: Range<u32>,
    timestamp: Option<TimestampMs>,
    value: Value,
}

#[derive(Clone, Debug)]
enum Value {
    Number(f64),
    Histogram { buckets: Range<u32>, sum: f64, count: f64 },
    Summary { quantiles: Range<u32>, sum: f64, count: f64 },
}

/// The value of one sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SampleValue<'a> {
    /// Counter, gauge or untyped.
    Number(f64),
    /// Upper bounds with cumulative counts, ascending; the +Inf bucket may be left out.
    Histogram {
        /// (upper bound, cumulative count)
        buckets: &'a [(f64, f64)],
        /// Sum of all observations.
        sum: f64,
        /// Number of observations.
        count: f64,
    },
    /// Quantiles with their values.
    Summary {
        /// (quantile, value)
        quantiles: &'a [(f64, f64)],
        /// Sum of all observations.
        sum: f64,
        /// Number of observations.
        count: f64,
    },
}

impl Samples {
    /// Forgets the samples but keeps the memory.
    pub fn clear(&mut self) {
        self.text.clear();
        self.labels.clear();
        self.points.clear();
        self.samples.clear();
        self.families.clear();
        self.by_name.clear();
        self.last = None;
        self.rejected.clear();
    }

    /// Adds a number to a declared family.
    pub fn push(&mut self, family: &Family, labels: &[(&str, &str)], value: f64) {
        self.push_named(family.name, family.help, family.kind, labels, value);
    }

    /// Adds a number to a family whose name is known only at run time.
    pub fn push_named(
        &mut self,
        name: &str,
        help: &str,
        kind: MetricType,
        labels: &[(&str, &str)],
        value: f64,
    ) {
        self.push_value(name, help, kind, labels, SampleValue::Number(value), None);
    }

    /// Adds a sample of any kind, with a timestamp of its own where the source has one. A family
    /// that is already there with another type keeps its type, and the sample is rejected; a
    /// different help text is ignored.
    pub fn push_value(
        &mut self,
        name: &str,
        help: &str,
        kind: MetricType,
        labels: &[(&str, &str)],
        value: SampleValue<'_>,
        timestamp: Option<TimestampMs>,
    ) {
        let Some(family) = self.family(name, help, kind) else { return };
        let first = self.labels.len() as u32;
        for (name, value) in labels {
            let pair = (self.intern(name), self.intern(value));
            self.labels.push(pair);
        }
        let labels = first..self.labels.len() as u32;
        let value = match value {
            SampleValue::Number(number) => Value::Number(number),
            SampleValue::Histogram { buckets, sum, count } => {
                Value::Histogram { buckets: self.points(buckets), sum, count }
            }
            SampleValue::Summary { quantiles, sum, count } => {
                Value::Summary { quantiles: self.points(quantiles), sum, count }
            }
        };
        self.families[family as usize].samples.push(self.samples.len() as u32);
        self.samples.push(Entry { labels, timestamp, value });
    }

    /// Declares a family that may stay without samples.
    pub fn declare(&mut self, family: &Family) {
        self.family(family.name, family.help, family.kind);
    }

    /// What was refused since the last [`Samples::clear`], in words.
    #[must_use]
    pub fn rejected(&self) -> &[String] {
        &self.rejected
    }

    /// How many samples there are; a histogram counts as one.
    #[must_use]
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// Families in order of their names, samples in order of their labels.
    pub fn families(&self) -> impl Iterator<Item = FamilyView<'_>> {
        let mut order: Vec<&FamilyEntry> = self.families.iter().collect();
        order.sort_unstable_by_key(|family| self.slice(&family.name));
        order.into_iter().map(|entry| FamilyView { all: self, entry })
    }

    fn family(&mut self, name: &str, help: &str, kind: MetricType) -> Option<u32> {
        let known = match self.last {
            Some(last) if self.slice(&self.families[last as usize].name) == name => Some(last),
            _ => self.by_name.get(name).copied(),
        };
        let Some(at) = known else {
            let at = self.families.len() as u32;
            let (range, help) = (self.intern(name), self.intern(help));
            self.families.push(FamilyEntry { name: range, help, kind, samples: Vec::new() });
            self.by_name.insert(name.to_owned(), at);
            self.last = Some(at);
            return Some(at);
        };
        self.last = Some(at);
        if self.families[at as usize].kind != kind {
            let kept = self.families[at as usize].kind.as_str();
            self.rejected.push(format!("{name} is a {kept}, not a {}", kind.as_str()));
            return None;
        }
        Some(at)
    }

    fn intern(&mut self, text: &str) -> Range<u32> {
        let start = self.text.len() as u32;
        self.text.push_str(text);
        start..self.text.len() as u32
    }

    fn points(&mut self, points: &[(f64, f64)]) -> Range<u32> {
        let start = self.points.len() as u32;
        self.points.extend_from_slice(points);
        start..self.points.len() as u32
    }

    fn slice(&self, range: &Range<u32>) -> &str {
        &self.text[range.start as usize..range.end as usize]
    }

    fn pairs(&self, sample: u32) -> &[(Range<u32>, Range<u32>)] {
        let range = &self.samples[sample as usize].labels;
        &self.labels[range.start as usize..range.end as usize]
    }
}

/// One family of a [`Samples`].
#[derive(Clone, Copy, Debug)]
pub struct FamilyView<'a> {
    all: &'a Samples,
    entry: &'a FamilyEntry,
}

impl<'a> FamilyView<'a> {
    /// Full name.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.all.slice(&self.entry.name)
    }

    /// Help text, unescaped.
    #[must_use]
    pub fn help(&self) -> &'a str {
        self.all.slice(&self.entry.help)
    }

    /// Declared type.
    #[must_use]
    pub fn kind(&self) -> MetricType {
        self.entry.kind
    }

    /// Samples in order of their labels.
    pub fn samples(&self) -> impl Iterator<Item = SampleView<'a>> + use<'a> {
        let all = self.all;
        let mut order = self.entry.samples.clone();
        order.sort_by(|&a, &b| {
            let pairs = |sample| {
                all.pairs(sample).iter().map(|(name, value)| (all.slice(name), all.slice(value)))
            };
            pairs(a).cmp(pairs(b))
        });
        order.into_iter().map(move |sample| SampleView { all, sample })
    }
}

/// One sample of a [`FamilyView`].
#[derive(Clone, Copy, Debug)]
pub struct SampleView<'a> {
    all: &'a Samples,
    sample: u32,
}

impl<'a> SampleView<'a> {
    /// Names and values of the labels, in the order they were pushed.
    pub fn labels(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let all = self.all;
        all.pairs(self.sample).iter().map(move |(name, value)| (all.slice(name), all.slice(value)))
    }

    /// The value.
    #[must_use]
    pub fn value(&self) -> SampleValue<'a> {
        let points =
            |range: &Range<u32>| &self.all.points[range.start as usize..range.end as usize];
        match &self.all.samples[self.sample as usize].value {
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
        self.all.samples[self.sample as usize].timestamp
    }
}
