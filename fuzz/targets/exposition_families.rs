//! A whole document in the text format, as the textfile collector reads it.
#![no_main]

use common_exposition::{FamilyOptions, parse_families};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = parse_families(bytes, FamilyOptions::default());
});
