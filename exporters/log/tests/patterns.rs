//! Go's patterns: which are refused and why, and what groups hold where one matches.
//!
//! `data/patterns.tsv` was written with mtail 3.2.24: a pattern, how many groups it has, a line, and
//! the labels that a metric got whose keys are the whole match and the groups; `-` where it got none,
//! because nothing matched or a group that should be a number is empty; or why it was refused.
//! Backslashes of lines and labels are doubled, and bytes that cannot be shown written as `\x00`.

use exporters_log::store::Store;
use exporters_log::{Line, LineSink as _};

use crate::support::{engine_with, load};

const TABLE: &str = include_str!("data/patterns.tsv");

/// The table has at least as many different patterns.
const PATTERNS_MIN: usize = 300;

fn program(pattern: &str, groups: usize) -> String {
    let keys: Vec<String> = (0..=groups).map(|group| format!("g{group}")).collect();
    let labels: String = (0..=groups).map(|group| format!("[${group}]")).collect();
    let pattern =
        if pattern.contains("\\/") { pattern.to_owned() } else { pattern.replace('/', "\\/") };
    format!("counter m by {}\n/{pattern}/ {{\n  m{labels}++\n}}\n", keys.join(", "))
}

fn unescape(text: &str) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), text.as_bytes());
    loop {
        match rest {
            [] => return out,
            [b'\\', b'x', hex @ ..] => {
                let hex = hex.first_chunk::<2>().unwrap();
                out.push(u8::from_str_radix(std::str::from_utf8(hex).unwrap(), 16).unwrap());
                rest = &rest[4..];
            }
            [b'\\', escaped, tail @ ..] => {
                out.push(*escaped);
                rest = tail;
            }
            [byte, tail @ ..] => {
                out.push(*byte);
                rest = tail;
            }
        }
    }
}

fn escape(bytes: &[u8]) -> String {
    let mut out = String::new();
    for c in String::from_utf8_lossy(bytes).chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\0'..' ' | '\x7f' => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

/// What becomes of a row.
fn result(pattern: &str, groups: usize, line: &str) -> String {
    let (mut engine, _) = engine_with(Store::default());
    if let Err(refused) = load(&mut engine, "p", &program(pattern, groups)) {
        let first = refused.lines().next().unwrap();
        let message = match first.split_once("error parsing regexp: ") {
            Some((_, message)) => format!("error parsing regexp: {message}"),
            None => first.split_once(": ").unwrap().1.to_owned(),
        };
        return format!("refused: {}", message.trim());
    }
    engine.line(Line { source: "/log", text: &unescape(line) });
    let metric = engine.store().metric(0);
    let labels = metric.series().next().map(|series| series.labels().map(escape));
    labels.map_or("-".to_owned(), |labels| labels.collect::<Vec<_>>().join("|"))
}

#[test]
fn patterns_are_refused_and_match_as_in_go() {
    let (mut wrong, mut patterns) = (Vec::new(), std::collections::BTreeSet::new());
    for row in TABLE.lines() {
        let fields: Vec<&str> = row.split('\t').collect();
        let [pattern, groups, line, wanted] = fields[..] else { panic!("{row:?}") };
        patterns.insert(pattern);
        let found = result(pattern, groups.parse().unwrap(), line);
        if found != wanted {
            wrong.push(format!("/{pattern}/ on {line:?}\n  wanted {wanted}\n  found  {found}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(patterns.len() >= PATTERNS_MIN, "only {} patterns", patterns.len());
}
