//! `query_exemplars` beside what Prometheus 3.5.3 says to the same requests.

use crate::world::World;

const A1: &str = r#"{"labels":{"trace_id":"t\"1"},"value":"0.5","timestamp":1.500}"#;
const A2: &str = r#"{"labels":{"trace_id":"t2"},"value":"1e-07","timestamp":2}"#;
const B: &str = r#"{"seriesLabels":{"__name__":"seconds_bucket","job":"b"},"exemplars":[{"labels":{},"value":"+Inf","timestamp":3}]}"#;

fn a(exemplars: &[&str]) -> String {
    let labels = r#"{"__name__":"seconds_bucket","job":"a"}"#;
    format!("{{\"seriesLabels\":{labels},\"exemplars\":[{}]}}", exemplars.join(","))
}

fn bad(error: &str) -> String {
    let error = serde_json::to_string(error).unwrap();
    format!("{{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":{error}}}")
}

fn good(series: &[String]) -> String {
    format!("{{\"status\":\"success\",\"data\":[{}]}}", series.join(","))
}

#[tokio::test]
async fn exemplars_of_every_selector_are_found() {
    let world = World::new().await;
    let both = || good(&[a(&[A1, A2]), B.to_owned()]);
    for (query, status, body) in [
        ("query=seconds_bucket", 200, both()),
        ("query=sum(rate(seconds_bucket%7Bjob=%22a%22%7D[5m]))%2Bup", 200, good(&[a(&[A1, A2])])),
        (
            "query=max_over_time(seconds_bucket%7Bjob!=%22a%22%7D[5m:1m])",
            200,
            good(&[B.to_owned()]),
        ),
        ("query=%7Bjob=%22a%22%7D%20or%20seconds_bucket", 200, both()),
        ("query=%7B__name__=~%22s.%2B%22%7D&start=1.5&end=1.999", 200, good(&[a(&[A1])])),
        ("query=seconds_bucket&start=1.501&end=2", 200, good(&[a(&[A2])])),
        ("query=seconds_bucket&start=3.001", 200, good(&[])),
        ("query=nothing", 200, good(&[])),
        // No selector: neither an answer nor an error.
        ("query=1%2Btime()", 204, String::new()),
        ("query=", 400, bad("unknown position: parse error: no expression found in input")),
        ("query=sum(", 400, bad("1:5: parse error: unclosed left parenthesis")),
        ("query=x&start=2&end=1", 400, bad("end timestamp must not be before start timestamp")),
        (
            "query=sum(&end=foo",
            400,
            bad(
                "invalid parameter \"end\": invalid time value for 'end': cannot parse \"foo\" to a valid timestamp",
            ),
        ),
    ] {
        for request in
            [format!("GET query_exemplars?{query}"), format!("POST query_exemplars {query}")]
        {
            let (found, text) = world.ask(&request).await;
            assert_eq!((found.as_u16(), text), (status, body.clone()), "{request}");
        }
    }
}
