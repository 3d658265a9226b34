//! Alert templates, parsed and executed within their limits.
#![no_main]

use common_model::Labels;
use common_template::Value;
use common_template::prometheus::{AlertData, NoQueries, expand};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let labels = Labels::from_pairs([("instance", "localhost:9100"), ("job", "node")]);
    let data = AlertData {
        labels: &labels,
        external_labels: &labels,
        external_url: "http://localhost:9090",
        value: Value::from(1.5),
    };
    let _ = expand(text, "__alert_fuzz", &data, &NoQueries, 1_700_000_000_000);
});
