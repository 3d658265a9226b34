//! One probe from beginning to end: time, verdict, what is told of it.

use std::time::Duration;

use common_exposition::{Format, encode};
use common_instrument::{Family, Samples};
use tokio::time::{Instant, timeout_at};

use super::{Phase, ProbeContext, ProbeLog, Prober, Results};
use crate::config::Module;

const SUCCESS: Family =
    Family::gauge("probe_success", "Displays whether or not the probe was a success");
const DURATION: Family = Family::gauge(
    "probe_duration_seconds",
    "Returns how long the probe took to complete in seconds",
);
const TIMEOUT: Family =
    Family::gauge("probe_timeout_seconds", "Returns the timeout of the probe in seconds");

/// Probers keep to the deadline and tidy up; who does not within this time is dropped.
const GRACE: Duration = Duration::from_millis(250);

/// What came of a probe.
#[derive(Debug)]
pub struct Outcome {
    /// Whether it succeeded.
    pub is_success: bool,
    /// How long it took.
    pub elapsed: Duration,
    /// The metrics, sorted.
    pub samples: Samples,
    /// What it did.
    pub log: String,
}

impl Outcome {
    /// The metrics as text.
    #[must_use]
    pub fn text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        encode(&self.samples, Format::default(), &mut text);
        text
    }
}

/// Probes `target`, within the context's deadline.
pub async fn run(
    context: &ProbeContext,
    prober: &Prober,
    module: &Module,
    target: &str,
    mut log: ProbeLog,
) -> Outcome {
    let began = Instant::now();
    let timeout = context.deadline.saturating_duration_since(began).as_secs_f64();
    let mut results = Results::default();
    log.debug("Beginning probe", &[("probe", &prober.name), ("timeout_seconds", &timeout)]);
    let probing = (prober.probe)(context, module, target, &mut results, &mut log);
    let verdict = timeout_at(context.deadline + GRACE, probing).await.ok();
    let is_success = verdict == Some(true);
    let elapsed = began.elapsed();
    let seconds = elapsed.as_secs_f64();
    if is_success {
        log.debug("Probe succeeded", &[("duration_seconds", &seconds)]);
    } else {
        log.error("Probe failed", &[("duration_seconds", &seconds)]);
        if verdict.is_none() {
            results.fail(Phase::Exchange, "timeout");
        }
        if module.hearth.failure_info {
            results.show_failure();
        }
    }
    results.set(&TIMEOUT, timeout);
    results.set(&DURATION, seconds);
    results.set(&SUCCESS, if is_success { 1.0 } else { 0.0 });
    let mut samples = Samples::default();
    results.fill(&mut samples);
    samples.seal();
    Outcome { is_success, elapsed, samples, log: log.into_text() }
}
