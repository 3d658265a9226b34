//! The metrics of all programs, and what the exporter tells of itself, as samples.

use std::sync::Arc;

use common_instrument::{CollectError, Collector, Family, SampleValue, Samples};
use common_model::MetricType;
use parking_lot::Mutex;

use crate::engine::Engine;
use crate::lang::ast::MetricKind;
use crate::source::{Ledger, LogCounters, Stats};
use crate::store::output::{PrometheusOptions, escaped_name, exported_labels};
use crate::store::{Datum, Metric, Series};

const LINES: Family =
    Family::untyped("mtail_lines_total", "number of lines received by the program loader");
const LOG_LINES: Family =
    Family::untyped("mtail_log_lines_total", "number of lines read per log file");
const LOG_ERRORS: Family =
    Family::untyped("mtail_log_errors_total", "number of IO errors encountered per log file");
const LOG_ROTATIONS: Family =
    Family::untyped("mtail_log_rotations_total", "number of log rotation events per log file");
const LOG_TRUNCATES: Family =
    Family::untyped("mtail_log_truncates_total", "number of log truncation events per log file");
const PROG_LOADS: Family = Family::untyped(
    "mtail_prog_loads_total",
    "number of program load events by program source filename",
);
const PROG_LOAD_ERRORS: Family = Family::untyped(
    "mtail_prog_load_errors_total",
    "number of errors encountered when loading per program source filename",
);
const PROG_RUNTIME_ERRORS: Family = Family::untyped(
    "mtail_prog_runtime_errors_total",
    "number of errors encountered when executing programs per source filename",
);
const PROG_LINES: Family =
    Family::untyped("mtail_prog_lines_total", "number of lines processed per program");
const LINE_DURATION: Family = Family::histogram(
    "mtail_vm_line_processing_duration_seconds",
    "VM line processing time distribution in seconds.",
);
const SERIES: Family = Family::gauge("hearth_log_series", "Number of series of all metrics.");
const SERIES_REFUSED: Family = Family::counter(
    "hearth_log_series_refused_total",
    "Number of series that were not added because their metric had as many as it may.",
);
const LINES_CUT: Family = Family::counter(
    "hearth_log_lines_cut_total",
    "Number of lines that were longer than the limit.",
);

/// Collects everything; lines wait as long as their values are copied.
pub struct LogCollector {
    /// The programs.
    pub engine: Arc<Mutex<Engine>>,
    /// Positions that belong to the values.
    pub ledger: Arc<Ledger>,
    /// What is counted of logs.
    pub stats: Arc<Stats>,
    /// What stands with each series.
    pub options: PrometheusOptions,
}

impl Collector for LogCollector {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        self.ledger.commit(|| {
            let engine = self.engine.lock();
            for metric in engine.store().exported() {
                push_metric(metric, self.options, samples);
            }
            push_engine(&engine, samples);
        });
        push_logs(&self.stats, samples);
        Ok(())
    }
}

fn push_metric(metric: &Metric, options: PrometheusOptions, samples: &mut Samples) {
    let kind = match metric.spec.kind {
        MetricKind::Text => return,
        MetricKind::Counter => MetricType::Counter,
        MetricKind::Histogram => MetricType::Histogram,
        MetricKind::Gauge | MetricKind::Timer => MetricType::Gauge,
    };
    let name = escaped_name(&metric.spec.name, true);
    let help = format!("defined at {}:{}", metric.program, metric.spec.source);
    for series in metric.series() {
        let labels = exported_labels(metric, series, options);
        let labels: Vec<(&str, &str)> =
            labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let time = options.timestamps.then_some(series.time_ns.div_euclid(1_000_000));
        push_series(metric, series, &mut |value| {
            samples.push_value(&name, &help, kind, &labels, value, time);
        });
    }
}

#[expect(clippy::cast_precision_loss, reason = "the formats have floats only")]
fn push_series(metric: &Metric, series: &Series, push: &mut dyn FnMut(SampleValue<'_>)) {
    match &series.datum {
        Datum::Int(value) => push(SampleValue::Number(*value as f64)),
        Datum::Float(value) => push(SampleValue::Number(*value)),
        // mtail exports a text as zero where a number was declared.
        Datum::Text(_) => push(SampleValue::Number(0.0)),
        Datum::Buckets(held) => {
            let mut sum = 0;
            let bounds = metric.spec.buckets.iter().zip(&held.counts);
            let buckets: Vec<(f64, f64)> = bounds
                .map(|((_, high), count)| {
                    sum += count;
                    (*high, sum as f64)
                })
                .filter(|(high, _)| high.is_finite())
                .collect();
            let (sum, count) = (held.sum, held.count as f64);
            push(SampleValue::Histogram { buckets: &buckets, sum, count });
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "the formats have floats only")]
fn push_engine(engine: &Engine, samples: &mut Samples) {
    samples.push(&LINES, &[], engine.lines_total() as f64);
    samples.push(&SERIES, &[], engine.store().series_count() as f64);
    samples.push(&SERIES_REFUSED, &[], engine.store().refused_total() as f64);
    for (name, loads) in engine.loads() {
        let labels = [("prog", name.as_str())];
        if loads.loaded > 0 {
            samples.push(&PROG_LOADS, &labels, loads.loaded as f64);
        }
        if loads.refused > 0 {
            samples.push(&PROG_LOAD_ERRORS, &labels, loads.refused as f64);
        }
    }
    for program in engine.programs() {
        let labels = [("prog", program.name.as_str())];
        samples.push(&PROG_LINES, &labels, program.lines_total as f64);
        samples.push(&PROG_RUNTIME_ERRORS, &labels, program.runtime_errors_total() as f64);
        let timing = &program.timing;
        let family = (LINE_DURATION.name, LINE_DURATION.help);
        samples.push_buckets(family, &labels, timing.buckets(), timing.sum_s);
    }
}

#[expect(clippy::cast_precision_loss, reason = "the formats have floats only")]
fn push_logs(stats: &Stats, samples: &mut Samples) {
    samples.push(&LINES_CUT, &[], stats.lines_cut.get() as f64);
    for (log, counters) in stats.logs() {
        let LogCounters { lines, errors, rotations, truncates, .. } = &*counters;
        let families = [
            (&LOG_LINES, lines),
            (&LOG_ERRORS, errors),
            (&LOG_ROTATIONS, rotations),
            (&LOG_TRUNCATES, truncates),
        ];
        for (family, count) in families {
            samples.push(family, &[("logfile", &log)], count.get() as f64);
        }
    }
}
