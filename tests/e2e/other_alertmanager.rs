//! Alerts handed to an Alertmanager elsewhere, as `hearth server` does it.

use common_testkit::{Answer, FakeTarget, Tree};
use serde_json::Value;

use crate::support::child::Program;
use crate::support::{PATIENCE, eventually};

const RULES: &str = "
groups:
  - name: g
    rules:
      - record: doubled
        expr: answers * 2
      - alert: Many
        expr: doubled > 4
        labels: {severity: page}
        annotations: {summary: '{{ $value | humanize }} on {{ $externalLabels.site }}'}
";

#[tokio::test(flavor = "multi_thread")]
async fn alerts_reach_an_alertmanager_elsewhere() {
    let target = FakeTarget::start([("/metrics", Answer::metrics("answers 1\n"))]).await;
    let alertmanager = FakeTarget::start([("/am/api/v2/alerts", Answer::text(""))]).await;
    let tree = Tree::with(&[("rules.yml", RULES)]);
    let (scraped, told) = (target.address(), alertmanager.address());
    tree.write(
        "prometheus.yml",
        format!(
            "global: {{scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms, \
             external_labels: {{site: north}}}}\n\
             rule_files: ['*rules.yml']\n\
             alerting:\n  alertmanagers:\n  - path_prefix: /am\n    static_configs: \
             [{{targets: ['{told}']}}]\n\
             scrape_configs:\n- job_name: t\n  static_configs: [{{targets: ['{scraped}']}}]\n"
        ),
    );
    let program = Program::hearth(&["server"], tree.path()).await;
    eventually("the recorded value", PATIENCE, async || program.api.value("doubled").await).await;
    assert_eq!(alertmanager.seen(), Vec::<String>::new());

    target.set("/metrics", Answer::metrics("answers 3000\n"));
    let firing = sent(&alertmanager, |alert| alert["labels"]["alertname"] == "Many").await;
    let labels = serde_json::json!({"alertname": "Many", "instance": scraped.to_string(),
        "job": "t", "severity": "page", "site": "north"});
    assert_eq!(firing["labels"], labels);
    assert_eq!(firing["annotations"]["summary"], "6k on north");
    assert!(firing["endsAt"].as_str() > firing["startsAt"].as_str(), "{firing}");
    let link = firing["generatorURL"].as_str().unwrap();
    assert!(link.contains("/graph?g0.expr=doubled"), "{link}");

    target.set("/metrics", Answer::metrics("answers 1\n"));
    let before = |alert: &Value| alert["endsAt"].as_str() < firing["endsAt"].as_str();
    let resolved = sent(&alertmanager, before).await;
    assert_eq!(resolved["labels"], labels);
    assert_eq!(resolved["startsAt"], firing["startsAt"]);
}

/// The first alert in a request that is like this.
async fn sent(alertmanager: &FakeTarget, is_it: impl Fn(&Value) -> bool) -> Value {
    eventually("an alert is sent", PATIENCE, async || {
        let requests = alertmanager.seen();
        for body in requests.iter().filter_map(|request| request.split("\r\n\r\n").nth(1)) {
            let alerts: Vec<Value> = serde_json::from_str(body).map_err(|e| e.to_string())?;
            if let Some(alert) = alerts.into_iter().find(|alert| is_it(alert)) {
                return Ok(alert);
            }
        }
        Err(format!("{} requests", requests.len()))
    })
    .await
}
