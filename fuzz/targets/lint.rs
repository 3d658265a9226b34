//! The style of an exposition.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = common_exposition::lint(bytes);
});
