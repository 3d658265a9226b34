//! What the server writes down of itself: the query log, the log of failed scrapes, its metrics.

use std::time::Duration;

use common_testkit::{Answer, FakeTarget, Tree};
use serde_json::Value;

use crate::support::child::{Program, config, job};
use crate::support::{PATIENCE, eventually};

const INTERVAL: Duration = Duration::from_millis(200);

const RULES: &str = "groups: [{name: g, interval: 1s, rules: [{record: 'a:b', expr: 'up + 1'}]}]";

/// The lines of a file that is being written.
fn lines(text: &str) -> Vec<Value> {
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn line(tree: &Tree, file: &str, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
    eventually(what, PATIENCE, async || {
        let text = std::fs::read_to_string(tree.path().join(file)).map_err(|e| e.to_string())?;
        lines(&text).into_iter().find(|line| is_it(line)).ok_or(text)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_and_failed_scrapes_stand_in_their_logs_also_after_these_were_moved() {
    let target = FakeTarget::start([("/metrics", Answer::metrics("x 1\n"))]).await;
    let address = target.address().to_string();
    let tree = Tree::new();
    let jobs = [job("good", &address, "/metrics"), job("gone", "127.0.0.1:1", "/metrics")];
    let text = config(INTERVAL, &jobs).replacen(
        "global:\n",
        "rule_files: [rules.yml]\nglobal:\n  query_log_file: queries.log\n  \
         scrape_failure_log_file: failures.log\n",
        1,
    );
    assert!(text.contains("query_log_file"), "{text}");
    tree.write("prometheus.yml", &text);
    tree.write("rules.yml", RULES);
    let program = Program::hearth(&["server"], tree.path()).await;
    let api = &program.api;
    api.becomes("up{job='good'}", 1.0).await;
    api.get("/api/v1/query_range?query=up&start=100&end=160&step=15").await.unwrap();

    let asked = |line: &Value| line["httpRequest"]["path"] == "/api/v1/query_range";
    let found = line(&tree, "queries.log", "a range query in the log", asked).await;
    assert_eq!(found["params"]["query"], "up");
    assert_eq!(found["params"]["start"], "1970-01-01T00:01:40.000Z");
    assert_eq!(found["params"]["end"], "1970-01-01T00:02:40.000Z");
    assert_eq!(found["params"]["step"], 15);
    assert_eq!(found["httpRequest"]["clientIP"], "127.0.0.1");
    assert!(found["stats"]["timings"]["evalTotalTime"].is_f64(), "{found}");
    let of_rule = |line: &Value| line["ruleGroup"]["name"] == "g";
    let found = line(&tree, "queries.log", "a rule in the log", of_rule).await;
    assert_eq!(found["params"]["query"], "up + 1");
    let found =
        line(&tree, "failures.log", "a failed scrape", |line| line["job_name"] == "gone").await;
    assert_eq!(found["target"], "http://127.0.0.1:1/metrics");

    for file in ["queries.log", "failures.log"] {
        std::fs::rename(tree.path().join(file), tree.path().join(format!("{file}.1"))).unwrap();
    }
    program.signal("HUP");
    line(&tree, "queries.log", "a rule in the new log", of_rule).await;
    line(&tree, "failures.log", "a failed scrape in the new log", |_| true).await;

    let (_, page) = api.get("/metrics").await.unwrap();
    for part in [
        "prometheus_engine_query_log_enabled 1\n",
        "prometheus_engine_query_duration_seconds_count{slice=\"inner_eval\"}",
        "prometheus_http_requests_total{code=\"200\",handler=\"/api/v1/query_range\"} 1\n",
        "prometheus_http_response_size_bytes_count{handler=\"/api/v1/query_range\"} 1\n",
        "prometheus_target_scrape_pools_total 2\n",
        "prometheus_target_scrape_pool_sync_total{scrape_job=\"good\"} 1\n",
        "prometheus_sd_discovered_targets{config=\"gone\",name=\"scrape\"} 1\n",
        "net_conntrack_dialer_conn_established_total{dialer_name=\"good\"} 1\n",
        "net_conntrack_dialer_conn_established_total{dialer_name=\"gone\"} 0\n",
        "net_conntrack_listener_conn_accepted_total{listener_name=\"http\"}",
    ] {
        assert!(page.contains(part), "{part} is not in:\n{page}");
    }
}
