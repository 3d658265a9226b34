//! Statistics of NFS mounts: `/proc/self/mountstats`, with the servers' addresses of `mountinfo`.

use std::borrow::Cow;
use std::collections::HashSet;

use common_instrument::{CollectError, Collector, Samples};

use self::families::{AGE, BYTES, EVENTS, MOUNT_POINT, OPERATIONS, TRANSPORT};
use self::parse::{Mount, parse};
use super::Entry;
use super::diskstats::label;
use crate::parse::{lines, text, words};
use crate::source::KernelFile;

mod families;
mod parse;

pub(super) const ENTRY: Entry = Entry {
    name: "mountstats",
    about: "Statistics of NFS mounts of /proc/self/mountstats.",
    on_by_default: false,
    may_block: true,
    flags: &[],
    build: |context| {
        let file = |name: &str| KernelFile::new(context.roots().proc(name));
        let (stats, table) = (file("self/mountstats"), file("self/mountinfo"));
        Ok(Box::new(Mountstats { stats, table }))
    },
};

/// Times are taken modulo this, because the kernel's sums fall below 0: they count in signed
/// numbers and are written unsigned. What a float cannot hold exactly is cut off.
const EXACT_MAX: u64 = 1 << 53;

/// Times of operations are in ms.
const MS: f64 = 1000.0;

/// The first of the times among the numbers of an operation.
const OPERATION_TIMES: usize = 5;

/// Place of the time without traffic among the numbers of a transport, in seconds.
const IDLE: usize = 4;

struct Mountstats {
    stats: KernelFile,
    table: KernelFile,
}

impl Collector for Mountstats {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let stats = self.stats.collect()?;
        let mounts = parse(&stats).map_err(|error| self.stats.failed(error))?;
        let content = self.table.collect()?;
        let table: Vec<&[u8]> = lines(&content).map(|(_, line)| line).collect();
        let mut points = HashSet::new();
        let mut exports = HashSet::new();
        for mount in &mounts {
            let address = address(&table, mount);
            for transport in &mount.transports {
                let labels = [mount.device, transport.protocol, address].map(text);
                if points.insert((mount.device, transport.protocol, address, mount.point)) {
                    push_point(&labels, mount, samples);
                }
                // All mounts of an export share its numbers.
                if !exports.insert((mount.device, transport.protocol, address)) {
                    break;
                }
                push_mount(&labels, mount, samples);
            }
        }
        Ok(())
    }
}

/// The server's address of the mount's options. Both files list the mounts in the same order,
/// unless something was mounted between the two reads.
fn address<'a>(table: &[&'a [u8]], mount: &Mount<'_>) -> &'a [u8] {
    let matching = |line: &&'a [u8]| address_of_line(line, mount);
    let at_its_place = table.get(mount.index).and_then(matching);
    at_its_place.or_else(|| table.iter().find_map(matching)).unwrap_or_default()
}

/// `194 21 0:42 / POINT rw shared:144 - nfs4 EXPORT rw,addr=192.0.2.1`, if it is this mount.
fn address_of_line<'a>(line: &'a [u8], mount: &Mount<'_>) -> Option<&'a [u8]> {
    let mut words = words(line).skip(4);
    if words.next()? != mount.point {
        return None;
    }
    let mut words = words.skip_while(|word| *word != b"-").skip(1);
    if words.next()? != mount.kind || words.next()? != mount.device {
        return None;
    }
    words.next()?.split(|&byte| byte == b',').find_map(|option| option.strip_prefix(b"addr="))
}

/// Export, protocol and address of the server.
type Labels<'a> = [Cow<'a, str>; 3];

/// Those three labels, and room for one more.
fn with<'a>(labels: &'a Labels<'_>, name: &'a str, value: &'a str) -> [(&'a str, &'a str); 4] {
    let [export, protocol, address] = labels;
    [("export", export), ("protocol", protocol), ("mountaddr", address), (name, value)]
}

fn push_point(labels: &Labels<'_>, mount: &Mount<'_>, samples: &mut Samples) {
    let point = text(mount.point);
    samples.push(&MOUNT_POINT, &with(labels, "mountpoint", &point), 1.0);
}

fn push_mount(names: &Labels<'_>, mount: &Mount<'_>, samples: &mut Samples) {
    let labels = &with(names, "", "")[..3];
    samples.push(&AGE, labels, mount.age as f64);
    for (family, value) in BYTES.iter().zip(mount.bytes) {
        samples.push(family, labels, value as f64);
    }
    for (family, value) in EVENTS.iter().zip(mount.events) {
        if let Some(family) = family {
            samples.push(family, labels, value as f64);
        }
    }
    let mut buffer = String::new();
    for (at, transport) in mount.transports.iter().enumerate() {
        let labels = with(names, "transport", label(&mut buffer, at));
        for (place, family) in &TRANSPORT {
            let number = transport.numbers[*place];
            let number = if *place == IDLE { number % EXACT_MAX } else { number };
            samples.push(family, &labels, number as f64);
        }
    }
    for (operation, numbers) in &mount.operations {
        let operation = text(operation);
        let labels = with(names, "operation", &operation);
        for (at, (family, &number)) in OPERATIONS.iter().zip(numbers).enumerate() {
            let is_time = at >= OPERATION_TIMES;
            let value = if is_time { (number % EXACT_MAX) as f64 / MS } else { number as f64 };
            samples.push(family, &labels, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_that_of_the_mount_at_the_same_place_or_elsewhere() {
        fn check(table: &[&str], index: usize, expected: &str) {
            let (device, point, kind) = (&b"a:/b"[..], &b"/c"[..], &b"nfs4"[..]);
            let mount = Mount { index, device, point, kind, ..Mount::default() };
            let table: Vec<&[u8]> = table.iter().map(|line| line.as_bytes()).collect();
            assert_eq!(address(&table, &mount), expected.as_bytes());
        }
        let proc = "25 29 0:23 / /proc rw,nosuid shared:13 - proc proc rw";
        let first = "9 1 0:42 / /c rw shared:1 master:2 - nfs4 a:/b rw,vers=4.0,addr=192.0.2.1,x";
        let second = "9 1 0:42 / /c rw - nfs4 a:/b rw,clientaddr=192.0.2.9,addr=192.0.2.2";
        let other = "9 1 0:42 / /c rw - nfs a:/b rw,addr=192.0.2.3";
        check(&[first, second], 0, "192.0.2.1");
        check(&[first, second], 1, "192.0.2.2");
        check(&[proc, second], 0, "192.0.2.2");
        check(&[proc, second], 7, "192.0.2.2");
        check(&[other, second], 0, "192.0.2.2");
        check(&[other, proc, "", "9 1 0:42 / /c rw - nfs4 a:/b"], 3, "");
        check(&[], 0, "");
    }
}
