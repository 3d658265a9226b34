//! prometheus.yml; what was read is shown, and what is shown is read again.
#![no_main]

use common_config::Config;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(config) = Config::load(text, "prometheus.yml", &|_| None) {
        let _ = Config::parse(&config.to_yaml(), &|_| None);
    }
});
