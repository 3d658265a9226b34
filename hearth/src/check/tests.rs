//! Directories as a package or an operator leaves them.

use std::fs;
use std::path::Path;

use super::{Finding, findings};

/// The configuration that packages install.
const INSTALLED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../packaging/etc/hearth");

fn wrong(directory: &Path) -> Vec<String> {
    let wrong = findings(directory).into_iter();
    wrong
        .filter_map(|Finding { name, outcome }| Some(format!("{name}: {}", outcome.err()?)))
        .collect()
}

#[test]
fn what_packages_install_is_right() {
    let all = findings(Path::new(INSTALLED));
    for file in ["hearth.yml", "alertmanager.yml", "blackbox.yml"] {
        assert!(
            all.iter().any(|finding| finding.name.ends_with(&format!("hearth/{file}"))),
            "{file}"
        );
    }
    assert_eq!(wrong(Path::new(INSTALLED)), Vec::<String>::new());
}

#[test]
fn an_empty_directory_has_what_ships_inside() {
    let folder = tempfile::tempdir().unwrap();
    let all = findings(folder.path());
    assert!(all.len() > 10 && all.iter().all(|finding| finding.name.starts_with("bundled:")));
    assert_eq!(wrong(folder.path()), Vec::<String>::new());
}

#[test]
fn every_kind_of_mistake_is_told_with_its_file() {
    let check = |file: &str, text: &str, expected: &str| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        let wrong = wrong(folder.path());
        assert_eq!(wrong.len(), 1, "{wrong:?}");
        assert!(wrong[0].contains(file) && wrong[0].contains(expected), "{wrong:?}");
    };
    check("hearth.yml", "scrape: []\n", "scrape");
    check("alertmanager.yml", "route: {receiver: nobody}\n", "nobody");
    check("blackbox.yml", "modules: {a: {probe: http}}\n", "probe");
    check("web.yml", "tls: {}\n", "tls");
    check("programs/a.mtail", "counter x\n/(/ { x++ }\n", "a.mtail:2");
}

/// The installed configuration with all keys that stand in comments.
fn with_all_keys() -> String {
    let text = fs::read_to_string(Path::new(INSTALLED).join("hearth.yml")).unwrap();
    let lines = text.lines().map(|line| match line.split_once("#: ") {
        // A comment within what stands in comments stays one.
        Some((indent, rest)) if indent.trim().is_empty() => format!("{indent}{rest}"),
        _ => line.to_owned(),
    });
    lines.map(|line| line + "\n").collect()
}

#[test]
fn every_key_in_comments_is_one_that_can_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let text = with_all_keys();
    fs::write(folder.path().join("hearth.yml"), &text).unwrap();
    assert_eq!(wrong(folder.path()), Vec::<String>::new(), "{text}");
}

#[test]
fn the_installed_configuration_shows_every_key_that_holds() {
    let text = with_all_keys();
    for key in KEYS {
        assert!(text.contains(&format!("{key}:")), "{key} is not shown");
    }
}

/// What `common/config` reads of `global`, of a job and of the sections that hold.
const KEYS: &[&str] = &[
    "scrape_interval",
    "scrape_timeout",
    "scrape_protocols",
    "evaluation_interval",
    "rule_query_offset",
    "query_log_file",
    "scrape_failure_log_file",
    "external_labels",
    "body_size_limit",
    "sample_limit",
    "target_limit",
    "label_limit",
    "label_name_length_limit",
    "label_value_length_limit",
    "keep_dropped_targets",
    "metric_name_validation_scheme",
    "metric_name_escaping_scheme",
    "scrape_native_histograms",
    "convert_classic_histograms_to_nhcb",
    "always_scrape_classic_histograms",
    "extra_scrape_metrics",
    "rule_files",
    "scrape_config_files",
    "scrape_configs",
    "alerting",
    "alertmanagers",
    "alert_relabel_configs",
    "storage",
    "retention",
    "out_of_order_time_window",
    "max_exemplars",
    "job_name",
    "honor_labels",
    "honor_timestamps",
    "track_timestamps_staleness",
    "params",
    "fallback_scrape_protocol",
    "metrics_path",
    "scheme",
    "enable_compression",
    "native_histogram_bucket_limit",
    "native_histogram_min_bucket_factor",
    "static_configs",
    "file_sd_configs",
    "basic_auth",
    "authorization",
    "oauth2",
    "tls_config",
    "proxy_url",
    "no_proxy",
    "follow_redirects",
    "enable_http2",
    "relabel_configs",
    "metric_relabel_configs",
    "probes",
    "module",
    "targets",
    "interval",
    "timeout",
    "config_file",
];
