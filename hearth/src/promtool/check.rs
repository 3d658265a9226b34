//! `check config`, `check rules` and `check metrics`.

use std::io::Read;
use std::path::Path;

use common_config::Config;
use common_config::prometheus::{ScrapeConfig, parse_target_file};
use common_service::flags::{Matches, World};
use server_rules::{GroupSpec, LoadOptions};

use super::lint::Lints;
use super::{FAILURE, LINT, parser_options};
use crate::commands::{complain, print};
use crate::server::loader;

/// Bytes that are read from standard input at most.
const STDIN_BYTES_MAX: u64 = 256 << 20;

/// `check config`
pub(super) fn configs(matches: &Matches) -> u8 {
    let lints = Lints::read(matches);
    let options = options(matches);
    let (mut failed, mut lint_failed) = (false, false);
    for file in matches.args("config-files") {
        print(&format!("Checking {file}\n"));
        match config(file, matches.bool("syntax-only")) {
            Err(problem) => {
                failed = true;
                complain(&format!("  FAILED: {problem}\n"));
                print("\n");
            }
            Ok((jobs, rule_files)) => {
                if !rule_files.is_empty() {
                    print(&format!("  SUCCESS: {} rule files found\n", rule_files.len()));
                }
                print(&format!(" SUCCESS: {file} is valid prometheus config file syntax\n\n"));
                lint_failed |= !lints.intervals(&jobs);
                for (name, text) in rule_files {
                    let outcome = rule_file(&name, &text, &options, lints);
                    failed |= outcome.failed;
                    lint_failed |= outcome.lint_failed;
                }
            }
        }
    }
    code(failed, lint_failed && lints.is_fatal)
}

/// Reads a configuration and, unless only its syntax counts, what it names. Gives its jobs, and
/// names and texts of its rule files.
#[expect(clippy::type_complexity, reason = "two lists that belong together nowhere else")]
fn config(
    file: &str,
    syntax_only: bool,
) -> Result<(Vec<ScrapeConfig>, Vec<(String, String)>), String> {
    let text = loader::read(Path::new(file))?;
    let config = Config::load(&text, file, World::real().env).map_err(|error| error.to_string())?;
    if syntax_only {
        return Ok((config.scrape_configs, Vec::new()));
    }
    let jobs = config.all_scrape_configs(&loader::read_glob).map_err(|error| error.to_string())?;
    let mut rule_files = Vec::new();
    for pattern in &config.rule_files {
        let found = loader::rule_files(pattern)?;
        if found.is_empty() && !pattern.contains(['*', '?', '[']) {
            return Err(format!("{pattern:?} does not point to an existing file"));
        }
        rule_files.extend(found);
    }
    for job in &jobs {
        referenced(job)?;
    }
    Ok((jobs, rule_files))
}

/// Files that a scrape job names: certificates, credentials, targets.
fn referenced(job: &ScrapeConfig) -> Result<(), String> {
    let http = &job.http;
    let basic = http.basic_auth.as_ref().and_then(|basic| basic.password_file.as_ref());
    let bearer = http.authorization.as_ref().and_then(|auth| auth.credentials_file.as_ref());
    let tls = &http.tls_config;
    let named =
        [basic, bearer, tls.ca_file.as_ref(), tls.cert_file.as_ref(), tls.key_file.as_ref()];
    for path in named.into_iter().flatten().filter(|path| !path.is_empty()) {
        if let Err(error) = std::fs::metadata(path) {
            let error = common_service::go_io_error(&error);
            return Err(format!("error checking file {path:?}: stat {path}: {error}"));
        }
    }
    for files in job.discoveries.iter().filter_map(|discovery| discovery.file()) {
        for pattern in &files.files {
            for (name, text) in loader::read_glob(pattern)? {
                parse_target_file(&text, &name)
                    .map_err(|error| format!("checking SD file {name:?}: {error}"))?;
            }
        }
    }
    Ok(())
}

/// How checking one rule file ended.
struct Outcome {
    failed: bool,
    lint_failed: bool,
}

/// `check rules`
pub(super) fn rules(matches: &Matches) -> u8 {
    let lints = Lints::read(matches);
    let options = options(matches);
    let files = matches.args("rule-files");
    let (mut failed, mut lint_failed) = (false, false);
    let mut one = |name: &str, text: Result<String, String>| {
        let outcome = match text {
            Ok(text) => rule_file(name, &text, &options, lints),
            Err(problem) => {
                print(&format!("Checking {name}\n"));
                complain(&format!("  FAILED:\n{problem}\n"));
                Outcome { failed: true, lint_failed: false }
            }
        };
        failed |= outcome.failed;
        lint_failed |= outcome.lint_failed;
    };
    if files.is_empty() {
        let text = stdin().and_then(|bytes| String::from_utf8(bytes).map_err(|e| e.to_string()));
        one("standard input", text);
    }
    for file in files {
        one(file, loader::read(Path::new(file)));
    }
    code(failed, lint_failed && lints.is_fatal)
}

fn rule_file(name: &str, text: &str, options: &LoadOptions, lints: Lints) -> Outcome {
    print(&format!("Checking {name}\n"));
    let groups: Vec<GroupSpec> = match server_rules::load(text, name, options) {
        Ok(groups) => groups,
        Err(complaints) => {
            let lines: String =
                complaints.iter().map(|complaint| format!("{complaint}\n")).collect();
            complain(&format!("  FAILED:\n{lines}"));
            return Outcome { failed: true, lint_failed: false };
        }
    };
    if !lints.rules(&groups) {
        print("\n");
        return Outcome { failed: false, lint_failed: true };
    }
    let count: usize = groups.iter().map(|group| group.rules.len()).sum();
    print(&format!("  SUCCESS: {count} rules found\n\n"));
    Outcome { failed: false, lint_failed: false }
}

/// `check metrics`
pub(super) fn metrics() -> u8 {
    let text = match stdin() {
        Ok(text) => text,
        Err(problem) => {
            complain(&format!("error while linting: {problem}\n"));
            return FAILURE;
        }
    };
    match common_exposition::lint(&text) {
        Err(error) => {
            complain(&format!("error while linting: {error}\n"));
            FAILURE
        }
        Ok(problems) => {
            for problem in &problems {
                complain(&format!("{} {}\n", problem.metric, problem.text));
            }
            if problems.is_empty() { 0 } else { LINT }
        }
    }
}

fn options(matches: &Matches) -> LoadOptions {
    LoadOptions {
        parser: parser_options(matches),
        ignores_unknown_fields: matches.bool("ignore-unknown-fields"),
        ..LoadOptions::default()
    }
}

fn stdin() -> Result<Vec<u8>, String> {
    let mut text = Vec::new();
    let read = std::io::stdin().take(STDIN_BYTES_MAX + 1).read_to_end(&mut text);
    read.map_err(|error| error.to_string())?;
    if text.len() as u64 > STDIN_BYTES_MAX {
        return Err(format!("more than {STDIN_BYTES_MAX} bytes on standard input"));
    }
    Ok(text)
}

fn code(failed: bool, lint_failed: bool) -> u8 {
    match (failed, lint_failed) {
        (true, _) => FAILURE,
        (false, true) => LINT,
        (false, false) => 0,
    }
}
