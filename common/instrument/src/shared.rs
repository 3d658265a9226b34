//! Families that many scrapes share: sorted once, never copied.

use std::any::Any;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::OnceLock;

use common_model::MetricType;

use crate::SampleValue;

/// A family whose samples do not change: sorted once, then pushed as a whole by every scrape
/// ([`crate::Samples::push_shared`]). A pair of name and value that many samples have is kept once.
#[derive(Debug)]
pub struct SharedFamily {
    name: Box<str>,
    help: Box<str>,
    kind: MetricType,
    /// Names and values of the labels.
    text: Box<str>,
    /// Name and value of each pair that occurs.
    pairs: Box<[Pair]>,
    /// The labels of all samples, one sample after the other: indices into `pairs`.
    labels: Box<[u32]>,
    samples: Box<[Entry]>,
    kept: Keep,
}

type Pair = (Range<u32>, Range<u32>);

#[derive(Debug)]
struct Entry {
    /// Where the labels end; they begin where those of the sample before end.
    labels_end: u32,
    value: Value,
}

#[derive(Debug)]
enum Value {
    Number(f64),
    /// Rare and large, hence apart.
    Distribution(Box<Distribution>),
}

#[derive(Debug)]
struct Distribution {
    is_summary: bool,
    points: Box<[(f64, f64)]>,
    sum: f64,
    count: f64,
}

/// One sample on its way into a [`SharedFamily`].
#[derive(Clone, Debug)]
pub struct SharedSample<'a> {
    /// Names and values of the labels, in any order.
    pub labels: Vec<(&'a str, &'a str)>,
    /// The value.
    pub value: SampleValue<'a>,
}

impl SharedFamily {
    /// Sorts the samples as client libraries do: fewer labels first, then by the labels' values.
    /// Also returns, ascending, which samples were left out: those that repeat the labels of an
    /// earlier one (an empty label is none), or have a label twice.
    #[must_use]
    pub fn new(
        name: &str,
        help: &str,
        kind: MetricType,
        mut samples: Vec<SharedSample<'_>>,
    ) -> (SharedFamily, Vec<usize>) {
        let mut interner = Interner::default();
        let mut seen: HashMap<Vec<u32>, ()> = HashMap::with_capacity(samples.len());
        let (mut order, mut refused) = (Vec::with_capacity(samples.len()), Vec::new());
        for (at, sample) in samples.iter_mut().enumerate() {
            sample.labels.sort_unstable();
            let is_twice = sample.labels.windows(2).any(|two| two[0].0 == two[1].0);
            let key = sample.labels.iter().filter(|(_, value)| !value.is_empty());
            let key = key.map(|pair| interner.pair(*pair)).collect();
            if is_twice || seen.insert(key, ()).is_some() {
                refused.push(at);
            } else {
                order.push(at);
            }
        }
        drop(seen);
        order.sort_by(|&a, &b| {
            let (a, b) = (&samples[a].labels, &samples[b].labels);
            let by_values = || a.iter().map(|pair| pair.1).cmp(b.iter().map(|pair| pair.1));
            a.len().cmp(&b.len()).then_with(by_values).then_with(|| a.cmp(b))
        });
        let mut labels = Vec::with_capacity(order.iter().map(|&at| samples[at].labels.len()).sum());
        let mut entries = Vec::with_capacity(order.len());
        for at in order {
            labels.extend(samples[at].labels.iter().map(|pair| interner.pair(*pair)));
            let labels_end = labels.len() as u32;
            entries.push(Entry { labels_end, value: Value::new(samples[at].value) });
        }
        let family = SharedFamily {
            name: name.into(),
            help: help.into(),
            kind,
            text: interner.text.into(),
            pairs: interner.pairs.into(),
            labels: labels.into(),
            samples: entries.into(),
            kept: Keep::default(),
        };
        (family, refused)
    }

    /// Full name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Help text, unescaped.
    #[must_use]
    pub fn help(&self) -> &str {
        &self.help
    }

    /// Declared type.
    #[must_use]
    pub fn kind(&self) -> MetricType {
        self.kind
    }

    /// How many samples there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// Every name of a label that occurs; some may come more than once.
    pub fn label_names(&self) -> impl Iterator<Item = &str> {
        self.pairs.iter().map(|(name, _)| self.slice(name))
    }

    /// Labels, in order of their names, and value of the sample with this rank.
    pub fn sample(&self, rank: usize) -> SharedSample<'_> {
        let labels = self.label_ids(rank).iter().map(|&id| self.label(id)).collect();
        SharedSample { labels, value: self.value(rank) }
    }

    /// What a reader made of this family and wants to find again.
    #[must_use]
    pub fn kept(&self) -> &Keep {
        &self.kept
    }

    pub(crate) fn label_ids(&self, rank: usize) -> &[u32] {
        let start = rank.checked_sub(1).map_or(0, |before| self.samples[before].labels_end);
        &self.labels[start as usize..self.samples[rank].labels_end as usize]
    }

    pub(crate) fn label(&self, id: u32) -> (&str, &str) {
        let (name, value) = &self.pairs[id as usize];
        (self.slice(name), self.slice(value))
    }

    pub(crate) fn value(&self, rank: usize) -> SampleValue<'_> {
        match &self.samples[rank].value {
            Value::Number(number) => SampleValue::Number(*number),
            Value::Distribution(all) => {
                let (points, sum, count) = (&*all.points, all.sum, all.count);
                if all.is_summary {
                    SampleValue::Summary { quantiles: points, sum, count }
                } else {
                    SampleValue::Histogram { buckets: points, sum, count }
                }
            }
        }
    }

    fn slice(&self, range: &Range<u32>) -> &str {
        &self.text[range.start as usize..range.end as usize]
    }
}

impl Value {
    fn new(value: SampleValue<'_>) -> Value {
        let (is_summary, points, sum, count) = match value {
            SampleValue::Number(number) => return Value::Number(number),
            SampleValue::Histogram { buckets, sum, count } => (false, buckets, sum, count),
            SampleValue::Summary { quantiles, sum, count } => (true, quantiles, sum, count),
        };
        Value::Distribution(Box::new(Distribution {
            is_summary,
            points: points.into(),
            sum,
            count,
        }))
    }
}

/// Gives equal pairs one number.
#[derive(Default)]
struct Interner<'a> {
    text: String,
    pairs: Vec<Pair>,
    known: HashMap<(&'a str, &'a str), u32>,
    names: HashMap<&'a str, Range<u32>>,
}

impl<'a> Interner<'a> {
    fn pair(&mut self, (name, value): (&'a str, &'a str)) -> u32 {
        if let Some(&id) = self.known.get(&(name, value)) {
            return id;
        }
        let name_range = match self.names.get(name) {
            Some(known) => known.clone(),
            None => {
                let range = self.push(name);
                self.names.insert(name, range.clone());
                range
            }
        };
        let value_range = self.push(value);
        let id = self.pairs.len() as u32;
        self.pairs.push((name_range, value_range));
        self.known.insert((name, value), id);
        id
    }

    fn push(&mut self, text: &str) -> Range<u32> {
        let start = self.text.len() as u32;
        self.text.push_str(text);
        start..self.text.len() as u32
    }
}

/// Room for one thing that a reader makes of what never changes, say its text, and wants to find
/// again beside it.
#[derive(Default)]
pub struct Keep(OnceLock<Box<dyn Any + Send + Sync>>);

impl Keep {
    /// What is kept, made now if nothing is; `None` if it is of another type.
    pub fn get_or_make<T: Any + Send + Sync>(&self, make: impl FnOnce() -> T) -> Option<&T> {
        self.0.get_or_init(|| Box::new(make())).downcast_ref()
    }
}

impl std::fmt::Debug for Keep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.get().is_some() { "Keep(something)" } else { "Keep(nothing)" })
    }
}
