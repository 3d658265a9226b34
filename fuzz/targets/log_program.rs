//! Log programs: what compiles runs over some lines, what does not says where it is wrong.
#![no_main]

use std::sync::Arc;

use exporters_log::line::split;
use exporters_log::store::Store;
use exporters_log::store::output::{PrometheusOptions, json_by_name, prometheus};
use exporters_log::vm::TimeOptions;
use exporters_log::{CompileOptions, Engine, Line, LineSink as _, compile};
use jiff::tz::TimeZone;
use libfuzzer_sys::fuzz_target;

/// Longer programs and logs only take longer.
const BYTES_MAX: usize = 2048;

/// Series of a metric.
const SERIES_MAX: usize = 100;

/// An engine with the program; `None` where it cannot be loaded.
fn engine(program: &[u8]) -> Option<Engine> {
    let object = match compile(program, CompileOptions::default(), &mut |_, _| {}) {
        Ok(object) => object,
        Err(complaints) => {
            assert!(!complaints.text("p").is_empty(), "refused without a word");
            return None;
        }
    };
    let options = TimeOptions { zone: None, local: TimeZone::UTC, use_current_year: true };
    let store = Store::new(SERIES_MAX, true);
    let mut engine = Engine::new(store, options, Arc::new(|| 1_000_000_000), false);
    engine.load("p", object).ok()?;
    Some(engine)
}

fuzz_target!(|input: (&[u8], &[u8])| {
    let (program, log) = input;
    if program.len() > BYTES_MAX || log.len() > BYTES_MAX {
        return;
    }
    let Some(mut by_line) = engine(program) else { return };
    let Some(mut by_chunk) = engine(program) else { return };
    for text in split(log) {
        by_line.line(Line { source: "/log", text });
    }
    by_chunk.chunk("/log", log);
    let options = PrometheusOptions { program_label: true, timestamps: false, as_mtail: false };
    // Which of two series is older depends on whether they came at once.
    if !program.windows(5).any(|word| word == b"limit") {
        let (one, other) =
            (prometheus(by_line.store(), options), prometheus(by_chunk.store(), options));
        assert_eq!(one.0, other.0, "lines at once count otherwise");
    }
    by_line.collect_garbage();
    let _ = json_by_name(by_line.store());
});
