//! The files of the suite `config` get the verdict that their names and a real promtool give them.

use std::path::{Path, PathBuf};

use common_config::Config;

/// Files that are wrong in themselves but whose fault only shows when other files are read,
/// so that a syntax check accepts them.
const BAD_ONLY_WITH_OTHER_FILES: [&str; 4] = [
    "scrape_config_files_double_import.bad.yml",
    "scrape_config_files_duplicate.bad.yml",
    "scrape_config_files_global.bad.yml",
    "scrape_config_files_global_duplicate.bad.yml",
];

/// Files without `good` or `bad` in their names that are refused.
const REFUSED: [&str; 2] =
    ["otlp_allow_utf8.incompatible.yml", "otlp_no_translation.incompatible.yml"];

/// Upstream leaves out `false` also where the default is `true`, and so do we; and dollars in
/// labels stand for variables when they are read again.
const SHOWN_OTHERWISE: [&str; 2] =
    ["otlp_label_underscore_sanitization_disabled.good.yml", "external_labels.good.yml"];

/// What the complaint about a file must contain.
const COMPLAINTS: &[(&str, &str)] = &[
    ("azure_client_secret_missing", "azure SD configuration requires a client_secret"),
    ("azure_tenant_id_missing", "azure SD configuration requires a tenant_id"),
    (
        "azure_bearertoken_basicauth",
        "at most one of basic_auth, oauth2, bearer_token & bearer_token_file",
    ),
    ("bearertoken", "at most one of bearer_token & bearer_token_file must be configured"),
    ("dropequal.", "requires 'target_label' value"),
    ("empty_alert_relabel_config", "empty or null alert relabeling rule"),
    ("empty_alertmanager_relabel_config", "empty or null Alertmanager target relabeling rule"),
    ("empty_metric_relabel_config", "empty or null metric relabeling rule in scrape config"),
    ("empty_rr_config", "empty or null remote read config section"),
    ("empty_rw_config", "empty or null remote write config section"),
    ("empty_rw_relabel_config", "empty or null relabeling rule in remote write config"),
    ("empty_scrape_config_action", "relabel action cannot be empty"),
    ("empty_static_config", "empty or null section in static_configs"),
    ("eureka_invalid_server", "eureka_sd: invalid eureka server URL"),
    ("http_url_bad_scheme", "URL scheme must be 'http' or 'https'"),
    ("http_url_no_host", "host is missing in URL"),
    ("ionos_datacenter", "datacenter id can't be empty"),
    ("jobname.", "job_name is empty"),
    ("jobname_dup", "found multiple scrape configs with job name \"prometheus\""),
    ("kubernetes_http_config_without_api_server", "please provide the 'api_server' URL explicitly"),
    ("kubernetes_kubeconfig_with_http_config", "together with 'kubeconfig_file'"),
    ("kubernetes_namespace_discovery", "field foo not found in type"),
    ("kubernetes_selectors_duplicated_role", "duplicated selector role: pod"),
    (
        "kubernetes_selectors_endpoints",
        "endpoints role supports only pod, service, endpoints selectors",
    ),
    ("labelname", "\"\\xff\" is not valid UTF-8"),
    ("labelvalue", "\"\\xff\" is not valid UTF-8"),
    ("labeldrop", "labeldrop action requires only 'regex', and no other fields"),
    (
        "marathon_authtoken_bearertoken",
        "marathon_sd: at most one of bearer_token, bearer_token_file, auth_token & auth_token_file",
    ),
    (
        "marathon_authtoken_authorization",
        "marathon_sd: at most one of auth_token, auth_token_file & authorization",
    ),
    ("modulus_missing", "relabel configuration for hashmod requires non-zero modulus"),
    ("openstack_role", "unknown OpenStack SD role"),
    ("otlp_allow_utf8.bad", "unsupported OTLP translation strategy \"Invalid\""),
    ("otlp_no_translation.incompatible", "is not allowed when UTF8 is disabled"),
    ("ovhcloud_bad_service", "unknown service: fakeservice"),
    ("puppetdb_no_url", "URL is missing"),
    ("regex.bad", "error parsing regexp: missing closing ): `^(?s:abc(def)$`"),
    ("remote_read_dup", "found multiple remote read configs with job name \"queue1\""),
    ("remote_read_url_missing", "url for remote_read is empty"),
    (
        "remote_write_authorization_header",
        "authorization header must be changed via the basic_auth",
    ),
    ("remote_write_dup", "found multiple remote write configs with job name \"queue1\""),
    ("remote_write_header", "is a reserved header. It must not be changed"),
    ("remote_write_url_missing", "url for remote_write is empty"),
    (
        "remote_write_wrong_msg",
        "unknown remote write protobuf message io.prometheus.writet.v2.Request",
    ),
    ("scaleway_role", "unknown role \"invalid\""),
    ("scaleway_two_secrets", "at most one of secret_key & secret_key_file must be configured"),
    ("scrape_body_size_limit", "units: unknown unit  in 100"),
    (
        "scrape_config_files.bad",
        "scrape timeout greater than scrape interval for scrape config with job name \"prometheus\"",
    ),
    ("scrape_config_files_glob.bad", "invalid scrape config file path \"scrape_configs/*/*\""),
    (
        "scrape_config_files_scrape_protocols2",
        "duplicated protocol in scrape_protocols, got [OpenMetricsText1.0.0 PrometheusProto OpenMetricsText1.0.0] for scrape config with job name \"node\"",
    ),
    (
        "scrape_config_files_fallback_scrape_protocol1",
        "invalid fallback_scrape_protocol for scrape config with job name \"node\": unknown scrape protocol prometheusproto",
    ),
    ("scrape_config_files_fallback_scrape_protocol2", "cannot unmarshal !!seq into"),
    (
        "scrape_config_utf8_conflicting",
        "utf8 metric names requested but validation scheme is not set to UTF8",
    ),
    ("scrape_interval.bad", "scrape timeout greater than scrape interval"),
    ("section_key_dup", "field scrape_configs already set in type config."),
    (
        "target_label_missing",
        "relabel configuration for replace action requires 'target_label' value",
    ),
    (
        "tracing_invalid_authorization_header",
        "custom authorization header configuration is not yet supported",
    ),
    ("tracing_missing_endpoint", "tracing endpoint must be set"),
    ("unknown_attr", "field consult_sd_configs not found in type config.ScrapeConfig"),
    ("uppercase3", "'replacement' can not be set for uppercase action"),
    ("url_in_targetgroup", "\"http://bad\" is not a valid hostname"),
];

/// The folder of the suites, if there is one.
fn suites() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/suites");
    let suites = std::env::var_os("HEARTH_SUITES").map_or(beside, PathBuf::from);
    suites.is_dir().then_some(suites)
}

/// Whether the file must be accepted.
fn verdict(name: &str) -> bool {
    let is_bad = name.contains(".bad.") && !BAD_ONLY_WITH_OTHER_FILES.contains(&name);
    !is_bad && !REFUSED.contains(&name)
}

#[test]
fn every_file_of_the_suite_gets_its_verdict() {
    let Some(suites) = suites() else {
        println!("skipped: no suites");
        return;
    };
    let mut files: Vec<PathBuf> = std::fs::read_dir(suites.join("config"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() > 100, "the suite has its files");
    let mut wrong = Vec::new();
    for path in &files {
        let name = path.file_name().unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(path).unwrap();
        match (Config::load(&text, name, &|_| None), verdict(name)) {
            (Ok(_), true) => {}
            (Ok(_), false) => wrong.push(format!("{name}: accepted")),
            (Err(error), true) => wrong.push(format!("{name}: refused: {error}")),
            (Err(error), false) => {
                let said = error.to_string();
                let mut wanted = COMPLAINTS.iter().filter(|(start, _)| name.starts_with(start));
                if let Some((_, text)) = wanted.find(|(_, text)| !said.contains(text)) {
                    wrong.push(format!("{name}: said {said:?}, not {text:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), files.len(), wrong.join("\n"));
}

#[test]
fn what_is_shown_can_be_loaded_and_is_then_shown_the_same() {
    let Some(suites) = suites() else {
        println!("skipped: no suites");
        return;
    };
    for entry in std::fs::read_dir(suites.join("config")).unwrap() {
        let path = entry.unwrap().path();
        if SHOWN_OTHERWISE.iter().any(|name| path.ends_with(name)) {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let Ok(config) = Config::parse(&text, &|_| None) else {
            continue;
        };
        let shown = config.to_yaml();
        let again = Config::parse(&shown, &|_| None);
        let again = again.unwrap_or_else(|error| panic!("{}: {error}\n{shown}", path.display()));
        assert_eq!(again.to_yaml(), shown, "{}", path.display());
    }
}
