//! Runs `.test` files: `cargo run -p server-promql --example promqltest FILE...`
#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use std::process::ExitCode;

use server_promql::promqltest::run_script;

fn main() -> ExitCode {
    let (mut passed, mut failed) = (0, 0);
    for path in std::env::args().skip(1) {
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) => {
                println!("{path}: {error}");
                return ExitCode::FAILURE;
            }
        };
        let outcome = run_script(&text);
        for failure in &outcome.failures {
            println!("{path}: {failure}");
        }
        println!("{path}: {} passed, {} failed", outcome.passed, outcome.failed);
        passed += outcome.passed;
        failed += outcome.failed;
    }
    println!("{passed} passed, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
