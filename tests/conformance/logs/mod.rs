//! `hearth log` against mtail: the suite's programs, and mtail's own examples over our logs.

mod live;
mod patterns;
mod plausible;
mod random;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use common_testkit::{peer, peers, suites};
use serde_json::Value;

use crate::skip;

/// Where mtail's package has its examples.
const EXAMPLES: &str = "usr/share/doc/mtail/examples";

/// Values of the clock differ by as much between two runs.
const HOUR_NS: u128 = 3_600_000_000_000;

/// A shell script that makes the suite's runner call the log exporter; the suite names one program.
const WRAPPER: &str = "#!/bin/sh\nexec \"$HEARTH\" log \"$@\"\n";

#[test]
fn every_program_of_the_suite_counts_the_same() {
    let Some((is_well, said)) = suite("run.py", &["--errors"]) else { return };
    assert!(is_well, "{said}");
    assert!(said.contains("386 of 386 programs identical"), "{said}");
}

/// Runs a script of the suite on `hearth log`: whether it is content, and what it says.
fn suite(script: &str, args: &[&str]) -> Option<(bool, String)> {
    use std::os::unix::fs::PermissionsExt as _;
    let suite = suites()?.join("logs");
    let folder = tempfile::tempdir().unwrap();
    let wrapper = folder.path().join("mtail");
    std::fs::write(&wrapper, WRAPPER).unwrap();
    std::fs::set_permissions(&wrapper, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new("python3");
    command.arg(suite.join(script)).arg("--bin").arg(&wrapper).args(args);
    command.env("HEARTH", env!("CARGO_BIN_EXE_hearth"));
    let output = command.stdin(Stdio::null()).output().unwrap();
    Some((output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned()))
}

#[test]
fn every_example_of_mtail_counts_the_same_over_every_log() {
    let (Some(mtail), Some(peers)) = (peer("mtail"), peers()) else { return };
    let examples = files(&peers.join(EXAMPLES), ".mtail");
    if examples.is_empty() {
        return skip("skipped: mtail's package is without examples");
    }
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/conformance/logs/samples");
    let logs = files(&samples, "");
    let mut differences = Vec::new();
    for example in &examples {
        for log in &logs {
            let mut ours = Command::new(env!("CARGO_BIN_EXE_hearth"));
            ours.arg("log");
            let ours = one_shot(ours, example, log);
            let theirs = one_shot(Command::new(&mtail), example, log);
            if ours != theirs {
                let (example, log) = (example.display(), log.display());
                differences.push(format!("{example} over {log}:\n{ours:#?}\n{theirs:#?}"));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn every_program_that_ships_counts_the_same_in_mtail() {
    let Some(mtail) = peer("mtail") else { return };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../exporters/log/programs");
    for program in files(&folder, ".mtail") {
        let log = program.with_extension("log");
        let mut ours = Command::new(env!("CARGO_BIN_EXE_hearth"));
        ours.arg("log");
        let ours = one_shot(ours, &program, &log);
        assert_eq!(ours.0, Some(0), "{}", program.display());
        assert_eq!(ours, one_shot(Command::new(&mtail), &program, &log), "{}", program.display());
    }
}

/// A number that the environment may give.
fn number_of(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|number| number.parse().ok()).unwrap_or(otherwise)
}

/// Where random tests begin.
fn seed() -> u64 {
    number_of("HEARTH_SEED", 7)
}

/// The files of a folder whose names end like this, sorted.
fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.to_string_lossy().ends_with(end));
    paths.sort();
    paths
}

/// Exit code and store of one program over one log.
fn one_shot(mut command: Command, program: &Path, log: &Path) -> (Option<i32>, Value) {
    command.args(["--one_shot", "--address", "127.0.0.1", "--port", "0"]);
    command.args(["--override_timezone", "UTC", "--syslog_use_current_year=false"]);
    command.arg("--progs").arg(program).arg("--logs").arg(log);
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().unwrap();
    let mut store = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    normalise(&mut store);
    (output.status.code(), store)
}

/// Orders series, and replaces times of the clock.
fn normalise(value: &mut Value) {
    match value {
        Value::Array(list) => {
            list.iter_mut().for_each(normalise);
            if list.iter().all(|item| item.get("Value").is_some()) {
                list.sort_by_key(|item| item["Labels"].to_string());
            }
        }
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                if key == "Time" && is_now(value) {
                    *value = Value::from("now");
                }
                normalise(value);
            }
        }
        _ => {}
    }
}

fn is_now(time: &Value) -> bool {
    let now_ns = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    time.as_u64().is_some_and(|time_ns| now_ns.abs_diff(u128::from(time_ns)) < HOUR_NS)
}
