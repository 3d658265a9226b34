//! The icmp prober in a network of its own, where the kernel can be told to be silent or far away.

use std::process::Command;
use std::time::Duration;

use crate::support::{probe, say, value};

/// Sets loopback and the knobs up, then runs the program behind them.
const IN_NETWORK: &str = r#"
ip link set lo up && cd /proc/sys/net/ipv4 || exit 77
for knob in $1; do echo "${knob#*=}" | tr + ' ' > "${knob%=*}" || exit 77; done
shift
cd / && exec "$@"
"#;

/// The environment variable of a run inside.
const INSIDE: &str = "HEARTH_TEST_INSIDE";

const PING: &str = "{prober: icmp, icmp: {preferred_ip_protocol: ip4}}";

/// Runs this test again in a network whose knobs are set, if that is possible here; whether this is
/// that run.
fn enter(test: &str, knobs: &str) -> bool {
    if std::env::var_os(INSIDE).is_some_and(|inside| inside == test) {
        return true;
    }
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|out| out.stdout == b"0\n");
    let mut command = Command::new("unshare");
    if !is_root {
        command.arg("--map-root-user");
    }
    command.args(["--net", "sh", "-c", IN_NETWORK, "sh", knobs]);
    command.arg(std::env::current_exe().unwrap()).args(["--exact", test, "--nocapture"]);
    match command.env(INSIDE, test).output() {
        Ok(output) if output.status.success() => {
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(said.contains("1 passed"), "{said}");
        }
        Ok(output) if output.status.code() != Some(101) => {
            say(&format!("skipped: no network namespaces ({})", output.status));
        }
        Ok(output) => panic!("{}", String::from_utf8_lossy(&output.stdout)),
        Err(error) => say(&format!("skipped: no network namespaces ({error})")),
    }
    false
}

#[tokio::test]
async fn a_reply_says_how_far_it_came() {
    if !enter("icmp::a_reply_says_how_far_it_came", "ip_default_ttl=33") {
        return;
    }
    let time = Duration::from_secs(10);
    for module in [
        PING,
        "{prober: icmp, icmp: {preferred_ip_protocol: ip4, ttl: 1}}",
        "{prober: icmp, icmp: {preferred_ip_protocol: ip4, payload_size: 9000}}",
        "{prober: icmp, icmp: {preferred_ip_protocol: ip4, dont_fragment: true}}",
        "{prober: icmp, icmp: {preferred_ip_protocol: ip4, source_ip_address: 127.0.0.2}}",
    ] {
        let outcome = probe(module, "127.0.0.1", time).await;
        assert!(outcome.is_success, "{module} {}", outcome.log);
        assert!(value(&outcome, "probe_icmp_duration_seconds{phase=\"rtt\"}") > Some(0.0));
        // The kernel's reply has its own time to live, whatever ours was.
        assert_eq!(value(&outcome, "probe_icmp_reply_hop_limit"), Some(33.0), "{module}");
    }
    let outcome = probe("{prober: icmp}", "::1", time).await;
    assert!(outcome.is_success, "{}", outcome.log);
    assert_eq!(value(&outcome, "probe_ip_protocol"), Some(6.0));
    let outcome = probe(PING, "192.0.2.1", time).await;
    assert!(!outcome.is_success, "nothing leads there");
    assert!(outcome.elapsed < time, "{:?}", outcome.elapsed);
}

#[tokio::test]
async fn a_reply_that_does_not_come_is_waited_for_until_the_end() {
    let test = "icmp::a_reply_that_does_not_come_is_waited_for_until_the_end";
    if !enter(test, "icmp_echo_ignore_all=1") {
        return;
    }
    let outcome = probe(PING, "127.0.0.1", Duration::from_millis(300)).await;
    assert!(!outcome.is_success);
    assert!(outcome.log.contains("Timeout reading from socket"), "{}", outcome.log);
    assert!(outcome.elapsed >= Duration::from_millis(300), "{:?}", outcome.elapsed);
    assert!(value(&outcome, "probe_icmp_reply_hop_limit").is_none());
}

#[tokio::test]
async fn without_privileges_a_datagram_socket_does() {
    let test = "icmp::without_privileges_a_datagram_socket_does";
    if !enter(test, "ping_group_range=0+2147483647 ip_default_ttl=44") {
        return;
    }
    let outcome = probe(PING, "127.0.0.1", Duration::from_secs(10)).await;
    assert!(outcome.is_success, "{}", outcome.log);
    assert_eq!(value(&outcome, "probe_icmp_reply_hop_limit"), Some(44.0), "{}", outcome.log);
}
