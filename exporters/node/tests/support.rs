//! An exporter over files of the test's own.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common_exposition::{Format, encode};
use common_instrument::{Collector, Samples};
use exporters_node::{NodeExporter, NodeOptions, Roots};
use jiff::tz::TimeZone;

/// Half past two on a day of 2026.
fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(1_795_000_000_250)
}

/// One collector over the tree at `root`.
pub(crate) fn options(root: &Path, collector: &str) -> NodeOptions {
    let mut options = NodeOptions::new(now, TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap());
    options.roots = Roots {
        procfs: root.join("proc"),
        sysfs: root.join("sys"),
        rootfs: root.join("root"),
        udev_data: root.join("udev"),
    };
    options.enabled = vec![collector.to_owned()];
    // The kernel's own tables are not of this host.
    options.settings.set("collector.netdev.netlink", "false");
    options.settings.set("collector.arp.netlink", "false");
    // Nor are its daemons.
    let file = |path: &str| root.join(path).display().to_string();
    options.settings.set("collector.runit.servicedir", &file("root/etc/service"));
    let socket = format!("unix://{}", file("root/run/supervisor.sock"));
    options.settings.set("collector.supervisord.url", &socket);
    options.settings.set("collector.ntp.server-port", "1");
    options.buses.system = Some(format!("unix:path={}", file("root/run/bus")));
    options.buses.systemd = root.join("root/run/systemd/private");
    options
}

/// What one scrape exports, without the time it took.
pub(crate) fn scrape(options: NodeOptions) -> String {
    scrape_again(&NodeExporter::new(options).unwrap())
}

/// One scrape, perhaps of many.
pub(crate) fn scrape_again(exporter: &NodeExporter) -> String {
    let mut samples = Samples::default();
    exporter.collect(&mut samples).unwrap();
    let mut text = Vec::new();
    encode(&samples, Format::default(), &mut text);
    let text = String::from_utf8(text).unwrap();
    let lines = text.lines().filter(|line| !line.contains("node_scrape_collector_duration"));
    lines.map(|line| format!("{line}\n")).collect()
}
