//! Target files, YAML and JSON.
#![no_main]

use common_config::prometheus::parse_target_file;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = parse_target_file(text, "targets.yml");
    let _ = parse_target_file(text, "targets.json");
});
