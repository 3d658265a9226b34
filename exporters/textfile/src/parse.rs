//! The bytes of one file to families that are ready to be served.

use std::collections::BTreeSet;
use std::sync::Arc;

use common_exposition::{FamilyOptions, ParsedFamily, ParsedMetric, ParsedValue, parse_families};
use common_instrument::{SampleValue, SharedFamily, SharedSample};

use crate::Reason;
use crate::problem::Problem;
use crate::read::ReadError;

/// Problems of one family that are told one by one.
pub(crate) const PROBLEMS_TOLD_MAX: usize = 5;

/// What stands in a file.
#[derive(Debug)]
pub(crate) struct Content {
    /// Families in order of appearance.
    pub(crate) families: Vec<FileFamily>,
    /// Series that stand twice.
    pub(crate) problems: Vec<Problem>,
}

/// A family of one file.
#[derive(Debug)]
pub(crate) struct FileFamily {
    /// Sorted, with the help text of the file, or one that says where it comes from.
    pub(crate) family: Arc<SharedFamily>,
    /// Whether the help text is the file's own.
    pub(crate) has_help: bool,
}

/// Reads one file's text. Within a family every metric gets every label, empty where it had none;
/// buckets and quantiles are put in order.
pub(crate) fn parse(path: &str, bytes: &[u8], samples_max: usize) -> Result<Content, ReadError> {
    let options = FamilyOptions { lenient: true, utf8_names: false, samples_max };
    let parsed = parse_families(bytes, options).map_err(|error| {
        let (path, cause) = (path.to_owned(), error.to_string());
        if error.message == format!("more than {samples_max} samples") {
            return ReadError::TooManySamples { path, limit: samples_max };
        }
        ReadError::Parse { path, cause }
    })?;
    let metrics = parsed.iter().flat_map(|family| &family.metrics);
    if let Some(metric) = metrics.clone().find(|metric| metric.timestamp.is_some()) {
        return Err(ReadError::Timestamps { path: path.to_owned(), line: metric.line });
    }
    let mut content = Content { families: Vec::with_capacity(parsed.len()), problems: Vec::new() };
    for family in parsed {
        content.add(path, family);
    }
    Ok(content)
}

impl Content {
    fn add(&mut self, path: &str, mut parsed: ParsedFamily) {
        fill_labels(&mut parsed.metrics);
        for metric in &mut parsed.metrics {
            sort_points(&mut metric.value);
        }
        let samples = parsed.metrics.iter().map(|metric| SharedSample {
            labels: metric.labels.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect(),
            value: value_of(&metric.value),
        });
        let has_help = parsed.help.is_some();
        let help = parsed.help.unwrap_or_else(|| origin(&[path]));
        let (family, repeated) =
            SharedFamily::new(&parsed.name, &help, parsed.kind, samples.collect());
        for at in repeated.iter().take(PROBLEMS_TOLD_MAX) {
            let metric = &parsed.metrics[*at];
            let labels = labels_text(metric.labels.iter().map(|(n, v)| (n.as_str(), v.as_str())));
            let text = format!(
                "metric {}{labels} stands again in line {} of {path}: the latter is left out",
                parsed.name, metric.line
            );
            self.problems.push(Problem::new(path, Reason::Duplicate, text));
        }
        if repeated.len() > PROBLEMS_TOLD_MAX {
            let more = repeated.len() - PROBLEMS_TOLD_MAX;
            let text = format!("{more} more samples of {} stand twice in {path}", parsed.name);
            self.problems.push(Problem::new(path, Reason::Duplicate, text));
        }
        self.families.push(FileFamily { family: Arc::new(family), has_help });
    }
}

/// Files named in a help text at most.
const HELP_FILES_MAX: usize = 20;

/// The help text of a family that has none: where it comes from.
pub(crate) fn origin(files: &[&str]) -> String {
    let names = files[..files.len().min(HELP_FILES_MAX)].join(", ");
    let more = if files.len() > HELP_FILES_MAX { ", ..." } else { "" };
    format!("Metric read from {names}{more}")
}

/// Labels as the text format has them.
pub(crate) fn labels_text<'a>(labels: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let pairs: Vec<String> = labels.map(|(name, value)| format!("{name}={value:?}")).collect();
    if pairs.is_empty() { String::new() } else { format!("{{{}}}", pairs.join(",")) }
}

fn value_of(value: &ParsedValue) -> SampleValue<'_> {
    match value {
        ParsedValue::Number(number) => SampleValue::Number(*number),
        ParsedValue::Histogram { buckets, sum, count } => {
            SampleValue::Histogram { buckets, sum: *sum, count: *count }
        }
        ParsedValue::Summary { quantiles, sum, count } => {
            SampleValue::Summary { quantiles, sum: *sum, count: *count }
        }
    }
}

fn fill_labels(metrics: &mut [ParsedMetric]) {
    let names: BTreeSet<String> = metrics
        .iter()
        .flat_map(|metric| metric.labels.iter().map(|(name, _)| name.clone()))
        .collect();
    for metric in metrics.iter_mut().filter(|metric| metric.labels.len() < names.len()) {
        for name in &names {
            if !metric.labels.iter().any(|(known, _)| known == name) {
                metric.labels.push((name.clone(), String::new()));
            }
        }
    }
}

/// Ascending, and of equal bounds the last line counts.
fn sort_points(value: &mut ParsedValue) {
    let (ParsedValue::Histogram { buckets: points, .. }
    | ParsedValue::Summary { quantiles: points, .. }) = value
    else {
        return;
    };
    points.reverse();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    points.dedup_by(|later, first| later.0 == first.0);
}
