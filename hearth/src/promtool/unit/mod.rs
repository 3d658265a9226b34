//! `test rules`: series as a file describes them, rules evaluated over them, results compared.

mod alerts;
mod diff;
mod group;
mod junit;
mod samples;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use common_config::unit_test::UnitTestFile;
use common_model::parse_float;
use common_re2::Regex;
use common_service::flags::Matches;
use server_promql::engine::EngineOptions;
use server_rules::LoadOptions;

use super::{fail, references, rules};
use crate::commands::{complain, print};
use crate::server::read;
use junit::{Report, Suite};

/// What holds for all tests of a run.
struct Options {
    /// Names of tests that are run; all where there is none.
    run: Option<Regex>,
    /// Alerts that differ are shown as a coloured difference.
    diff: bool,
    /// Every test tells what it had in its store.
    debug: bool,
    load: LoadOptions,
    engine: EngineOptions,
}

/// `test rules`
pub(super) fn rules(matches: &Matches) -> ExitCode {
    let options = match Options::of(matches) {
        Ok(options) => options,
        Err(error) => return fail(error),
    };
    let mut report = Report::default();
    for file in matches.args("test-rule-file") {
        let mut suite = Suite::new(file);
        let failures = test_file(file, &options, &mut suite);
        report.suites.push(suite);
        if failures.is_empty() {
            print("  SUCCESS\n");
        } else {
            complain("  FAILED:\n");
            for failure in &failures {
                complain(&format!("{failure}\n"));
                print("\n");
            }
        }
        print("\n");
    }
    if let Some(path) = matches.opt_str("junit").filter(|path| !path.is_empty())
        && let Err(error) = std::fs::write(path, report.xml())
    {
        return fail(format!("failed to write JUnit XML: open {path}: {}", go_reason(&error)));
    }
    if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn go_reason(error: &std::io::Error) -> String {
    common_service::go_io_error(error).to_string()
}

impl Options {
    fn of(matches: &Matches) -> Result<Options, String> {
        let patterns = matches.strs("run").join("|");
        let run = if patterns.is_empty() {
            None
        } else {
            Some(Regex::new(&patterns).map_err(|error| format!("--run: {error}"))?)
        };
        let features = matches.strs("enable-feature");
        let delayed_name_removal = features
            .iter()
            .flat_map(|list| list.split(','))
            .any(|feature| feature.trim() == "promql-delayed-name-removal");
        Ok(Options {
            run,
            diff: matches.bool("diff"),
            debug: matches.bool("debug"),
            load: rules::load_options(matches),
            engine: EngineOptions { delayed_name_removal, ..EngineOptions::default() },
        })
    }
}

/// Runs the tests of a file; what failed.
fn test_file(file: &str, options: &Options, suite: &mut Suite) -> Vec<String> {
    let (tests, rule_files) = match open(file) {
        Ok(opened) => opened,
        Err(error) => {
            suite.abort(&error);
            return vec![error];
        }
    };
    suite.began_at(common_service::clock::system_time());
    let mut failures = Vec::new();
    for (i, test) in tests.tests.iter().enumerate() {
        if options.run.as_ref().is_some_and(|run| !run.is_match(&test.name)) {
            continue;
        }
        let name = if test.name.is_empty() { format!("unnamed#{i}") } else { test.name.clone() };
        let began = std::time::Instant::now();
        if options.debug {
            print(&format!("DEBUG: Starting test {name}\n"));
        }
        let found = group::run(test, &tests, &rule_files, options);
        if options.debug {
            print(&format!("DEBUG: Test {name} finished, took {:?}\n", began.elapsed()));
        }
        suite.case(&name, &found);
        failures.extend(found);
    }
    failures
}

/// The tests of a file and the rule files they are about.
fn open(file: &str) -> Result<(UnitTestFile, Vec<String>), String> {
    let text = read(Path::new(file))?;
    let tests =
        UnitTestFile::parse(&text, &read_time).map_err(|error| error.in_file(file).to_string())?;
    let folder = Path::new(file).parent().unwrap_or(Path::new(""));
    let mut rule_files = Vec::new();
    for pattern in &tests.rule_files {
        // As Go joins: an absolute pattern stands for itself, an empty one names nothing.
        let joined = match pattern.as_str() {
            "" => String::new(),
            pattern => folder.join(pattern).display().to_string(),
        };
        let found = references::paths(&joined)?;
        if found.is_empty() {
            complain(&format!("  WARNING: no file match pattern {joined}\n"));
        }
        rule_files.extend(found);
    }
    Ok((tests, rule_files))
}

/// Seconds since 1970 or a date, in milliseconds.
fn read_time(text: &str) -> Option<i64> {
    match parse_float(text).filter(|seconds| seconds.is_finite()) {
        Some(seconds) => Some((seconds * 1000.0).round() as i64),
        None => text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond),
    }
}

/// Milliseconds; times that do not fit are as late as can be.
fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
