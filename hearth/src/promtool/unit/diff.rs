//! The coloured difference of two lists of alerts, as JSON.

use std::collections::BTreeSet;

use common_model::Labels;

use super::alerts::Fires;

const ADDED: &str = "\u{1b}[0;32m";
const REMOVED: &str = "\u{1b}[0;31m";
const CHANGED: &str = "\u{1b}[0;33m";
const END: &str = "\u{1b}[0m";
const INDENT: &str = "    ";

/// The difference; none where the lists are the same.
pub(super) fn coloured(expected: &[Fires], got: &[Fires]) -> Option<String> {
    if expected == got {
        return None;
    }
    let alerts: Vec<String> = (0..expected.len().max(got.len()))
        .map(|i| match (expected.get(i), got.get(i)) {
            (Some(expected), Some(got)) => both(expected, got),
            (Some(only), None) => one(only, REMOVED),
            (None, Some(only)) => one(only, ADDED),
            (None, None) => String::new(),
        })
        .collect();
    Some(format!("[\n{}\n]", alerts.join(",\n")))
}

/// An alert that is on both sides.
fn both(expected: &Fires, got: &Fires) -> String {
    let fields = [
        ("Annotations", pairs(&expected.annotations, &got.annotations)),
        ("Labels", pairs(&expected.labels, &got.labels)),
    ];
    let fields: Vec<String> = fields
        .into_iter()
        .map(|(field, pairs)| {
            let (pad, inner) = (INDENT.repeat(2), INDENT.repeat(3));
            if pairs.is_empty() {
                return format!("{pad}\"{field}\": {{}}");
            }
            let pairs: Vec<String> = pairs.iter().map(|pair| format!("{inner}{pair}")).collect();
            format!("{pad}\"{field}\": {{\n{}\n{pad}}}", pairs.join(",\n"))
        })
        .collect();
    format!("{INDENT}{{\n{}\n{INDENT}}}", fields.join(",\n"))
}

/// The labels of both sides in the order of their names.
fn pairs(expected: &Labels, got: &Labels) -> Vec<String> {
    let names: BTreeSet<&str> = expected.iter().chain(got).map(|(name, _)| name).collect();
    let pair = |name: &str| {
        let key = quoted(name);
        match (expected.get(name), got.get(name)) {
            (Some(a), Some(b)) if a == b => format!("{key}: {}", quoted(a)),
            (Some(a), Some(b)) => {
                format!("{key}: {CHANGED}{} => {}{END}", quoted(a), quoted(b))
            }
            (Some(a), None) => format!("{REMOVED}{key}: {}{END}", quoted(a)),
            (None, b) => format!("{ADDED}{key}: {}{END}", quoted(b.unwrap_or_default())),
        }
    };
    names.into_iter().map(pair).collect()
}

/// An alert that is on one side only: every line has its colour.
fn one(alert: &Fires, colour: &str) -> String {
    let mut lines = vec![format!("{INDENT}{colour}{{{END}")];
    let fields = [("Annotations", &alert.annotations, ","), ("Labels", &alert.labels, "")];
    for (field, labels, comma) in fields {
        let (pad, inner) = (INDENT.repeat(2), INDENT.repeat(3));
        if labels.is_empty() {
            lines.push(format!("{pad}{colour}\"{field}\": {{}}{comma}{END}"));
            continue;
        }
        lines.push(format!("{pad}{colour}\"{field}\": {{{END}"));
        for (i, (name, value)) in labels.iter().enumerate() {
            let more = if i + 1 < labels.len() { "," } else { "" };
            let (name, value) = (quoted(name), quoted(value));
            lines.push(format!("{inner}{colour}{name}: {value}{more}{END}"));
        }
        lines.push(format!("{pad}{colour}}}{comma}{END}"));
    }
    lines.push(format!("{INDENT}{colour}}}{END}"));
    lines.join("\n")
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
