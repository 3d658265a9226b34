//! What is bad style in an exposition, as `promtool check metrics` tells it.

use std::collections::HashSet;

use common_model::MetricType;

use crate::families::{FamilyError, FamilyOptions, ParsedFamily, parse_families};

/// One complaint about one metric family.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Name of the family.
    pub metric: String,
    /// What is bad about it, in the words of the original.
    pub text: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.metric, self.text)
    }
}

/// Reads a document and checks it; problems in order of metric and text.
pub fn lint(text: &[u8]) -> Result<Vec<Problem>, FamilyError> {
    let families = parse_families(text, FamilyOptions::default())?;
    let mut problems: Vec<Problem> = families.iter().flat_map(lint_family).collect();
    problems.sort();
    Ok(problems)
}

/// Checks one family; problems in the order of the checks.
#[must_use]
pub fn lint_family(family: &ParsedFamily) -> Vec<Problem> {
    let mut texts = Vec::new();
    for check in CHECKS {
        check(family, &mut texts);
    }
    texts.into_iter().map(|text| Problem { metric: family.name.clone(), text }).collect()
}

type Check = fn(&ParsedFamily, &mut Vec<String>);

const CHECKS: [Check; 9] = [
    help,
    base_unit,
    counter_suffix,
    reserved_for_histograms,
    type_in_name,
    colon,
    camel_case,
    abbreviated_unit,
    duplicates,
];

/// Units and the base unit each should give way to.
const UNITS: [(&str, &str); 24] = [
    ("amperes", "amperes"),
    ("bytes", "bytes"),
    ("celsius", "celsius"),
    ("grams", "grams"),
    ("joules", "joules"),
    ("kelvin", "kelvin"),
    ("meters", "meters"),
    ("metres", "metres"),
    ("seconds", "seconds"),
    ("volts", "volts"),
    ("minutes", "seconds"),
    ("hours", "seconds"),
    ("days", "seconds"),
    ("weeks", "seconds"),
    ("kelvins", "kelvin"),
    ("fahrenheit", "celsius"),
    ("rankine", "celsius"),
    ("inches", "meters"),
    ("yards", "meters"),
    ("miles", "meters"),
    ("bits", "bytes"),
    ("calories", "joules"),
    ("pounds", "grams"),
    ("ounces", "grams"),
];

/// Prefixes that make another unit of a unit.
const UNIT_PREFIXES: [&str; 18] = [
    "pico", "nano", "micro", "milli", "centi", "deci", "deca", "hecto", "kilo", "kibi", "mega",
    "mibi", "giga", "gibi", "tera", "tebi", "peta", "pebi",
];

const ABBREVIATIONS: [&str; 14] =
    ["s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "tb", "pb", "m", "h", "d"];

fn help(family: &ParsedFamily, problems: &mut Vec<String>) {
    if family.help.is_none() {
        problems.push("no help text".to_owned());
    }
}

fn base_unit(family: &ParsedFamily, problems: &mut Vec<String>) {
    let base = |word: &str| UNITS.iter().find(|(unit, _)| *unit == word).map(|(_, base)| *base);
    let found = family.name.split('_').find_map(|word| {
        let stems = UNIT_PREFIXES.iter().filter_map(|prefix| word.strip_prefix(prefix));
        std::iter::once(word).chain(stems).find_map(base).map(|base| (word, base))
    });
    if let Some((unit, base)) = found.filter(|(unit, base)| unit != base) {
        problems.push(format!("use base unit \"{base}\" instead of \"{unit}\""));
    }
}

fn counter_suffix(family: &ParsedFamily, problems: &mut Vec<String>) {
    let total = family.name.ends_with("_total");
    match family.kind {
        MetricType::Counter if !total => {
            problems.push("counter metrics should have \"_total\" suffix".to_owned());
        }
        MetricType::Counter | MetricType::Unknown => {}
        _ if total => {
            problems.push("non-counter metrics should not have \"_total\" suffix".to_owned());
        }
        _ => {}
    }
}

fn reserved_for_histograms(family: &ParsedFamily, problems: &mut Vec<String>) {
    if family.kind == MetricType::Unknown {
        return;
    }
    let histogram = family.kind == MetricType::Histogram;
    let summary = family.kind == MetricType::Summary;
    let ends = |suffix| family.name.ends_with(suffix);
    if !histogram && ends("_bucket") {
        problems.push("non-histogram metrics should not have \"_bucket\" suffix".to_owned());
    }
    for suffix in ["_count", "_sum"] {
        if !histogram && !summary && ends(suffix) {
            problems.push(format!(
                "non-histogram and non-summary metrics should not have \"{suffix}\" suffix"
            ));
        }
    }
    for (name, _) in family.metrics.iter().flat_map(|metric| &metric.labels) {
        if !histogram && name == "le" {
            problems.push("non-histogram metrics should not have \"le\" label".to_owned());
        }
        if !summary && name == "quantile" {
            problems.push("non-summary metrics should not have \"quantile\" label".to_owned());
        }
    }
}

fn type_in_name(family: &ParsedFamily, problems: &mut Vec<String>) {
    let kind = match family.kind {
        MetricType::Unknown => return,
        MetricType::GaugeHistogram => "gauge_histogram",
        kind => kind.as_str(),
    };
    if has_word(&family.name, kind) {
        problems.push(format!("metric name should not include type '{kind}'"));
    }
}

fn colon(family: &ParsedFamily, problems: &mut Vec<String>) {
    if family.name.contains(':') {
        problems.push("metric names should not contain ':'".to_owned());
    }
}

fn camel_case(family: &ParsedFamily, problems: &mut Vec<String>) {
    let hump = |two: &[u8]| two[0].is_ascii_lowercase() && two[1].is_ascii_uppercase();
    let is_camel = |name: &str| name.as_bytes().windows(2).any(hump);
    if is_camel(&family.name) {
        let text = "metric names should be written in 'snake_case' not 'camelCase'";
        problems.push(text.to_owned());
    }
    for (name, _) in family.metrics.iter().flat_map(|metric| &metric.labels) {
        if is_camel(name) {
            let text = "label names should be written in 'snake_case' not 'camelCase'";
            problems.push(text.to_owned());
        }
    }
}

fn abbreviated_unit(family: &ParsedFamily, problems: &mut Vec<String>) {
    for unit in ABBREVIATIONS {
        if has_word(&family.name, unit) {
            problems.push("metric names should not contain abbreviated units".to_owned());
        }
    }
}

fn duplicates(family: &ParsedFamily, problems: &mut Vec<String>) {
    let mut seen = HashSet::new();
    for metric in &family.metrics {
        let mut labels: Vec<_> = metric.labels.iter().collect();
        labels.sort();
        if !seen.insert(labels) {
            problems.push("metric not unique".to_owned());
        }
    }
}

/// Whether `word` stands between underscores, or after the last.
fn has_word(name: &str, word: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.contains(&format!("_{word}_")) || name.ends_with(&format!("_{word}"))
}
