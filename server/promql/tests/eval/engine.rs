//! The engine's limits, errors and positions.

use std::sync::atomic::{AtomicUsize, Ordering};

use common_model::Labels;
use server_promql::engine::{
    Engine, EngineOptions, Interrupt, QueryError, QueryOptions, QueryOutput, Stop,
};
use server_promql::parser::{Options, parse};
use server_promql::value::{SampleValue, Value};
use server_storage::memory::MemoryStore;
use server_storage::{Appendable, SeriesRef};

/// A hundred series of ten samples, a minute apart.
pub(super) fn store() -> MemoryStore {
    let store = MemoryStore::default();
    let mut appender = store.appender();
    for series in 0..100 {
        let labels = Labels::from_pairs([("__name__", "x"), ("n", &series.to_string())]);
        for minute in 0..10 {
            let value = f64::from(series * minute);
            appender
                .append(SeriesRef::default(), &labels, i64::from(minute) * 60_000, value)
                .unwrap();
        }
    }
    appender.commit().unwrap();
    store
}

fn ask(options: EngineOptions, query: &QueryOptions<'_>) -> Result<QueryOutput, QueryError> {
    let expr = parse(query.query, &Options::everything()).unwrap();
    Engine::new(options).range(&store(), &expr, 0, 540_000, 60_000, query)
}

fn ask_text(options: EngineOptions, text: &str) -> Result<QueryOutput, QueryError> {
    ask(options, &QueryOptions { query: text, ..QueryOptions::default() })
}

#[test]
fn limits_of_samples_and_bytes_refuse_with_a_clear_error() {
    for (samples_max, memory_bytes_max, text, wanted) in [
        (1000, 1 << 20, "x", None),
        (999, 1 << 20, "x", Some("execution")),
        (1000, 10_000, "x", Some("execution")),
        (1000, 10_000, "sum(x)", None),
        (100, 1 << 20, "sum(x)", None),
        (5, 1 << 20, "sum(x)", Some("execution")),
        (1000, 1 << 20, "sum_over_time(vector(1)[1000d:1ms])", Some("execution")),
        (1000, 1 << 20, "x * on(n) x", Some("execution")),
        (5000, 1 << 20, "x * on(n) x", None),
        (5000, 1 << 20, "x[1m]", Some("bad_data")),
        (5000, 1 << 20, r#""text""#, Some("bad_data")),
    ] {
        let options = EngineOptions { samples_max, memory_bytes_max, ..EngineOptions::default() };
        let found = ask_text(options, text).err().map(|error| error.error_type());
        assert_eq!(found, wanted, "{text} with {samples_max} samples, {memory_bytes_max} bytes");
    }
}

#[test]
fn a_label_name_that_every_series_would_carry_is_not_too_long() {
    for (bytes, is_allowed) in [(64 << 10, true), ((64 << 10) + 1, false)] {
        let name = "n".repeat(bytes);
        for text in [
            format!("count_values('{name}', x)"),
            format!("label_replace(x, '{name}', '', 'n', '')"),
            format!("label_join(x, 'all', '-', '{name}')"),
        ] {
            let found = ask_text(EngineOptions::default(), &text);
            assert_eq!(found.is_ok(), is_allowed, "{bytes} bytes in {:.15}", text);
        }
    }
}

/// Stops at the nth question.
struct After(AtomicUsize, Stop);

impl Interrupt for After {
    fn stop(&self) -> Option<Stop> {
        let left = self.0.load(Ordering::Relaxed);
        self.0.store(left.saturating_sub(1), Ordering::Relaxed);
        (left == 0).then_some(self.1)
    }
}

#[test]
fn an_interrupt_ends_the_query_wherever_it_comes() {
    for stop in [Stop::Timeout, Stop::Canceled] {
        let mut ended = 0;
        for questions in 0..20 {
            let interrupt = After(AtomicUsize::new(questions), stop);
            let query = QueryOptions {
                query: "sum(rate(x[5m])) / count(x)",
                interrupt: &interrupt,
                ..QueryOptions::default()
            };
            match ask(EngineOptions::default(), &query) {
                Ok(_) => {}
                Err(error) => {
                    ended += 1;
                    let wanted = if stop == Stop::Timeout { "timeout" } else { "canceled" };
                    assert_eq!(error.error_type(), wanted);
                }
            }
        }
        assert!(ended > 3, "ended {ended} times");
    }
}

#[test]
fn infos_name_line_and_column() {
    let output = ask_text(EngineOptions::default(), "sum(\n  rate(x[5m]))").unwrap();
    let wanted = "PromQL info: metric might not be a counter, name does not end in \
                  _total/_sum/_count/_bucket: \"x\" (2:8)";
    assert_eq!(output.infos, [wanted]);
    assert_eq!(output.stats.series_total, 100);
    assert!(output.warnings.is_empty());
}

#[test]
fn instant_queries_give_every_type() {
    let engine = Engine::default();
    let ask = |text: &str| {
        let expr = parse(text, &Options::default()).unwrap();
        engine.instant(&store(), &expr, 120_000, &QueryOptions::default()).unwrap().value
    };
    assert!(matches!(ask("1 + 1"), Value::Scalar { timestamp: 120_000, value } if value == 2.0));
    assert!(matches!(ask("'a'"), Value::String { value, .. } if value == "a"));
    let Value::Vector(samples) = ask(r#"x{n="7"}"#) else { panic!("no vector") };
    assert_eq!(samples[0].labels.to_string(), r#"{__name__="x", n="7"}"#);
    assert_eq!(samples[0].value, SampleValue::Float(14.0));
    let Value::Matrix(series) = ask(r#"x{n="7"}[90s]"#) else { panic!("no matrix") };
    assert_eq!(series[0].points.timestamps, [60_000, 120_000]);
    assert_eq!(series[0].points.values, [7.0, 14.0]);
}

#[test]
fn steps_that_make_no_sense_are_bad_data() {
    let expr = parse("x", &Options::default()).unwrap();
    let (store, query) = (store(), QueryOptions::default());
    for (start, end, step_ms) in [(0, 1, 0), (0, 1, -5), (1, 0, 1)] {
        let error = Engine::default().range(&store, &expr, start, end, step_ms, &query);
        assert_eq!(error.unwrap_err().error_type(), "bad_data");
    }
    let error = Engine::default().range(&store, &expr, i64::MIN, i64::MAX, 1, &query);
    assert_eq!(error.unwrap_err().error_type(), "execution");
}

#[test]
fn high_trees_are_evaluated_on_a_small_stack() {
    let small = store();
    let evaluate = move || {
        let nested = |head: &str, tail: &str| format!("{}x{}", head.repeat(240), tail.repeat(240));
        let mut texts = vec![
            nested("abs(", ")"),
            nested("sum by (n) (", ")"),
            nested("-", ""),
            nested("(", ")"),
        ];
        texts.push(format!("{}x{}", "max_over_time(".repeat(20), "[2m:1m])".repeat(20)));
        for link in [" + x", " or x", " * on(n) x", " and x", " - 1"] {
            texts.push(format!("x{}", link.repeat(900)));
        }
        for text in texts {
            let expr = parse(&text, &Options::default()).unwrap();
            let query = QueryOptions { query: &text, ..QueryOptions::default() };
            let result = Engine::default().instant(&small, &expr, 0, &query);
            assert!(result.is_ok(), "{}: {result:?}", &text[..20]);
        }
    };
    // What a worker thread of the server has.
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(evaluate).unwrap();
    thread.join().unwrap();
}
