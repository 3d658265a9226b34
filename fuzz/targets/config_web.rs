//! Web configuration files and *http client* files.
#![no_main]

use common_config::HttpClientConfig;
use common_config::web::WebConfig;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = WebConfig::parse(text, "web.yml");
    let _ = HttpClientConfig::load(text, "client.yml");
});
