//! The table of collectors: flags, help, documentation and goldens run over it.

use common_instrument::Collector;

use crate::settings::{Flag, Settings};
use crate::{Error, NodeOptions, Roots};

mod arp;
mod bcache;
mod bcachefs;
mod bonding;
mod btrfs;
mod buddyinfo;
mod cgroup;
mod cgroups;
mod conntrack;
mod cpu;
mod cpu_vulnerabilities;
mod cpufreq;
mod diskstats;
mod dmi;
mod dmmultipath;
mod drbd;
mod drm;
mod edac;
mod entropy;
mod ethtool;
mod fibrechannel;
mod filefd;
mod filesystem;
mod hwmon;
mod infiniband;
mod interrupts;
mod ipvs;
mod kernel_hung;
mod ksmd;
mod lnstat;
mod loadavg;
mod logind;
mod mdadm;
mod meminfo;
mod meminfo_numa;
mod mountstats;
mod netclass;
mod netdev;
mod netstat;
mod network_route;
mod nfs;
mod nfsd;
mod ntp;
mod nvme;
mod nvmesubsystem;
mod os;
mod pcidevice;
mod perf;
mod powersupplyclass;
mod pressure;
mod process;
mod processes;
mod qdisc;
mod rapl;
mod runit;
mod schedstat;
mod selinux;
mod slabinfo;
mod sockstat;
mod softirqs;
mod softnet;
mod stat;
mod supervisord;
mod swap;
mod sysctl;
mod systemd;
mod tapestats;
mod tcpstat;
mod textfile;
mod thermal_zone;
mod time;
mod timex;
mod udp_queues;
mod uname;
mod vmstat;
mod watchdog;
mod wifi;
mod xfrm;
mod xfs;
mod zfs;
mod zoneinfo;

/// One collector.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Name in `--collector.NAME` and in labels.
    pub name: &'static str,
    /// One sentence for documentation.
    pub about: &'static str,
    /// Whether it runs when no flag says otherwise.
    pub on_by_default: bool,
    /// Whether drivers can hold it up, so that it gets a thread of its own.
    pub may_block: bool,
    /// Flags besides `--[no-]collector.NAME`.
    pub flags: &'static [Flag],
    /// Checks the flags and builds it.
    pub build: fn(&Context<'_>) -> Result<Box<dyn Collector>, Error>,
}

/// What a collector is built from.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    pub(crate) options: &'a NodeOptions,
}

impl<'a> Context<'a> {
    /// Where the kernel's file systems are.
    #[must_use]
    pub fn roots(&self) -> &'a Roots {
        &self.options.roots
    }

    /// The values of all flags.
    #[must_use]
    pub fn settings(&self) -> &'a Settings {
        &self.options.settings
    }

    /// Whether a collector, this one or another, is on.
    #[must_use]
    pub fn is_enabled(&self, name: &str) -> bool {
        self.options.enabled.iter().any(|enabled| enabled == name)
    }
}

/// All collectors, in the order in which they run. Files of scripts come last: where they repeat a
/// metric of another collector, that one wins.
pub const COLLECTORS: &[Entry] = &[
    arp::ENTRY,
    bcache::ENTRY,
    bcachefs::ENTRY,
    bonding::ENTRY,
    btrfs::ENTRY,
    buddyinfo::ENTRY,
    cgroup::ENTRY,
    cgroups::ENTRY,
    conntrack::ENTRY,
    cpu::ENTRY,
    cpu_vulnerabilities::ENTRY,
    cpufreq::ENTRY,
    diskstats::ENTRY,
    dmi::ENTRY,
    dmmultipath::ENTRY,
    drbd::ENTRY,
    drm::ENTRY,
    edac::ENTRY,
    entropy::ENTRY,
    ethtool::ENTRY,
    fibrechannel::ENTRY,
    filefd::ENTRY,
    filesystem::ENTRY,
    hwmon::ENTRY,
    infiniband::ENTRY,
    interrupts::ENTRY,
    ipvs::ENTRY,
    kernel_hung::ENTRY,
    ksmd::ENTRY,
    lnstat::ENTRY,
    loadavg::ENTRY,
    logind::ENTRY,
    mdadm::ENTRY,
    meminfo::ENTRY,
    meminfo_numa::ENTRY,
    mountstats::ENTRY,
    netclass::ENTRY,
    netdev::ENTRY,
    netstat::ENTRY,
    network_route::ENTRY,
    nfs::ENTRY,
    nfsd::ENTRY,
    ntp::ENTRY,
    nvme::ENTRY,
    nvmesubsystem::ENTRY,
    os::ENTRY,
    pcidevice::ENTRY,
    perf::ENTRY,
    powersupplyclass::ENTRY,
    pressure::ENTRY,
    process::ENTRY,
    processes::ENTRY,
    qdisc::ENTRY,
    rapl::ENTRY,
    runit::ENTRY,
    schedstat::ENTRY,
    selinux::ENTRY,
    slabinfo::ENTRY,
    sockstat::ENTRY,
    softirqs::ENTRY,
    softnet::ENTRY,
    stat::ENTRY,
    supervisord::ENTRY,
    swap::ENTRY,
    sysctl::ENTRY,
    systemd::ENTRY,
    tapestats::ENTRY,
    tcpstat::ENTRY,
    thermal_zone::ENTRY,
    time::ENTRY,
    timex::ENTRY,
    udp_queues::ENTRY,
    uname::ENTRY,
    vmstat::ENTRY,
    watchdog::ENTRY,
    wifi::ENTRY,
    xfrm::ENTRY,
    xfs::ENTRY,
    zfs::ENTRY,
    zoneinfo::ENTRY,
    textfile::ENTRY,
];

/// Says at the start that a collector may go.
fn warn_deprecated(collector: &str) {
    let message =
        "This collector is deprecated and will be removed in the next major version release.";
    tracing::warn!(collector, "{message}");
}
