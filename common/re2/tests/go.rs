//! Patterns against what Go makes of them, from a table written with Alertmanager's templates.

use common_re2::Regex;
use std::path::PathBuf;

/// Pattern, text, `ok` or `err`, and what Go's `ReplaceAllString(text, "<$0,$1,$2>")` gave, or its
/// error.
const TABLE: &str = include_str!("golden/go.tsv");
const TEMPLATE: &str = "<$0,$1,$2>";

fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.push(match chars.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                Some('0') => '\0',
                other => other.unwrap(),
            }),
            c => out.push(c),
        }
    }
    out
}

fn check_table(table: &str) {
    let mut wrong = Vec::new();
    for line in table.lines() {
        let fields: Vec<String> = line.split('\t').map(unescape).collect();
        let [pattern, text, kind, wanted] = fields.as_slice() else { panic!("{line:?}") };
        let (got_kind, got) = match Regex::new(pattern) {
            Ok(regex) => ("ok", regex.replace_all(text, TEMPLATE)),
            Err(error) => ("err", error.to_string()),
        };
        if got_kind != kind || got != *wanted {
            wrong.push(format!(
                "{pattern:?} on {text:?}\n  wanted {kind}: {wanted:?}\n  got {got_kind}: {got:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn patterns_do_what_go_does_with_them() {
    check_table(TABLE);
}

/// For longer tables than are committed: `HEARTH_RE2_TABLE=file`.
#[expect(clippy::print_stdout, reason = "says that it was skipped")]
#[test]
fn patterns_of_another_table_do_what_go_does_with_them() {
    let Some(path) = std::env::var_os("HEARTH_RE2_TABLE").map(PathBuf::from) else {
        println!("skipped: no HEARTH_RE2_TABLE");
        return;
    };
    check_table(&std::fs::read_to_string(path).unwrap());
}
