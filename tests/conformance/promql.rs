//! Upstream's test scripts through `promtool test promql`.

use crate::ours;

/// All evals of the scripts.
const PASSED: usize = 1_656;

#[test]
fn upstreams_scripts_pass() {
    let Some(suites) = common_testkit::suites() else { return };
    let folder = suites.join("promql");
    let mut files: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".test"))
        .collect();
    files.sort();
    let args: Vec<&str> =
        ["test", "promql"].into_iter().chain(files.iter().map(String::as_str)).collect();
    let run = ours(&folder, &args);
    let closing = run.out.lines().last().unwrap_or_default();
    let numbers: Vec<usize> =
        closing.split([' ', ',']).filter_map(|word| word.parse().ok()).collect();
    let [passed, failed] = numbers[..] else { panic!("no closing line: {}{}", run.out, run.err) };
    assert_eq!((passed, failed), (PASSED, 0), "{}", run.out);
}
