//! `/debug/vars`: mtail's own counters as JSON, as Go's `expvar` shows them.

use std::sync::atomic::Ordering;

use serde_json::{Map, Value, json};

use super::push::Receiver;
use crate::engine::Engine;
use crate::source::{Count, LogCounters, Stats};

/// The counters, sorted by name.
pub(super) fn json(engine: &Engine, stats: &Stats, receivers: &[Receiver]) -> String {
    let mut vars = Map::new();
    let logs = stats.logs();
    let by_log = |count: fn(&LogCounters) -> &Count| -> Value {
        let counted = logs.iter().map(|(log, counters)| (log, count(counters).get()));
        let some = counted.filter(|(_, count)| *count > 0);
        some.map(|(log, count)| (log.to_string(), Value::from(count))).collect::<Map<_, _>>().into()
    };
    vars.insert("log_lines_total".into(), by_log(|log| &log.lines));
    vars.insert("log_errors_total".into(), by_log(|log| &log.errors));
    vars.insert("log_rotations_total".into(), by_log(|log| &log.rotations));
    vars.insert("file_truncates_total".into(), by_log(|log| &log.truncates));
    vars.insert("log_opens_total".into(), by_log(|log| &log.opens));
    vars.insert("log_closes_total".into(), by_log(|log| &log.closes));
    vars.insert("log_count".into(), logs.len().into());
    vars.insert("lines_total".into(), engine.lines_total().into());
    for (name, of) in [("prog_loads_total", true), ("prog_load_errors_total", false)] {
        let counted = engine
            .loads()
            .map(|(program, loads)| (program, if of { loads.loaded } else { loads.refused }));
        let some = counted.filter(|(_, count)| *count > 0);
        let some = some.map(|(program, count)| (program.clone(), Value::from(count)));
        vars.insert(name.into(), some.collect::<Map<_, _>>().into());
    }
    let programs = engine.programs();
    let lines = programs.iter().map(|program| (program.name.clone(), program.lines_total.into()));
    vars.insert("prog_lines_total".into(), lines.collect::<Map<_, _>>().into());
    let failed = programs.iter().filter(|program| program.runtime_errors_total() > 0);
    let errors = failed.map(|one| (one.name.clone(), one.runtime_errors_total().into()));
    vars.insert("prog_runtime_errors_total".into(), errors.collect::<Map<_, _>>().into());
    for receiver in receivers {
        let of = |count: &std::sync::atomic::AtomicU64| Value::from(count.load(Ordering::Relaxed));
        vars.insert(format!("{}_export_total", receiver.name), of(&receiver.total));
        vars.insert(format!("{}_export_success", receiver.name), of(&receiver.success));
    }
    // Printing a map of numbers cannot fail.
    serde_json::to_string_pretty(&json!(vars)).unwrap_or_default() + "\n"
}
