//! Files stay under 600 lines. Functions stay under 70: `clippy::too_many_lines` watches those.

use tests_tidy::{files, relative, root};

/// Hard limit of a source file.
const FILE_LINES_MAX: usize = 600;

/// Half of all source files are shorter than this.
const FILE_LINES_MEDIAN_MAX: usize = 200;

#[test]
fn no_source_file_is_longer_than_six_hundred_lines() {
    let mut complaints = Vec::new();
    let mut lengths = Vec::new();
    for path in files(&root(), ".rs") {
        let lines = std::fs::read_to_string(&path).unwrap().lines().count();
        lengths.push(lines);
        if lines > FILE_LINES_MAX {
            complaints.push(format!("{} has {lines} lines", relative(&path)));
        }
    }
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(median <= FILE_LINES_MEDIAN_MAX, "the median file has {median} lines");
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn the_function_budget_is_set_where_clippy_reads_it() {
    let settings = std::fs::read_to_string(root().join("clippy.toml")).unwrap();
    assert!(settings.contains("too-many-lines-threshold = 70"));
}
