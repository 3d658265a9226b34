//! The dashboards for Grafana, and the rules that ship inside: every query of theirs is asked of a
//! running Hearth that reads this host, sample logs and probes, and has an answer.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common_testkit::Tree;
use serde_json::Value;

use crate::support::api::Api;
use crate::support::child::{HEARTH, Program};
use crate::support::{eventually, free_address};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// Rates need two scrapes, a second apart, on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);
const DASHBOARDS: &[&str] = &["host", "logs", "probes"];

/// What a panel's query becomes when somebody looks at it.
const VARIABLES: &[(&str, &str)] =
    &[("$instance", "this"), ("$target", ".*"), ("$__rate_interval", "1m")];

const MODULES: &str = "modules:
  web: {prober: http, http: {tls_config: {ca_file: cert.pem, server_name: localhost}}}
";

/// A program that has no `--web.listen-address`; it ends with the value.
struct Log(Child);

impl Drop for Log {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `hearth log` over copies of the sample logs, from their beginnings.
fn log_exporter(tree: &Tree) -> (Log, String) {
    let programs = Path::new(ROOT).join("exporters/log/programs");
    for entry in std::fs::read_dir(&programs).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "log") {
            std::fs::copy(&path, tree.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    let address = free_address();
    let (host, port) = address.split_once(':').unwrap();
    let child = Command::new(HEARTH)
        .args(["log", "--address", host, "--port", port, "--read_from=beginning", "--progs"])
        .arg(&programs)
        .arg(format!("--logs={}/*.log", tree.path().display()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    (Log(child), address)
}

/// A target with TLS whose certificate the module of the probes believes.
async fn tls_target(tree: &Tree) -> Program {
    let status = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
        ])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "30"])
        .args(["-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(tree.path())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "openssl: {status}");
    tree.write("tls.yml", "tls_server_config: {cert_file: cert.pem, key_file: key.pem}\n");
    Program::launch(HEARTH.as_ref(), &["node", "--web.config.file=tls.yml"], tree.path())
}

fn configuration(log: &str, prober: &str, target: &str) -> String {
    format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: ['bundled:host.yml', 'bundled:logs.yml', 'bundled:probes.yml']
scrape_configs:
- job_name: node
  scheme: inprocess
  static_configs: [{{targets: [node], labels: {{instance: this}}}}]
- job_name: hearth
  scheme: inprocess
  static_configs: [{{targets: [hearth], labels: {{instance: this}}}}]
- job_name: log
  static_configs: [{{targets: ['{log}'], labels: {{instance: this}}}}]
- job_name: probe
  metrics_path: /probe
  params: {{module: [web], target: ['https://{target}/']}}
  static_configs: [{{targets: ['{prober}'], labels: {{instance: page}}}}]
"
    )
}

/// Every query of a dashboard, with the panel it belongs to.
fn queries(dashboard: &str) -> Vec<(String, String)> {
    let file = PathBuf::from(format!("{ROOT}/packaging/grafana/dashboards/{dashboard}.json"));
    let dashboard: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let mut queries = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap();
        for target in panel["targets"].as_array().into_iter().flatten() {
            assert_eq!(target["datasource"]["uid"], "hearth", "{title}");
            let mut query = target["expr"].as_str().unwrap().to_owned();
            for (variable, value) in VARIABLES {
                query = query.replace(variable, value);
            }
            assert!(!query.contains('$'), "an unknown variable in {title}: {query}");
            queries.push((title.to_owned(), query));
        }
    }
    queries
}

async fn has_data(api: &Api, what: &str, query: &str) {
    eventually(&format!("{what}: {query}"), DEADLINE, async || match api.values(query).await? {
        values if values.is_empty() => Err("no values".to_owned()),
        _ => Ok(()),
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_panel_and_every_bundled_rule_has_data() {
    let tree = Tree::with(&[("blackbox.yml", MODULES)]);
    let (_log, log) = log_exporter(&tree);
    let target = tls_target(&tree).await;
    let prober = Program::launch(HEARTH.as_ref(), &["blackbox"], tree.path());
    tree.write("hearth.yml", configuration(&log, prober.api.address(), target.api.address()));
    let hearth = Program::hearth(&["run", "--config.file=hearth.yml"], tree.path()).await;
    let mut count = 0;
    for dashboard in DASHBOARDS {
        for (panel, query) in queries(dashboard) {
            has_data(&hearth.api, &format!("{dashboard}, {panel}"), &query).await;
            count += 1;
        }
    }
    assert!(count > 50, "{count} queries");
    let rules = hearth.api.data("/rules").await.unwrap();
    let groups = rules["groups"].as_array().unwrap();
    let rules: Vec<&Value> =
        groups.iter().flat_map(|group| group["rules"].as_array().unwrap()).collect();
    assert!(rules.len() > 30, "{} rules", rules.len());
    for rule in rules {
        assert_eq!(rule["health"], "ok", "{rule}");
        if rule["type"] == "recording" {
            let name = rule["name"].as_str().unwrap();
            // Ratios of what nobody asks for have no value.
            if !name.contains("errors:ratio") {
                has_data(&hearth.api, "recording", name).await;
            }
        }
    }
}
