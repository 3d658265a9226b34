//! What systemd units and containers use, by cgroup, with cAdvisor's names.

mod families;
mod name;
mod stats;
mod v1;
mod v2;
mod walk;

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use common_instrument::{CollectError, Collector, Family, Samples};
use parking_lot::Mutex;

use super::{Context, Entry};
use crate::Error;
use crate::beneath::{Buffers, open_directory};
use crate::pattern::Filter;
use crate::settings::{Flag, flag};
use crate::source::KernelFile;

use families::Pusher;
use stats::Stats;
use walk::{Cgroup, Hierarchy, Kind};

const CGROUPFS: Flag = flag::text(
    "path.cgroupfs",
    "cgroupfs mountpoint. Default: fs/cgroup below the sysfs mountpoint.",
    "",
);
const INCLUDE: Flag = flag::text(
    "collector.cgroup.include",
    "Regexp of cgroups (by their path below the mountpoint) to include.",
    "",
);
const EXCLUDE: Flag = flag::text(
    "collector.cgroup.exclude",
    "Regexp of cgroups (by their path below the mountpoint) to exclude.",
    r"^/user\.slice/.*/app-[^/]*\.scope|\.mount$",
);
const DEPTH: Flag = flag::number(
    "collector.cgroup.max-depth",
    "How deep below the mountpoint cgroups are looked for.",
    "5",
);
const CGROUPS: Flag = flag::number(
    "collector.cgroup.cgroups-max",
    "How many cgroups are exported; of more, the deepest are left out.",
    "1000",
);

pub(super) const ENTRY: Entry = Entry {
    name: "cgroup",
    about: "CPU, memory, input and output, tasks and pressure of systemd units and containers.",
    on_by_default: false,
    may_block: false,
    flags: &[CGROUPFS, INCLUDE, EXCLUDE, DEPTH, CGROUPS],
    build: |context| Ok(Box::new(Collection::new(context)?)),
};

const LEFT_OUT: Family = Family::counter(
    "node_cgroup_left_out_total",
    "Cgroups left out of scrapes because there were more than --collector.cgroup.cgroups-max.",
);

struct Collection {
    root: PathBuf,
    /// `/sys/dev/block`, for the names of devices.
    devices: PathBuf,
    meminfo: KernelFile,
    filter: Filter,
    depth_max: usize,
    cgroups_max: usize,
    now: fn() -> SystemTime,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    buffers: Buffers,
    cgroups: Vec<Cgroup>,
    stats: Stats,
    left_out: u64,
}

impl Collection {
    fn new(context: &Context<'_>) -> Result<Collection, Error> {
        let (roots, settings) = (context.roots(), context.settings());
        let limit = |flag: &Flag| {
            usize::try_from(settings.number(flag)?).map_err(|_| Error::Value {
                flag: flag.name,
                expected: "a number that is not negative",
                found: settings.text(flag).to_owned(),
            })
        };
        let root = match settings.text(&CGROUPFS) {
            "" => roots.sys("fs/cgroup"),
            given => given.into(),
        };
        Ok(Collection {
            root,
            devices: roots.sys("dev/block"),
            meminfo: KernelFile::new(roots.proc("meminfo")),
            filter: Filter::new(
                (&EXCLUDE, settings.text(&EXCLUDE)),
                (&INCLUDE, settings.text(&INCLUDE)),
            )?,
            depth_max: limit(&DEPTH)?,
            cgroups_max: limit(&CGROUPS)?,
            now: context.options.now,
            state: Mutex::default(),
        })
    }

    /// Forgets the deepest cgroups if there are too many.
    fn limit(&self, cgroups: &mut Vec<Cgroup>, left_out: &mut u64) {
        let Some(more) = cgroups.len().checked_sub(self.cgroups_max).filter(|more| *more > 0)
        else {
            return;
        };
        if *left_out == 0 {
            let (found, flag) = (cgroups.len(), CGROUPS.name);
            tracing::warn!(found, exported = self.cgroups_max, flag, "cgroups are left out");
        }
        *left_out += more as u64;
        cgroups.truncate(self.cgroups_max);
    }

    /// The machine itself has no limits, and with the second version no usage either.
    fn complete_root(&self, stats: &mut Stats) {
        if let Ok(content) = self.meminfo.read() {
            stats::parse_meminfo(&content, stats);
        }
    }
}

/// Reads what the hierarchies say of one cgroup.
fn read(hierarchies: &[Hierarchy], cgroup: &Cgroup, buffers: &mut Buffers, stats: &mut Stats) {
    stats.clear();
    for hierarchy in hierarchies {
        // Controllers have different sets of cgroups, and any of them may be gone by now.
        let Ok(directory) = open_directory(&hierarchy.root, cgroup.path()) else { continue };
        let mut files = stats::Files { directory: &directory, buffers, stats };
        match hierarchy.kind {
            Kind::Unified => v2::read(&mut files),
            Kind::Cpu => v1::read_cpu(&mut files),
            Kind::Cpuacct => v1::read_cpuacct(&mut files),
            Kind::Memory => v1::read_memory(&mut files),
            Kind::Blkio => v1::read_blkio(&mut files),
            Kind::Pids => v1::read_pids(&mut files),
        }
    }
}

impl Collector for Collection {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let State { buffers, cgroups, stats, left_out } = &mut *self.state.lock();
        let hierarchies = walk::hierarchies(&self.root);
        if hierarchies.is_empty() {
            let what = format!("{}: no cgroups are mounted there", self.root.display());
            return Err(CollectError::Absent(what));
        }
        walk::list(&hierarchies, self.depth_max, buffers, cgroups);
        cgroups.retain(|cgroup| !self.filter.ignores(&cgroup.id));
        self.limit(cgroups, left_out);
        let seen = (self.now)().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut pusher = Pusher::new(&self.devices, seen, samples);
        for cgroup in &*cgroups {
            read(&hierarchies, cgroup, buffers, stats);
            if cgroup.path() == "." {
                self.complete_root(stats);
            }
            pusher.push(&cgroup.id, stats);
        }
        samples.push(&LEFT_OUT, &[], *left_out as f64);
        Ok(())
    }
}
