//! Alerts as Alertmanager's API v2 takes them.

use std::collections::BTreeMap;
use std::sync::Arc;

use common_model::Labels;
use serde::Serialize;
use server_alertmanager::Alert;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Posted<'a> {
    annotations: BTreeMap<&'a str, &'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ends_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    starts_at: Option<String>,
    #[serde(rename = "generatorURL", skip_serializing_if = "str::is_empty")]
    generator_url: &'a str,
    labels: BTreeMap<&'a str, &'a str>,
}

/// The body of `POST /api/v2/alerts`.
pub(crate) fn body(alerts: &[Arc<Alert>]) -> Result<Vec<u8>, String> {
    let posted: Vec<Posted<'_>> = alerts
        .iter()
        .map(|alert| Posted {
            annotations: map(&alert.annotations),
            ends_at: time(alert.ends_at_ms),
            starts_at: time(alert.starts_at_ms),
            generator_url: &alert.generator_url,
            labels: map(&alert.labels),
        })
        .collect();
    serde_json::to_vec(&posted).map_err(|error| error.to_string())
}

fn map(labels: &Labels) -> BTreeMap<&str, &str> {
    labels.iter().collect()
}

/// RFC 3339 with milliseconds; nothing for zero, or for what is no date.
fn time(ms: i64) -> Option<String> {
    if ms == 0 {
        return None;
    }
    jiff::Timestamp::from_millisecond(ms).ok().map(|time| format!("{time:.3}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_are_written_as_alertmanager_reads_them() {
        let alert = Alert {
            labels: Labels::from_pairs([("alertname", "A"), ("job", "x")]),
            annotations: Labels::from_pairs([("summary", "say \"so\"")]),
            starts_at_ms: 1_700_000_000_120,
            ends_at_ms: 0,
            generator_url: "http://h/graph?g0.expr=up&g0.tab=1".to_owned(),
            updated_at_ms: 5,
        };
        let body = String::from_utf8(body(&[Arc::new(alert)]).unwrap()).unwrap();
        let wanted = r#"[{"annotations":{"summary":"say \"so\""},"startsAt":"2023-11-14T22:13:20.120Z","generatorURL":"http://h/graph?g0.expr=up&g0.tab=1","labels":{"alertname":"A","job":"x"}}]"#;
        assert_eq!(body, wanted);
    }
}
