//! Log programs: what compiles runs over some lines, what does not says where it is wrong.
#![no_main]

use std::sync::Arc;

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

fuzz_target!(|input: (&[u8], &[u8])| {
    let (program, log) = input;
    if program.len() > BYTES_MAX || log.len() > BYTES_MAX {
        return;
    }
    let object = match compile(program, CompileOptions::default(), &mut |_, _| {}) {
        Ok(object) => object,
        Err(complaints) => {
            assert!(!complaints.text("p").is_empty(), "refused without a word");
            return;
        }
    };
    let options = TimeOptions { zone: None, local: TimeZone::UTC, use_current_year: true };
    let store = Store::new(SERIES_MAX, true);
    let mut engine = Engine::new(store, options, Arc::new(|| 1_000_000_000), false);
    if engine.load("p", object).is_err() {
        return;
    }
    for text in log.split(|&byte| byte == b'\n') {
        engine.line(Line { source: "/log", text });
    }
    engine.collect_garbage();
    let _ = json_by_name(engine.store());
    let options = PrometheusOptions { program_label: true, timestamps: true, as_mtail: false };
    let _ = prometheus(engine.store(), options);
});
