//! The table of collectors: flags, help, documentation and goldens run over it.

use common_instrument::Collector;

use crate::settings::{Flag, Settings};
use crate::{Error, NodeOptions, Roots};

mod arp;
mod cgroup;
mod cgroups;
mod conntrack;
mod cpu;
mod cpufreq;
mod diskstats;
mod dmi;
mod entropy;
mod filefd;
mod filesystem;
mod kernel_hung;
mod loadavg;
mod meminfo;
mod netclass;
mod netdev;
mod netstat;
mod os;
mod pressure;
mod process;
mod processes;
mod schedstat;
mod selinux;
mod sockstat;
mod softnet;
mod stat;
mod sysctl;
mod textfile;
mod thermal_zone;
mod time;
mod timex;
mod udp_queues;
mod uname;
mod vmstat;

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
    cgroup::ENTRY,
    cgroups::ENTRY,
    conntrack::ENTRY,
    cpu::ENTRY,
    cpufreq::ENTRY,
    diskstats::ENTRY,
    dmi::ENTRY,
    entropy::ENTRY,
    filefd::ENTRY,
    filesystem::ENTRY,
    kernel_hung::ENTRY,
    loadavg::ENTRY,
    meminfo::ENTRY,
    netclass::ENTRY,
    netdev::ENTRY,
    netstat::ENTRY,
    os::ENTRY,
    pressure::ENTRY,
    process::ENTRY,
    processes::ENTRY,
    schedstat::ENTRY,
    selinux::ENTRY,
    sockstat::ENTRY,
    softnet::ENTRY,
    stat::ENTRY,
    sysctl::ENTRY,
    thermal_zone::ENTRY,
    time::ENTRY,
    timex::ENTRY,
    udp_queues::ENTRY,
    uname::ENTRY,
    vmstat::ENTRY,
    textfile::ENTRY,
];
