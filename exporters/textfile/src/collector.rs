//! The collector: asks for what changed, serves what it has.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use common_instrument::{
    Clash, CollectError, Collector, Family, SampleValue, Samples, SharedFamily, SharedSample,
};
use parking_lot::Mutex;

use crate::directory::{FileState, Reader, Snapshot};
use crate::merge::{Merged, merge};
use crate::problem::Problem;
use crate::worker::{Silence, Worker};
use crate::{Reason, TextfileOptions};

const MTIME: Family =
    Family::gauge("node_textfile_mtime_seconds", "Unixtime mtime of textfiles successfully read.");

const SCRAPE_ERROR: Family = Family::gauge(
    "node_textfile_scrape_error",
    "1 if there was an error opening or reading a file, 0 otherwise",
);

const FILE_ERROR: Family = Family::gauge(
    "node_textfile_file_error",
    "Number of things that are left out of a textfile, or of a directory, by reason.",
);

const REFUSED: Family = Family::counter(
    "node_textfile_refused_total",
    "Number of times that a limit of the textfile collector was found exceeded.",
);

/// Serves the `*.prom` files of some directories.
///
/// Each pattern of directories has a thread of its own, because a dead mount can hang it; the
/// others are served without it. Files are read only when they changed. What is wrong is logged
/// when it is first seen, and `node_textfile_scrape_error` stays 1 as long as it is wrong.
pub struct TextfileCollector {
    options: Arc<TextfileOptions>,
    workers: Workers,
    state: Mutex<State>,
}

/// The patterns and those who look at them.
type Workers = Vec<(String, Worker<Arc<Snapshot>>)>;

type Answer = Result<Arc<Snapshot>, Silence>;

#[derive(Default)]
struct State {
    answers: Vec<Answer>,
    merged: Merged,
    mtimes: Option<Arc<SharedFamily>>,
    /// What contradicts other collectors; found anew by every scrape.
    clashes: Vec<Problem>,
    /// What is already logged.
    told: HashSet<String>,
    refused: BTreeMap<&'static str, u64>,
}

impl TextfileCollector {
    /// A collector that has read nothing yet.
    #[must_use]
    pub fn new(options: TextfileOptions) -> TextfileCollector {
        let options = Arc::new(options);
        let patterns = options.directories.iter().filter(|pattern| !pattern.is_empty());
        let workers = patterns.map(|pattern| {
            let mut reader = Reader::new(pattern, Arc::clone(&options));
            (pattern.clone(), Worker::new("textfile", move || reader.scan()))
        });
        let workers = workers.collect();
        TextfileCollector::with_workers(options, workers)
    }

    fn with_workers(options: Arc<TextfileOptions>, workers: Workers) -> TextfileCollector {
        TextfileCollector { options, workers, state: Mutex::default() }
    }

    /// Asks for all directories at the same time.
    fn ask(&self) -> Vec<Answer> {
        let deadline = Instant::now() + self.options.timeout;
        let rounds: Vec<u64> = self.workers.iter().map(|(_, worker)| worker.start()).collect();
        let asked = self.workers.iter().zip(rounds);
        asked.map(|((_, worker), round)| worker.finish(round, deadline)).collect()
    }

    /// The files of all directories, and what is wrong with those.
    fn gather(&self, answers: &[Answer]) -> (Vec<Arc<FileState>>, Vec<Problem>) {
        let (mut files, mut problems) = (Vec::new(), Vec::new());
        let mut paths = HashSet::new();
        for ((pattern, _), answer) in self.workers.iter().zip(answers) {
            let snapshot = match answer {
                Ok(snapshot) => snapshot,
                Err(silence) => {
                    let text = match silence {
                        Silence::Late => {
                            format!("{pattern}: no answer in {:?}", self.options.timeout)
                        }
                        Silence::Failed => format!("{pattern}: it could not be looked at"),
                    };
                    problems.push(Problem::new(pattern, Reason::Timeout, text));
                    continue;
                }
            };
            problems.extend_from_slice(&snapshot.problems);
            // Patterns may overlap; a file counts once.
            files.extend(
                snapshot.files.iter().filter(|file| paths.insert(file.path.clone())).cloned(),
            );
        }
        for file in &files {
            if let Err(error) = &file.outcome {
                problems.push(Problem::new(&*file.path, error.reason(), error.to_string()));
            }
        }
        (files, problems)
    }

    fn update(&self, state: &mut State, answers: Vec<Answer>) {
        let (files, mut problems) = self.gather(&answers);
        let before = std::mem::take(&mut state.merged);
        let mut merged = merge(&files, self.options.series_max, before);
        problems.append(&mut merged.problems);
        merged.problems = problems;
        state.mtimes = mtimes(&files);
        state.merged = merged;
        state.answers = answers;
    }
}

impl Collector for TextfileCollector {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let answers = self.ask();
        let mut state = self.state.lock();
        let changed = !same(&answers, &state.answers);
        if changed {
            self.update(&mut state, answers);
        }
        let clashes = push(&state.merged, samples);
        if changed || clashes != state.clashes {
            state.clashes = clashes;
            state.tell();
        }
        if let Some(mtimes) = &state.mtimes {
            // The names are reserved: nobody else has such a family.
            let _ = samples.push_shared(mtimes);
        }
        let failed = !state.merged.problems.is_empty() || !state.clashes.is_empty();
        samples.push(&SCRAPE_ERROR, &[], f64::from(u8::from(failed)));
        for (limit, count) in &state.refused {
            samples.push(&REFUSED, &[("limit", limit)], *count as f64);
        }
        if self.options.file_errors {
            state.push_file_errors(samples);
        }
        Ok(())
    }
}

impl State {
    fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.merged.problems.iter().chain(&self.clashes)
    }

    /// Logs and counts what was not wrong before.
    fn tell(&mut self) {
        let mut told = HashSet::new();
        let mut refused = std::mem::take(&mut self.refused);
        for problem in self.problems() {
            if !self.told.contains(&problem.text) && !told.contains(&problem.text) {
                problem.log();
                if problem.reason.is_limit() {
                    *refused.entry(problem.reason.as_str()).or_default() += 1;
                }
            }
            told.insert(problem.text.clone());
        }
        self.refused = refused;
        self.told = told;
    }

    fn push_file_errors(&self, samples: &mut Samples) {
        let mut counts: BTreeMap<(&str, &'static str), u64> = BTreeMap::new();
        for problem in self.problems() {
            *counts.entry((&problem.file, problem.reason.as_str())).or_default() += 1;
        }
        for ((file, reason), count) in counts {
            samples.push(&FILE_ERROR, &[("file", file), ("reason", reason)], count as f64);
        }
    }
}

/// Pushes all families; what other collectors pushed before them wins.
fn push(merged: &Merged, samples: &mut Samples) -> Vec<Problem> {
    let mut clashes = Vec::new();
    for family in &merged.families {
        let Err(clash) = samples.push_shared(&family.shared) else { continue };
        let (name, file) = (family.shared.name(), &family.file);
        let text = match clash {
            Clash::Type(kind) => format!(
                "metric {name} is a {} of a built-in collector and a {} in {file}: the latter is \
                 left out",
                kind.as_str(),
                family.shared.kind().as_str()
            ),
            Clash::Repeated(count) => format!(
                "{count} samples of {name} in {file} are left out: a built-in collector has them"
            ),
        };
        clashes.push(Problem::new(file, Reason::BuiltIn, text));
    }
    clashes
}

fn mtimes(files: &[Arc<FileState>]) -> Option<Arc<SharedFamily>> {
    let rows = files.iter().filter_map(|file| {
        let value = SampleValue::Number(file.modified_seconds()? as f64);
        Some(SharedSample { labels: vec![("file", &*file.path)], value })
    });
    let rows: Vec<SharedSample<'_>> = rows.collect();
    let new = || SharedFamily::new(MTIME.name, MTIME.help, MTIME.kind, rows.clone()).0;
    (!rows.is_empty()).then(|| Arc::new(new()))
}

/// Whether nothing changed: the readers hand out the same snapshot as long as it is true.
fn same(a: &[Answer], b: &[Answer]) -> bool {
    a.len() == b.len()
        && a.iter().zip(b).all(|pair| match pair {
            (Ok(a), Ok(b)) => Arc::ptr_eq(a, b),
            (Err(a), Err(b)) => a == b,
            _ => false,
        })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use super::*;

    /// Names of the families of a scrape, and whether it says that something is wrong.
    fn scrape(collector: &TextfileCollector) -> (Vec<String>, bool) {
        let mut samples = Samples::default();
        collector.collect(&mut samples).unwrap();
        let names = samples.families().map(|family| family.name().to_owned());
        let names = names.filter(|name| !name.starts_with("node_textfile")).collect();
        let error = samples.families().find(|family| family.name() == SCRAPE_ERROR.name);
        let error = error.and_then(|family| family.samples().next()).map(|sample| sample.value());
        (names, error == Some(SampleValue::Number(1.0)))
    }

    #[test]
    fn a_dead_directory_is_missed_by_nobody_but_itself() {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let mut options = TextfileOptions { timeout: Duration::ZERO, ..TextfileOptions::default() };
        let (release, dead) = channel::<()>();
        let mut readers = folders.iter().zip(["a", "b"]).map(|(folder, name)| {
            std::fs::write(folder.path().join("x.prom"), format!("{name} 1\n")).unwrap();
            Reader::new(&folder.path().display().to_string(), Arc::default())
        });
        let (mut alive, mut hanging) = (readers.next().unwrap(), readers.next().unwrap());
        let worker = Worker::new("dead", move || {
            // Hangs until the test lets go; the error of a channel without sender is that.
            let _ = dead.recv();
            hanging.scan()
        });
        let round = worker.start();
        assert_eq!(worker.finish(round, Instant::now()).err(), Some(Silence::Late));
        options.timeout = Duration::from_secs(20);
        let workers = vec![
            ("alive".to_owned(), Worker::new("alive", move || alive.scan())),
            ("dead".to_owned(), worker),
        ];
        let collector = TextfileCollector::with_workers(Arc::new(options), workers);
        let begun = Instant::now();
        for _ in 0..3 {
            assert_eq!(scrape(&collector), (vec!["a".to_owned()], true));
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "nobody waits for the dead twice");
        drop(release);
        let (names, failed) = loop {
            let found = scrape(&collector);
            if !found.1 {
                break found;
            }
        };
        assert_eq!((names, failed), (vec!["a".to_owned(), "b".to_owned()], false));
    }
}
