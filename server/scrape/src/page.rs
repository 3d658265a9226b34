//! The lines of a page, one after the other: those that are known are not taken apart.

use common_exposition::{CreatedTimes, Dialect, Event, Parser, Series};
use common_model::{MetricType, TimestampMs};

use crate::memory::Line;
use crate::metadata::MetadataByName;
use crate::session::{Session, SessionError};

/// Hands every sample of a page to the session.
pub(crate) fn each_line(
    body: &[u8],
    dialect: Dialect,
    session: &mut Session<'_>,
    metadata: &mut MetadataByName,
) -> Result<(), SessionError> {
    // Only OpenMetrics tells start times.
    if session.wants_starts() && dialect == Dialect::OpenMetrics {
        lines(body, dialect, session, metadata, CreatedTimes::new(body))
    } else {
        lines(body, dialect, session, metadata, Unasked)
    }
}

/// Since when samples count: a type, so that those who do not ask pay nothing for those who do.
trait Starts<'a> {
    const IS_ASKED: bool;

    /// Takes note of what is no sample.
    fn pass(&mut self, event: &Event<'a>);

    /// The start time of a sample, zero where it is not known; `None` for a line that is none but
    /// tells of others.
    fn start(&mut self, at: usize, series: &Series<'a>) -> Option<TimestampMs>;
}

/// Nobody asks.
struct Unasked;

impl<'a> Starts<'a> for Unasked {
    const IS_ASKED: bool = false;

    #[inline]
    fn pass(&mut self, _: &Event<'a>) {}

    #[inline]
    fn start(&mut self, _: usize, _: &Series<'a>) -> Option<TimestampMs> {
        Some(0)
    }
}

impl<'a> Starts<'a> for CreatedTimes<'a> {
    const IS_ASKED: bool = true;

    fn pass(&mut self, event: &Event<'a>) {
        CreatedTimes::pass(self, event);
    }

    fn start(&mut self, at: usize, series: &Series<'a>) -> Option<TimestampMs> {
        CreatedTimes::start(self, at, series)
    }
}

fn lines<'a, S: Starts<'a>>(
    body: &'a [u8],
    dialect: Dialect,
    session: &mut Session<'_>,
    metadata: &mut MetadataByName,
    mut starts: S,
) -> Result<(), SessionError> {
    let mut parser = Parser::new(body, dialect);
    let malformed = |error: common_exposition::Error| SessionError::Malformed(error.to_string());
    loop {
        let at = parser.position();
        if let Some(expected) = session.expected() {
            let len = expected.bytes();
            if let Line::Comment(kind) = expected.line {
                // What came in the scrape before was noted then, and nothing else since. Who asks for
                // start times reads each: they end families.
                let is_known = expected.is_recent && !S::IS_ASKED;
                let line = parser.comment_ahead(len).filter(|_| is_known);
                if line.is_some_and(|line| session.is(&expected, line)) {
                    parser.skip_comment(len, kind);
                    session.expected_comment(&expected);
                    continue;
                }
            } else if parser.ahead(len).is_some_and(|raw| session.is(&expected, raw)) {
                let series = parser.known(len).map_err(malformed)?;
                match starts.start(at, &series) {
                    None => continue,
                    Some(0) => session.expected_sample(&expected, at, &series)?,
                    Some(start) => session.sample_since(start, &series)?,
                }
                exemplar_of(&series, session)?;
                continue;
            }
        }
        match parser.next().map_err(malformed)? {
            None => return Ok(()),
            Some(Event::Series(series)) => {
                let Some(start) = starts.start(at, &series) else { continue };
                session.sample_since(start, &series)?;
                exemplar_of(&series, session)?;
            }
            Some(Event::Comment(_)) => {}
            Some(event) => {
                starts.pass(&event);
                let kind = note(&event, metadata);
                let line = &body[at..parser.position()];
                if line.starts_with(b"#") && line.ends_with(b"\n") {
                    session.comment(line, kind);
                }
            }
        }
    }
}

/// Takes note of what a target says of a metric; the type, where it says that.
fn note(event: &Event<'_>, metadata: &mut MetadataByName) -> Option<MetricType> {
    match event {
        Event::Type { name, kind } => {
            text(name).inspect(|name| metadata.set_kind(name, *kind));
            return Some(*kind);
        }
        Event::Help { name, text: help } => {
            text(name).inspect(|name| metadata.set_help(name, help));
        }
        Event::Unit { name, unit } => {
            text(name).zip(text(unit)).inspect(|(name, unit)| metadata.set_unit(name, unit));
        }
        Event::Comment(_) | Event::Series(_) => {}
    }
    None
}

/// Hands over the exemplar of the sample that was taken last, where the store keeps any.
fn exemplar_of(series: &Series<'_>, session: &mut Session<'_>) -> Result<(), SessionError> {
    if let Some(text) = series.exemplar
        && session.wants_exemplars()
        && let Ok(exemplar) = text.build()
    {
        session.exemplar(&exemplar)?;
    }
    Ok(())
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on should fail")]

    use std::sync::Arc;

    use common_model::{Labels, Matcher, is_stale_marker};
    use server_storage::memory::MemoryStore;
    use server_storage::{Appendable, Queryable, SampleColumns, SelectHints};

    use super::*;
    use crate::memory::Memory;
    use crate::session::Counts;
    use crate::treatment::{Limits, StartTimes, Treatment};

    const LIMITS: Limits =
        Limits { samples: 1000, labels: 10, label_name_bytes: 100, label_value_bytes: 100 };

    /// A target with its store; every scrape is a second after the one before.
    struct Bench {
        store: MemoryStore,
        memory: Memory,
        metadata: MetadataByName,
        treatment: Treatment,
        now: i64,
    }

    impl Bench {
        fn new() -> Bench {
            let treatment = Treatment {
                labels: Labels::from_pairs([("i", "t")]),
                honor_labels: false,
                honor_timestamps: true,
                track_timestamps_staleness: false,
                legacy_names: false,
                relabel: Arc::default(),
                limits: LIMITS,
                starts: StartTimes::default(),
            };
            let (store, metadata) = Default::default();
            Bench { store, memory: Memory::new(), metadata, treatment, now: 1_000_000 }
        }

        fn scrape(&mut self, page: &str, dialect: Dialect) -> Result<Counts, SessionError> {
            self.now += 1000;
            let text = (page.as_bytes(), dialect);
            let appender = self.store.appender();
            let mut session =
                Session::begin(&self.treatment, &mut self.memory, appender, text, self.now);
            match each_line(text.0, dialect, &mut session, &mut self.metadata) {
                Ok(()) => session.finish(),
                Err(error) => {
                    session.abandon();
                    Err(error)
                }
            }
        }

        /// What the last scrape stored: series without the target's label, and values, `-` for a
        /// stale marker.
        fn stored(&self) -> String {
            let querier = self.store.querier(self.now, self.now).unwrap();
            let hints = SelectHints { end: i64::MAX, ..SelectHints::default() };
            let matcher = [Matcher::equal("i", "t")];
            let mut set = querier.select(true, &hints, &matcher).unwrap();
            let (mut text, mut samples) = (String::new(), SampleColumns::default());
            while let Some(labels) = set.next(&mut samples).unwrap() {
                let value = samples.values[0];
                let value = if is_stale_marker(value) { "-".into() } else { value.to_string() };
                let mut builder = labels.to_builder();
                builder.set("i", "");
                text.push_str(&format!("{} {value}\n", builder.build()));
            }
            text
        }
    }

    #[test]
    fn known_and_new_lines_are_stored_alike() {
        let steady = "# HELP a x\n# TYPE a gauge\na 1\nb{c=\"d\"} 2.5\n# TYPE h histogram\n\
                      h_bucket{le=\"1\"} 7\n";
        let wanted = "{__name__=\"a\"} 1\n{__name__=\"b\", c=\"d\"} 2.5\n\
                      {__name__=\"h_bucket\", le=\"1.0\"} 7\n";
        let mut bench = Bench::new();
        for round in 0..6 {
            // The store has forgotten its numbers.
            if round == 3 {
                bench.store.clear();
            }
            let counts = bench.scrape(steady, Dialect::Text).unwrap();
            assert_eq!((counts.scraped, counts.kept), (3, 3));
            assert_eq!(counts.series_added, if round == 0 { 3 } else { 0 });
            assert_eq!(bench.stored(), wanted, "round {round}");
        }
    }

    #[test]
    fn what_comes_goes_and_comes_back_is_told() {
        let mut bench = Bench::new();
        for (page, added, stored) in [
            ("a 1\nb 2\nc 3\n", 3, "a 1, b 2, c 3"),
            ("a 1\nc 3\n", 0, "a 1, b -, c 3"),
            ("c 4\na 2\n", 0, "a 2, c 4"),
            ("c 4\nb 9\na 2\n", 1, "a 2, b 9, c 4"),
            ("", 0, "a -, b -, c -"),
            ("a 5\na 5\n", 1, "a 5"),
            ("a 6 1007500\n", 0, ""),
            ("", 0, "a -"),
        ] {
            let counts = bench.scrape(page, Dialect::Text).unwrap();
            let found = bench.stored().replace("{__name__=\"", "").replace("\"}", "");
            assert_eq!(found.trim_end().replace('\n', ", "), stored, "{page:?}");
            assert_eq!(counts.series_added, added, "{page:?}");
        }
    }

    #[test]
    fn what_a_target_says_of_a_metric_is_noticed_when_it_changes() {
        let mut bench = Bench::new();
        for (page, help, kind) in [
            ("# HELP a one\n# TYPE a gauge\na 1\n", "one", MetricType::Gauge),
            ("# HELP a one\n# TYPE a gauge\na 1\n", "one", MetricType::Gauge),
            ("# HELP a two\n# TYPE a counter\na 1\n", "two", MetricType::Counter),
            ("# HELP a one\n# TYPE a gauge\na 1\n", "one", MetricType::Gauge),
            ("a 1\n", "one", MetricType::Gauge),
            ("# HELP a two\n# TYPE a counter\na 1\n", "two", MetricType::Counter),
        ] {
            bench.scrape(page, Dialect::Text).unwrap();
            let metadata = bench.metadata.get("a").unwrap();
            assert_eq!((metadata.help.as_str(), metadata.kind), (help, kind), "{page}");
        }
        // The same line means another thing in another dialect.
        let page = "# HELP a \\\"x\\\"\na 1\n";
        bench.scrape(page, Dialect::Text).unwrap();
        assert_eq!(bench.metadata.get("a").unwrap().help, "\\\"x\\\"");
        bench.scrape(&format!("{page}# EOF\n"), Dialect::OpenMetrics).unwrap();
        assert_eq!(bench.metadata.get("a").unwrap().help, "\"x\"");
    }

    #[test]
    fn a_type_that_was_passed_over_still_counts_for_new_lines() {
        let mut bench = Bench::new();
        let begin = "# TYPE h histogram\nh_bucket{le=\"1\"} 7\n";
        bench.scrape(begin, Dialect::Text).unwrap();
        bench.scrape(&format!("{begin}h_bucket{{le=\"2\"}} 8\n"), Dialect::Text).unwrap();
        assert!(bench.stored().contains("le=\"2.0\"} 8"), "{}", bench.stored());
    }

    #[test]
    fn known_and_forgotten_lines_have_their_start_times() {
        let mut bench = Bench::new();
        bench.treatment.starts = StartTimes { stored: true, zeros: true };
        // The same lines in another order, and as series of their own.
        let pages = [
            "# TYPE a counter\na_total 1\na_created 900\n# EOF\n",
            "# TYPE a counter\na_created 900\na_total 1\n# TYPE b gauge\nb 1\n# EOF\n",
            "# TYPE a gauge\na_total 1\na_created 900\n# EOF\n",
        ];
        for (round, (page, forgets, series, wanted)) in [
            (0, false, 1, "0 900000"),
            (0, false, 1, "0 900000 900000"),
            (1, false, 2, "0 900000 900000 900000"),
            (0, true, 1, "0 900000"),
            (2, false, 2, "0 900000 0"),
            (0, false, 1, "0 900000 0 900000"),
        ]
        .into_iter()
        .enumerate()
        {
            if forgets {
                bench.store.clear();
            }
            let counts = bench.scrape(pages[page], Dialect::OpenMetrics).unwrap();
            assert_eq!((counts.scraped, counts.kept), (series, series), "round {round}");
            let querier = bench.store.querier(0, i64::MAX).unwrap();
            let hints = SelectHints { end: i64::MAX, ..SelectHints::default() };
            let matcher = [Matcher::equal("__name__", "a_total")];
            let mut set = querier.select(true, &hints, &matcher).unwrap();
            let mut samples = SampleColumns::default();
            set.next(&mut samples).unwrap().unwrap();
            assert_eq!((samples.timestamps[0], samples.values[0]), (900_000, 0.0));
            let starts = samples.starts.iter().map(i64::to_string);
            assert_eq!(starts.collect::<Vec<_>>().join(" "), wanted, "round {round}");
        }
    }

    #[test]
    fn a_page_that_ends_badly_leaves_nothing() {
        let mut bench = Bench::new();
        bench.scrape("a 1\n", Dialect::Text).unwrap();
        assert!(bench.scrape("a 2\nb 3\nc{ 4\n", Dialect::Text).is_err());
        assert_eq!(bench.stored(), "");
        let counts = bench.scrape("a 2\nb 3\n", Dialect::Text).unwrap();
        assert_eq!(counts.series_added, 1);
        assert!(bench.scrape(&"z 1\n".repeat(1001), Dialect::Text).is_err());
    }
}
