//! A query on two cores gives what it gives on one, to the last bit.

use std::sync::atomic::{AtomicUsize, Ordering};

use common_model::{Labels, Matcher, TimestampMs};
use proptest::prelude::*;
use server_promql::engine::{
    Engine, EngineOptions, Interrupt, Lent, QueryError, QueryOptions, QueryOutput, Stop,
};
use server_promql::parser::{Options, parse};
use server_storage::memory::MemoryStore;
use server_storage::{
    Appendable, Pieces, Querier, Queryable, SampleColumns, SelectHints, SeriesRef, SeriesSet,
    SetSize, StorageError,
};

use super::random::{fill, points, vector};

/// A store that says of every series that it is much work.
struct Heavy(MemoryStore);

struct HeavyQuerier(Box<dyn Querier>);

struct HeavySet(Box<dyn SeriesSet>);

impl Queryable for Heavy {
    fn querier(
        &self,
        start: TimestampMs,
        end: TimestampMs,
    ) -> Result<Box<dyn Querier>, StorageError> {
        Ok(Box::new(HeavyQuerier(self.0.querier(start, end)?)))
    }
}

impl Querier for HeavyQuerier {
    fn select(
        &self,
        sorted: bool,
        hints: &SelectHints,
        matchers: &[Matcher],
    ) -> Result<Box<dyn SeriesSet>, StorageError> {
        Ok(Box::new(HeavySet(self.0.select(sorted, hints, matchers)?)))
    }

    fn label_names(&self, matchers: &[Matcher], limit: usize) -> Result<Vec<String>, StorageError> {
        self.0.label_names(matchers, limit)
    }

    fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        limit: usize,
    ) -> Result<Vec<String>, StorageError> {
        self.0.label_values(name, matchers, limit)
    }
}

impl SeriesSet for HeavySet {
    fn next(&mut self, samples: &mut SampleColumns) -> Result<Option<Labels>, StorageError> {
        self.0.next(samples)
    }

    fn size(&self) -> SetSize {
        SetSize { series: self.0.size().series.max(7), samples: 1_000_000 }
    }

    fn split(&mut self, pieces: usize) -> Result<Option<Pieces>, StorageError> {
        self.0.split(pieces)
    }
}

/// Lends one core, a number of times.
struct Lender {
    lent: AtomicUsize,
    times_max: usize,
}

struct Core;

impl Lent for Core {
    fn is_wanted(&self) -> bool {
        false
    }
}

impl Interrupt for Lender {
    fn stop(&self) -> Option<Stop> {
        None
    }

    fn lend(&self) -> Option<Box<dyn Lent>> {
        let times = self.lent.fetch_add(1, Ordering::Relaxed);
        (times < self.times_max).then(|| Box::new(Core) as Box<dyn Lent>)
    }
}

/// Everything that can be seen of a result.
fn seen(output: Result<QueryOutput, QueryError>) -> String {
    match output {
        Err(error) => error.to_string(),
        Ok(output) => format!(
            "{:?} {:?} {:?} {} {}",
            output.value,
            output.warnings,
            output.infos,
            output.stats.samples_total,
            output.stats.series_total
        ),
    }
}

fn both(store: &MemoryStore, text: &str, times_max: usize) -> ([String; 4], usize) {
    let expr = parse(text, &Options::everything()).unwrap();
    let engine = Engine::default();
    let one = QueryOptions { query: text, ..QueryOptions::default() };
    let lender = Lender { lent: AtomicUsize::new(0), times_max };
    let two = QueryOptions { interrupt: &lender, ..one };
    let heavy = Heavy(store.clone());
    let results = [
        seen(engine.range(store, &expr, -100_000, 400_000, 50_000, &one)),
        seen(engine.range(&heavy, &expr, -100_000, 400_000, 50_000, &two)),
        seen(engine.instant(store, &expr, 100_000, &one)),
        seen(engine.instant(&heavy, &expr, 100_000, &two)),
    ];
    (results, lender.lent.into_inner())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn two_cores_give_what_one_gives(
        text in vector(),
        all in proptest::collection::vec(points(), 1..60),
        times_max in prop_oneof![Just(1_usize), Just(usize::MAX)],
    ) {
        if parse(&text, &Options::everything()).is_ok() {
            let ([range_one, range_two, one, two], _) = both(&fill(&all), &text, times_max);
            prop_assert_eq!(range_one, range_two, "{}", text);
            prop_assert_eq!(one, two, "{}", text);
        }
    }
}

#[test]
fn the_other_core_is_asked_for_by_selectors_of_both_kinds() {
    let points = vec![super::random::Point::Float(1.5); 10];
    let store = fill(&vec![points; 40]);
    for text in ["sum by (a) (g)", "rate(c_total[2m])", "topk(2, g) - on (a, b) g"] {
        let ([range_one, range_two, one, two], lent) = both(&store, text, usize::MAX);
        assert!(lent >= 2, "{text}: {lent}");
        assert!(range_one.len() > 100, "{text} gave {range_one}");
        assert_eq!((range_one, one), (range_two, two), "{text}");
    }
}

#[test]
fn what_is_read_ahead_is_no_reason_to_refuse_what_fits() {
    let store = MemoryStore::default();
    let mut appender = store.appender();
    for series in 0..6000 {
        let labels = Labels::from_pairs([("__name__", "x"), ("n", &series.to_string())]);
        appender.append(SeriesRef::default(), &labels, 0, 1.0).unwrap();
    }
    appender.commit().unwrap();
    let heavy = Heavy(store);
    let options = EngineOptions { memory_bytes_max: 70 << 20, ..EngineOptions::default() };
    let engine = Engine::new(options);
    for text in ["x + x + x + x + x", "x or x", "quantile(0.5, x)"] {
        let expr = parse(text, &Options::everything()).unwrap();
        let lender = Lender { lent: AtomicUsize::new(0), times_max: usize::MAX };
        let options = QueryOptions { interrupt: &lender, ..QueryOptions::default() };
        let result = engine.range(&heavy, &expr, 0, 298_000, 2_000, &options);
        assert!(result.is_ok(), "{text}: {:?}", result.err());
        assert!(lender.lent.into_inner() > 0, "{text}");
    }
}
