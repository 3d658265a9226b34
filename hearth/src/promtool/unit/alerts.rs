//! Alerts that fire, against those that should.

use common_config::unit_test::AlertTest;
use common_model::{Labels, LabelsBuilder};
use server_rules::alert::State;
use server_rules::{Group, RuleKind};

use super::diff;

const ALERT_NAME: &str = "alertname";

/// What makes an alert.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fires {
    pub(super) labels: Labels,
    pub(super) annotations: Labels,
}

/// Compares the alerts of one name; what differs. `name` is the test's.
pub(super) fn check(
    name: &str,
    test: &AlertTest,
    groups: &[Group],
    as_diff: bool,
) -> Option<String> {
    let (mut expected, mut got) = (expected(test), firing(&test.alertname, groups));
    expected.sort();
    got.sort();
    if expected == got {
        return None;
    }
    let of = if name.is_empty() { String::new() } else { format!("    name: {name},\n") };
    let time = common_config::duration::format(test.eval_time);
    let head = format!("{of}    alertname: {}, time: {time}, \n        ", test.alertname);
    if !as_diff {
        let (expected, got) = (indented(&list(&expected)), indented(&list(&got)));
        return Some(format!("{head}exp:{expected}, \n        got:{got}"));
    }
    // As upstream does: nothing is shown as an alert without labels.
    for side in [&mut expected, &mut got] {
        if side.is_empty() {
            side.push(Fires::default());
        }
    }
    let diff = diff::coloured(&expected, &got)?;
    Some(format!("{head}diff: {}", indented(&diff)))
}

fn expected(test: &AlertTest) -> Vec<Fires> {
    let alerts = test.expected.iter().map(|alert| {
        // As upstream has it, a label with an empty value is expected as it stands: none.
        let mut labels = LabelsBuilder::default();
        for (name, value) in &alert.labels {
            labels.set(name, value);
        }
        labels.set(ALERT_NAME, &test.alertname);
        Fires { labels: labels.build(), annotations: Labels::from_pairs(&alert.annotations) }
    });
    alerts.collect()
}

fn firing(name: &str, groups: &[Group]) -> Vec<Fires> {
    let mut found = Vec::new();
    for group in groups {
        for rule in &group.status().rules {
            if rule.kind != RuleKind::Alert || rule.name != name {
                continue;
            }
            let firing = rule.alerts.iter().filter(|alert| alert.state == State::Firing);
            found.extend(firing.map(|alert| Fires {
                labels: alert.labels.clone(),
                annotations: alert.annotations.clone(),
            }));
        }
    }
    found
}

fn list(alerts: &[Fires]) -> String {
    if alerts.is_empty() {
        return "[]".to_owned();
    }
    let one = |(i, alert): (usize, &Fires)| {
        format!("{i}:\n  Labels:{}\n  Annotations:{}", alert.labels, alert.annotations)
    };
    let alerts: Vec<String> = alerts.iter().enumerate().map(one).collect();
    format!("[\n{}\n]", alerts.join(",\n"))
}

/// All lines but the first moved to the right.
fn indented(text: &str) -> String {
    text.replace('\n', "\n            ")
}
