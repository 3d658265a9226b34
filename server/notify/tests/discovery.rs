//! Alertmanagers that come and go.

use common_instrument::Registry;
use common_model::Labels;
use common_testkit::{Answer, FakeTarget};
use server_notify::{Manager, Options};

use crate::support::{alert, alerting, metric, until};

#[tokio::test]
async fn a_targets_file_says_where_alertmanagers_are_and_is_read_again() {
    let target = FakeTarget::start([("/api/v2/alerts", Answer::text(""))]).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("am.json");
    std::fs::write(&file, r#"[{"targets": ["one:1"]}]"#).unwrap();
    let registry = Registry::new();
    let manager = Manager::new(Options::default(), &registry);
    let text =
        format!("  alertmanagers: [{{file_sd_configs: [{{files: ['{}']}}]}}]", file.display());
    manager.apply(&alerting(&text), &Labels::empty()).unwrap();
    assert_eq!(manager.alertmanagers().active, ["http://one:1/api/v2/alerts"]);
    let content = format!(r#"[{{"targets": ["{}", "two:2"]}}]"#, target.address());
    std::fs::write(&file, content).unwrap();
    let discovered = "prometheus_notifications_alertmanagers_discovered";
    until("read again", || metric(&registry, discovered, "") == 2.0).await;
    // What cannot be read changes nothing.
    std::fs::write(&file, "[").unwrap();
    manager.send(vec![alert("A")]);
    until("delivered", || target.seen().len() == 1).await;
    manager.apply(&alerting("  alertmanagers: []"), &Labels::empty()).unwrap();
    assert!(manager.alertmanagers().active.is_empty());
    manager.shutdown().await;
}
