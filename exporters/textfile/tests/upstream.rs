//! The sixteen cases of the replaced program's own test, where its fixtures are at hand.

use std::fs;
use std::path::Path;
use std::process::Command;

use exporters_textfile::TextfileCollector;

use crate::directories::{options, scrape};
use crate::observed::{skipped, suites};

/// Directories, below `fixtures/textfile`, and the expected page.
const CASES: [(&[&str], &str); 16] = [
    (&["no_metric_files"], "no_metric_files"),
    (&["two_metric_files"], "two_metric_files"),
    (&["nonexistent_path"], "nonexistent_path"),
    (&["client_side_timestamp"], "client_side_timestamp"),
    (&["different_metric_types"], "different_metric_types"),
    (&["inconsistent_metrics"], "inconsistent_metrics"),
    (&["histogram"], "histogram"),
    (&["histogram_extra_dimension"], "histogram_extra_dimension"),
    (&["summary"], "summary"),
    (&["summary_extra_dimension"], "summary_extra_dimension"),
    (&["histogram_extra_dimension", "summary_extra_dimension"], "glob_extra_dimension"),
    (&["*_extra_dimension"], "glob_extra_dimension"),
    (&["metrics_merge_empty_help"], "metrics_merge_empty_help"),
    (&["metrics_merge_no_help"], "metrics_merge_no_help"),
    (&["metrics_merge_same_help"], "metrics_merge_same_help"),
    (&["metrics_merge_different_help"], "metrics_merge_different_help"),
];

/// The page with paths as the original's test has them, and every time of modification 1.
fn normal(text: &str, root: &Path) -> String {
    let text = text.replace(&format!("{}/collector/", root.display()), "");
    let line = |line: &str| match line.rsplit_once(' ') {
        Some((series, _)) if series.starts_with("node_textfile_mtime_seconds{") => {
            format!("{series} 1\n")
        }
        _ => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

#[test]
fn the_original_s_own_cases_are_served_byte_for_byte() {
    let Some(folder) = suites() else {
        skipped("no suites");
        return;
    };
    let unpacked = tempfile::tempdir().unwrap();
    let mut tar = Command::new("tar");
    tar.arg("xzf").arg(folder.join("fixtures.tar.gz")).arg("-C").arg(unpacked.path());
    assert!(tar.status().unwrap().success());
    let fixtures = unpacked.path().join("collector/fixtures/textfile");
    for (directories, expected) in CASES {
        let paths: Vec<_> = directories.iter().map(|name| fixtures.join(name)).collect();
        let paths: Vec<&Path> = paths.iter().map(AsRef::as_ref).collect();
        let collector = TextfileCollector::new(options(&paths));
        let wanted = fs::read_to_string(fixtures.join(format!("{expected}.out"))).unwrap();
        for _ in 0..2 {
            assert_eq!(normal(&scrape(&collector), unpacked.path()), wanted, "{directories:?}");
        }
    }
}
