//! Configurations of the blackbox exporter, and how they are shown.
#![no_main]

use exporters_blackbox::config::Config;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(config) = Config::parse(text, "blackbox.yml") {
        let shown = config.show();
        assert!(shown.starts_with("modules:"));
        for module in config.modules.values() {
            let _ = module.show();
        }
    }
});
