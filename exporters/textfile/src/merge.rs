//! The families of all files to one set, in which nothing stands twice.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use common_instrument::{SharedFamily, SharedSample};

use crate::Reason;
use crate::directory::FileState;
use crate::parse::{FileFamily, PROBLEMS_TOLD_MAX, labels_text, origin};
use crate::problem::Problem;

/// Metrics of the exporter itself: no file may speak for it.
const RESERVED: [&str; 6] = [
    "node_scrape_collector_duration_seconds",
    "node_scrape_collector_success",
    "node_textfile_file_error",
    "node_textfile_mtime_seconds",
    "node_textfile_refused_total",
    "node_textfile_scrape_error",
];

/// What all files together say.
#[derive(Debug, Default)]
pub(crate) struct Merged {
    pub(crate) families: Vec<MergedFamily>,
    /// What was left out and why, naming the files.
    pub(crate) problems: Vec<Problem>,
}

/// A family as it is served.
#[derive(Debug)]
pub(crate) struct MergedFamily {
    pub(crate) shared: Arc<SharedFamily>,
    /// The file that had it first.
    pub(crate) file: String,
    /// What it was put together from, if it stands in several files: as long as these are the
    /// same, so is the family.
    parts: Vec<Arc<SharedFamily>>,
    problems: Vec<Problem>,
}

/// A family of a file, on its way.
struct Part<'a> {
    path: &'a str,
    of: &'a FileFamily,
}

/// Merges in the order of the files: what comes first wins. Families whose help text or type
/// contradicts an earlier file's, and series that are already there, are left out and told. What
/// is the same as `before` is taken from there.
pub(crate) fn merge(files: &[Arc<FileState>], series_max: usize, before: Merged) -> Merged {
    let mut merged = Merged::default();
    let known = before.families.into_iter().filter(|family| !family.parts.is_empty());
    let mut known: HashMap<String, MergedFamily> =
        known.map(|family| (family.shared.name().to_owned(), family)).collect();
    let mut room = Room { series: series_max, told: HashSet::new(), max: series_max };
    for parts in by_name(files, &mut merged.problems) {
        let parts = agreeing(parts, &mut merged.problems);
        let Some(first) = parts.first() else { continue };
        let series = parts.iter().map(|part| part.of.family.len()).sum();
        if !room.take(series, &parts, &mut merged.problems) {
            continue;
        }
        let family = if parts.len() == 1 {
            MergedFamily {
                shared: Arc::clone(&first.of.family),
                file: first.path.to_owned(),
                parts: Vec::new(),
                problems: Vec::new(),
            }
        } else {
            match known.remove(first.of.family.name()) {
                Some(old) if old.is_of(&parts) => old,
                _ => combine(&parts),
            }
        };
        merged.problems.extend_from_slice(&family.problems);
        merged.families.push(family);
    }
    merged
}

/// Families of one name together, names in order of appearance.
fn by_name<'a>(files: &'a [Arc<FileState>], problems: &mut Vec<Problem>) -> Vec<Vec<Part<'a>>> {
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut all: Vec<Vec<Part<'a>>> = Vec::new();
    for file in files {
        let Ok(content) = &file.outcome else { continue };
        let path = file.path.as_str();
        problems.extend_from_slice(&content.problems);
        for of in &content.families {
            let name = of.family.name();
            if RESERVED.contains(&name) {
                let text = format!("{path}: {name} is a metric of the exporter itself");
                problems.push(Problem::new(path, Reason::Reserved, text));
                continue;
            }
            let place = *places.entry(name).or_insert(all.len());
            if place == all.len() {
                all.push(Vec::new());
            }
            all[place].push(Part { path, of });
        }
    }
    all
}

/// Those whose type and help text do not contradict the first ones'.
fn agreeing<'a>(parts: Vec<Part<'a>>, problems: &mut Vec<Problem>) -> Vec<Part<'a>> {
    let mut agreed: Vec<Part<'a>> = Vec::with_capacity(parts.len());
    let mut help: Option<(&str, &str)> = None;
    for part in parts {
        let (path, family) = (part.path, &part.of.family);
        let name = family.name();
        if let Some(first) = agreed.first()
            && first.of.family.kind() != family.kind()
        {
            let (kept, new) = (first.of.family.kind().as_str(), family.kind().as_str());
            let text = format!(
                "metric {name} is a {kept} in {} and a {new} in {path}: the latter is left out",
                first.path
            );
            problems.push(Problem::new(path, Reason::Type, text));
            continue;
        }
        match help {
            Some((kept, from)) if part.of.has_help && kept != family.help() => {
                let text = format!(
                    "{name} has help {kept:?} in {from} and {:?} in {path}: the latter is left out",
                    family.help()
                );
                problems.push(Problem::new(path, Reason::Help, text));
                continue;
            }
            None if part.of.has_help => help = Some((family.help(), path)),
            _ => {}
        }
        agreed.push(part);
    }
    agreed
}

/// The series that are still allowed.
struct Room {
    series: usize,
    max: usize,
    /// Files that are already known not to fit.
    told: HashSet<String>,
}

impl Room {
    fn take(&mut self, series: usize, parts: &[Part<'_>], problems: &mut Vec<Problem>) -> bool {
        if series <= self.series {
            self.series -= series;
            return true;
        }
        for part in parts {
            if self.told.insert(part.path.to_owned()) {
                let (name, path) = (part.of.family.name(), part.path);
                let max = self.max;
                let text = format!("more than {max} series: {name} of {path} is left out");
                problems.push(Problem::new(path, Reason::Series, text));
            }
        }
        false
    }
}

impl MergedFamily {
    fn is_of(&self, parts: &[Part<'_>]) -> bool {
        let families = parts.iter().map(|part| &part.of.family);
        self.parts.len() == parts.len()
            && self.parts.iter().zip(families).all(|(old, new)| Arc::ptr_eq(old, new))
    }
}

fn combine(parts: &[Part<'_>]) -> MergedFamily {
    let first = &parts[0].of.family;
    let mut samples: Vec<SharedSample<'_>> = Vec::new();
    let mut ends = Vec::with_capacity(parts.len());
    for part in parts {
        samples.extend((0..part.of.family.len()).map(|rank| part.of.family.sample(rank)));
        ends.push(samples.len());
    }
    let paths: Vec<&str> = parts.iter().map(|part| part.path).collect();
    let own = parts.iter().find(|part| part.of.has_help);
    let help = own.map_or_else(|| origin(&paths), |part| part.of.family.help().to_owned());
    let path_of = |at: usize| paths[ends.partition_point(|&end| end <= at)];
    let (family, repeated) = SharedFamily::new(first.name(), &help, first.kind(), samples.clone());
    let mut problems = Vec::new();
    for &at in repeated.iter().take(PROBLEMS_TOLD_MAX) {
        let earlier = samples[..at].iter().position(|sample| is_same(sample, &samples[at]));
        let (kept, new) = (path_of(earlier.unwrap_or(at)), path_of(at));
        let labels = labels_text(samples[at].labels.iter().copied());
        let text = format!(
            "metric {}{labels} stands in {kept} and again in {new}: the latter is left out",
            first.name()
        );
        problems.push(Problem::new(new, Reason::Duplicate, text));
    }
    if let Some(&at) = repeated.get(PROBLEMS_TOLD_MAX) {
        let (more, new) = (repeated.len() - PROBLEMS_TOLD_MAX, path_of(at));
        let text = format!("{more} more samples of {} stand twice, as in {new}", first.name());
        problems.push(Problem::new(new, Reason::Duplicate, text));
    }
    MergedFamily {
        shared: Arc::new(family),
        file: parts[0].path.to_owned(),
        parts: parts.iter().map(|part| Arc::clone(&part.of.family)).collect(),
        problems,
    }
}

/// Whether two samples are of one series; a label without a value is none.
fn is_same(a: &SharedSample<'_>, b: &SharedSample<'_>) -> bool {
    let given = |(_, value): &&(&str, &str)| !value.is_empty();
    a.labels.iter().filter(given).eq(b.labels.iter().filter(given))
}
