//! Every collector over `tests/host`, whose files are those of real machines.

use std::path::Path;

use common_testkit::golden;
use exporters_node::COLLECTORS;

use crate::support::{options, scrape};

/// Those that ask the running kernel or a daemon instead of reading files.
#[rustfmt::skip]
const WITHOUT_FILES: &[&str] = &[
    "ethtool",
    "filesystem",
    "network_route",
    "tcpstat",
    "logind",
    "ntp",
    "perf",
    "supervisord",
    "systemd",
    "timex",
    "uname",
];

/// What is off by default is shown as well.
#[rustfmt::skip]
const FLAGS: &[(&str, &str)] = &[
    ("collector.bcache.priorityStats", "true"),
    ("collector.stat.softirq", "true"),
    ("collector.cpu.info.flags-include", "^a"),
    ("collector.cpu.info.bugs-include", "^mds$"),
    ("collector.netdev.label-ifalias", "true"),
    ("collector.qdisc.fixtures", "tests/host/qdisc"),
    ("collector.wifi.fixtures", "tests/host/wifi"),
    ("collector.pcidevice.names", "true"),
    ("collector.pcidevice.idsfile", "tests/host/root/usr/share/misc/pci.ids"),
    ("collector.sysctl.include", "kernel.threads-max"),
    ("collector.sysctl.include", "fs.file-nr"),
    ("collector.sysctl.include", "fs.file-nr:total,current,max"),
    ("collector.sysctl.include-info", "kernel.ostype"),
    ("collector.sysctl.include-info", "kernel.seccomp.actions_avail"),
];

#[test]
fn every_collector_exports_what_its_golden_says() {
    for entry in COLLECTORS.iter().filter(|entry| !WITHOUT_FILES.contains(&entry.name)) {
        let mut options = options(Path::new("tests/host"), entry.name);
        for (flag, value) in FLAGS {
            options.settings.set(flag, value);
        }
        golden(format!("tests/golden/{}.txt", entry.name), &scrape(options));
    }
}

#[test]
fn kernel_calls_give_the_families_that_they_should() {
    for (collector, family) in [
        ("uname", "node_uname_info{"),
        ("timex", "node_timex_sync_status "),
        ("filesystem", "node_filesystem_readonly{"),
    ] {
        let mut options = options(Path::new("tests/host"), collector);
        options.roots = exporters_node::Roots::default();
        // Test machines may have but exotic file systems.
        options.settings.set("collector.filesystem.fs-types-exclude", "^$");
        options.settings.set("collector.filesystem.mount-points-exclude", "^$");
        let text = scrape(options);
        assert!(text.lines().any(|line| line.starts_with(family)), "{collector}:\n{text}");
        let success = format!("success{{collector=\"{collector}\"}} 1\n");
        assert!(text.contains(&success), "{text}");
    }
}

#[test]
fn cgroups_of_both_versions_give_the_same_families() {
    let mut options = options(Path::new("tests/host"), "cgroup");
    options.settings.set("path.cgroupfs", "tests/host/cgroup_hybrid");
    golden("tests/golden/cgroup_hybrid.txt", &scrape(options));
}

#[test]
fn the_running_kernel_answers_over_netlink() {
    for (collector, family) in [
        ("arp", ""),
        ("netclass", "node_network_flags{device=\"lo\"}"),
        ("netdev", "node_network_receive_nohandler_total{device=\"lo\"}"),
        ("network_route", ""),
        ("qdisc", ""),
        ("tcpstat", ""),
    ] {
        let mut options = options(Path::new("tests/host"), collector);
        options.settings = exporters_node::Settings::default();
        options.settings.set("collector.netclass.netlink", "true");
        let text = scrape(options);
        assert!(text.lines().any(|line| line.starts_with(family)), "{collector}:\n{text}");
        let success = format!("success{{collector=\"{collector}\"}} 1\n");
        assert!(text.contains(&success), "{text}");
    }
}
