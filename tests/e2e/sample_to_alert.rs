//! The road of a sample, walked with the real program: a target is scraped, a rule finds its value
//! too high, the alert waits, fires, and reaches people by webhook and mail; then all is well again,
//! and they are told.

use common_testkit::{Answer, FakeTarget, Tree};
use serde_json::Value;

use crate::mailbox::Mailbox;
use crate::support::child::Program;
use crate::support::{PATIENCE, eventually};

/// Fires when a room has been too hot for a second.
const RULES: &str = "
groups:
  - name: rooms
    rules:
      - alert: TooHot
        expr: room_temperature_celsius > 30
        for: 1s
        labels: {severity: page}
        annotations:
          summary: '{{ $labels.room }} has {{ $value }} degrees'
";

fn prometheus_yml(target: &FakeTarget) -> String {
    format!(
        "
global:
  scrape_interval: 200ms
  scrape_timeout: 200ms
  evaluation_interval: 200ms
rule_files: [rules.yml]
scrape_configs:
  - job_name: rooms
    static_configs: [{{targets: ['{}']}}]
",
        target.address()
    )
}

fn alertmanager_yml(webhook: &FakeTarget, mailbox: &Mailbox) -> String {
    format!(
        "
route: {{receiver: people, group_wait: 100ms, group_interval: 500ms, repeat_interval: 1h}}
receivers:
  - name: people
    webhook_configs:
      - url: {}
    email_configs:
      - to: ops@example.com
        from: hearth@example.com
        smarthost: {}
        require_tls: false
        send_resolved: true
",
        webhook.url("/hook"),
        mailbox.address()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_becomes_an_alert_that_people_hear_of() {
    let target = FakeTarget::start([("/metrics", room(21.5))]).await;
    let webhook = FakeTarget::start([("/hook", Answer::text(""))]).await;
    let mailbox = Mailbox::open().await;
    let tree = Tree::with(&[("rules.yml", RULES)]);
    tree.write("prometheus.yml", prometheus_yml(&target));
    tree.write("alertmanager.yml", alertmanager_yml(&webhook, &mailbox));
    let args =
        ["run", "--config.file=prometheus.yml", "--alertmanager.config.file=alertmanager.yml"];
    let hearth = Program::hearth(&args, tree.path()).await;

    // The target's line has become a sample with the labels of its target.
    eventually("the sample", PATIENCE, async || {
        match hearth.api.value("room_temperature_celsius{room='attic',job='rooms'}").await? {
            21.5 => Ok(()),
            other => Err(format!("{other}")),
        }
    })
    .await;
    assert_eq!(alerts(&hearth).await, Ok(vec![]));

    // Too hot: the alert waits for a second, then it fires.
    target.set("/metrics", room(35.0));
    for state in ["pending", "firing"] {
        eventually(state, PATIENCE, async || match &alerts(&hearth).await?[..] {
            [alert] if alert["state"] == state => Ok(()),
            others => Err(format!("{others:?}")),
        })
        .await;
        let series = format!("ALERTS{{alertname='TooHot',alertstate='{state}',room='attic'}}");
        eventually("the series of the alert", PATIENCE, async || hearth.api.value(&series).await)
            .await;
    }

    // People hear of it.
    let firing = told(&webhook, "firing").await;
    assert_eq!(firing["receiver"], "people");
    let alert = &firing["alerts"][0];
    assert_eq!(alert["labels"]["alertname"], "TooHot");
    assert_eq!(alert["labels"]["room"], "attic");
    assert_eq!(alert["labels"]["severity"], "page");
    assert_eq!(alert["annotations"]["summary"], "attic has 35 degrees");
    mailed(&mailbox, "[FIRING:1]").await;

    // All is well again, and people hear of that, too.
    target.set("/metrics", room(21.5));
    let resolved = told(&webhook, "resolved").await;
    assert_eq!(resolved["alerts"][0]["labels"]["room"], "attic");
    assert_eq!(resolved["alerts"][0]["startsAt"], alert["startsAt"]);
    assert!(resolved["alerts"][0]["endsAt"].as_str() > alert["startsAt"].as_str());
    mailed(&mailbox, "[RESOLVED]").await;
    eventually("no alert is left", PATIENCE, async || match &alerts(&hearth).await?[..] {
        [] => Ok(()),
        alerts => Err(format!("{alerts:?}")),
    })
    .await;
}

fn room(celsius: f64) -> Answer {
    Answer::metrics(format!("room_temperature_celsius{{room=\"attic\"}} {celsius}\n"))
}

/// What the API says of alerts.
async fn alerts(hearth: &Program) -> Result<Vec<Value>, String> {
    let data = hearth.api.data("/alerts").await?;
    Ok(data["alerts"].as_array().ok_or("no list")?.clone())
}

/// The first notification with this status that the webhook got.
async fn told(webhook: &FakeTarget, status: &str) -> Value {
    eventually(&format!("a webhook says {status}"), PATIENCE, async || {
        let requests = webhook.seen();
        let bodies = requests.iter().filter_map(|request| request.split("\r\n\r\n").nth(1));
        let mut notifications = bodies.filter_map(|body| serde_json::from_str::<Value>(body).ok());
        let found = notifications.find(|notification| notification["status"] == status);
        found.ok_or_else(|| format!("{} requests", requests.len()))
    })
    .await
}

/// Waits for a mail about the alert whose subject begins like this.
async fn mailed(mailbox: &Mailbox, subject: &str) {
    eventually(&format!("a mail {subject}"), PATIENCE, async || {
        let messages = mailbox.messages();
        let is_it = |message: &&String| {
            let mut lines = message.lines();
            lines.any(|line| line.starts_with("Subject: ") && line.contains(subject))
        };
        match messages.iter().find(is_it) {
            Some(message) if message.contains("TooHot") => Ok(()),
            Some(message) => Err(format!("the mail says nothing of the alert: {message}")),
            None => Err(format!("{} mails", messages.len())),
        }
    })
    .await;
}
