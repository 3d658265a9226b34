//! What is wrong with a rule file: our verdict against promtool's.

use std::path::PathBuf;
use std::process::Command;

use common_testkit::{peer, suites};
use server_rules::{LoadOptions, check_file, duplicates, load};

fn check(rule: &str, wanted: &[&str]) {
    let text = format!("groups:\n- name: g\n  rules:\n{rule}");
    let complaints = check_file(&text, "r.yml", &LoadOptions::default());
    let texts: Vec<String> = complaints.iter().map(ToString::to_string).collect();
    assert_eq!(texts, wanted, "{rule}");
}

#[test]
fn expressions_and_templates_are_checked_with_their_places() {
    check("  - {record: a, expr: up}", &[]);
    check(
        "  - record: a\n    expr: sum(up",
        &["r.yml:5:11: group \"g\", rule 1, \"a\": could not parse expression: \
             1:7: parse error: unclosed left parenthesis"],
    );
    check(
        "  - alert: A\n    expr: up\n    labels: {l: '{{ $label.x }}'}\n    annotations: {s: '{{ end }}'}",
        &[
            "r.yml:4:5: group \"g\", rule 1, \"A\": label \"l\": template: __alert_A:1: \
             undefined variable \"$label\"",
            "r.yml:4:5: group \"g\", rule 1, \"A\": annotation \"s\": template: __alert_A:1: \
             unexpected {{end}}",
        ],
    );
    // Only alerts have templates.
    check("  - record: a\n    expr: up\n    labels: {l: '{{ nonsense'}", &[]);
}

#[test]
fn rules_that_write_the_same_series_are_found() {
    let text = "groups:\n- name: a\n  rules:\n  - {record: x, expr: up}\n  - {record: x, expr: up}\n\
                - name: b\n  labels: {l: v}\n  rules:\n  - {record: x, expr: up}\n  - {record: x, \
                expr: down}\n  - {record: x, expr: up, labels: {l: w}}\n";
    let groups = load(text, "r.yml", &LoadOptions::default()).unwrap();
    let found: Vec<String> =
        duplicates(&groups).iter().map(|d| format!("{} {:?}", d.metric, d.labels)).collect();
    assert_eq!(found, ["x {}", "x {\"l\": \"v\"}"]);
}

fn files(folder: PathBuf) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "yml" || e == "yaml"))
        .collect();
    files.sort();
    files
}

/// Every file of the suite, whatever it was made for, is a good or a bad rule file.
#[test]
fn promtool_agrees_about_every_file_of_the_suite() {
    let (Some(suites), Some(promtool)) = (suites(), peer("promtool")) else {
        return;
    };
    let mut all = files(suites.join("rules"));
    all.extend(files(suites.join("rules/fixtures")));
    assert!(all.len() > 40);
    let mut options = LoadOptions::default();
    // What 3.5 does not have without flags.
    options.parser.duration_expr = false;
    for path in all {
        let output = Command::new(&promtool)
            .args(["check", "rules", "--lint=none"])
            .arg(&path)
            .output()
            .unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let complaints = check_file(&text, "r.yml", &options);
        let theirs = String::from_utf8_lossy(&output.stderr);
        let name = path.display();
        assert_eq!(
            complaints.is_empty(),
            output.status.success(),
            "{name}: {complaints:?} {theirs}"
        );
    }
}
