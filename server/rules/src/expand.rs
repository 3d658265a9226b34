//! Samples of an alerting rule as instances: labels and annotations expanded.

use common_model::{Labels, METRIC_NAME};
use common_template::Value;
use common_template::prometheus::{self as template, AlertData};
use server_promql::value::{Sample, SampleValue};

use crate::alert::Instance;
use crate::evaluator::Evaluator;
use crate::load::RuleSpec;
use crate::query::{TemplateEnv, float};
use crate::rule::Moment;

/// The label with the alert's name.
pub(crate) const ALERT_NAME: &str = "alertname";

/// Expands the rule's labels and annotations for one sample.
pub(crate) fn instance(
    evaluator: &Evaluator,
    rule: &RuleSpec,
    sample: &Sample,
    moment: &Moment<'_>,
) -> Instance {
    let name = format!("__alert_{}", rule.name);
    let time = moment.time;
    let env = TemplateEnv { evaluator, time, origin: moment.origin };
    let data = AlertData {
        labels: &sample.labels,
        external_labels: moment.external_labels,
        external_url: &evaluator.options.external_url,
        value: match &sample.value {
            SampleValue::Float(value) => Value::Float(*value),
            SampleValue::Histogram(histogram) => Value::from(
                format!("{{count:{}, sum:{}}}", histogram.count, histogram.sum).as_str(),
            ),
        },
    };
    let metrics = &evaluator.metrics;
    let expand = |text: &str| {
        metrics.expansions.inc();
        template::expand(text, &name, &data, &env, time).unwrap_or_else(|error| {
            metrics.expansion_failures.inc();
            tracing::warn!(alert = rule.name, %error, "Expanding alert template failed");
            format!("<error expanding template: {error}>")
        })
    };
    let mut labels = sample.labels.to_builder();
    labels.remove(METRIC_NAME);
    for (name, text) in &rule.labels {
        labels.set(name, &expand(text));
    }
    labels.set(ALERT_NAME, &rule.name);
    let annotations =
        Labels::from_pairs(rule.annotations.iter().map(|(name, text)| (name, expand(text))));
    Instance { labels: labels.build(), annotations, value: float(&sample.value) }
}
