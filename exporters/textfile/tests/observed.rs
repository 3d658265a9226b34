//! Every case that was recorded from node_exporter, with the differences we stand for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use common_instrument::{Family, Samples};
use exporters_textfile::TextfileCollector;
use serde_json::Value;

use crate::directories::{options, scrape_into};

/// Cases in which more is served, or more is told, than by the original; and why.
const BETTER: &[(&str, &str)] = &[
    ("bom", "a byte order mark is skipped"),
    ("crlf", "line breaks of Windows are line breaks"),
    ("multi_space_tab", "blanks at the end of a line mean nothing"),
    ("no_trailing_newline", "the last line may go without"),
    ("dup_series_same_file", "a duplicate sets scrape_error"),
    ("dup_series_same_value", "a duplicate sets scrape_error"),
    ("dup_series_two_files", "a duplicate sets scrape_error"),
    ("empty_label_dup", "an absent label and an empty one are one series"),
    ("type_conflict_two_files", "a clash of types sets scrape_error"),
    ("help_only_in_first", "the help text of one file serves all"),
    ("help_only_in_second", "the help text of one file serves all"),
    ("hist_float_count", "a fraction is kept instead of becoming 0"),
    ("help_conflict_two_files", "a third file that agrees with the first is served"),
    ("own_mtime_metric", "the collector's own metrics are its own, and scrape_error says so"),
    ("own_scrape_error", "the collector's own metrics are its own, and scrape_error says so"),
    ("collides_type", "the built-in metric wins, and scrape_error says so"),
    ("collides_with_node_metric", "the built-in metric wins, and scrape_error says so"),
];

pub(crate) fn suites() -> Option<PathBuf> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/suites");
    let folder = std::env::var_os("HEARTH_SUITES").map_or(default, PathBuf::from).join("node");
    folder.is_dir().then_some(folder)
}

#[expect(clippy::print_stdout, reason = "whoever runs the tests shall see what did not run")]
pub(crate) fn skipped(why: &str) {
    println!("skipped: {why}");
}

/// What the exporter that was recorded had besides files.
const LOAD: Family = Family::gauge("node_load1", "1m load average.");

/// A copy of a case, with what the suite's copy lacks: it has neither links nor empty directories.
fn restored(case: &Path, target: &Path) {
    std::fs::create_dir_all(target).unwrap();
    for entry in std::fs::read_dir(case).unwrap() {
        let entry = entry.unwrap();
        let target = target.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            restored(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
    if target.ends_with("dir_named_prom") {
        std::fs::create_dir_all(target.join("x.prom")).unwrap();
    }
    if target.ends_with("symlink") {
        for (name, to) in [("dangling.prom", "nowhere"), ("link.prom", "target.txt")] {
            let _ = std::fs::remove_file(target.join(name));
            std::os::unix::fs::symlink(to, target.join(name)).unwrap();
        }
    }
}

/// Lines of the files' families and the error flag, in one form for both sides.
fn essence<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<String> {
    let ours = |line: &&str| {
        let name = line.trim_start_matches("# HELP ").trim_start_matches("# TYPE ");
        let own = name.starts_with("node_textfile_") && line.starts_with('#');
        let load = line.starts_with("node_load1 ")
            || *line == "# TYPE node_load1 gauge"
            || *line == "# HELP node_load1 1m load average.";
        let apart = ["node_textfile_mtime", "node_scrape_collector_", "go_"];
        !own && !load && !apart.iter().any(|prefix| name.starts_with(prefix))
    };
    lines.filter(ours).map(str::to_owned).collect()
}

/// Names of the files that have a modification time in the page.
fn files_read(text: &str) -> Vec<&str> {
    let lines = text.lines().filter(|line| line.starts_with("node_textfile_mtime_seconds{"));
    lines.filter_map(|line| line.split('"').nth(1)?.rsplit('/').next()).collect()
}

#[test]
fn every_recorded_case_is_served_as_node_exporter_serves_it_or_better() {
    let Some(folder) = suites() else {
        skipped("no suites");
        return;
    };
    let recorded = std::fs::read_to_string(folder.join("textfile_observed.json")).unwrap();
    let recorded: BTreeMap<String, Value> = serde_json::from_str(&recorded).unwrap();
    let copies = tempfile::tempdir().unwrap();
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
    };
    let mut wrong = Vec::new();
    for (case, answer) in &recorded {
        let directory = copies.path().join("textfile_cases").join(case);
        restored(&folder.join("textfile_cases").join(case), &directory);
        // The recording was made in the suite's folder: paths in texts are relative to it.
        let prefix = format!("{}/", copies.path().display());
        let mut samples = Samples::default();
        samples.push(&LOAD, &[], 0.5);
        let collector = TextfileCollector::new(options(&[&directory]));
        let text = scrape_into(&collector, &mut samples).replace(&prefix, "");
        assert!(text.contains("# TYPE node_load1 gauge\nnode_load1 0.5\n"), "{case}: {text}");
        let lines = texts(&answer["lines"]);
        let wanted = (essence(lines.iter().map(String::as_str)), texts(&answer["mtime_files"]));
        let files = files_read(&text).into_iter().map(str::to_owned).collect();
        let got = (essence(text.lines()), files);
        let differs = wanted != got;
        let expected = BETTER.iter().any(|(name, _)| name == case);
        if differs != expected {
            wrong.push(format!("{case}: differs {differs}\n  wanted {wanted:#?}\n  got {got:#?}"));
        }
    }
    assert!(recorded.len() > 60);
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
