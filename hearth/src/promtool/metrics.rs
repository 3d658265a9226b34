//! `check metrics`: the style of an exposition, and which metrics have the most series.

use std::io::Read as _;
use std::process::ExitCode;

use common_exposition::{FamilyOptions, ParsedFamily, ParsedValue, lint_family, parse_families};
use common_service::flags::Matches;

use super::{LINT, fail};
use crate::commands::{complain, print};

/// A document beyond this many bytes is refused.
const DOCUMENT_BYTES_MAX: u64 = 256 << 20;

/// `check metrics`
pub(super) fn check(matches: &Matches) -> ExitCode {
    let mut text = Vec::new();
    if let Err(error) = std::io::stdin().take(DOCUMENT_BYTES_MAX + 1).read_to_end(&mut text) {
        return fail(format!("error while linting: {error}"));
    }
    if text.len() as u64 > DOCUMENT_BYTES_MAX {
        return fail(format!("error while linting: more than {DOCUMENT_BYTES_MAX} bytes"));
    }
    let families = match parse_families(&text, FamilyOptions::default()) {
        Ok(families) => families,
        Err(error) => return fail(format!("error while linting: {error}")),
    };
    let mut problems: Vec<_> = families.iter().flat_map(lint_family).collect();
    problems.sort();
    if !problems.is_empty() {
        let lines: String = problems.iter().map(|problem| format!("{problem}\n")).collect();
        complain(&lines);
        return ExitCode::from(LINT);
    }
    if matches.bool("extended") {
        print(&table(&families));
    }
    ExitCode::SUCCESS
}

/// Metrics by their number of series, the largest first.
fn table(families: &[ParsedFamily]) -> String {
    let mut counts: Vec<(&str, usize)> =
        families.iter().map(|family| (family.name.as_str(), series(family))).collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let total: usize = counts.iter().map(|(_, count)| count).sum();
    let mut rows = vec![["Metric".to_owned(), "Cardinality".to_owned(), "Percentage".to_owned()]];
    rows.extend(counts.iter().map(|(name, count)| {
        let percent = *count as f64 / total as f64 * 100.0;
        [(*name).to_owned(), count.to_string(), format!("{percent:.2}%")]
    }));
    rows.push(["Total".to_owned(), total.to_string(), "100%".to_owned()]);
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0) + 4;
    let (first, second, third) = (width(0), width(1), width(2));
    rows.iter().map(|[a, b, c]| format!("{a:first$}{b:second$}{c:third$}\n")).collect()
}

/// Series of a family as Prometheus stores it.
fn series(family: &ParsedFamily) -> usize {
    let of = |value: &ParsedValue| match value {
        ParsedValue::Number(_) => 1,
        ParsedValue::Histogram { buckets, .. } => {
            let has_inf = buckets.iter().any(|(bound, _)| *bound == f64::INFINITY);
            buckets.len() + 2 + usize::from(!has_inf)
        }
        ParsedValue::Summary { quantiles, .. } => quantiles.len() + 2,
    };
    family.metrics.iter().map(|metric| of(&metric.value)).sum()
}
