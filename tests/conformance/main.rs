//! Hearth against upstream's suites and against the programs it replaces, through the binary.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot read its data fails, and says why"
)]

mod blackbox;
mod compliance;
mod config;
mod differential;
mod logs;
mod node;
mod promql;
mod rules;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "shared with other tests, not all use all")]
mod support;
mod tool;
mod units;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a run of promtool gave.
struct Run {
    code: Option<i32>,
    out: String,
    err: String,
}

/// `hearth promtool ARGS` in a folder.
fn ours(folder: &Path, args: &[&str]) -> Run {
    run(Command::new(env!("CARGO_BIN_EXE_hearth")).arg("promtool").args(args).current_dir(folder))
}

/// The replaced program's `promtool ARGS` in a folder.
fn theirs(promtool: &Path, folder: &Path, args: &[&str]) -> Run {
    run(Command::new(promtool).args(args).current_dir(folder))
}

fn run(command: &mut Command) -> Run {
    let output = command.stdin(std::process::Stdio::null()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Run { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
}

/// Names of the YAML files of a suite, sorted.
fn yaml_files(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".yml"))
        .collect();
    names.sort();
    assert!(!names.is_empty(), "{} is empty", folder.display());
    names
}

/// The folder of a suite and the peer's promtool, where both are there.
fn suite_and_peer(name: &str) -> Option<(PathBuf, PathBuf)> {
    let folder = common_testkit::suites()?.join(name);
    Some((folder, common_testkit::peer("promtool")?))
}

/// Says past the test harness, which swallows what a passing test prints, what was left out.
fn skip(excuse: &str) {
    drop(writeln!(std::io::stderr(), "{excuse}"));
}
