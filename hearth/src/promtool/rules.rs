//! `check rules`: whether a server would load rule files, and whether two rules write the same.

use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;

use common_service::flags::Matches;
use server_rules::{Duplicate, LoadOptions};

use super::lint::Lint;
use super::{LINT, fail, parser_options};
use crate::commands::{complain, print};
use crate::server::read;

/// Rules from stdin beyond this many bytes are not read.
const STDIN_BYTES_MAX: u64 = 64 << 20;

/// What became of some rule files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Something was said.
    pub(super) failed: bool,
    /// A server would refuse one of them.
    pub(super) has_errors: bool,
}

impl Verdict {
    /// The exit code for it.
    pub(super) fn code(self, lint: Lint) -> ExitCode {
        match self {
            Verdict { has_errors: true, .. } => ExitCode::FAILURE,
            Verdict { failed: true, .. } if lint.fatal => ExitCode::from(LINT),
            _ => ExitCode::SUCCESS,
        }
    }
}

/// `check rules`
pub(super) fn check(matches: &Matches) -> ExitCode {
    let lint = Lint::of(matches, false);
    let options = load_options(matches);
    let files = matches.args("rule-files");
    if !files.is_empty() {
        return check_files(files, &options, lint).code(lint);
    }
    let mut text = String::new();
    if let Err(error) = std::io::stdin().take(STDIN_BYTES_MAX).read_to_string(&mut text) {
        return fail(error);
    }
    print("Checking standard input\n");
    check_text(&text, "", &options, lint).code(lint)
}

/// How rule files are read.
pub(super) fn load_options(matches: &Matches) -> LoadOptions {
    LoadOptions {
        parser: parser_options(matches),
        ignores_unknown_fields: matches.bool("ignore-unknown-fields"),
        ..LoadOptions::default()
    }
}

/// Checks one file after the other and tells what it finds.
pub(super) fn check_files(files: &[String], options: &LoadOptions, lint: Lint) -> Verdict {
    let mut verdict = Verdict::default();
    for file in files {
        print(&format!("Checking {file}\n"));
        let one = match read(Path::new(file)) {
            Ok(text) => check_text(&text, file, options, lint),
            Err(error) => {
                complain(&format!("  FAILED:\n{error}\n"));
                Verdict { failed: true, has_errors: true }
            }
        };
        verdict.failed |= one.failed;
        verdict.has_errors |= one.has_errors;
    }
    verdict
}

fn check_text(text: &str, file: &str, options: &LoadOptions, lint: Lint) -> Verdict {
    let groups = match server_rules::load(text, file, options) {
        Ok(groups) => groups,
        Err(complaints) => {
            let lines: String = complaints.iter().map(|error| format!("{error}\n")).collect();
            complain(&format!("  FAILED:\n{lines}"));
            return Verdict { failed: true, has_errors: true };
        }
    };
    let duplicates = if lint.duplicates { server_rules::duplicates(&groups) } else { Vec::new() };
    if duplicates.is_empty() {
        let count: usize = groups.iter().map(|group| group.rules.len()).sum();
        print(&format!("  SUCCESS: {count} rules found\n\n"));
        return Verdict::default();
    }
    complain(&format!("  FAILED:\n{}", tell(&duplicates)));
    print("\n");
    Verdict { failed: true, has_errors: false }
}

fn tell(duplicates: &[Duplicate]) -> String {
    let mut text = format!("lint error {} duplicate rule(s) found.\n", duplicates.len());
    for duplicate in duplicates {
        text.push_str(&format!("Metric: {}\nLabel(s):\n", duplicate.metric));
        for (name, value) in &duplicate.labels {
            text.push_str(&format!("\t{name}: {value}\n"));
        }
    }
    text.push_str("Might cause inconsistency while recording expressions\n");
    text
}
