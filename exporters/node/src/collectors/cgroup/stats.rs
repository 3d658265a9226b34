//! What is known of one cgroup, and the shapes of the files that say it.

use std::os::fd::OwnedFd;

use crate::beneath::Buffers;
use crate::parse::{lines, unsigned, words};

use super::families::Field;

/// Units in which files count time, by their number in a second.
pub(super) const MICROSECONDS: f64 = 1e6;
pub(super) const NANOSECONDS: f64 = 1e9;

/// From here on memory counts as not limited: less than `i64::MAX`, because the kernel rounds.
const UNLIMITED_BYTES: u64 = 1 << 62;

/// What is known of one cgroup.
#[derive(Debug)]
pub(super) struct Stats {
    values: [Option<f64>; Field::COUNT],
    /// One entry per block device.
    pub(super) devices: Vec<Device>,
}

/// Input and output on one device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Device {
    pub(super) major: u32,
    pub(super) minor: u32,
    /// Bytes and number of operations: read, written, discarded.
    pub(super) bytes: [u64; 3],
    pub(super) operations: [u64; 3],
}

impl Default for Stats {
    fn default() -> Stats {
        Stats { values: [None; Field::COUNT], devices: Vec::new() }
    }
}

impl Stats {
    /// To be called before the next cgroup.
    pub(super) fn clear(&mut self) {
        self.values = [None; Field::COUNT];
        self.devices.clear();
    }

    pub(super) fn set(&mut self, field: Field, value: f64) {
        self.values[field as usize] = Some(value);
    }

    pub(super) fn get(&self, field: Field) -> Option<f64> {
        self.values[field as usize]
    }

    /// Of memory that is in use, what was not only read from files and not used since.
    pub(super) fn working_set(&self) -> Option<f64> {
        let inactive = self.get(Field::InactiveFile).unwrap_or(0.0);
        self.get(Field::Usage).map(|usage| (usage - inactive).max(0.0))
    }

    /// The entry of a device.
    fn device(&mut self, number: &[u8]) -> Option<&mut Device> {
        let colon = number.iter().position(|&byte| byte == b':')?;
        let part = |digits| unsigned(digits).and_then(|number| u32::try_from(number).ok());
        let (major, minor) = (part(&number[..colon])?, part(&number[colon + 1..])?);
        let known = self.devices.iter().position(|one| (one.major, one.minor) == (major, minor));
        let at = known.unwrap_or_else(|| {
            self.devices.push(Device { major, minor, ..Device::default() });
            self.devices.len() - 1
        });
        self.devices.get_mut(at)
    }
}

/// Key of a file, where its value goes, and what it is divided by.
pub(super) type Key = (&'static [u8], Field, f64);

/// The files of one cgroup.
pub(super) struct Files<'a> {
    pub(super) directory: &'a OwnedFd,
    pub(super) buffers: &'a mut Buffers,
    pub(super) stats: &'a mut Stats,
}

impl Files<'_> {
    /// Reads a file, if it is there, with one of the functions below.
    pub(super) fn with(&mut self, file: &str, read: impl FnOnce(&[u8], &mut Stats)) -> bool {
        match self.buffers.read(self.directory, file) {
            Ok(content) => {
                read(content, self.stats);
                true
            }
            Err(_) => false,
        }
    }

    /// A file that is one number; whether it is there.
    pub(super) fn number(&mut self, file: &str, field: Field, unit: f64) -> bool {
        self.with(file, |content, stats| {
            if let Some(value) = unsigned(content.trim_ascii()) {
                stats.set(field, value as f64 / unit);
            }
        })
    }

    /// A file that is a limit: zero for none.
    pub(super) fn limit(&mut self, file: &str, field: Field) {
        self.with(file, |content, stats| match content.trim_ascii() {
            b"max" => stats.set(field, 0.0),
            number => {
                if let Some(value) = unsigned(number) {
                    stats.set(field, if value > UNLIMITED_BYTES { 0.0 } else { value as f64 });
                }
            }
        });
    }

    /// A file of lines with a key and a number.
    pub(super) fn keyed(&mut self, file: &str, keys: &[Key]) {
        self.with(file, |content, stats| parse_keyed(content, keys, stats));
    }
}

/// Lines with a key and a number.
pub(super) fn parse_keyed(content: &[u8], keys: &[Key], stats: &mut Stats) {
    for (_, line) in lines(content) {
        let Some(blank) = line.iter().position(|&byte| byte == b' ') else { continue };
        let Some((_, field, unit)) = keys.iter().find(|(key, ..)| *key == &line[..blank]) else {
            continue;
        };
        if let Some(value) = unsigned(line[blank..].trim_ascii()) {
            stats.set(*field, value as f64 / unit);
        }
    }
}

/// `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`, and the same with `full`.
pub(super) fn parse_pressure(content: &[u8], some: Field, full: Field, stats: &mut Stats) {
    for (_, line) in lines(content) {
        let field = if line.starts_with(b"some ") { some } else { full };
        let total = words(line).find_map(|word| unsigned(word.strip_prefix(b"total=")?));
        if let Some(total) = total {
            stats.set(field, total as f64 / MICROSECONDS);
        }
    }
}

/// `8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6`
pub(super) fn parse_io_stat(content: &[u8], stats: &mut Stats) {
    for (_, line) in lines(content) {
        let mut words = words(line);
        let Some(number) = words.next() else { continue };
        // Devices that were not used may stand there without anything behind them.
        for word in words {
            let Some(equals) = word.iter().position(|&byte| byte == b'=') else { continue };
            let Some(value) = unsigned(&word[equals + 1..]) else { continue };
            let Some(device) = stats.device(number) else { continue };
            match &word[..equals] {
                b"rbytes" => device.bytes[0] = value,
                b"wbytes" => device.bytes[1] = value,
                b"dbytes" => device.bytes[2] = value,
                b"rios" => device.operations[0] = value,
                b"wios" => device.operations[1] = value,
                b"dios" => device.operations[2] = value,
                _ => {}
            }
        }
    }
}

/// `8:0 Read 1`, of the first version.
pub(super) fn parse_blkio(
    content: &[u8],
    stats: &mut Stats,
    part: impl Fn(&mut Device) -> &mut [u64; 3],
) {
    for (_, line) in lines(content) {
        let mut words = words(line);
        let (Some(number), Some(operation), Some(value)) =
            (words.next(), words.next(), words.next().and_then(unsigned))
        else {
            continue;
        };
        let at = match operation {
            b"Read" => 0,
            b"Write" => 1,
            b"Discard" => 2,
            _ => continue,
        };
        if let Some(device) = stats.device(number) {
            part(device)[at] = value;
        }
    }
}

/// What the machine has and uses, for the root cgroup.
pub(super) fn parse_meminfo(content: &[u8], stats: &mut Stats) {
    const KIB: f64 = 1024.0;
    let find = |key: &[u8]| {
        let line = lines(content).find_map(|(_, line)| line.strip_prefix(key))?;
        words(line).next().and_then(unsigned).map(|value| value as f64 * KIB)
    };
    if let Some(total) = find(b"MemTotal:") {
        stats.set(Field::SpecMemory, total);
        if let (None, Some(free)) = (stats.get(Field::Usage), find(b"MemFree:")) {
            stats.set(Field::Usage, total - free);
        }
    }
    if let Some(total) = find(b"SwapTotal:") {
        stats.set(Field::SpecSwap, total);
        if let (None, Some(free)) = (stats.get(Field::Swap), find(b"SwapFree:")) {
            stats.set(Field::Swap, total - free);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_working_set_is_never_negative() {
        fn check(usage: Option<f64>, inactive: Option<f64>, expected: Option<f64>) {
            let mut stats = Stats::default();
            for (field, value) in [(Field::Usage, usage), (Field::InactiveFile, inactive)] {
                if let Some(value) = value {
                    stats.set(field, value);
                }
            }
            assert_eq!(stats.working_set(), expected);
        }
        check(Some(10.0), Some(4.0), Some(6.0));
        check(Some(10.0), Some(40.0), Some(0.0));
        check(Some(10.0), None, Some(10.0));
        check(None, Some(4.0), None);
    }

    #[test]
    fn devices_are_gathered_from_several_files_and_odd_lines_skipped() {
        let mut stats = Stats::default();
        parse_io_stat(
            b"8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n7:0 \n7:1 rios=0\n(null)\n",
            &mut stats,
        );
        let first = Device { major: 8, minor: 0, bytes: [1, 2, 5], operations: [3, 4, 6] };
        let second = Device { major: 7, minor: 1, ..Device::default() };
        assert_eq!(stats.devices, [first, second]);
        stats.clear();
        parse_blkio(b"8:0 Read 1\n8:0 Sync 9\n8:0 Write x\nTotal 9\n", &mut stats, |one| {
            &mut one.bytes
        });
        parse_blkio(b"8:0 Write 4\n", &mut stats, |one| &mut one.operations);
        let first = Device { major: 8, minor: 0, bytes: [1, 0, 0], operations: [0, 4, 0] };
        assert_eq!(stats.devices, [first]);
    }
}
