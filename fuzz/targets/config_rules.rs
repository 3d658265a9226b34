//! Rule files with their expressions and templates.
#![no_main]

use libfuzzer_sys::fuzz_target;
use server_rules::{LoadOptions, duplicates, load};

fuzz_target!(|text: &str| {
    if let Ok(groups) = load(text, "rules.yml", &LoadOptions::default()) {
        let _ = duplicates(&groups);
    }
});
