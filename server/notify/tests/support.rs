//! Configurations, alerts and waiting.

use std::time::{Duration, Instant};

use common_config::Config;
use common_config::prometheus::AlertingConfig;
use common_instrument::{Registry, SampleValue, Samples};
use common_model::Labels;
use server_notify::Alert;

/// The `alerting` section of a text.
pub(crate) fn alerting(text: &str) -> AlertingConfig {
    Config::parse(&format!("alerting:\n{text}"), &|_| None).unwrap().alerting
}

/// An alert with this name, firing since long ago.
pub(crate) fn alert(name: &str) -> Alert {
    Alert {
        labels: Labels::from_pairs([("alertname", name), ("job", "x")]),
        annotations: Labels::from_pairs([("summary", "it is bad")]),
        starts_at_ms: 1_700_000_000_000,
        ..Alert::default()
    }
}

/// The value of a metric for one Alertmanager, or without labels.
pub(crate) fn metric(registry: &Registry, name: &str, manager: &str) -> f64 {
    let mut samples = Samples::default();
    assert!(registry.gather(&mut samples).is_empty());
    let family = samples.families().find(|family| family.name() == name);
    let sample = family.and_then(|family| {
        family.samples().find(|s| manager.is_empty() || s.labels().any(|(_, v)| v == manager))
    });
    match sample.map(|sample| sample.value()) {
        Some(SampleValue::Number(value)) => value,
        _ => 0.0,
    }
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(20), "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
