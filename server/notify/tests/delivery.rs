//! What arrives, where, and what is counted when it does not.

use std::sync::Arc;

use common_instrument::Registry;
use common_model::Labels;
use common_testkit::{Answer, FakeTarget};
use parking_lot::Mutex;
use server_notify::{Alert, LOCAL_NAME, Manager, Options, Sink};

use crate::support::{alert, alerting, metric, until};

const PATH: &str = "/api/v2/alerts";

fn names(requests: &[String]) -> Vec<String> {
    let bodies = requests.iter().filter_map(|request| request.split_once("\r\n\r\n"));
    let alerts =
        bodies.flat_map(|(_, body)| serde_json::from_str::<Vec<serde_json::Value>>(body).unwrap());
    alerts.map(|alert| alert["labels"]["alertname"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn alerts_go_to_every_alertmanager_relabeled_and_in_batches() {
    let good = FakeTarget::start([("/pre/api/v2/alerts", Answer::text("{}"))]).await;
    let other = FakeTarget::start([(PATH, Answer::text("{}"))]).await;
    let registry = Registry::new();
    let manager = Manager::new(Options::default(), &registry);
    let config = alerting(&format!(
        "  alert_relabel_configs: [{{source_labels: [alertname], regex: Never, action: drop}}]\n  alertmanagers:\n  - {{path_prefix: pre/, static_configs: [{{targets: ['{}']}}]}}\n  - {{static_configs: [{{targets: ['{}', 'gone:1']}}], alert_relabel_configs: [{{action: labeldrop, regex: job}}], relabel_configs: [{{source_labels: [__address__], regex: 'gone.*', action: drop}}]}}\n",
        good.address(),
        other.address()
    ));
    manager.apply(&config, &Labels::from_pairs([("site", "here"), ("job", "not this")])).unwrap();
    let ours = [good.url("/pre/api/v2/alerts"), other.url(PATH)];
    assert_eq!(manager.alertmanagers().active, ours);
    assert_eq!(manager.alertmanagers().dropped, ["http://gone:1/api/v2/alerts"]);
    let mut alerts: Vec<Alert> = (0..130).map(|at| alert(&format!("A{at:03}"))).collect();
    alerts.push(alert("Never"));
    manager.send(alerts);
    manager.shutdown().await;
    for (target, url) in [(&good, &ours[0]), (&other, &ours[1])] {
        let seen = target.seen();
        let wanted: Vec<String> = (0..130).map(|at| format!("A{at:03}")).collect();
        assert_eq!((names(&seen), seen.len()), (wanted, 3));
        assert_eq!(metric(&registry, "prometheus_notifications_sent_total", url), 130.0);
        assert_eq!(metric(&registry, "prometheus_notifications_errors_total", url), 0.0);
    }
    let request = good.seen().remove(0);
    assert!(request.starts_with("POST /pre/api/v2/alerts HTTP/1.1\r\n"), "{request}");
    assert!(request.to_lowercase().contains("content-type: application/json\r\n"), "{request}");
    assert!(request.contains(r#""labels":{"alertname":"A000","job":"x","site":"here"}"#));
    assert!(other.seen()[0].contains(r#""labels":{"alertname":"A000","site":"here"}"#));
}

#[tokio::test]
async fn what_an_alertmanager_refuses_is_counted_and_not_tried_again() {
    let bad = FakeTarget::start([(PATH, Answer::Page("500 Oh", Vec::new(), Vec::new()))]).await;
    let registry = Registry::new();
    let manager = Manager::new(Options::default(), &registry);
    let text =
        format!("  alertmanagers: [{{static_configs: [{{targets: ['{}']}}]}}]", bad.address());
    manager.apply(&alerting(&text), &Labels::empty()).unwrap();
    manager.send(vec![alert("A"), alert("B")]);
    let url = bad.url(PATH);
    let errors = || metric(&registry, "prometheus_notifications_errors_total", &url);
    until("counted", || errors() >= 2.0).await;
    manager.send(vec![alert("C")]);
    until("counted", || errors() >= 3.0).await;
    manager.shutdown().await;
    assert_eq!(names(&bad.seen()), ["A", "B", "C"]);
    assert_eq!(metric(&registry, "prometheus_notifications_dropped_total", &url), 3.0);
}

#[tokio::test]
async fn one_that_is_silent_delays_nobody_and_its_full_queue_drops_the_oldest() {
    let silent = FakeTarget::start([(PATH, Answer::Silence)]).await;
    let good = FakeTarget::start([(PATH, Answer::text(""))]).await;
    let registry = Registry::new();
    let options = Options { queue_capacity: 10, ..Options::default() };
    let manager = Manager::new(options, &registry);
    let text = format!(
        "  alertmanagers: [{{timeout: 300ms, static_configs: [{{targets: ['{}', '{}']}}]}}]",
        silent.address(),
        good.address()
    );
    manager.apply(&alerting(&text), &Labels::empty()).unwrap();
    manager.send(vec![alert("First")]);
    until("asked", || !silent.seen().is_empty() && good.seen().len() == 1).await;
    for at in 0..15 {
        manager.send(vec![alert(&format!("A{at}"))]);
        until("delivered", || names(&good.seen()).len() == at + 2).await;
    }
    let url = silent.url(PATH);
    until("given up", || metric(&registry, "prometheus_notifications_errors_total", &url) >= 1.0)
        .await;
    manager.shutdown().await;
    assert_eq!(metric(&registry, "prometheus_notifications_queue_capacity", ""), 10.0);
    assert_eq!(metric(&registry, "prometheus_notifications_dropped_total", &url), 16.0);
    assert_eq!(names(&silent.seen())[..2], ["First", "A5"]);
}

#[derive(Default)]
struct Local(Mutex<Vec<String>>);

impl Sink for Local {
    fn receive(&self, alerts: &[Arc<Alert>]) -> Result<(), String> {
        self.0.lock().extend(alerts.iter().map(|alert| alert.name().to_owned()));
        Ok(())
    }
}

#[tokio::test]
async fn the_alertmanager_of_this_process_needs_no_configuration() {
    let (local, registry) = (Arc::new(Local::default()), Registry::new());
    let manager =
        Manager::new(Options { local: Some(local.clone()), ..Options::default() }, &registry);
    manager.send(vec![alert("A")]);
    manager.shutdown().await;
    assert_eq!(*local.0.lock(), ["A"]);
    assert_eq!(metric(&registry, "prometheus_notifications_sent_total", LOCAL_NAME), 1.0);
}
