//! Prometheus' functions, against a table written by `promtool test rules`.

use crate::alertmanager::unescape;
use common_model::Labels;
use common_template::Value;
use common_template::prometheus::{AlertData, Env, QuerySample, check, expand};

/// Template and annotation, with `\n`, `\t` and `\\` escaped; promtool 3.5.3 wrote them.
const TABLE: &str = include_str!("golden/promtool.tsv");

struct Up;

impl Env for Up {
    fn query(&self, expr: &str) -> Result<Vec<QuerySample>, String> {
        let sample = |instance: &str, job: &str, value| QuerySample {
            labels: Labels::from_pairs([("__name__", "up"), ("instance", instance), ("job", job)]),
            value,
        };
        match expr {
            "up" => Ok(vec![sample("b.example.com:9100", "j", 1.0), sample("a:9100", "k", 0.0)]),
            "nope" => Ok(Vec::new()),
            _ => Err("1:4: parse error: unexpected end of input inside braces".to_owned()),
        }
    }
}

fn annotation(text: &str) -> String {
    let labels = Labels::from_pairs([("instance", "web.example.com:80")]);
    let external_labels = Labels::from_pairs([("dc", "eu")]);
    let data = AlertData {
        labels: &labels,
        external_labels: &external_labels,
        external_url: "http://h:1/p",
        value: Value::Float(1.5),
    };
    expand(text, "__alert_A", &data, &Up, 1_435_065_584_128)
        .unwrap_or_else(|error| format!("<error expanding template: {error}>"))
}

#[test]
fn annotations_are_what_promtool_makes_of_them() {
    let mut wrong = Vec::new();
    for line in TABLE.lines() {
        let fields: Vec<String> = line.split('\t').map(unescape).collect();
        let [template, wanted] = fields.as_slice() else { panic!("{line:?}") };
        let got = annotation(template);
        if got != *wanted {
            wrong.push(format!("{template}\n  wanted {wanted}\n  got    {got}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn functions_that_promtool_does_not_show_work_too() {
    for (template, wanted) in [
        ("{{ now }} {{ now | toTime }}", "1.435065584128e+09 2015-06-23 13:19:44.128 +0000 UTC"),
        ("{{ pathPrefix }} {{ externalURL }}", "/p http://h:1/p"),
        ("{{ toDuration 1.5 }} {{ toDuration \"90\" }}", "1.5s 1m30s"),
        ("{{ urlQueryEscape \"a b&c\" }}", "a+b%26c"),
        ("{{ humanizeDuration (toDuration 61) }}", "1m 1s"),
    ] {
        assert_eq!(annotation(template), wanted, "{template}");
    }
}

#[test]
fn templates_are_checked_without_being_run() {
    assert!(check("{{ $labels.a }} {{ query \"up\" | first | value }}", "__alert_A").is_ok());
    let error = check("{{ foo }}", "__alert_A").unwrap_err().to_string();
    assert_eq!(error, "template: __alert_A:1: function \"foo\" not defined");
}
