//! A whole configuration: what is inherited, joined, shown and refused.

mod probes;

use std::time::Duration;

use common_config::Config;
use common_config::prometheus::{ScrapeProtocol, TargetGroup, parse_target_file};
use common_model::Labels;

const TEXT: &str = "
global:
  scrape_interval: 15s
  sample_limit: 100
  external_labels: {host: $HOST}
rule_files: [rules/*.yml]
scrape_config_files: [more/*.yml]
alerting:
  alertmanagers:
  - static_configs: [{targets: ['am:9093']}]
scrape_configs:
- job_name: node
  scrape_timeout: 5s
  sample_limit: 5
  bearer_token: s3cret
  tls_config: {ca_file: ca.pem}
  static_configs:
  - targets: [a:9100, b:9100]
    labels: {zone: x}
  consul_sd_configs: [{server: 'consul:8500'}]
  file_sd_configs: [{files: [t/*.json]}]
  relabel_configs:
  - source_labels: [__address__]
    target_label: instance
- job_name: db
  scrape_interval: 5s
  scrape_native_histograms: true
";

fn load() -> Config {
    let env = |name: &str| (name == "HOST").then(|| "db1".to_owned());
    Config::load(TEXT, "/etc/prometheus/prometheus.yml", &env).unwrap()
}

#[test]
fn jobs_inherit_from_global_and_files_are_joined_to_the_folder() {
    let config = load();
    assert_eq!(config.global.external_labels, Labels::from_pairs([("host", "db1")]));
    assert_eq!(config.rule_files, ["/etc/prometheus/rules/*.yml"]);
    let [node, db] = config.scrape_configs.as_slice() else { panic!("two jobs") };
    assert_eq!((node.scrape_interval, node.scrape_timeout), (secs(15), secs(5)));
    assert_eq!((db.scrape_interval, db.scrape_timeout), (secs(5), secs(5)));
    assert_eq!((node.limits.samples, db.limits.samples), (5, 100));
    assert_eq!(node.scrape_protocols, ScrapeProtocol::DEFAULT);
    assert_eq!(db.scrape_protocols, ScrapeProtocol::PROTO_FIRST);
    assert_eq!(node.http.tls_config.ca_file.as_deref(), Some("/etc/prometheus/ca.pem"));
    let file = node.discoveries.iter().find_map(|discovery| discovery.file()).unwrap();
    assert_eq!(file.files, ["/etc/prometheus/t/*.json"]);
    let groups = node.discoveries.iter().find_map(|discovery| discovery.groups()).unwrap();
    assert_eq!(groups[0].targets, ["a:9100", "b:9100"]);
    let unsupported = config.unsupported(&["file", "http", "dns"]);
    assert_eq!((unsupported.len(), unsupported[0].kind), (1, "consul"));
    assert_eq!(unsupported[0].position.to_string(), "20:23");
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_loaded_configuration_is_shown_with_defaults_and_without_secrets() {
    let shown = load().to_yaml();
    let wanted = "
- job_name: node
  honor_timestamps: true
  track_timestamps_staleness: false
  scrape_interval: 15s
  scrape_timeout: 5s
  scrape_protocols:
  - OpenMetricsText1.0.0
  - OpenMetricsText0.0.1
  - PrometheusText1.0.0
  - PrometheusText0.0.4
  scrape_native_histograms: false
  always_scrape_classic_histograms: false
  convert_classic_histograms_to_nhcb: false
  metrics_path: /metrics
  scheme: http
  enable_compression: true
  sample_limit: 5
  metric_name_validation_scheme: utf8
  metric_name_escaping_scheme: allow-utf-8
  extra_scrape_metrics: false
  authorization:
    type: Bearer
    credentials: <secret>
  tls_config:
    ca_file: /etc/prometheus/ca.pem
    insecure_skip_verify: false
  follow_redirects: true
  enable_http2: true
  relabel_configs:
  - source_labels: [__address__]
    separator: ;
    target_label: instance
    replacement: $1
    action: replace
";
    assert!(shown.contains(wanted), "{shown}");
    assert!(!shown.contains("s3cret") && !format!("{:?}", load()).contains("s3cret"));
}

#[test]
fn jobs_of_other_files_are_added_and_must_not_repeat_a_name() {
    let config = load();
    let files = |texts: &[&str]| {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        move |pattern: &str| {
            assert_eq!(pattern, "/etc/prometheus/more/*.yml");
            let name = |i| format!("/etc/prometheus/more/{i}.yml");
            Ok(texts.iter().enumerate().map(|(i, text)| (name(i), text.clone())).collect())
        }
    };
    let one = "scrape_configs: [{job_name: x, scrape_failure_log_file: f.log}]";
    let all = config.all_scrape_configs(&files(&[one])).unwrap();
    assert_eq!((all.len(), all[2].limits.samples), (3, 100));
    assert_eq!(all[2].scrape_failure_log_file, "/etc/prometheus/more/f.log");
    let check = |texts: &[&str], wanted: &str| {
        let error = config.all_scrape_configs(&files(texts)).unwrap_err();
        assert_eq!(error.to_string(), wanted);
    };
    check(
        &["scrape_configs: [{job_name: node}]"],
        "/etc/prometheus/more/0.yml:1:18: found multiple scrape configs with job name \"node\", first \
         found in main config file",
    );
    check(
        &[one, one],
        "/etc/prometheus/more/1.yml:1:18: found multiple scrape configs with job name \"x\", first \
         found in \"/etc/prometheus/more/0.yml\"",
    );
    check(
        &["global: {}"],
        "/etc/prometheus/more/0.yml:1:1: field global not found in type config.ScrapeConfigs",
    );
}

#[test]
fn errors_name_file_line_column_and_key() {
    let check = |text: &str, wanted: &str| {
        let error = Config::load(text, "p.yml", &|_| None).unwrap_err();
        assert_eq!(error.to_string(), format!("p.yml:{wanted}"), "{text}");
    };
    check(
        "global:\n  scrape_interval: 5 m",
        "2:20: scrape_interval: not a valid duration string: \"5 m\"",
    );
    check("global: {sample_limit: x}", "1:24: sample_limit: cannot unmarshal !!str `x` into uint");
    check(
        "global: {sample_limit: -1}",
        "1:24: sample_limit: cannot unmarshal !!int `-1` into uint",
    );
    check(
        "global: {scrape_timeout: 2m}",
        "1:26: global scrape timeout greater than scrape interval",
    );
    check(
        "scrape_configs: [{job_name: a, honor_labels: maybe}]",
        "1:46: honor_labels: cannot unmarshal !!str `maybe` into bool",
    );
    check("a: 1\nb: 2", "1:1: field a, b not found in type config.Config");
    check("global: [", "1:9: yaml: unclosed bracket '['");
    check(
        "remote_write: [{url: 'http://a', sigv4: {}, basic_auth: {username: a}}]",
        "1:16: at most one of basic_auth, authorization, oauth2, sigv4, azuread or google_iam must be configured. Currently configured: [basic_auth sigv4]",
    );
    check(
        "scrape_configs: [{job_name: a, metrics_path: !!binary x}]",
        "1:55: !!binary value contains invalid base64 data: Invalid input length: 1",
    );
    check(
        &format!("a: {}1{}", "[".repeat(500), "]".repeat(500)),
        "1:204: yaml: recursion limit exceeded",
    );
}

#[test]
fn aliases_must_not_explode() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for i in 1..12 {
        let below = vec![format!("*a{}", i - 1); 10].join(", ");
        text.push_str(&format!("a{i}: &a{i} [{below}]\n"));
    }
    let error = Config::load(&text, "p.yml", &|_| None).unwrap_err();
    assert_eq!(error.message, "document contains excessive aliasing");
}

#[test]
fn target_files_are_yaml_or_json() {
    let wanted = vec![
        TargetGroup {
            targets: vec!["a:1".to_owned()],
            labels: Labels::from_pairs([("x", "1")]),
            source: String::new(),
        },
        TargetGroup { targets: Vec::new(), ..TargetGroup::default() },
    ];
    let check = |file: &str, text: &str| {
        let mut groups = parse_target_file(text, file).unwrap();
        for (i, group) in groups.iter_mut().enumerate() {
            assert_eq!(std::mem::take(&mut group.source), format!("{file}:{i}"));
            assert_eq!(group.labels.value("__meta_filepath"), file);
            group.labels = group.labels.filter(|name| name != "__meta_filepath");
        }
        assert_eq!(groups, wanted, "{file}");
    };
    check("t.yml", "- targets: ['a:1']\n  labels: {x: 1}\n- {}\n");
    check("t.json", r#"[{"targets": ["a:1"], "labels": {"x": "1"}}, {}]"#);
    let refuse = |file: &str, text: &str, wanted: &str| {
        let error = parse_target_file(text, file).unwrap_err();
        assert_eq!(error.to_string(), wanted, "{text}");
    };
    refuse("t.yml", "- target: []", "t.yml:1:3: field target not found in type struct");
    refuse("t.yml", "-", "t.yml:1:2: nil target group item found");
    refuse("t.json", "[null]", "t.json: nil target group item found (index 0)");
    let error = parse_target_file("[{\"target\": 1}]", "t.json").unwrap_err().to_string();
    assert!(error.starts_with("t.json:1:10: unknown field `target`"), "{error}");
}
