//! btrfs file systems: `/sys/fs/btrfs/UUID`, and what only ioctls tell of their devices.

mod devices;

use std::fmt::Write;
use std::path::{Path, PathBuf};

use common_instrument::{CollectError, Collector, Family, Samples};
use parking_lot::Mutex;

use super::Entry;
use crate::btrfs_ioctl::{Device, ERROR_KINDS, FileSystem};
use crate::parse::{ParseError, lines, text, unsigned, words};
use crate::source::{Attributes, directories_in, names_in};
use crate::tree::TreeReader;

use devices::Devices;

pub(super) const ENTRY: Entry = Entry {
    name: "btrfs",
    about: "btrfs file systems of /sys/fs/btrfs, and errors of their devices.",
    on_by_default: true,
    may_block: true,
    flags: &[],
    build: |context| {
        Ok(Box::new(Btrfs {
            directory: context.roots().sys("fs/btrfs"),
            state: Mutex::new(State {
                attributes: Attributes::new(),
                devices: Devices::new(context),
            }),
        }))
    },
};

const INFO: Family = Family::gauge("node_btrfs_info", "Filesystem information");
const GLOBAL_RESERVE: Family =
    Family::gauge("node_btrfs_global_rsv_size_bytes", "Size of global reserve.");
const RESERVED: Family =
    Family::gauge("node_btrfs_reserved_bytes", "Amount of space reserved for a data type");
const USED: Family =
    Family::gauge("node_btrfs_used_bytes", "Amount of used space by a layout/data type");
const SIZE: Family =
    Family::gauge("node_btrfs_size_bytes", "Amount of space allocated for a layout/data type");
const RATIO: Family =
    Family::gauge("node_btrfs_allocation_ratio", "Data allocation ratio for a layout/data type");
const DEVICE_SIZE: Family = Family::gauge(
    "node_btrfs_device_size_bytes",
    "Size of a device that is part of the filesystem.",
);
const DEVICE_UNUSED: Family = Family::gauge(
    "node_btrfs_device_unused_bytes",
    "Unused bytes unused on a device that is part of the filesystem.",
);
const DEVICE_ERRORS: Family =
    Family::counter("node_btrfs_device_errors_total", "Errors reported for the device");

/// Lines of `commit_stats`, families and factors: times are in ms.
const COMMITS: [(&[u8], Family, f64); 4] = [
    (
        b"commits",
        Family::counter(
            "node_btrfs_commits_total",
            "The total number of commits that have occurred.",
        ),
        1.0,
    ),
    (
        b"last_commit_ms",
        Family::gauge(
            "node_btrfs_last_commit_seconds",
            "Duration of the most recent commit, in seconds.",
        ),
        MS_PER_SECOND,
    ),
    (
        b"max_commit_ms",
        Family::gauge(
            "node_btrfs_max_commit_seconds",
            "Duration of the slowest commit, in seconds.",
        ),
        MS_PER_SECOND,
    ),
    (
        b"total_commit_ms",
        Family::counter(
            "node_btrfs_commit_seconds_total",
            "Sum of the duration of all commits, in seconds.",
        ),
        MS_PER_SECOND,
    ),
];
const MS_PER_SECOND: f64 = 1000.0;

/// Types of block groups.
const GROUPS: [&str; 3] = ["data", "metadata", "system"];

/// Devices' sizes are in sectors of this size, whatever the device has.
const SECTOR_BYTES: f64 = 512.0;

struct Btrfs {
    directory: PathBuf,
    state: Mutex<State>,
}

struct State {
    attributes: Attributes,
    devices: Devices,
}

/// The values of [`COMMITS`]; 0 for a line that is not there.
fn parse_commits(text: &[u8]) -> Result<[u64; COMMITS.len()], ParseError> {
    let mut values = [0; COMMITS.len()];
    for (number, line) in lines(text) {
        let mut words = words(line);
        let name = words.next().unwrap_or_default();
        let Some(at) = COMMITS.iter().position(|(known, ..)| *known == name) else { continue };
        let word = words.next().unwrap_or_default();
        values[at] = unsigned(word).ok_or_else(|| ParseError::new(number, "an integer", word))?;
    }
    Ok(values)
}

/// How many bytes of devices a byte of data takes with this profile; 0 for an unknown one.
fn ratio(profile: &str, devices: usize) -> f64 {
    let devices = devices as f64;
    match profile {
        "single" | "raid0" => 1.0,
        "dup" | "raid1" | "raid10" => 2.0,
        "raid1c3" => 3.0,
        "raid1c4" => 4.0,
        "raid5" => devices / (devices - 1.0),
        "raid6" => devices / (devices - 2.0),
        _ => 0.0,
    }
}

/// A UUID as it is written, `<zero>` for none.
fn written(uuid: [u8; 16]) -> String {
    /// Bytes behind which a dash stands.
    const DASHES: [usize; 4] = [3, 5, 7, 9];
    if uuid == [0; 16] {
        return "<zero>".to_owned();
    }
    let mut text = String::with_capacity(36);
    for (at, byte) in uuid.iter().enumerate() {
        let dash = if DASHES.contains(&at) { "-" } else { "" };
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}{dash}");
    }
    text
}

/// Pushes one file system after the other.
struct Pusher<'a> {
    reader: TreeReader<'a>,
    samples: &'a mut Samples,
}

impl Pusher<'_> {
    /// The number in a file; older kernels do not have all of them.
    fn number(&mut self, path: &Path) -> f64 {
        let integer = |text: &[u8]| unsigned(text).map(|value| value as f64);
        self.reader.number(path, integer).unwrap_or(0.0)
    }

    fn word(&mut self, path: &Path) -> String {
        self.reader.read(path, |value| Ok(text(value).into_owned())).unwrap_or_default()
    }

    fn push_file_system(&mut self, directory: &Path, name: &str, told: Option<&FileSystem>) {
        let path = directory.join("devices");
        let devices = self.reader.list(&path, names_in);
        if devices.is_empty() {
            // It is being unmounted.
            return;
        }
        let uuid = self.word(&directory.join("metadata_uuid"));
        let uuid = ("uuid", if uuid.is_empty() { name } else { &*uuid });
        let label = self.word(&directory.join("label"));
        self.samples.push(&INFO, &[uuid, ("label", &label)], 1.0);
        let reserve = self.number(&directory.join("allocation/global_rsv_size"));
        self.samples.push(&GLOBAL_RESERVE, &[uuid], reserve);
        let commits = self.reader.read(&directory.join("commit_stats"), parse_commits);
        for ((_, family, divisor), value) in COMMITS.iter().zip(commits.unwrap_or_default()) {
            self.samples.push(family, &[uuid], value as f64 / divisor);
        }
        for group in GROUPS {
            let labels = [uuid, ("block_group_type", group)];
            self.push_group(&directory.join("allocation").join(group), labels, devices.len());
        }
        match told {
            Some(told) => told.devices.iter().for_each(|device| self.push_device(uuid, device)),
            None => {
                for device in &devices {
                    let sectors = self.number(&path.join(device).join("size"));
                    let labels = [uuid, ("device", device)];
                    self.samples.push(&DEVICE_SIZE, &labels, sectors * SECTOR_BYTES);
                }
            }
        }
    }

    fn push_group(&mut self, directory: &Path, labels: [(&str, &str); 2], devices: usize) {
        let reserved = self.number(&directory.join("bytes_reserved"));
        self.samples.push(&RESERVED, &labels, reserved);
        for profile in self.reader.list(directory, directories_in) {
            let path = directory.join(&profile);
            let labels = [labels[0], labels[1], ("mode", &profile)];
            let used = self.number(&path.join("used_bytes"));
            self.samples.push(&USED, &labels, used);
            let size = self.number(&path.join("total_bytes"));
            self.samples.push(&SIZE, &labels, size);
            self.samples.push(&RATIO, &labels, ratio(&profile, devices));
        }
    }

    fn push_device(&mut self, uuid: (&str, &str), device: &Device) {
        let name = device.path.rsplit('/').next().unwrap_or_default();
        let device_uuid = written(device.uuid);
        let labels = [uuid, ("device", name), ("btrfs_dev_uuid", &device_uuid)];
        self.samples.push(&DEVICE_SIZE, &labels, device.size as f64);
        let unused = device.size.saturating_sub(device.used);
        self.samples.push(&DEVICE_UNUSED, &labels, unused as f64);
        for (kind, count) in ERROR_KINDS.iter().zip(device.errors) {
            let labels = [labels[0], labels[1], labels[2], ("type", kind)];
            self.samples.push(&DEVICE_ERRORS, &labels, count as f64);
        }
    }
}

impl Collector for Btrfs {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let State { attributes, devices } = &mut *self.state.lock();
        let mut pusher = Pusher { reader: TreeReader::new(attributes), samples };
        // Without the module there is no directory; `features` stands beside the file systems.
        let mut names = pusher.reader.list(&self.directory, names_in);
        names.retain(|name| name.contains('-'));
        if names.is_empty() {
            return pusher.reader.finish();
        }
        let told = devices.ask();
        for name in &names {
            let told = told.iter().find(|system| written(system.id) == *name);
            pusher.push_file_system(&self.directory.join(name), name, told);
        }
        pusher.reader.finish()
    }
}

#[cfg(test)]
mod tests {
    use common_instrument::SampleValue;

    use super::*;

    #[test]
    fn commits_are_lines_of_a_name_and_a_number() {
        fn check(text: &str, expected: Result<[u64; 4], &str>) {
            let found = parse_commits(text.as_bytes()).map_err(|error| error.to_string());
            assert_eq!(found, expected.map_err(str::to_owned));
        }
        let text = "commits 3\nlast_commit_ms 11\nmax_commit_ms 52\ntotal_commit_ms 99\n";
        check(text, Ok([3, 11, 52, 99]));
        check("cur_commit_ms x\nmax_commit_ms 5", Ok([0, 0, 5, 0]));
        check("commits x", Err("line 1: expected an integer, found \"x\""));
        check("commits", Err("line 1: expected an integer, found \"\""));
        check("", Ok([0; 4]));
    }

    #[test]
    fn profiles_take_what_their_copies_and_parities_need() {
        fn check(profile: &str, devices: usize, expected: f64) {
            assert_eq!(ratio(profile, devices), expected);
        }
        check("single", 1, 1.0);
        check("dup", 1, 2.0);
        check("raid1c3", 5, 3.0);
        check("raid1c4", 5, 4.0);
        check("raid5", 4, 4.0 / 3.0);
        check("raid6", 4, 2.0);
        check("raid6", 2, f64::INFINITY);
        check("raid7", 4, 0.0);
    }

    #[test]
    fn what_a_file_system_tells_of_its_devices_replaces_their_sizes() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("devices/sdx")).unwrap();
        std::fs::write(dir.path().join("devices/sdx/size"), "2\n").unwrap();
        let check = |told: Option<&FileSystem>, expected: &[(&str, f64)]| {
            let (mut attributes, mut samples) = (Attributes::new(), Samples::default());
            let reader = TreeReader::new(&mut attributes);
            let mut pusher = Pusher { reader, samples: &mut samples };
            pusher.push_file_system(dir.path(), "a-b", told);
            assert_eq!(pusher.reader.finish(), Ok(()));
            let mut found = Vec::new();
            for family in samples.families() {
                let Some(name) = family.name().strip_prefix("node_btrfs_device_") else { continue };
                for sample in family.samples() {
                    let SampleValue::Number(value) = sample.value() else { continue };
                    let labels: Vec<_> = sample.labels().map(|(_, value)| value).collect();
                    found.push((format!("{name} {}", labels.join(" ")), value));
                }
            }
            let expected: Vec<_> = expected.iter().map(|(n, v)| ((*n).to_owned(), *v)).collect();
            assert_eq!(found, expected);
        };
        check(None, &[("size_bytes sdx a-b", 1024.0)]);
        let device = Device {
            path: "/dev/mapper/x".to_owned(),
            uuid: [0x11; 16],
            used: 40,
            size: 100,
            errors: [1, 2, 3, 4, 5],
        };
        let told = FileSystem { id: [0; 16], devices: vec![device] };
        const UUID: &str = "11111111-1111-1111-1111-111111111111";
        check(
            Some(&told),
            &[
                (&format!("errors_total {UUID} x corruption a-b"), 4.0),
                (&format!("errors_total {UUID} x flush a-b"), 3.0),
                (&format!("errors_total {UUID} x generation a-b"), 5.0),
                (&format!("errors_total {UUID} x read a-b"), 2.0),
                (&format!("errors_total {UUID} x write a-b"), 1.0),
                (&format!("size_bytes {UUID} x a-b"), 100.0),
                (&format!("unused_bytes {UUID} x a-b"), 60.0),
            ],
        );
    }

    #[test]
    fn uuids_are_written_with_dashes() {
        fn check(uuid: &[u8; 16], expected: &str) {
            assert_eq!(written(*uuid), expected);
        }
        check(b"\x00\x01\xffdefghijklmnop", "0001ff64-6566-6768-696a-6b6c6d6e6f70");
        check(&[0; 16], "<zero>");
    }
}
