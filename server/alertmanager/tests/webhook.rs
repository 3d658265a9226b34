//! Messages to a fake webhook.

use std::sync::Arc;
use std::time::Duration;

use common_config::alertmanager::AlertmanagerFile;
use common_instrument::{Registry, SampleValue, Samples};
use common_model::Labels;
use common_service::Clock as _;
use common_testkit::{Answer, FakeTarget, HandClock};
use server_alertmanager::{Alert, Manager, ManagerOptions};

/// 2026-11-20T01:02:03.450Z
const START_MS: i64 = 1_795_136_523_450;

pub(crate) fn alert(labels: &[(&str, &str)], ends_at_ms: i64) -> Alert {
    Alert {
        labels: Labels::from_pairs(labels.iter().copied()),
        annotations: Labels::from_pairs([("s", "x & y")]),
        starts_at_ms: START_MS,
        ends_at_ms,
        generator_url: "http://g/x?a=b&c".to_owned(),
        updated_at_ms: 0,
    }
}

pub(crate) fn start(config: &str) -> (Manager, Registry, Arc<HandClock>) {
    let clock = Arc::new(HandClock::new(START_MS + 1000));
    let registry = Registry::new();
    let now = Arc::clone(&clock);
    let mut options = ManagerOptions::new(Arc::new(move || now.now_ms()));
    options.config = AlertmanagerFile::parse(config).unwrap();
    options.external_url = "http://am.example/x/".to_owned();
    (Manager::new(options, &registry).unwrap(), registry, clock)
}

/// Waits until a condition holds; the harness ends a test that waits forever.
pub(crate) async fn until(mut holds: impl FnMut() -> bool) {
    for _ in 0..2000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it did not happen within 10 s");
}

/// The value of the series whose labels have all these values, separated by slashes.
pub(crate) fn metric(registry: &Registry, name: &str, label: &str) -> f64 {
    let mut samples = Samples::default();
    registry.gather(&mut samples);
    let family = samples.families().find(|family| family.name() == name);
    let samples = family.into_iter().flat_map(|family| family.samples().collect::<Vec<_>>());
    let parts: Vec<&str> = label.split('/').filter(|part| !part.is_empty()).collect();
    let mut wanted = samples.filter(|s| parts.iter().all(|p| s.labels().any(|(_, v)| v == *p)));
    match wanted.next().map(|sample| sample.value()) {
        Some(SampleValue::Number(number)) => number,
        _ => panic!("no {name} {label}"),
    }
}

fn config(url: &str, more: &str) -> String {
    format!(
        "route: {{receiver: h.1, group_by: [alertname], group_wait: 0s, group_interval: 1m}}\n\
         receivers: [{{name: h.1, webhook_configs: [{{url: '{url}'{more}}}]}}]\n"
    )
}

fn body(request: &str) -> &str {
    request.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

/// The text is what Alertmanager 0.33.1 sent for the same alert and configuration.
#[tokio::test]
async fn a_webhook_gets_what_alertmanager_sends() {
    let target = FakeTarget::start([("/one", Answer::text("ok"))]).await;
    let (manager, registry, _) = start(&config(&target.url("/one"), ", max_alerts: 1"));
    manager.put(vec![alert(&[("alertname", "A"), ("job", "b<"), ("instance", "1")], 0)]);
    until(|| target.seen().len() == 1).await;
    let wanted = concat!(
        r#"{"receiver":"h\\.1","status":"firing","alerts":[{"status":"firing","labels":{"alertname":"A","#,
        r#""instance":"1","job":"b\u003c"},"annotations":{"s":"x \u0026 y"},"#,
        r#""startsAt":"2026-11-20T01:02:03.45Z","endsAt":"0001-01-01T00:00:00Z","#,
        r#""generatorURL":"http://g/x?a=b\u0026c","fingerprint":"d5a63fc4518327b0"}],"#,
        r#""notification_reason":"first notification","groupLabels":{"alertname":"A"},"#,
        r#""commonLabels":{"alertname":"A","instance":"1","job":"b\u003c"},"#,
        r#""commonAnnotations":{"s":"x \u0026 y"},"externalURL":"http://am.example/x","version":"4","#,
        r#""groupKey":"{}:{alertname=\"A\"}","truncatedAlerts":0}"#,
        "\n"
    );
    let request = target.seen().remove(0);
    assert_eq!(body(&request), wanted);
    assert!(request.to_lowercase().contains("content-type: application/json\r\n"), "{request}");
    until(|| metric(&registry, "alertmanager_notifications_total", "webhook") == 1.0).await;
    assert_eq!(metric(&registry, "alertmanager_alerts", "active"), 1.0);
}

#[tokio::test]
async fn an_end_is_told_once_and_alerts_beyond_the_limit_are_counted() {
    let target = FakeTarget::start([("/one", Answer::text("ok"))]).await;
    let (manager, registry, clock) = start(&config(&target.url("/one"), ", max_alerts: 1"));
    let alerts = |ends| {
        vec![
            alert(&[("alertname", "A"), ("job", "a")], ends),
            alert(&[("alertname", "A"), ("job", "b")], ends),
        ]
    };
    manager.put(alerts(0));
    until(|| target.seen().len() == 1).await;
    assert!(target.seen()[0].contains(r#""truncatedAlerts":1}"#), "{:?}", target.seen());
    until(|| metric(&registry, "alertmanager_notifications_total", "webhook") == 1.0).await;
    clock.advance(Duration::from_secs(61));
    manager.put(alerts(START_MS + 2000));
    until(|| target.seen().len() == 2).await;
    let seen = target.seen();
    assert!(seen[1].contains(r#""receiver":"h\\.1","status":"resolved""#), "{seen:?}");
    assert!(seen[1].contains(r#""endsAt":"2026-11-20T01:02:05.45Z""#), "{seen:?}");
    assert!(seen[1].contains(r#""notification_reason":"all alerts resolved""#), "{seen:?}");
    until(|| metric(&registry, "alertmanager_dispatcher_aggregation_groups", "") == 0.0).await;
    clock.advance(Duration::from_secs(61));
    manager.shutdown().await;
    assert_eq!(target.seen().len(), 2);
}

#[tokio::test]
async fn a_refusal_is_final_and_counted() {
    let no = Answer::Page("404 Not Found", vec![], b"no such hook".to_vec());
    let target = FakeTarget::start([("/one", no)]).await;
    let (manager, registry, _) = start(&config(&target.url("/one"), ""));
    manager.put(vec![alert(&[("alertname", "A")], 0)]);
    let failed = "alertmanager_notifications_failed_total";
    until(|| metric(&registry, failed, "webhook/clientError") == 1.0).await;
    assert_eq!(target.seen().len(), 1);
    drop(manager);
}

#[tokio::test]
async fn a_server_error_is_tried_again_with_the_url_of_a_template() {
    let no = Answer::Page("503 Service Unavailable", vec![], vec![]);
    let target = FakeTarget::start([("/A", no)]).await;
    let (manager, registry, _) = start(&config(&target.url("/{{ .GroupLabels.alertname }}"), ""));
    manager.put(vec![alert(&[("alertname", "A")], 0)]);
    until(|| target.seen().len() == 2).await;
    assert_eq!(
        metric(&registry, "alertmanager_notifications_failed_total", "webhook/serverError"),
        0.0
    );
    drop(manager);
}

#[tokio::test]
async fn a_new_configuration_keeps_alerts_and_what_was_told() {
    let target = FakeTarget::start([("/one", Answer::text("")), ("/two", Answer::text(""))]).await;
    let (manager, registry, _) = start(&config(&target.url("/one"), ""));
    manager.put(vec![alert(&[("alertname", "A")], 0)]);
    until(|| metric(&registry, "alertmanager_notifications_total", "webhook") == 1.0).await;
    let two = config(&target.url("/two"), "").replace("h.1", "h.2");
    manager.apply(AlertmanagerFile::parse(&two).unwrap()).unwrap();
    until(|| target.seen().len() == 2).await;
    assert!(target.seen()[1].starts_with("POST /two "), "{:?}", target.seen());
    assert_eq!(manager.groups().len(), 1);
    assert_eq!(manager.alerts()[0].receivers, ["h.2"]);
    // Back again: the first receiver knows.
    let one = config(&target.url("/one"), "");
    manager.apply(AlertmanagerFile::parse(&one).unwrap()).unwrap();
    manager.shutdown().await;
    assert_eq!(target.seen().len(), 2);
}

#[tokio::test]
async fn alerts_that_are_none_are_refused() {
    let (manager, registry, _) = start("{route: {receiver: a}, receivers: [{name: a}]}");
    let problems = manager.put(vec![alert(&[], 0), alert(&[("a", "b")], 1)]);
    assert_eq!(
        problems,
        ["at least one label pair required", "start time must be before end time"]
    );
    assert_eq!(metric(&registry, "alertmanager_alerts_invalid_total", ""), 2.0);
}
