//! Since when counters count: `_created` lines of OpenMetrics, which stand beside the samples they
//! tell of.

use std::convert::Infallible;
use std::hash::BuildHasher;

use common_model::{MetricType, TimestampMs};
use foldhash::quality::RandomState;
use memchr::memmem::{self, Finder};

use super::labels::{Part, each_part, special};
use super::parser::{Dialect, Event, Parser, Series};
use super::value::seconds_to_ms;

/// What the names of such lines end with.
const CREATED: &[u8] = b"_created";

/// What may follow the name of a family in the names of its samples.
const SUFFIXES: [&[u8]; 5] = [b"", b"_total", b"_bucket", b"_count", b"_sum"];

/// The start times of an OpenMetrics page.
///
/// A `_created` line tells of the samples of its family that have its labels, without `le` and
/// `quantile`, wherever it stands among them. What is remembered are sixteen bytes a line of one
/// family, the labels as the sum of their hashes: whether two label sets are the same is true with
/// odds like those of any 64-bit hash with a seed.
///
/// ```
/// use common_exposition::{CreatedTimes, Dialect, Event, Parser};
///
/// let page = b"# TYPE a counter\na_total{b=\"c\"} 5\na_created{b=\"c\"} 1.5\n# EOF\n";
/// let (mut parser, mut created) = (Parser::new(page, Dialect::OpenMetrics), CreatedTimes::new(page));
/// let mut starts = Vec::new();
/// loop {
///     let at = parser.position();
///     match parser.next()? {
///         None => break,
///         Some(Event::Series(series)) => starts.push(created.start(at, &series)),
///         Some(event) => created.pass(&event),
///     }
/// }
/// assert_eq!(starts, [Some(1500), None]);
/// # Ok::<(), common_exposition::Error>(())
/// ```
#[derive(Debug)]
pub struct CreatedTimes<'a> {
    page: &'a [u8],
    hasher: RandomState,
    /// What the last TYPE line named.
    family: &'a [u8],
    /// Whether the samples that come now were looked through.
    is_looked_through: bool,
    /// Whether any of them may be a `_created` line.
    is_told: bool,
    /// Labels and since when they count, sorted.
    times: Vec<(u64, TimestampMs)>,
}

impl<'a> CreatedTimes<'a> {
    /// Nothing is known yet of a page.
    #[must_use]
    pub fn new(page: &'a [u8]) -> CreatedTimes<'a> {
        CreatedTimes {
            page,
            hasher: RandomState::default(),
            family: b"",
            is_looked_through: false,
            is_told: false,
            times: Vec::new(),
        }
    }

    /// Takes note of an event that is no sample: it ends the samples that belong together.
    pub fn pass(&mut self, event: &Event<'a>) {
        self.is_looked_through = false;
        if let Event::Type { name, .. } = event {
            self.family = name;
        }
    }

    /// Since when a sample counts, whose line begins at `at` of the page; zero where that is not
    /// known. `None` for a `_created` line of something that counts: it is no sample.
    pub fn start(&mut self, at: usize, series: &Series<'a>) -> Option<TimestampMs> {
        let counts = matches!(
            series.kind,
            MetricType::Counter | MetricType::Histogram | MetricType::Summary
        );
        if !counts {
            return Some(0);
        }
        if !self.is_looked_through {
            self.look_through(at, series.kind);
        }
        if !self.is_told {
            return Some(0);
        }
        let (name, labels) = self.parts(series.raw, series.kind);
        if name.ends_with(CREATED) {
            return None;
        }
        let suffix = name.strip_prefix(self.family);
        if self.times.is_empty() || suffix.is_none_or(|suffix| !SUFFIXES.contains(&suffix)) {
            return Some(0);
        }
        let found = self.times.binary_search_by_key(&labels, |(labels, _)| *labels);
        Some(found.map_or(0, |place| self.times[place].1))
    }

    /// Notes the start times among the samples from `at` on. Each byte of a page is seen once: the
    /// next event that is no sample begins with a line like the one that ends these.
    fn look_through(&mut self, at: usize, kind: MetricType) {
        let rest = self.page.get(at..).unwrap_or_default();
        let samples = &rest[..memmem::find(rest, b"\n#").map_or(rest.len(), |end| end + 1)];
        self.is_looked_through = true;
        self.times.clear();
        let count = lines_that_tell(samples).count();
        self.is_told = count > 0;
        // No more than that many, so that a hostile page costs little more than its own bytes.
        self.times.reserve_exact(count);
        for line in lines_that_tell(samples) {
            let time = self.time_told(line, kind);
            self.times.extend(time);
        }
        // Of several for one label set the earliest counts.
        self.times.sort_unstable();
        self.times.dedup_by_key(|(labels, _)| *labels);
    }

    /// The labels that a line of this family tells of, and since when they count.
    fn time_told(&self, line: &[u8], kind: MetricType) -> Option<(u64, TimestampMs)> {
        // What is wrong with it is told when its turn comes.
        let event = Parser::new(line, Dialect::OpenMetrics).next().ok()??;
        let Event::Series(series) = event else { return None };
        let (name, labels) = self.parts(series.raw, kind);
        let is_own = name.strip_suffix(CREATED) == Some(self.family);
        let time = seconds_to_ms(series.value);
        (is_own && time > 0).then_some((labels, time))
    }

    /// The metric's name, and a number for the labels, in whatever order, that tell apart what is
    /// counted.
    fn parts<'b>(&self, raw: &'b [u8], kind: MetricType) -> (&'b [u8], u64) {
        let special = special(kind).as_bytes();
        let (mut metric, mut labels) = (&raw[..0], 0_u64);
        let Ok(()) = each_part(raw, |part| {
            match part {
                Part::Metric(name) => metric = name,
                // A label without a value is none.
                Part::Label(name, value) if !value.is_empty() && name != special => {
                    labels = labels.wrapping_add(self.hasher.hash_one((name, value)));
                }
                Part::Label(..) => {}
            }
            Ok::<(), Infallible>(())
        });
        (metric, labels)
    }
}

/// The lines that have the word somewhere, line breaks included.
fn lines_that_tell(samples: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (finder, mut rest) = (Finder::new(CREATED), samples);
    std::iter::from_fn(move || {
        let at = finder.find(rest)?;
        let from = memchr::memrchr(b'\n', &rest[..at]).map_or(0, |end| end + 1);
        let end = memchr::memchr(b'\n', &rest[at..]).map_or(rest.len(), |len| at + len + 1);
        let line = &rest[from..end];
        rest = &rest[end..];
        Some(line)
    })
}
