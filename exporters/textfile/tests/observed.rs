//! Every case that was recorded from node_exporter, with the differences we stand for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use exporters_textfile::TextfileCollector;
use serde_json::Value;

use crate::directories::{options, scrape};

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
    // Kept as plain files, the suite has lost a directory and links; `directories` tests these.
    ("dir_named_prom", "no directory in the suite's copy"),
    ("symlink", "no links in the suite's copy"),
    // What clashes with other collectors is for the whole registry to settle.
    ("collides_go_metric", "no other collectors here"),
    ("collides_same_help", "no other collectors here"),
    ("collides_type", "no other collectors here"),
    ("collides_with_node_metric", "no other collectors here"),
];

fn suites() -> Option<PathBuf> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/suites");
    let folder = std::env::var_os("HEARTH_SUITES").map_or(default, PathBuf::from).join("node");
    folder.is_dir().then_some(folder)
}

#[expect(clippy::print_stdout, reason = "whoever runs the tests shall see what did not run")]
fn skipped(why: &str) {
    println!("skipped: {why}");
}

/// Lines of the user's families and the error flag, in one form for both sides.
fn essence<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<String> {
    let ours = |line: &&str| {
        let name = line.trim_start_matches("# HELP ").trim_start_matches("# TYPE ");
        let own = name.starts_with("node_textfile_") && line.starts_with('#');
        !own && !name.starts_with("node_textfile_mtime")
            && !name.starts_with("node_scrape_collector_")
    };
    lines.filter(ours).map(str::to_owned).collect()
}

#[test]
fn every_recorded_case_is_served_as_node_exporter_serves_it_or_better() {
    let Some(folder) = suites() else {
        skipped("no suites");
        return;
    };
    let recorded = std::fs::read_to_string(folder.join("textfile_observed.json")).unwrap();
    let recorded: BTreeMap<String, Value> = serde_json::from_str(&recorded).unwrap();
    let mut wrong = Vec::new();
    for (case, answer) in &recorded {
        let directory = folder.join("textfile_cases").join(case);
        // The recording was made in the suite's folder: paths in texts are relative to it.
        let prefix = format!("{}/", folder.display());
        let text = scrape(&TextfileCollector::new(options(&[&directory]))).replace(&prefix, "");
        let wanted =
            essence(answer["lines"].as_array().unwrap().iter().map(|l| l.as_str().unwrap()));
        let got = essence(text.lines());
        let differs = wanted != got;
        let expected = BETTER.iter().any(|(name, _)| name == case);
        if differs != expected {
            wrong.push(format!("{case}: differs {differs}\n  wanted {wanted:#?}\n  got {got:#?}"));
        }
    }
    assert!(recorded.len() > 60);
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
