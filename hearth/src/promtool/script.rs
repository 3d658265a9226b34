//! `test promql`: files in PromQL's test language, run in process.

use std::path::Path;

use common_service::flags::Matches;
use server_promql::promqltest;

use super::FAILURE;
use crate::commands::print;
use crate::server::loader;

/// Runs every file and counts; the last line is `N passed, N failed`.
pub(super) fn promql(matches: &Matches) -> u8 {
    let (mut passed, mut failed) = (0, 0);
    for file in matches.args("test-files") {
        let text = match loader::read(Path::new(file)) {
            Ok(text) => text,
            Err(problem) => {
                print(&format!("{file}: {problem}\n"));
                failed += 1;
                continue;
            }
        };
        let outcome = promqltest::run_script(&text);
        for failure in &outcome.failures {
            print(&format!("{file}:{}: {}: {}\n", failure.line, failure.expr, failure.message));
        }
        passed += outcome.passed;
        failed += outcome.failed;
    }
    print(&format!("{passed} passed, {failed} failed\n"));
    if failed == 0 { 0 } else { FAILURE }
}
