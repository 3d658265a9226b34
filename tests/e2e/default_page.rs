//! `hearth run` with nothing configured: within seconds it shows what its page asks for.

use std::time::Duration;

use common_testkit::Tree;

use crate::support::child::Program;
use crate::support::eventually;

/// From the start to the first values: what is in the process is asked at once.
const FIRST_VALUES: Duration = Duration::from_secs(10);
/// A rate needs two scrapes, 15 s apart, the second up to half of that later.
const FIRST_RATES: Duration = Duration::from_secs(35);

const VALUES: &[&str] = &[
    "node_load1",
    "node_memory_MemTotal_bytes > 0",
    "node_filesystem_avail_bytes",
    "node_network_receive_bytes_total",
    "process_resident_memory_bytes{job='hearth'}",
    "up{job='node'} == 1",
    "up{job='hearth'} == 1",
];

const RATES: &[&str] = &[
    "rate(node_cpu_seconds_total[1m])",
    "1 - avg(rate(node_cpu_seconds_total{mode='idle'}[1m]))",
    "rate(node_network_receive_bytes_total[1m])",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_host_is_watched_without_any_configuration() {
    let tree = Tree::new();
    let program = Program::hearth(&["run"], tree.path()).await;
    let api = &program.api;
    let check = async |query: &str, deadline: Duration| {
        eventually(query, deadline, async || match api.values(query).await? {
            values if values.is_empty() => Err("no values".to_owned()),
            _ => Ok(()),
        })
        .await;
    };
    for query in VALUES {
        check(query, FIRST_VALUES).await;
    }
    for query in RATES {
        check(query, FIRST_RATES).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_of_the_program_is_a_page() {
    let tree = Tree::new();
    let program = Program::hearth(&["run"], tree.path()).await;
    let (status, headers, body) = program.api.get_all("/").await.unwrap();
    assert_eq!(status, 200, "{body}");
    assert!(headers["content-type"].to_str().unwrap().starts_with("text/html"), "{headers:?}");
    assert!(headers.contains_key("content-security-policy"), "{headers:?}");
    assert!(body.contains("<title>"), "{body}");
    let scripts = body.split("src=\"").skip(1).filter_map(|rest| rest.split('"').next());
    for script in scripts {
        let path = format!("/{}", script.trim_start_matches("./").trim_start_matches('/'));
        assert_eq!(program.api.get(&path).await.unwrap().0, 200, "{script}");
    }
}
