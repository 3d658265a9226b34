//! The engine and Alertmanager's functions, against a table written by `amtool template render`.

use common_template::alertmanager::{Alert, AlertmanagerFunctions, Data, Kv};
use common_template::{Set, Time, Value};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::path::PathBuf;

/// Template, `ok` or `err`, and what amtool 0.33.1 printed, with `\n`, `\t` and `\\` escaped.
const TABLE: &str = include_str!("golden/amtool.tsv");

fn time(text: &str) -> Time {
    Time::from_nanos(text.parse::<Timestamp>().unwrap().as_nanosecond())
}

/// The notification that the table was made with.
fn notification() -> Value {
    let alert = |status: &str, instance: &str, severity: &str| Alert {
        status: status.to_owned(),
        labels: Kv::new([
            ("alertname", "DiskFull"),
            ("instance", instance),
            ("severity", severity),
        ]),
        annotations: Kv::default(),
        starts_at: time("2024-02-29T13:04:05.123456789Z"),
        ends_at: Time::zero(),
        generator_url: "http://prom/graph?g0".to_owned(),
        fingerprint: "abc123".to_owned(),
    };
    let mut firing = alert("firing", "db1.example.com:9100", "critical");
    firing.annotations =
        Kv::new([("summary", "Disk <full> & \"hot\""), ("runbook", "https://x/y?z=1")]);
    let mut resolved = alert("resolved", "db2", "warning");
    resolved.annotations = Kv::new([("summary", "ok")]);
    resolved.starts_at = time("2024-02-28T01:00:00Z");
    resolved.ends_at = time("2024-02-28T02:30:00Z");
    resolved.generator_url = "http://prom/b".to_owned();
    resolved.fingerprint = "def456".to_owned();
    let data = Data {
        receiver: "team".to_owned(),
        status: "firing".to_owned(),
        alerts: vec![firing, resolved],
        notification_reason: String::new(),
        group_labels: Kv::new([("alertname", "DiskFull")]),
        common_labels: Kv::new([("alertname", "DiskFull"), ("zone", "eu"), ("area", "x")]),
        common_annotations: Kv::default(),
        external_url: "http://am:9093".to_owned(),
    };
    data.into_value()
}

pub(crate) fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, chars.clone().next()) {
            ('\\', Some(escaped)) => {
                chars.next();
                out.push(match escaped {
                    'n' => '\n',
                    't' => '\t',
                    other => other,
                });
            }
            _ => out.push(c),
        }
    }
    out
}

fn zone(name: &str) -> Option<TimeZone> {
    TimeZone::get(name).ok()
}

pub(crate) fn functions() -> AlertmanagerFunctions<'static> {
    AlertmanagerFunctions { now: time("2024-03-01T00:00:00Z"), zone: &zone }
}

fn check_table(table: &str) {
    let data = notification();
    let mut wrong = Vec::new();
    for line in table.lines() {
        let fields: Vec<String> = line.split('\t').map(unescape).collect();
        let [template, kind, wanted] = fields.as_slice() else { panic!("{line:?}") };
        let got = Set::default().execute_text("", template, &data, &functions());
        let (got_kind, got) = match got {
            Ok(text) => ("ok", text),
            Err(error) => ("err", error.to_string()),
        };
        if got_kind != kind || got != *wanted {
            wrong.push(format!("{template}\n  wanted {kind}: {wanted}\n  got {got_kind}: {got}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn templates_do_what_amtool_does_with_them() {
    check_table(TABLE);
}

/// For longer tables than are committed: `HEARTH_TEMPLATE_TABLE=file`.
#[expect(clippy::print_stdout, reason = "says that it was skipped")]
#[test]
fn templates_of_another_table_do_what_amtool_does_with_them() {
    let Some(path) = std::env::var_os("HEARTH_TEMPLATE_TABLE").map(PathBuf::from) else {
        println!("skipped: no HEARTH_TEMPLATE_TABLE");
        return;
    };
    check_table(&std::fs::read_to_string(path).unwrap());
}

#[test]
fn a_file_of_templates_prints_a_notification_as_amtool_does() {
    let file = include_str!("golden/notification.tmpl");
    let set = Set::parse(&[("notification.tmpl", file)], &functions()).unwrap();
    let text = include_str!("golden/notification.text");
    let got = set.execute_text("", text, &notification(), &functions()).unwrap();
    assert_eq!(got, include_str!("golden/notification.golden"));
    assert!(set.contains("subject") && !set.contains("footer"));
}
