//! Series descriptions of the test language.
#![no_main]

use libfuzzer_sys::fuzz_target;
use server_promql::parser::{parse_metric, parse_series_description_with};

fuzz_target!(|text: &str| {
    let _ = parse_metric(text);
    let _ = parse_series_description_with(text, &|_, _, _| Err("not here".to_owned()));
});
