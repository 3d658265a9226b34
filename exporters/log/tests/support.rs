//! One program over some lines.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use exporters_log::store::Store;
use exporters_log::store::output::{PrometheusOptions, prometheus};
use exporters_log::vm::TimeOptions;
use exporters_log::{CompileOptions, Engine, Line, LineSink as _, compile};
use jiff::tz::TimeZone;

/// The clock of all tests stands at this moment, 2026-10-18T13:14:15Z.
pub(crate) const NOW_NS: i64 = 1_792_329_255_000_000_000;

/// A clock that is turned by hand.
#[derive(Clone)]
pub(crate) struct Hand(Arc<AtomicI64>);

impl Hand {
    pub(crate) fn turn(&self, nanoseconds: i64) {
        self.0.fetch_add(nanoseconds, Ordering::Relaxed);
    }
}

/// An engine whose clock is turned by hand.
pub(crate) fn engine_with(store: Store) -> (Engine, Hand) {
    let hand = Hand(Arc::new(AtomicI64::new(NOW_NS)));
    let clock = hand.clone();
    let options = TimeOptions { zone: None, local: TimeZone::UTC, use_current_year: true };
    let engine =
        Engine::new(store, options, Arc::new(move || clock.0.load(Ordering::Relaxed)), false);
    (engine, hand)
}

pub(crate) fn load(engine: &mut Engine, name: &str, program: &str) -> Result<(), String> {
    let object = compile(program.as_bytes(), CompileOptions::default(), &mut |_, _| {})
        .map_err(|complaints| complaints.text(name))?;
    engine.load(name, object)
}

pub(crate) fn feed(engine: &mut Engine, lines: &[&str]) {
    for line in lines {
        engine.line(Line { source: "/log", text: line.as_bytes() });
    }
}

/// The samples of an engine, without program label, help and type.
pub(crate) fn samples(engine: &Engine) -> Vec<String> {
    let options = PrometheusOptions { program_label: false, timestamps: false, as_mtail: false };
    let (text, _) = prometheus(engine.store(), options);
    text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

/// What a program makes of some lines, and how often it failed.
pub(crate) fn run(program: &str, lines: &[&str]) -> Result<(Vec<String>, u64), String> {
    let (mut engine, _) = engine_with(Store::default());
    load(&mut engine, "p", program)?;
    feed(&mut engine, lines);
    Ok((samples(&engine), engine.programs()[0].runtime_errors_total()))
}
