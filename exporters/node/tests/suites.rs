//! The files and the expected page of the replaced program's own end-to-end test, where they are at hand.

use std::path::Path;
use std::process::Command;

use common_testkit::suites;
use exporters_node::COLLECTORS;

use crate::support::{options, scrape};

/// The collectors that the page was recorded with, besides those of which it shows nothing or only
/// the machine it was recorded on.
const RECORDED: &str = "arp bcache bcachefs bonding btrfs buddyinfo cgroups conntrack cpu cpufreq \
    cpu_vulnerabilities diskstats dmi dmmultipath drbd edac entropy fibrechannel filefd hwmon \
    infiniband interrupts ipvs kernel_hung ksmd lnstat loadavg mdadm meminfo meminfo_numa mountstats \
    netclass netdev netstat nfs nfsd nvme os pcidevice powersupplyclass pressure processes qdisc rapl \
    schedstat slabinfo sockstat softirqs softnet stat sysctl tapestats thermal_zone time udp_queues \
    vmstat watchdog wifi xfrm xfs zfs zoneinfo";

/// The flags with which the page was recorded; `{}` stands for the fixtures.
const FLAGS: &[(&str, &str)] = &[
    ("collector.arp.device-exclude", "nope"),
    ("collector.bcache.priorityStats", "true"),
    ("collector.cpu.info", "true"),
    ("collector.cpu.info.bugs-include", "^(cpu_meltdown|spectre_.*|mds)$"),
    ("collector.cpu.info.flags-include", "^(aes|avx.?|constant_tsc)$"),
    ("collector.hwmon.chip-include", "(applesmc|asus_nb_wmi|coretemp|hwmon4|ieee80211|nct6779)"),
    ("collector.netclass.ignore-invalid-speed", "true"),
    ("collector.netclass.ignored-devices", "(dmz|int)"),
    ("collector.netdev.device-include", "lo"),
    ("collector.qdisc.device-include", "(wlan0|eth0)"),
    ("collector.qdisc.fixtures", "{}/qdisc/"),
    ("collector.stat.softirq", "true"),
    ("collector.sysctl.include-info", "kernel.seccomp.actions_avail"),
    ("collector.sysctl.include", "fs.file-nr"),
    ("collector.sysctl.include", "fs.file-nr:total,current,max"),
    ("collector.sysctl.include", "kernel.threads-max"),
    ("collector.wifi.fixtures", "{}/wifi"),
];

#[test]
fn the_recorded_page_of_the_original_is_matched() {
    let Some(suites) = suites() else { return };
    let suite = suites.join("node");
    let unpacked = tempfile::tempdir().unwrap();
    run(Command::new("tar")
        .arg("xzf")
        .arg(suite.join("fixtures.tar.gz"))
        .arg("-C")
        .arg(unpacked.path()));
    let fixtures = unpacked.path().join("collector/fixtures");
    let is_recorded = |name: &str| RECORDED.split_whitespace().any(|one| one == name);
    let recorded = || COLLECTORS.iter().filter(|entry| is_recorded(entry.name));
    let mut options = options(&fixtures, "");
    options.roots.procfs = fixtures.join("proc");
    options.roots.sysfs = fixtures.join("sys");
    options.roots.rootfs = fixtures.clone();
    options.roots.udev_data = fixtures.join("udev/data");
    options.enabled = recorded().map(|entry| entry.name.to_owned()).collect();
    // The loopback device of the recorded page is not in the files.
    options.settings = exporters_node::Settings::default();
    options.settings.set("collector.arp.netlink", "false");
    for (flag, value) in FLAGS {
        options.settings.set(flag, &value.replace("{}", &fixtures.to_string_lossy()));
    }
    let page = unpacked.path().join("page.txt");
    std::fs::write(&page, scrape(options)).unwrap();
    let mut names: Vec<&str> = recorded().map(|entry| entry.name).collect();
    names.push("cpu/cpufreq");
    run(Command::new("python3")
        .arg(suite.join("compare.py"))
        .args([&page, Path::new(&fixtures.join("e2e-output.txt"))])
        .args(["--rewrite", &format!("{}=collector/fixtures", fixtures.display())])
        .args(["--collectors", &names.join(",")]));
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{command:?}\n{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
