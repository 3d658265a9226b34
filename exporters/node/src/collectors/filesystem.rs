//! Size and use of mounted file systems; a dead one does not hold up the others.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use common_instrument::{CollectError, Collector, Family, Samples};
use parking_lot::Mutex;

use super::{Context, Entry};
use crate::Error;
use crate::mounts::{Mount, parse};
use crate::pattern::Filter;
use crate::settings::{Flag, flag};
use crate::source::KernelFile;
use crate::statfs::{Answer, Prober, Usage, statfs};

const MOUNT_EXCLUDE: Flag = flag::text(
    "collector.filesystem.mount-points-exclude",
    "Regexp of mount points to exclude for filesystem collector. (mutually exclusive to \
     mount-points-include)",
    "^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)",
);
const MOUNT_INCLUDE: Flag = flag::text(
    "collector.filesystem.mount-points-include",
    "Regexp of mount points to include for filesystem collector. (mutually exclusive to \
     mount-points-exclude)",
    "",
);
const MOUNT_IGNORED: Flag = flag::text(
    "collector.filesystem.ignored-mount-points",
    "Regexp of mount points to ignore for filesystem collector.",
    "",
)
.hidden();
const TYPE_EXCLUDE: Flag = flag::text(
    "collector.filesystem.fs-types-exclude",
    "Regexp of filesystem types to exclude for filesystem collector. (mutually exclusive to \
     fs-types-include)",
    "^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|iso9660\
     |mqueue|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|erofs|sysfs\
     |tracefs)$",
);
const TYPE_INCLUDE: Flag = flag::text(
    "collector.filesystem.fs-types-include",
    "Regexp of filesystem types to include for filesystem collector. (mutually exclusive to \
     fs-types-exclude)",
    "",
);
const TYPE_IGNORED: Flag = flag::text(
    "collector.filesystem.ignored-fs-types",
    "Regexp of filesystem types to ignore for filesystem collector.",
    "",
)
.hidden();
const TIMEOUT: Flag = flag::duration(
    "collector.filesystem.mount-timeout",
    "how long to wait for a mount to respond before marking it as stale",
    "5s",
)
.hidden();
const WORKERS: Flag = flag::number(
    "collector.filesystem.stat-workers",
    "how many stat calls to process simultaneously",
    "4",
)
.hidden();

pub(super) const ENTRY: Entry = Entry {
    name: "filesystem",
    about: "Size and use of mounted file systems.",
    on_by_default: true,
    may_block: false,
    flags: &[
        MOUNT_EXCLUDE,
        MOUNT_INCLUDE,
        MOUNT_IGNORED,
        TYPE_EXCLUDE,
        TYPE_INCLUDE,
        TYPE_IGNORED,
        TIMEOUT,
        WORKERS,
    ],
    build: |context| Ok(Box::new(Filesystem::new(context)?)),
};

const SIZE: Family = Family::gauge("node_filesystem_size_bytes", "Filesystem size in bytes.");
const FREE: Family = Family::gauge("node_filesystem_free_bytes", "Filesystem free space in bytes.");
const AVAIL: Family = Family::gauge(
    "node_filesystem_avail_bytes",
    "Filesystem space available to non-root users in bytes.",
);
const FILES: Family = Family::gauge("node_filesystem_files", "Filesystem total file nodes.");
const FILES_FREE: Family =
    Family::gauge("node_filesystem_files_free", "Filesystem total free file nodes.");
const PURGEABLE: Family = Family::gauge(
    "node_filesystem_purgeable_bytes",
    "Filesystem space available including purgeable space (MacOS specific).",
);
const READONLY: Family = Family::gauge("node_filesystem_readonly", "Filesystem read-only status.");
const DEVICE_ERROR: Family = Family::gauge(
    "node_filesystem_device_error",
    "Whether an error occurred while getting statistics for the given device.",
);
const MOUNT_INFO: Family =
    Family::gauge("node_filesystem_mount_info", "Filesystem mount information.");

struct Filesystem {
    /// The mounts of the host; a process in another mount namespace sees its own in the second.
    files: [KernelFile; 2],
    rootfs: PathBuf,
    mount_filter: Filter,
    type_filter: Filter,
    timeout: Duration,
    prober: Prober,
    wanted: Mutex<Wanted>,
}

/// A mount, where it is seen from here, and whether it answers at once.
struct Place {
    mount: Mount,
    path: Arc<Path>,
    is_at_hand: bool,
}

/// File systems that know their use without asking a device or another machine.
const AT_HAND: [&str; 5] = ["ext2", "ext3", "ext4", "xfs", "tmpfs"];

/// The mounts to report, as long as the mount table stays the same.
#[derive(Default)]
struct Wanted {
    text: Vec<u8>,
    mounts: Arc<Vec<Place>>,
}

impl Filesystem {
    fn new(context: &Context<'_>) -> Result<Filesystem, Error> {
        let settings = context.settings();
        let file = |name: &str| KernelFile::new(context.roots().proc(name));
        let workers = usize::try_from(settings.number(&WORKERS)?).unwrap_or(0);
        Ok(Filesystem {
            files: [file("1/mountinfo"), file("self/mountinfo")],
            rootfs: context.roots().rootfs.clone(),
            mount_filter: filter(context, &MOUNT_EXCLUDE, &MOUNT_INCLUDE, &MOUNT_IGNORED)?,
            type_filter: filter(context, &TYPE_EXCLUDE, &TYPE_INCLUDE, &TYPE_IGNORED)?,
            timeout: settings.duration(&TIMEOUT)?,
            prober: Prober::new(workers),
            wanted: Mutex::default(),
        })
    }

    /// The mounts that pass the filters, each device, mount point and type once.
    fn mounts(&self) -> Result<Arc<Vec<Place>>, CollectError> {
        let [host, own] = &self.files;
        let (file, text) = match host.read() {
            Ok(text) => (host, text),
            Err(_) => (own, own.collect()?),
        };
        let mut wanted = self.wanted.lock();
        if *wanted.text != *text {
            let mut mounts = Vec::new();
            let mut seen = std::collections::HashSet::new();
            let all = parse(&text).map_err(|error| file.failed(error))?;
            let far: Vec<String> = far(&all);
            for mut mount in all {
                // Below another root the way to a mount may lead through anything.
                let is_at_hand =
                    self.rootfs == Path::new("/") && !leads_through(&far, &mount.point);
                mount.strip_root(&self.rootfs);
                let is_ignored = self.mount_filter.ignores(&mount.point)
                    || self.type_filter.ignores(&mount.fstype);
                let key = (mount.device.clone(), mount.point.clone(), mount.fstype.clone());
                if !is_ignored && seen.insert(key) {
                    let relative = mount.point.trim_start_matches('/');
                    let path = Arc::from(self.rootfs.join(relative));
                    mounts.push(Place { mount, path, is_at_hand });
                }
            }
            wanted.text.clear();
            wanted.text.extend_from_slice(&text);
            wanted.mounts = Arc::new(mounts);
        }
        Ok(Arc::clone(&wanted.mounts))
    }
}

/// The mount points that may hold up whoever comes near them.
fn far(mounts: &[Mount]) -> Vec<String> {
    let far = mounts.iter().filter(|mount| !AT_HAND.contains(&&*mount.fstype));
    far.map(|mount| mount.point.clone()).collect()
}

/// Whether a path is one of these mount points, or the way to it leads through one.
fn leads_through(far: &[String], path: &str) -> bool {
    far.iter().any(|point| {
        path.strip_prefix(point.trim_end_matches('/'))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

fn filter(
    context: &Context<'_>,
    exclude: &Flag,
    include: &Flag,
    ignored: &Flag,
) -> Result<Filter, Error> {
    let settings = context.settings();
    if settings.text(ignored).is_empty() {
        return settings.exclusive_filter(exclude, include);
    }
    if settings.is_set(exclude) {
        return Err(Error::Exclusive { one: ignored.name, other: exclude.name });
    }
    Filter::new((ignored, settings.text(ignored)), (include, settings.text(include)))
}

impl Collector for Filesystem {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let mounts = self.mounts()?;
        let patience = Instant::now() + self.timeout;
        let deadline = samples.deadline().map_or(patience, |deadline| deadline.min(patience));
        let asked = || mounts.iter().filter(|place| !place.is_at_hand);
        if asked().next().is_some() {
            let paths = asked().map(|place| &place.path);
            let answers = self.prober.ask(paths, deadline, self.timeout);
            for (place, answer) in asked().zip(answers) {
                push(&place.mount, &answer, samples);
            }
        }
        for place in mounts.iter().filter(|place| place.is_at_hand) {
            push(&place.mount, &statfs(&place.path), samples);
        }
        Ok(())
    }
}

fn push(mount: &Mount, answer: &Answer, samples: &mut Samples) {
    let error = match answer {
        Answer::Usage(_) => "",
        Answer::Error(text) => text,
        Answer::Timeout => "mountpoint timeout",
    };
    let labels = [
        ("device", &*mount.device),
        ("mountpoint", &mount.point),
        ("fstype", &mount.fstype),
        ("device_error", error),
    ];
    let flag = |is_set: bool| if is_set { 1.0 } else { 0.0 };
    samples.push(&READONLY, &labels, flag(mount.is_read_only));
    samples.push(&DEVICE_ERROR, &labels, flag(!error.is_empty()));
    let Answer::Usage(Usage { size, free, avail, files, files_free }) = answer else { return };
    samples.push(&SIZE, &labels, *size);
    samples.push(&FREE, &labels, *free);
    samples.push(&AVAIL, &labels, *avail);
    samples.push(&FILES, &labels, *files);
    samples.push(&FILES_FREE, &labels, *files_free);
    samples.push(&PURGEABLE, &labels, 0.0);
    let labels = [
        ("device", &*mount.device),
        ("major", &mount.major),
        ("minor", &mount.minor),
        ("mountpoint", &mount.point),
    ];
    samples.push(&MOUNT_INFO, &labels, 1.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_behind_a_network_mount_is_not_at_hand() {
        let far = ["/srv/nfs".to_owned(), "/proc".to_owned()];
        for (path, expected) in [
            ("/", false),
            ("/srv", false),
            ("/srv/nfs", true),
            ("/srv/nfs/local", true),
            ("/srv/nfs2", false),
            ("/proc/x", true),
        ] {
            assert_eq!(leads_through(&far, path), expected, "{path}");
        }
        assert!(leads_through(&["/".to_owned()], "/home"));
    }
}
