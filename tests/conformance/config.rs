//! `check config --syntax-only` on upstream's configuration suite.
//!
//! The suite is that of Prometheus 3.14. Its file names say what 3.14 does; where promtool 3.5.3
//! judges otherwise the file stands in the table, and the name decides.

use crate::{ours, suite_and_peer, theirs, yaml_files};

/// Files that 3.5.3 refuses and 3.14 takes: keys and mechanisms that came later.
const NEWLY_GOOD: &[&str] = &[
    "conf.good.yml",
    "global_disable_extra_scrape_metrics.good.yml",
    "global_enable_extra_scrape_metrics.good.yml",
    "global_enable_scrape_native_hist_and_scrape_protocols.good.yml",
    "kubernetes_selectors_pod.good.yml",
    "local_disable_extra_scrape_metrics.good.yml",
    "local_disable_scrape_native_hist.good.yml",
    "local_enable_extra_scrape_metrics.good.yml",
    "local_enable_scrape_native_hist.good.yml",
    "local_enable_scrape_native_hist_and_scrape_protocols.good.yml",
    "otlp_label_underscore_sanitization_disabled.good.yml",
    "otlp_label_underscore_sanitization_enabled.good.yml",
    "otlp_promote_scope_metadata.good.yml",
    "roundtrip.good.yml",
    "scrape_config_local_infer_escaping.yml",
    "tsdb_chunk_encoding_floats_xor.good.yml",
    "tsdb_chunk_encoding_floats_xor2.good.yml",
    "tsdb_retention_percentage_float.good.yml",
];

/// Files that 3.5.3 takes and 3.14 refuses.
const NEWLY_BAD: &[&str] = &[
    "remote_write_queue_capacity_zero.bad.yml",
    "remote_write_queue_max_samples_per_send_zero.bad.yml",
    "remote_write_queue_max_shards_zero.bad.yml",
    "remote_write_queue_min_shards_greater_than_max.bad.yml",
    "remote_write_queue_min_shards_zero.bad.yml",
];

#[test]
fn every_configuration_gets_promtools_verdict_unless_newer_releases_judge_otherwise() {
    let Some((folder, promtool)) = suite_and_peer("config") else { return };
    let mut wrong = Vec::new();
    for file in yaml_files(&folder) {
        let args = ["check", "config", "--syntax-only", &file];
        let ours = ours(&folder, &args);
        let (wanted, whose) = match file.as_str() {
            good if NEWLY_GOOD.contains(&good) => (Some(0), "3.14"),
            bad if NEWLY_BAD.contains(&bad) => (Some(1), "3.14"),
            _ => (theirs(&promtool, &folder, &args).code, "3.5.3"),
        };
        if ours.code != wanted {
            wrong.push(format!("{file}: {whose} gives {wanted:?}: {}{}", ours.out, ours.err));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
