//! The samples of one scrape in one flat, reusable buffer.

mod view;

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use common_model::{MetricType, TimestampMs};

use crate::{Family, SharedFamily};

pub use view::{FamilyView, SampleView};

/// Families that stay remembered though nobody pushed to them lately.
const IDLE_FAMILIES_MAX: usize = 10_000;

/// Refusals that are told in words; the rest is only counted.
const REJECTIONS_TOLD_MAX: usize = 100;

/// Name and value of a label: where they lie in the text.
type Pair = (Range<u32>, Range<u32>);

/// Samples by family. Texts lie in one string, label ranges in one vector, and families stay known
/// from scrape to scrape: a scrape after the first allocates nothing that it did not allocate before.
#[derive(Debug, Default)]
pub struct Samples {
    text: String,
    labels: Vec<Pair>,
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
    /// Samples in families that are shared.
    shared_count: usize,
    sealed: bool,
    rejected: Vec<String>,
    rejected_count: u64,
    deadline: Option<Instant>,
    /// Memory for one order of samples.
    scratch: Vec<u32>,
}

#[derive(Debug)]
struct FamilyEntry {
    name: String,
    help: String,
    kind: MetricType,
    live: bool,
    samples: Vec<u32>,
    /// Where the samples of an earlier scrape, in order, stood among those pushed.
    ranks: Vec<u32>,
    /// All samples of the family, instead of `samples`.
    shared: Option<Arc<SharedFamily>>,
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

/// Why a shared family was not taken whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clash {
    /// Its name stands for a family of this other type; nothing was taken.
    Type(MetricType),
    /// So many of its samples were there already; the others were taken.
    Repeated(usize),
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
            family.shared = None;
        }
        self.live = 0;
        self.shared_count = 0;
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
        let value = self.own_value(value);
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

    /// Adds a family that was sorted before, without copying it where its name is new. What is
    /// already there wins, and the caller is told; such refusals are not in [`Samples::rejected`].
    pub fn push_shared(&mut self, family: &Arc<SharedFamily>) -> Result<(), Clash> {
        let (name, help, kind) = (family.name(), family.help(), family.kind());
        if let Some(taken) = self.kind_of(name)
            && taken != kind
        {
            return Err(Clash::Type(taken));
        }
        // A family without samples of its own may have been declared.
        let Some(at) = self.family_entry(name, help, kind) else { return Ok(()) };
        let entry = &mut self.families[at as usize];
        if entry.samples.is_empty() && entry.shared.is_none() {
            entry.shared = Some(Arc::clone(family));
            self.shared_count += family.len();
            return Ok(());
        }
        self.unshare(at);
        let repeated = self.add_missing(at, family);
        if repeated == 0 { Ok(()) } else { Err(Clash::Repeated(repeated)) }
    }

    /// The type of a family of this scrape.
    #[must_use]
    pub fn kind_of(&self, name: &str) -> Option<MetricType> {
        let entry = &self.families[*self.by_name.get(name)? as usize];
        entry.live.then_some(entry.kind)
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
            if self.families[at].live && !self.is_ascending(&self.families[at].samples) {
                self.sort_family(at);
            }
        }
        self.sealed = true;
    }

    /// Brings the samples of a family in order: that of the last scrape if it still fits, because a
    /// steady collector pushes the same series in the same places.
    fn sort_family(&mut self, at: usize) {
        let family = &mut self.families[at];
        let pushed = std::mem::take(&mut family.samples);
        let mut ranks = std::mem::take(&mut family.ranks);
        if ranks.len() == pushed.len() {
            let mut sorted = std::mem::take(&mut self.scratch);
            sorted.clear();
            sorted.extend(ranks.iter().map(|&rank| pushed[rank as usize]));
            if self.is_ascending(&sorted) {
                self.families[at].samples = sorted;
                self.families[at].ranks = ranks;
                self.scratch = pushed;
                return;
            }
            self.scratch = sorted;
        }
        ranks.clear();
        ranks.extend(0..pushed.len() as u32);
        // Push order breaks ties, so that the first of equal samples stays.
        ranks.sort_unstable_by(|&a, &b| {
            self.compare(pushed[a as usize], pushed[b as usize]).then(a.cmp(&b))
        });
        let mut sorted: Vec<u32> = ranks.iter().map(|&rank| pushed[rank as usize]).collect();
        sorted.dedup_by(|later, first| {
            let same = self.compare(*first, *later) == Ordering::Equal;
            if same {
                let labels = self.describe(*later);
                let name = &self.families[at].name;
                tell(&mut self.rejected, || format!("{name}{labels} was pushed twice"));
            }
            same
        });
        self.rejected_count += (pushed.len() - sorted.len()) as u64;
        self.families[at].samples = sorted;
        self.families[at].ranks = ranks;
    }

    /// Whether these samples stand in order and none is there twice.
    fn is_ascending(&self, list: &[u32]) -> bool {
        list.is_sorted_by(|&a, &b| self.compare(a, b) == Ordering::Less)
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
        self.samples.len() + self.shared_count
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
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
            entry.live.then_some(FamilyView::new(self, entry))
        })
    }

    /// The family of a push of single samples.
    fn family(&mut self, name: &str, help: &str, kind: MetricType) -> Option<u32> {
        let at = self.family_entry(name, help, kind)?;
        if self.families[at as usize].shared.is_some() {
            self.unshare(at);
        }
        Some(at)
    }

    /// Takes a shared family apart, because others push to it, too.
    fn unshare(&mut self, at: u32) {
        let Some(shared) = self.families[at as usize].shared.take() else { return };
        self.shared_count -= shared.len();
        self.add_missing(at, &shared);
    }

    /// Adds the samples whose labels are new to the family; how many are not. Empty labels are none.
    fn add_missing(&mut self, at: u32, family: &SharedFamily) -> usize {
        let given = |labels: Vec<(&str, &str)>| -> Vec<(String, String)> {
            let labels = labels.into_iter().filter(|(_, value)| !value.is_empty());
            labels.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
        };
        let pairs = |&sample: &u32| {
            let pairs = self.pairs(sample).iter();
            given(pairs.map(|(name, value)| (self.slice(name), self.slice(value))).collect())
        };
        let known: HashSet<_> = self.families[at as usize].samples.iter().map(pairs).collect();
        let mut repeated = 0;
        for rank in 0..family.len() {
            let sample = family.sample(rank);
            if known.contains(&given(sample.labels.clone())) {
                repeated += 1;
                continue;
            }
            let value = self.own_value(sample.value);
            self.add(at, &sample.labels, value, None);
        }
        repeated
    }

    fn own_value(&mut self, value: SampleValue<'_>) -> Value {
        match value {
            SampleValue::Number(number) => Value::Number(number),
            SampleValue::Histogram { buckets, sum, count } => {
                let buckets = self.points(buckets.iter().copied());
                Value::Histogram { buckets, sum, count }
            }
            SampleValue::Summary { quantiles, sum, count } => {
                let quantiles = self.points(quantiles.iter().copied());
                Value::Summary { quantiles, sum, count }
            }
        }
    }

    fn family_entry(&mut self, name: &str, help: &str, kind: MetricType) -> Option<u32> {
        self.sealed = false;
        let known = match self.last {
            Some(last) if self.families[last as usize].name == name => Some(last),
            _ => self.by_name.get(name).copied(),
        };
        let Some(at) = known else {
            let at = self.families.len() as u32;
            let (name, help) = (name.to_owned(), help.to_owned());
            self.by_name.insert(name.clone(), at);
            let samples = Vec::new();
            let ranks = Vec::new();
            self.families.push(FamilyEntry {
                name,
                help,
                kind,
                live: true,
                samples,
                ranks,
                shared: None,
            });
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
        let name = |pair: &Pair| cut(text, &pair.0);
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

    /// Fewer labels first, then by the labels' values; names come last, so that only samples of
    /// the same series are equal.
    fn compare(&self, a: u32, b: u32) -> Ordering {
        let (a_pairs, b_pairs) = (self.pairs(a), self.pairs(b));
        let by = |part: fn(&Pair) -> &Range<u32>| {
            let slices = a_pairs.iter().zip(b_pairs);
            let mut orders = slices.map(|(a, b)| self.slice(part(a)).cmp(self.slice(part(b))));
            orders.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        };
        let timestamp = |sample: u32| self.samples[sample as usize].timestamp;
        let by_count = a_pairs.len().cmp(&b_pairs.len());
        by_count
            .then_with(|| by(|pair| &pair.1))
            .then_with(|| timestamp(a).cmp(&timestamp(b)))
            .then_with(|| by(|pair| &pair.0))
    }

    fn describe(&self, sample: u32) -> String {
        let pairs = self.pairs(sample);
        let pair = |(n, v): &Pair| format!("{}={:?}", self.slice(n), self.slice(v));
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

    fn pairs(&self, sample: u32) -> &[Pair] {
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
