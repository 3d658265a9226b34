//! `hearth node` beside the exporter it replaces, on this host, with the same flags.

use common_testkit::peer;

use super::page::{Meant, Page, Pages, What, differences};
use crate::support::child::{HEARTH, Program};

/// How often each of the two is asked, in turn, before they are compared; ours once more at the end.
const ROUNDS: usize = 4;

/// How often that is done, as long as something differs: what moves has then shown where it moves,
/// and what differs by itself still does.
const ATTEMPTS: usize = 10;

/// What the package of the peer changed, set back to the original's own defaults.
const ORIGINAL_DEFAULTS: &[&str] = &[
    "--collector.textfile.directory=",
    "--collector.filesystem.mount-points-exclude=^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)",
];

/// Collectors that are off by default and that both know.
const OFF_BY_DEFAULT: &str = "buddyinfo cgroups cpu_vulnerabilities drbd drm ethtool interrupts ksmd \
    lnstat logind meminfo_numa mountstats network_route pcidevice perf processes qdisc slabinfo \
    softirqs supervisord swap sysctl systemd tcpstat wifi xfrm zoneinfo";

/// Flags that add series.
const MORE: &[&str] = &[
    "--collector.cpu.info",
    "--collector.netclass.netlink",
    "--collector.netdev.address-info",
    "--collector.netdev.enable-detailed-metrics",
    "--collector.stat.softirq",
    "--collector.interrupts.include-zeros",
    "--collector.sysctl.include=kernel.threads-max",
    "--collector.sysctl.include=fs.file-nr:total,current,max",
    "--collector.sysctl.include-info=kernel.seccomp.actions_avail",
    r"--collector.systemd.unit-exclude=.+\.(automount|device|mount|scope|slice)",
];

/// Differences between this program and release 1.11.1; docs/differences.md has the reasons.
const MEANT: &[Meant] = &[
    Meant { prefix: "go_", what: What::Presence },
    Meant { prefix: "node_exporter_build_info", what: What::Presence },
    // New in 1.12.
    Meant {
        prefix: r#"node_scrape_collector_success{collector="dmmultipath"}"#,
        what: What::Presence,
    },
    Meant {
        prefix: r#"node_scrape_collector_duration_seconds{collector="dmmultipath"}"#,
        what: What::Presence,
    },
    Meant { prefix: "node_ksmd_general_profit_bytes", what: What::Presence },
    // 1.11 says 0 when any other attribute of the queue cannot be read.
    Meant { prefix: "node_disk_info{", what: What::Presence },
    // 1.11 sees "ro" only where it is the only option of a mount.
    Meant { prefix: "node_filesystem_readonly{", what: What::Value },
    // Counted since the program began to, and of its own scheduling.
    Meant { prefix: "node_perf_", what: What::Value },
    // They tell of the program, not of the host.
    Meant { prefix: "node_scrape_collector_duration_seconds", what: What::Value },
    Meant { prefix: "process_", what: What::Value },
    // The sockets and threads with which each looks, and is looked at, are among them.
    Meant { prefix: "node_sockstat_", what: What::Value },
    Meant { prefix: "node_tcp_connection_states{", what: What::Value },
    Meant { prefix: "node_procs_running", what: What::Value },
    Meant { prefix: "node_processes_", what: What::Value },
    Meant { prefix: "promhttp_", what: What::Value },
];

#[tokio::test]
async fn the_defaults_show_what_the_replaced_exporter_shows() {
    check(&[], &["--no-collector.systemd"]).await;
}

#[tokio::test]
async fn all_that_is_off_by_default_shows_what_the_replaced_exporter_shows() {
    let on = OFF_BY_DEFAULT.split_whitespace().map(|name| format!("--collector.{name}"));
    let on: Vec<String> = on.collect();
    let flags: Vec<&str> = on.iter().map(String::as_str).chain(MORE.iter().copied()).collect();
    check(&flags, &[]).await;
}

async fn check(flags: &[&str], only_peer: &[&str]) {
    let Some(exporter) = peer("prometheus-node-exporter") else { return };
    let folder = tempfile::tempdir().unwrap();
    let flags = || ORIGINAL_DEFAULTS.iter().chain(flags).copied();
    let our_flags: Vec<&str> = std::iter::once("node").chain(flags()).collect();
    let peer_flags: Vec<&str> = flags().chain(only_peer.iter().copied()).collect();
    let ours = Program::start(HEARTH, &our_flags, folder.path()).await;
    let theirs = Program::start(&exporter, &peer_flags, folder.path()).await;
    let (mut our_pages, mut peer_pages) = (Pages::default(), Pages::default());
    let mut found = Vec::new();
    for _ in 0..ATTEMPTS {
        for _ in 0..ROUNDS {
            our_pages.add(page(&ours).await);
            peer_pages.add(page(&theirs).await);
        }
        our_pages.add(page(&ours).await);
        found = differences(&our_pages, &peer_pages, MEANT);
        if found.is_empty() {
            break;
        }
    }
    assert!(found.is_empty(), "{} differences:\n{}", found.len(), found.join("\n"));
}

async fn page(program: &Program) -> Page {
    let (status, body) = program.api.get("/metrics").await.unwrap();
    assert_eq!(status, 200, "{body}");
    let page = Page::parse(&body);
    assert!(page.len() > 100, "a page of {} series", page.len());
    page
}
