//! Upstream's test scripts: through `promtool test promql`, and over the database.

use std::path::Path;
use std::sync::Arc;

use server_promql::promqltest::{ScriptStore, run_script_over};
use server_tsdb::fs::MemoryFs;
use server_tsdb::{Db, Options};

use crate::{ours, skip};

/// All evals of the scripts.
const PASSED: usize = 1_656;
/// A range of blocks as upstream's tests have it; samples may be half of it behind the newest.
const CHUNK_RANGE_MS: i64 = 24 * 60 * 60 * 1000;

#[test]
fn upstreams_scripts_pass() {
    let Some(suites) = common_testkit::suites() else { return };
    let folder = suites.join("promql");
    let files = scripts(&folder);
    let args: Vec<&str> =
        ["test", "promql"].into_iter().chain(files.iter().map(String::as_str)).collect();
    let run = ours(&folder, &args);
    let closing = run.out.lines().last().unwrap_or_default();
    let numbers: Vec<usize> =
        closing.split([' ', ',']).filter_map(|word| word.parse().ok()).collect();
    let [passed, failed] = numbers[..] else { panic!("no closing line: {}{}", run.out, run.err) };
    assert_eq!((passed, failed), (PASSED, 0), "{}", run.out);
}

#[test]
fn upstreams_scripts_pass_over_the_database() {
    let Some(suites) = common_testkit::suites() else { return };
    let folder = suites.join("promql");
    let (mut passed, mut wrong) = (0, Vec::new());
    for file in scripts(&folder) {
        let text = std::fs::read_to_string(folder.join(&file)).unwrap();
        let outcome = run_script_over(&text, &database);
        passed += outcome.passed;
        wrong.extend(outcome.failures.iter().map(|failure| format!("{file}: {failure}")));
    }
    skip(&format!("{passed} evals passed over the database"));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(passed, PASSED);
}

/// An empty database whose files are in memory.
fn database() -> ScriptStore {
    let options = Options { chunk_range_ms: CHUNK_RANGE_MS, ..Options::new("/data") };
    let db = Arc::new(Db::open(options, Arc::new(MemoryFs::default())).unwrap());
    ScriptStore { write: db.clone(), read: db, finds_resets: true }
}

/// Names of the scripts, sorted.
fn scripts(folder: &Path) -> Vec<String> {
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".test"))
        .collect();
    files.sort();
    files
}
