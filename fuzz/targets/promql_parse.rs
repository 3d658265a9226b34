//! Queries; what is printed must be read as the same and print as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use server_promql::parser::{Options, parse, parse_selector};

fuzz_target!(|text: &str| {
    let options = Options::everything();
    if let Ok(expr) = parse(text, &options) {
        let printed = expr.to_string();
        match parse(&printed, &options) {
            Ok(again) => assert_eq!(again.to_string(), printed, "{text:?}"),
            Err(error) => panic!("{text:?} printed as {printed:?}: {error}"),
        }
    }
    let _ = parse_selector(text);
});
