//! What a query will need is foreseen where it can be, and only there.

use common_model::{Labels, stale_marker};
use server_promql::engine::{Engine, EngineOptions, QueryError, QueryOptions};
use server_promql::parser::{Options, parse};
use server_storage::memory::MemoryStore;
use server_storage::{Appendable, SeriesRef};

const LIMIT_BYTES: usize = 40_000;

/// Series of ten samples, a minute apart.
fn store(count: usize) -> MemoryStore {
    let store = MemoryStore::default();
    let mut appender = store.appender();
    for series in 0..count {
        let labels = Labels::from_pairs([("__name__", "x"), ("n", &series.to_string())]);
        for minute in 0..10 {
            appender.append(SeriesRef::default(), &labels, minute * 60_000, 1.0).unwrap();
        }
    }
    appender.commit().unwrap();
    store
}

/// As many series, of which only every twentieth has samples: the others have just ended.
fn store_of_ended(count: usize) -> MemoryStore {
    let store = MemoryStore::default();
    let mut appender = store.appender();
    for series in 0..count {
        let labels = Labels::from_pairs([("__name__", "x"), ("n", &format!("{series:09}"))]);
        let value = if series % 20 == 0 { 1.0 } else { stale_marker() };
        for minute in 0..10 {
            appender.append(SeriesRef::default(), &labels, minute * 60_000, value).unwrap();
        }
    }
    appender.commit().unwrap();
    store
}

/// How many bytes the query would have needed, as the error says.
fn wanted(store: &MemoryStore, text: &str) -> Option<usize> {
    wanted_of(store, LIMIT_BYTES, text)
}

/// The same of another limit.
fn wanted_of(store: &MemoryStore, memory_bytes_max: usize, text: &str) -> Option<usize> {
    let engine = Engine::new(EngineOptions { memory_bytes_max, ..EngineOptions::default() });
    let expr = parse(text, &Options::everything()).unwrap();
    match engine.range(store, &expr, 0, 540_000, 60_000, &QueryOptions::default()) {
        Ok(_) => None,
        Err(QueryError::TooMuchMemory { limit, wanted }) => {
            assert_eq!(limit, memory_bytes_max, "{text}");
            Some(wanted)
        }
        Err(other) => panic!("{text}: {other}"),
    }
}

#[test]
fn a_query_is_refused_with_what_it_would_need_where_that_can_be_foreseen() {
    let store = store(2000);
    for (text, is_foreseen) in [
        ("x", true),
        ("-(x)", true),
        ("x + 1", true),
        ("abs(x)", true),
        ("avg_over_time(x[2m])", true),
        ("max_over_time(x[5m:1m])", true),
        ("label_replace(x, 'a', '$1', 'n', '(.*)')", true),
        ("quantile(0.5, x)", true),
        ("x or vector(1)", true),
        ("sum(x or vector(1))", true),
        ("x * on (n) x", true),
        ("sum(x > on (n) x)", true),
        ("sum(x * on (n) group_right () x)", true),
        ("topk(1e15, x)", true),
        ("sum(bottomk(1900, x))", true),
        ("histogram_quantile(0.9, x)", true),
        // It might be that nothing more follows.
        ("x >= 1", false),
        ("sum by (n) (x)", false),
        ("x unless vector(1)", false),
        ("x and x", false),
        ("topk(scalar(sum(x)), x)", false),
    ] {
        let wanted = wanted(&store, text).unwrap_or_else(|| panic!("{text} fits"));
        assert_eq!(wanted > 2 * LIMIT_BYTES, is_foreseen, "{text}: {wanted}");
    }
}

#[test]
fn series_that_a_chain_of_joins_holds_again_and_again_are_foreseen_with_the_first() {
    let store = store(400);
    // Once it fits, and a few times.
    assert_eq!(wanted_of(&store, 4_000_000, "x + x + x + x"), None);
    let chain = |joint: &str| vec!["x"; 100].join(joint);
    for (text, is_foreseen) in [
        (chain(" + "), true),
        (chain(" * on (n) "), true),
        (chain(" > "), true),
        (format!("sum({})", chain(" - ")), true),
        // They come one after the other.
        (vec!["sum(x + x)"; 100].join(" + "), false),
    ] {
        let wanted = wanted_of(&store, 4_000_000, &text);
        assert_eq!(wanted.is_some(), is_foreseen, "{text}: {wanted:?}");
        assert!(wanted.is_none_or(|wanted| wanted > 2 * 4_000_000), "{text}: {wanted:?}");
    }
}

#[test]
fn labels_that_are_large_are_foreseen_with_the_first_ones() {
    let store = store(2000);
    let large = |function: &str| function.replace("LARGE", &"y".repeat(100_000));
    for text in [
        large("label_replace(x, 'a', 'LARGE$1', 'n', '(.*)')"),
        large("label_join(x, 'a', 'LARGE', 'n', 'n')"),
    ] {
        let wanted = wanted_of(&store, 2_000_000, &text).unwrap();
        assert!(wanted > 2000 * 100_000, "{wanted}");
    }
    // A few such labels are no reason to believe in many.
    let few = large("label_replace(x, 'a', 'LARGE', 'n', '0|1|2|3|10')");
    assert_eq!(wanted_of(&store, 2_000_000, &few), None);
}

#[test]
fn series_that_have_ended_are_not_foreseen() {
    let store = store_of_ended(10_000);
    for text in ["x", "sum(x or vector(1))", "x * on (n) x", "quantile(0.5, x)"] {
        assert_eq!(wanted_of(&store, 600_000, text), None, "{text}");
    }
}

#[test]
fn what_fits_is_answered() {
    let store = store(100);
    for text in ["x", "x + 1", "avg_over_time(x[2m])"] {
        assert_eq!(wanted(&store, text), None, "{text}");
    }
    // There are many, but few of them stay.
    let store = self::store(2000);
    for text in ["topk(3, x)", "sum(x)", "count(x > 1)"] {
        assert_eq!(wanted(&store, text), None, "{text}");
    }
}
