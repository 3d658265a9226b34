//! `test promql`: files in the test language of PromQL, run in this process.

use std::path::Path;
use std::process::ExitCode;

use common_service::flags::Matches;
use server_promql::promqltest::run_script;

use super::fail;
use crate::commands::print;
use crate::server::read;

/// `test promql`
pub(super) fn promql(matches: &Matches) -> ExitCode {
    let (mut passed, mut failed) = (0, 0);
    for file in matches.args("test-files") {
        let text = match read(Path::new(file)) {
            Ok(text) => text,
            Err(error) => return fail(error),
        };
        let outcome = run_script(&text);
        for failure in &outcome.failures {
            print(&format!("{file}:{}: {}: {}\n", failure.line, failure.expr, failure.message));
        }
        print(&format!("{file}: {} passed, {} failed\n", outcome.passed, outcome.failed));
        passed += outcome.passed;
        failed += outcome.failed;
    }
    print(&format!("{passed} passed, {failed} failed\n"));
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
