//! `/api/v1/status/self_metrics`: what the process says of itself, in the JSON form of the
//! protobuf messages that scrapes know (`io.prometheus.client.MetricFamily`).

use std::sync::Arc;

use common_instrument::{FamilyView, SampleValue, SampleView, Samples};
use common_model::MetricType;
use common_re2::Regex;

use crate::answer::Answer;
use crate::error::ApiError;
use crate::json::Json;
use crate::params::Params;
use crate::state::ApiState;

/// The families whose names `metric_name_pattern` matches as a whole; all without it.
pub(crate) async fn self_metrics(state: Arc<ApiState>, params: Params) -> Result<Answer, ApiError> {
    let pattern = match params.get("metric_name_pattern") {
        "" => None,
        pattern => Some(Regex::anchored(pattern).map_err(|error| {
            ApiError::bad_data(format!("invalid parameter \"metric_name_pattern\": {error}"))
        })?),
    };
    // Files of the kernel are read.
    let gather = tokio::task::spawn_blocking(move || {
        let mut samples = Samples::default();
        // Who has failed is told on `/metrics`.
        let _ = state.registry.gather(&mut samples);
        samples
    });
    let samples = gather.await.map_err(ApiError::internal)?;
    let is_asked = |name: &str| pattern.as_ref().is_none_or(|pattern| pattern.is_match(name));
    let families = samples.families().filter(|family| is_asked(family.name()));
    Ok(Answer::write(|json| {
        json.list(families, write_family);
    }))
}

fn write_family(json: &mut Json, family: FamilyView<'_>) {
    json.raw("{\"name\":").string(family.name());
    json.raw(",\"help\":").string(family.help());
    json.raw(",\"type\":\"").raw(type_name(family.kind())).raw("\",\"metric\":");
    let kind = family.kind();
    json.list(family.samples(), |json, sample| write_metric(json, kind, &sample)).raw("}");
}

fn write_metric(json: &mut Json, kind: MetricType, sample: &SampleView<'_>) {
    json.raw("{\"label\":").list(sample.labels(), |json, (name, value)| {
        json.raw("{\"name\":").string(name).raw(",\"value\":").string(value).raw("}");
    });
    match sample.value() {
        SampleValue::Number(value) => {
            let name = match kind {
                MetricType::Counter => "counter",
                MetricType::Gauge => "gauge",
                _ => "untyped",
            };
            number(json.raw(",").key(name).raw("{\"value\":"), value).raw("}");
        }
        SampleValue::Histogram { buckets, sum, count } => {
            counted(json.raw(",\"histogram\":"), sum, count).raw(",\"bucket\":");
            // The message leaves out what is the number of all.
            let finite = buckets.iter().filter(|(bound, _)| bound.is_finite());
            json.list(finite, |json, &(bound, count)| {
                json.raw("{\"cumulativeCount\":").string(&count.to_string());
                number(json.raw(",\"upperBound\":"), bound).raw("}");
            });
            json.raw("}");
        }
        SampleValue::Summary { quantiles, sum, count } => {
            counted(json.raw(",\"summary\":"), sum, count).raw(",\"quantile\":");
            json.list(quantiles, |json, &(quantile, value)| {
                number(json.raw("{\"quantile\":"), quantile);
                number(json.raw(",\"value\":"), value).raw("}");
            });
            json.raw("}");
        }
    }
    json.raw("}");
}

/// Integers of 64 bits are texts in the JSON form of protobuf.
fn counted(json: &mut Json, sum: f64, count: f64) -> &mut Json {
    json.raw("{\"sampleCount\":").string(&count.to_string());
    number(json.raw(",\"sampleSum\":"), sum)
}

/// A number, or its name where JSON has none for it.
fn number(json: &mut Json, value: f64) -> &mut Json {
    if value.is_finite() {
        return json.raw(&value.to_string());
    }
    json.string(match value {
        f64::INFINITY => "Infinity",
        f64::NEG_INFINITY => "-Infinity",
        _ => "NaN",
    })
}

fn type_name(kind: MetricType) -> &'static str {
    match kind {
        MetricType::Counter => "COUNTER",
        MetricType::Gauge => "GAUGE",
        MetricType::Histogram => "HISTOGRAM",
        MetricType::GaugeHistogram => "GAUGE_HISTOGRAM",
        MetricType::Summary => "SUMMARY",
        _ => "UNTYPED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_metric_has_its_message() {
        let mut samples = Samples::default();
        let labels = [("a", "<1>")];
        samples.push_named("c_total", "Counts.", MetricType::Counter, &labels, 1.5);
        samples.push_named("g", "", MetricType::Gauge, &[], f64::NAN);
        samples.push_named("u", "", MetricType::Unknown, &[], f64::NEG_INFINITY);
        let buckets = &[(0.5, 2.0), (f64::INFINITY, 3.0)];
        let histogram = SampleValue::Histogram { buckets, sum: 4.25, count: 3.0 };
        samples.push_value("h", "", MetricType::Histogram, &[], histogram, None);
        let summary = SampleValue::Summary { quantiles: &[(0.9, 7.0)], sum: 8.0, count: 2.0 };
        samples.push_value("s", "", MetricType::Summary, &[], summary, None);
        samples.seal();
        let mut json = Json::default();
        json.list(samples.families(), write_family);
        let wanted = concat!(
            r#"[{"name":"c_total","help":"Counts.","type":"COUNTER","metric":"#,
            r#"[{"label":[{"name":"a","value":"\u003c1\u003e"}],"counter":{"value":1.5}}]},"#,
            r#"{"name":"g","help":"","type":"GAUGE","metric":[{"label":[],"gauge":{"value":"NaN"}}]},"#,
            r#"{"name":"h","help":"","type":"HISTOGRAM","metric":[{"label":[],"histogram":"#,
            r#"{"sampleCount":"3","sampleSum":4.25,"#,
            r#""bucket":[{"cumulativeCount":"2","upperBound":0.5}]}}]},"#,
            r#"{"name":"s","help":"","type":"SUMMARY","metric":[{"label":[],"summary":"#,
            r#"{"sampleCount":"2","sampleSum":8,"quantile":[{"quantile":0.9,"value":7}]}}]},"#,
            r#"{"name":"u","help":"","type":"UNTYPED","metric":"#,
            r#"[{"label":[],"untyped":{"value":"-Infinity"}}]}]"#,
        );
        assert_eq!(String::from_utf8(json.bytes).unwrap(), wanted);
    }
}
