//! The files and the expected page of the replaced program's own end-to-end test, where they are at hand.

use std::path::Path;
use std::process::Command;

use common_testkit::suites;
use exporters_node::COLLECTORS;

use crate::support::{options, scrape};

/// What the recorded page does not show, or shows of the machine it was recorded on.
const NOT_RECORDED: [&str; 5] = ["filesystem", "selinux", "textfile", "timex", "uname"];

/// The flags with which the page was recorded.
const FLAGS: [(&str, &str); 8] = [
    ("collector.cpu.info", "true"),
    ("collector.cpu.info.bugs-include", "^(cpu_meltdown|spectre_.*|mds)$"),
    ("collector.cpu.info.flags-include", "^(aes|avx.?|constant_tsc)$"),
    ("collector.arp.device-exclude", "nope"),
    ("collector.netclass.ignore-invalid-speed", "true"),
    ("collector.netclass.ignored-devices", "(dmz|int)"),
    ("collector.netdev.device-include", "lo"),
    ("collector.stat.softirq", "true"),
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
    let recorded = || COLLECTORS.iter().filter(|entry| !NOT_RECORDED.contains(&entry.name));
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
        options.settings.set(flag, value);
    }
    let page = unpacked.path().join("page.txt");
    std::fs::write(&page, scrape(options)).unwrap();
    let mut names: Vec<&str> = recorded().map(|entry| entry.name).collect();
    names.push("cpu/cpufreq");
    run(Command::new("python3")
        .arg(suite.join("compare.py"))
        .args([&page, Path::new(&fixtures.join("e2e-output.txt"))])
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
