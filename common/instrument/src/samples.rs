//! The samples of one scrape in one flat, reusable buffer.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::ops::Range;
use std::time::Instant;

use common_model::{MetricType, TimestampMs};

use crate::Family;

/// Families that stay remembered though nobody pushed to them lately.
const IDLE_FAMILIES_MAX: usize = 10_000;

/// Refusals that are told in words; the rest is only counted.
const REJECTIONS_TOLD_MAX: usize = 100;

/// Samples by family. Texts lie in one string, label ranges in one vector, and families stay known
/// from scrape to scrape: a scrape after the first allocates nothing that it did not allocate before.
#[derive(Debug, Default)]
pub struct Samples {
    text: String,
    labels: Vec<(Range<u32>, Range<u32>)>,
    points: Vec<(f64, f64)>,
    samples: Vec<Entry>,
    /// Families of this scrape and of earlier ones; only those with `live` count.
    families: Vec<FamilyEntry>,
    by_name: HashMap<String, u32>,
    /// Indices into `families` in order of the names; good as long as no name is added.
    order: Vec<u32>,
    /// The family of the last push: pushes come in runs.
    last: Option<u32>,
    live: usize,
    sealed: bool,
    rejected: Vec<String>,
    rejected_count: u64,
    deadline: Option<Instant>,
}

#[derive(Debug)]
struct FamilyEntry {
    name: String,
    help: String,
    kind: MetricType,
    live: bool,
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
        if self.families.len() > self.live + IDLE_FAMILIES_MAX {
            self.families.clear();
            self.by_name.clear();
            self.order.clear();
        }
        for family in &mut self.families {
            family.live = false;
            family.samples.clear();
        }
        self.live = 0;
        self.last = None;
        self.sealed = false;
        self.rejected.clear();
        self.rejected_count = 0;
        self.deadline = None;
    }

    /// Says until when the reader waits; holds until the next [`Samples::clear`].
    pub fn set_deadline(&mut self, deadline: Instant) {
        self.deadline = Some(deadline);
    }

    /// Until when the reader waits, where it said so: a collector that waits for others gives up
    /// what is missing by then, so that the rest still arrives.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
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
    /// different help text is ignored. A label name that stands twice rejects the sample.
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
        let value = match value {
            SampleValue::Number(number) => Value::Number(number),
            SampleValue::Histogram { buckets, sum, count } => {
                let buckets = self.points(buckets.iter().copied());
                Value::Histogram { buckets, sum, count }
            }
            SampleValue::Summary { quantiles, sum, count } => {
                let quantiles = self.points(quantiles.iter().copied());
                Value::Summary { quantiles, sum, count }
            }
        };
        self.add(family, labels, value, timestamp);
    }

    /// Adds a histogram whose buckets (upper bound, cumulative count; ascending) come one by one;
    /// the last one, without bound, also says the number of observations.
    pub fn push_buckets(
        &mut self,
        (name, help): (&str, &str),
        labels: &[(&str, &str)],
        buckets: impl IntoIterator<Item = (f64, f64)>,
        sum: f64,
    ) {
        let Some(family) = self.family(name, help, MetricType::Histogram) else { return };
        let buckets = self.points(buckets);
        let count = self.points[buckets.start as usize..].last().map_or(0.0, |last| last.1);
        self.add(family, labels, Value::Histogram { buckets, sum, count }, None);
    }

    /// Declares a family that may stay without samples.
    pub fn declare(&mut self, family: &Family) {
        self.family(family.name, family.help, family.kind);
    }

    /// Sorts everything and drops samples that repeat name and labels of an earlier one; the first
    /// push wins. [`crate::Registry::gather`] calls this; without it [`Samples::families`] sorts each time.
    pub fn seal(&mut self) {
        if self.sealed {
            return;
        }
        if self.order.len() != self.families.len() {
            self.order = self.name_order();
        }
        for at in 0..self.families.len() {
            if !self.families[at].live {
                continue;
            }
            let mut list = std::mem::take(&mut self.families[at].samples);
            // Push order breaks ties, so that the first of equal samples stays.
            list.sort_unstable_by(|&a, &b| self.compare(a, b).then(a.cmp(&b)));
            let before = list.len();
            list.dedup_by(|later, first| {
                let same = self.compare(*first, *later) == Ordering::Equal
                    && self.same_names(*first, *later);
                if same {
                    let labels = self.describe(*later);
                    let name = &self.families[at].name;
                    tell(&mut self.rejected, || format!("{name}{labels} was pushed twice"));
                }
                same
            });
            self.rejected_count += (before - list.len()) as u64;
            self.families[at].samples = list;
        }
        self.sealed = true;
    }

    /// What was refused since the last [`Samples::clear`], in words; the first hundred.
    #[must_use]
    pub fn rejected(&self) -> &[String] {
        &self.rejected
    }

    /// How many samples were refused since the last [`Samples::clear`].
    #[must_use]
    pub fn rejected_count(&self) -> u64 {
        self.rejected_count
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

    /// Families in order of their names, samples as client libraries order them: fewer labels
    /// first, then by the labels' values.
    pub fn families(&self) -> impl Iterator<Item = FamilyView<'_>> {
        let known = self.order.len() == self.families.len();
        let fresh = if known { Vec::new() } else { self.name_order() };
        let count = self.families.len();
        (0..count).filter_map(move |rank| {
            let at = if known { self.order[rank] } else { fresh[rank] };
            let entry = &self.families[at as usize];
            entry.live.then_some(FamilyView { all: self, entry })
        })
    }

    fn family(&mut self, name: &str, help: &str, kind: MetricType) -> Option<u32> {
        self.sealed = false;
        let known = match self.last {
            Some(last) if self.families[last as usize].name == name => Some(last),
            _ => self.by_name.get(name).copied(),
        };
        let Some(at) = known else {
            let at = self.families.len() as u32;
            let (name, help) = (name.to_owned(), help.to_owned());
            self.by_name.insert(name.clone(), at);
            self.families.push(FamilyEntry { name, help, kind, live: true, samples: Vec::new() });
            self.live += 1;
            self.last = Some(at);
            return Some(at);
        };
        self.last = Some(at);
        let family = &mut self.families[at as usize];
        if !family.live {
            family.live = true;
            family.kind = kind;
            if family.help != help {
                help.clone_into(&mut family.help);
            }
            self.live += 1;
        }
        if family.kind != kind {
            let kept = family.kind.as_str();
            self.rejected_count += 1;
            tell(&mut self.rejected, || format!("{name} is a {kept}, not a {}", kind.as_str()));
            return None;
        }
        Some(at)
    }

    fn add(
        &mut self,
        family: u32,
        labels: &[(&str, &str)],
        value: Value,
        timestamp: Option<TimestampMs>,
    ) {
        let first = self.labels.len();
        for (name, value) in labels {
            let pair = (self.intern(name), self.intern(value));
            self.labels.push(pair);
        }
        let (text, pairs) = (&self.text, &mut self.labels[first..]);
        let name = |pair: &(Range<u32>, Range<u32>)| cut(text, &pair.0);
        if !pairs.is_sorted_by(|a, b| name(a) < name(b)) {
            pairs.sort_by(|a, b| name(a).cmp(name(b)));
            if let Some(twice) = pairs.windows(2).find(|two| name(&two[0]) == name(&two[1])) {
                let (family, label) = (&self.families[family as usize].name, name(&twice[0]));
                tell(&mut self.rejected, || format!("{family} has label {label} twice"));
                self.rejected_count += 1;
                self.labels.truncate(first);
                return;
            }
        }
        let labels = first as u32..self.labels.len() as u32;
        self.families[family as usize].samples.push(self.samples.len() as u32);
        self.samples.push(Entry { labels, timestamp, value });
    }

    fn name_order(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.families.len() as u32).collect();
        order.sort_unstable_by_key(|&at| self.families[at as usize].name.as_str());
        order
    }

    fn compare(&self, a: u32, b: u32) -> Ordering {
        let (a_pairs, b_pairs) = (self.pairs(a), self.pairs(b));
        let by_count = a_pairs.len().cmp(&b_pairs.len());
        by_count.then_with(|| {
            let values = |pairs: &[(Range<u32>, Range<u32>)], i: usize| pairs[i].1.clone();
            (0..a_pairs.len())
                .map(|i| self.slice(&values(a_pairs, i)).cmp(self.slice(&values(b_pairs, i))))
                .find(|order| order.is_ne())
                .unwrap_or_else(|| {
                    self.samples[a as usize].timestamp.cmp(&self.samples[b as usize].timestamp)
                })
        })
    }

    fn same_names(&self, a: u32, b: u32) -> bool {
        let names = |sample| self.pairs(sample).iter().map(|(name, _)| self.slice(name));
        names(a).eq(names(b))
    }

    fn describe(&self, sample: u32) -> String {
        let pairs = self.pairs(sample);
        let pair =
            |(n, v): &(Range<u32>, Range<u32>)| format!("{}={:?}", self.slice(n), self.slice(v));
        if pairs.is_empty() {
            return String::new();
        }
        format!("{{{}}}", pairs.iter().map(pair).collect::<Vec<_>>().join(","))
    }

    fn intern(&mut self, text: &str) -> Range<u32> {
        let start = self.text.len() as u32;
        self.text.push_str(text);
        start..self.text.len() as u32
    }

    fn points(&mut self, points: impl IntoIterator<Item = (f64, f64)>) -> Range<u32> {
        let start = self.points.len() as u32;
        self.points.extend(points);
        start..self.points.len() as u32
    }

    fn slice(&self, range: &Range<u32>) -> &str {
        cut(&self.text, range)
    }

    fn pairs(&self, sample: u32) -> &[(Range<u32>, Range<u32>)] {
        let range = &self.samples[sample as usize].labels;
        &self.labels[range.start as usize..range.end as usize]
    }
}

fn cut<'a>(text: &'a str, range: &Range<u32>) -> &'a str {
    &text[range.start as usize..range.end as usize]
}

fn tell(rejected: &mut Vec<String>, words: impl FnOnce() -> String) {
    if rejected.len() < REJECTIONS_TOLD_MAX {
        rejected.push(words());
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

    /// Samples in order: fewer labels first, then by the labels' values.
    pub fn samples(&self) -> impl Iterator<Item = SampleView<'a>> + use<'a> {
        let (all, entry) = (self.all, self.entry);
        let mut sorted = Vec::new();
        if !all.sealed {
            sorted.clone_from(&entry.samples);
            sorted.sort_by(|&a, &b| all.compare(a, b));
        }
        (0..entry.samples.len()).map(move |rank| {
            let sample = if all.sealed { entry.samples[rank] } else { sorted[rank] };
            SampleView { all, sample }
        })
    }
}

/// One sample of a [`FamilyView`].
#[derive(Clone, Copy, Debug)]
pub struct SampleView<'a> {
    all: &'a Samples,
    sample: u32,
}

impl<'a> SampleView<'a> {
    /// Names and values of the labels, in order of the names.
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
