//! Whole scripts of the test language: parser, store and evaluator.
#![no_main]

use libfuzzer_sys::fuzz_target;
use server_promql::promqltest::run_script;

/// Longer scripts only take longer.
const SCRIPT_BYTES_MAX: usize = 512;

fuzz_target!(|text: &str| {
    if text.len() <= SCRIPT_BYTES_MAX {
        let outcome = run_script(text);
        assert_eq!(outcome.failed, outcome.failures.len());
    }
});
