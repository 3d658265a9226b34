//! `probes:` of the configuration: endpoints watched from inside the process.

use std::time::Duration;

use common_testkit::{Answer, FakeTarget, Tree};

use crate::support::child::{Program, config};
use crate::support::{PATIENCE, eventually};

const INTERVAL: Duration = Duration::from_millis(200);

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_are_probed_without_a_second_program() {
    let target = FakeTarget::start([("/", Answer::metrics("all is well 1\n"))]).await;
    let address = target.address();
    let tree = Tree::new();
    let probes = |more: &str| {
        format!(
            "{}rule_files: ['bundled:probes.yml']\nprobes:\n\
             - module: http_2xx\n  interval: 1s\n  timeout: 1s\n  targets: ['http://{address}/', \
             'http://{address}/missing']\n  labels: {{team: a}}\n\
             - module: words\n  job: words\n  interval: 1s\n  timeout: 1s\n  config_file: blackbox.yml\n  \
             targets: ['http://{address}/']\n{more}",
            config(INTERVAL, &[])
        )
    };
    let module = "modules: {words: {prober: http, http: {fail_if_body_matches_regexp: [well]}}}";
    tree.write("blackbox.yml", module);
    tree.write("prometheus.yml", probes(""));
    let program = Program::hearth(&["server"], tree.path()).await;
    let api = &program.api;
    let good =
        format!("probe_success{{job='probe-http_2xx',instance='http://{address}/',team='a'}}");
    api.becomes(&good, 1.0).await;
    api.becomes(&format!("probe_success{{instance='http://{address}/missing'}}"), 0.0).await;
    api.becomes("probe_failure_info{phase='validate',reason='status'}", 1.0).await;
    api.becomes("probe_success{job='words'}", 0.0).await;
    api.becomes("count(up == 1)", 3.0).await;
    api.becomes("count(ALERTS{alertname='ProbeDown',alertstate='pending'})", 2.0).await;
    // A module that is not there changes nothing.
    tree.write("prometheus.yml", probes("- {module: nothing, targets: [h]}\n"));
    program.signal("HUP");
    eventually("the reload is refused", PATIENCE, async || {
        let (_, page) = api.get("/metrics").await?;
        let line = "prometheus_config_last_reload_successful 0\n";
        if page.contains(line) { Ok(()) } else { Err("not refused".to_owned()) }
    })
    .await;
    api.becomes(&good, 1.0).await;
}
