//! The families of all files to one set, in which nothing stands twice.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use common_exposition::{ParsedFamily, ParsedMetric, ParsedValue};
use common_instrument::{SampleValue, Samples};

/// Metrics of our own: no file may speak for us.
const RESERVED: [&str; 2] = ["node_textfile_mtime_seconds", "node_textfile_scrape_error"];

/// Files named in a help text at most.
const HELP_FILES_MAX: usize = 20;

/// What all files together say.
#[derive(Debug, Default)]
pub(crate) struct Merged {
    families: Vec<MergedFamily>,
    /// What was left out and why, naming the files.
    pub(crate) problems: Vec<String>,
}

#[derive(Debug)]
struct MergedFamily {
    name: String,
    help: String,
    kind: common_model::MetricType,
    metrics: Vec<ParsedMetric>,
}

/// A family while files are added to it.
struct Draft {
    /// Indices of the files that have it, the first of which decides about the type.
    files: Vec<usize>,
    /// The first help text and its file.
    help: Option<(String, usize)>,
    kind: common_model::MetricType,
    metrics: Vec<(ParsedMetric, usize)>,
    /// File of the first metric with these labels.
    seen: HashMap<Vec<(String, String)>, usize>,
}

/// Merges in the order of the files: what comes first wins. Families whose help text or type
/// contradicts an earlier file's, and series that are already there, are left out and told.
pub(crate) fn merge(files: &[(PathBuf, Arc<Vec<ParsedFamily>>)], series_max: usize) -> Merged {
    let mut merger = Merger { files, series_max, ..Merger::default() };
    for (at, (_, families)) in files.iter().enumerate() {
        for family in families.iter() {
            merger.add(family, at);
        }
    }
    merger.finish()
}

#[derive(Default)]
struct Merger<'a> {
    files: &'a [(PathBuf, Arc<Vec<ParsedFamily>>)],
    series_max: usize,
    series: usize,
    drafts: HashMap<String, Draft>,
    order: Vec<String>,
    problems: Vec<String>,
}

impl Merger<'_> {
    fn add(&mut self, family: &ParsedFamily, file: usize) {
        let name = &family.name;
        if RESERVED.contains(&name.as_str()) {
            let path = self.path(file).display();
            self.problems.push(format!("{path}: {name} is a metric of the collector itself"));
            return;
        }
        if !self.drafts.contains_key(name) {
            self.order.push(name.clone());
            self.drafts.insert(name.clone(), Draft::new(family.kind));
        }
        let files = self.files;
        let path = |file: usize| files[file].0.display();
        // Put there right above.
        let Some(draft) = self.drafts.get_mut(name) else { return };
        let first = draft.files.first().copied().unwrap_or(file);
        if draft.kind != family.kind {
            let (kept, new) = (draft.kind.as_str(), family.kind.as_str());
            self.problems.push(format!(
                "metric {name} is a {kept} in {} and a {new} in {}: the latter is left out",
                path(first),
                path(file)
            ));
            return;
        }
        match (&draft.help, &family.help) {
            (Some((kept, from)), Some(help)) if kept != help => {
                self.problems.push(format!(
                    "inconsistent metric help text: {name} has {kept:?} in {} and {help:?} in {}: \
                     the latter is left out",
                    path(*from),
                    path(file)
                ));
                return;
            }
            (None, Some(help)) => draft.help = Some((help.clone(), file)),
            _ => {}
        }
        draft.files.push(file);
        for metric in &family.metrics {
            if let Some(&other) = draft.seen.get(&metric.labels) {
                self.problems.push(format!(
                    "metric {name}{} stands in {} and again in line {} of {}: the latter is left out",
                    labels_text(&metric.labels),
                    path(other),
                    metric.line,
                    path(file)
                ));
                continue;
            }
            if self.series == self.series_max {
                self.problems.push(format!(
                    "more than {} series: the rest of {name} in {} is left out",
                    self.series_max,
                    path(file)
                ));
                return;
            }
            self.series += 1;
            draft.seen.insert(metric.labels.clone(), file);
            draft.metrics.push((metric.clone(), file));
        }
    }

    fn path(&self, file: usize) -> &Path {
        &self.files[file].0
    }

    fn finish(mut self) -> Merged {
        let mut families = Vec::with_capacity(self.order.len());
        for name in std::mem::take(&mut self.order) {
            let Some(draft) = self.drafts.remove(&name) else { continue };
            let help = match draft.help {
                Some((help, _)) => help,
                None => self.origin(&draft.files),
            };
            let metrics = draft.metrics.into_iter().map(|(metric, _)| metric).collect();
            families.push(MergedFamily { name, help, kind: draft.kind, metrics });
        }
        Merged { families, problems: self.problems }
    }

    /// The help text of a family that has none: where it comes from.
    fn origin(&self, files: &[usize]) -> String {
        let shown = files.iter().take(HELP_FILES_MAX);
        let names: Vec<String> = shown.map(|&file| self.path(file).display().to_string()).collect();
        let more = if files.len() > HELP_FILES_MAX { ", ..." } else { "" };
        format!("Metric read from {}{more}", names.join(", "))
    }
}

impl Draft {
    fn new(kind: common_model::MetricType) -> Draft {
        let (files, metrics) = (Vec::new(), Vec::new());
        Draft { files, help: None, kind, metrics, seen: HashMap::new() }
    }
}

impl Merged {
    /// Pushes everything.
    pub(crate) fn push(&self, samples: &mut Samples) {
        let mut labels: Vec<(&str, &str)> = Vec::new();
        for family in &self.families {
            for metric in &family.metrics {
                labels.clear();
                labels.extend(metric.labels.iter().map(|(n, v)| (n.as_str(), v.as_str())));
                let value = match &metric.value {
                    ParsedValue::Number(number) => SampleValue::Number(*number),
                    ParsedValue::Histogram { buckets, sum, count } => {
                        SampleValue::Histogram { buckets, sum: *sum, count: *count }
                    }
                    ParsedValue::Summary { quantiles, sum, count } => {
                        SampleValue::Summary { quantiles, sum: *sum, count: *count }
                    }
                };
                samples.push_value(&family.name, &family.help, family.kind, &labels, value, None);
            }
        }
    }
}

fn labels_text(labels: &[(String, String)]) -> String {
    if labels.is_empty() {
        return String::new();
    }
    let pairs: Vec<String> = labels.iter().map(|(n, v)| format!("{n}={v:?}")).collect();
    format!("{{{}}}", pairs.join(","))
}
