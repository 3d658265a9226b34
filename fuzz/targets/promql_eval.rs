//! Queries, as text or made of the bytes, over small stores: an answer or an error within limits.
#![no_main]

use std::sync::atomic::{AtomicUsize, Ordering};

use fuzz::Bytes;
use libfuzzer_sys::fuzz_target;
use server_promql::engine::{Engine, EngineOptions, Interrupt, QueryOptions, Stop};
use server_promql::parser::{Options, parse};

/// Longer texts only take longer.
const QUERY_BYTES_MAX: usize = 512;
const SAMPLES_MAX: usize = 20_000;
const MEMORY_BYTES_MAX: usize = 16 << 20;
/// How often a query may ask whether it is to end.
const TURNS_MAX: usize = 100_000;

const TIMES_MS: &[i64] =
    &[0, 60_000, 100_000, 300_000, -1, 1, 1_700_000_000_000, i64::MIN, i64::MAX, 123_456];
const STEPS_MS: &[i64] = &[15_000, 60_000, 1, 7_000, 1_000_000, i64::MAX, 0, -1];

/// Ends a query that goes on and on.
struct Turns(AtomicUsize);

impl Interrupt for Turns {
    fn stop(&self) -> Option<Stop> {
        (self.0.fetch_add(1, Ordering::Relaxed) > TURNS_MAX).then_some(Stop::Timeout)
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = Bytes::new(bytes);
    let store = fuzz::store(bytes.byte());
    let flags = bytes.byte();
    let mut start = *bytes.pick(TIMES_MS);
    let steps = i64::from(bytes.byte() % 40);
    let step_ms = *bytes.pick(STEPS_MS);
    if flags & 1 != 0 {
        start = start.wrapping_add(bytes.number() as i64 >> (flags & 63));
    }
    let text = if flags & 2 != 0 {
        String::from_utf8_lossy(bytes.rest()).into_owned()
    } else {
        fuzz::query(&mut bytes)
    };
    if text.len() > QUERY_BYTES_MAX {
        return;
    }
    let Ok(expr) = parse(&text, &Options::everything()) else { return };
    let engine = Engine::new(EngineOptions {
        samples_max: SAMPLES_MAX,
        memory_bytes_max: MEMORY_BYTES_MAX,
        delayed_name_removal: flags & 4 != 0,
        use_start_timestamps: flags & 8 != 0,
        type_and_unit_labels: flags & 16 != 0,
        ..EngineOptions::default()
    });
    let turns = Turns(AtomicUsize::new(0));
    let lookback_delta_ms = (flags & 32 != 0).then_some(step_ms);
    let options =
        QueryOptions { query: &text, lookback_delta_ms, interrupt: &turns, ..Default::default() };
    let _ = engine.instant(&store, &expr, start, &options);
    let end = start.saturating_add(step_ms.saturating_mul(steps));
    let _ = engine.range(&store, &expr, start, end, step_ms, &options);
});
