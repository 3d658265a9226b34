//! Random patterns in Go's syntax as conditions of log programs: what mtail refuses is refused, and
//! every group of every line is what mtail makes of it, a number where it takes it for one.

use std::path::Path;
use std::process::Command;

use common_testkit::{GoPattern, Rng, go_pattern, line, peer};

use super::{number_of, one_shot, seed};

/// Patterns of one run; each one starts mtail. `HEARTH_PATTERNS` says otherwise.
const PATTERNS: u64 = 60;

/// Lines that each one is tried on.
const LINES: usize = 24;

/// Counts by what the pattern and its groups match.
fn program(pattern: &GoPattern) -> String {
    let keys: Vec<String> = (0..=pattern.groups).map(|group| format!("g{group}")).collect();
    let labels: String = (0..=pattern.groups).map(|group| format!("[${group}]")).collect();
    format!("counter m by {}\n/{}/ {{\n  m{labels}++\n}}\n", keys.join(", "), pattern.go)
}

/// Now and then with something that is no UTF-8.
fn lines(random: &mut Rng) -> Vec<u8> {
    let mut lines = Vec::new();
    for _ in 0..LINES {
        lines.extend_from_slice(line(random).as_bytes());
        if random.chance(1, 8) {
            lines.extend_from_slice(b"a\xffb\xc3");
        }
        lines.push(b'\n');
    }
    lines
}

fn ours(program: &Path, log: &Path) -> (Option<i32>, serde_json::Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hearth"));
    command.arg("log");
    one_shot(command, program, log)
}

#[test]
fn random_patterns_are_refused_and_match_as_in_mtail() {
    let Some(mtail) = peer("mtail") else { return };
    let (seed, count) = (seed(), number_of("HEARTH_PATTERNS", PATTERNS));
    let mut random = Rng::new(seed);
    let (mut differences, mut refused, mut matching) = (Vec::new(), 0, 0);
    let folder = tempfile::tempdir().unwrap();
    let (path, log) = (folder.path().join("p.mtail"), folder.path().join("log"));
    for _ in 0..count {
        let (pattern, lines) = (go_pattern(&mut random), lines(&mut random));
        std::fs::write(&path, program(&pattern)).unwrap();
        std::fs::write(&log, &lines).unwrap();
        let (ours, theirs) = (ours(&path, &log), one_shot(Command::new(&mtail), &path, &log));
        assert!(theirs.0 != Some(0) || !pattern.is_refused, "{pattern:?}");
        refused += u64::from(pattern.is_refused);
        matching += u64::from(theirs.1.to_string().contains("Labels"));
        if ours != theirs {
            let lines = String::from_utf8_lossy(&lines).into_owned();
            differences.push(format!("{}\n{lines:?}\n{ours:?}\n{theirs:?}", program(&pattern)));
        }
    }
    println!("{count} patterns of seed {seed}: {refused} refused, {matching} match");
    assert!(differences.is_empty(), "seed {seed}:\n{}", differences.join("\n"));
    assert!(matching * 4 > count, "seed {seed}: {matching} match only");
}
