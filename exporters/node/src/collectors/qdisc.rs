//! Queueing disciplines at the root of network devices: rtnetlink. `linux/pkt_sched.h`,
//! `linux/gen_stats.h`.

use std::io;
use std::path::{Path, PathBuf};

use common_instrument::{CollectError, Collector, Family, Samples};
use parking_lot::Mutex;

use super::{Context, Entry};
use crate::Error;
use crate::go_json::{Record, read_list};
use crate::links::names;
use crate::netlink::{FAMILY_ANY, GET_QDISC, Netlink, attributes, of_family, text, u32_at, u64_at};
use crate::pattern::Filter;
use crate::settings::{Flag, flag};

const FIXTURES: Flag = flag::text(
    "collector.qdisc.fixtures",
    "test fixtures to use for qdisc collector end-to-end testing",
    "",
);
const INCLUDE: Flag = flag::text(
    "collector.qdisc.device-include",
    "Regexp of qdisc devices to include (mutually exclusive to device-exclude).",
    "",
);
const OLD_INCLUDE: Flag = flag::text(
    "collector.qdisk.device-include",
    "DEPRECATED: Use collector.qdisc.device-include",
    "",
)
.hidden();
const EXCLUDE: Flag = flag::text(
    "collector.qdisc.device-exclude",
    "Regexp of qdisc devices to exclude (mutually exclusive to device-include).",
    "",
);
const OLD_EXCLUDE: Flag = flag::text(
    "collector.qdisk.device-exclude",
    "DEPRECATED: Use collector.qdisc.device-exclude",
    "",
)
.hidden();

pub(super) const ENTRY: Entry = Entry {
    name: "qdisc",
    about: "Queueing disciplines of network devices.",
    on_by_default: false,
    may_block: false,
    flags: &[FIXTURES, INCLUDE, OLD_INCLUDE, EXCLUDE, OLD_EXCLUDE],
    build: |context| Ok(Box::new(Qdisc::new(context)?)),
};

macro_rules! family {
    ($kind:ident, $name:literal, $help:literal) => {
        Family::$kind(concat!("node_qdisc_", $name), $help)
    };
}

/// In the order of [`Queue::values`].
const FAMILIES: [Family; 7] = [
    family!(counter, "bytes_total", "Number of bytes sent."),
    family!(counter, "packets_total", "Number of packets sent."),
    family!(counter, "drops_total", "Number of packets dropped."),
    family!(
        counter,
        "requeues_total",
        "Number of packets dequeued, not transmitted, and requeued."
    ),
    family!(counter, "overlimits_total", "Number of overlimit packets."),
    family!(gauge, "current_queue_length", "Number of packets currently in queue to be sent."),
    family!(gauge, "backlog", "Number of bytes currently in queue to be sent."),
];
const BYTES: usize = 0;
const PACKETS: usize = 1;
const DROPS: usize = 2;
const REQUEUES: usize = 3;
const OVERLIMITS: usize = 4;
const QUEUE_LENGTH: usize = 5;
const BACKLOG: usize = 6;

struct Qdisc {
    filter: Filter,
    /// Directory of recorded answers, for tests.
    fixtures: Option<PathBuf>,
    netlink: Mutex<Netlink>,
}

/// One queueing discipline; its device is a number or, in recorded answers, a name.
#[derive(Debug, PartialEq)]
struct Queue {
    device: u32,
    kind: String,
    values: [u64; FAMILIES.len()],
}

impl Qdisc {
    fn new(context: &Context<'_>) -> Result<Qdisc, Error> {
        let settings = context.settings();
        let exclude = settings.renamed(&EXCLUDE, &OLD_EXCLUDE)?;
        let include = settings.renamed(&INCLUDE, &OLD_INCLUDE)?;
        let fixtures = settings.text(&FIXTURES);
        Ok(Qdisc {
            filter: settings.exclusive_filter(&exclude, &include)?,
            fixtures: (!fixtures.is_empty()).then(|| fixtures.into()),
            netlink: Mutex::new(Netlink::route()),
        })
    }

    fn push(&self, device: &str, queue: &Queue, samples: &mut Samples) {
        if self.filter.ignores(device) {
            return;
        }
        let labels = [("device", device), ("kind", &*queue.kind)];
        for (family, value) in FAMILIES.iter().zip(queue.values) {
            samples.push(family, &labels, value as f64);
        }
    }

    fn push_recorded(&self, directory: &Path, samples: &mut Samples) -> io::Result<()> {
        for record in read_list(&directory.join("results.json"))? {
            if record.unsigned("Parent") == 0 {
                self.push(record.text("IfaceName"), &recorded(&record), samples);
            }
        }
        Ok(())
    }

    fn push_all(&self, samples: &mut Samples) -> io::Result<()> {
        let netlink = &mut *self.netlink.lock();
        let mut queues = Vec::new();
        netlink
            .dump((GET_QDISC, &of_family(FAMILY_ANY)), |message| queues.extend(queue(message)))?;
        let names = names(netlink)?;
        for queue in queues {
            // A device may have gone away since.
            if let Some(name) = names.get(&queue.device) {
                self.push(name, &queue, samples);
            }
        }
        Ok(())
    }
}

fn recorded(record: &Record) -> Queue {
    let fields = ["Bytes", "Packets", "Drops", "Requeues", "Overlimits", "Qlen", "Backlog"];
    let kind = record.text("Kind").to_owned();
    Queue { device: 0, kind, values: fields.map(|field| record.unsigned(field)) }
}

/// A message about a queueing discipline; `None` if it is not at the root of its device.
fn queue(message: &[u8]) -> Option<Queue> {
    const MESSAGE_BYTES: usize = 20;
    const AT_ROOT: u32 = u32::MAX;
    const KIND: u16 = 1;
    const OLD_STATISTICS: u16 = 3;
    const STATISTICS: u16 = 7;
    let (device, parent) = (u32_at(message, 4)?, u32_at(message, 12)?);
    if parent != AT_ROOT && parent != 0 {
        return None;
    }
    let mut queue = Queue { device, kind: String::new(), values: [0; FAMILIES.len()] };
    let mut has_statistics = false;
    for (kind, value) in attributes(message, MESSAGE_BYTES) {
        match kind {
            KIND => queue.kind = text(value).into_owned(),
            STATISTICS => {
                has_statistics = true;
                read_statistics(value, &mut queue.values);
            }
            OLD_STATISTICS if !has_statistics => read_old_statistics(value, &mut queue.values),
            _ => {}
        }
    }
    Some(queue)
}

/// Nested attributes of `gen_stats.h`.
fn read_statistics(nested: &[u8], values: &mut [u64; FAMILIES.len()]) {
    const BASIC: u16 = 1;
    const IN_QUEUE: u16 = 3;
    const PACKETS64: u16 = 8;
    let mut packets64 = None;
    for (kind, value) in attributes(nested, 0) {
        let number = |at| u32_at(value, at).map_or(0, u64::from);
        match kind {
            BASIC => {
                values[BYTES] = u64_at(value, 0).unwrap_or(0);
                values[PACKETS] = number(8);
            }
            IN_QUEUE => {
                let order = [QUEUE_LENGTH, BACKLOG, DROPS, REQUEUES, OVERLIMITS];
                order.into_iter().enumerate().for_each(|(at, to)| values[to] = number(4 * at));
            }
            // Only there when the short counter has overflowed.
            PACKETS64 => packets64 = u64_at(value, 0),
            _ => {}
        }
    }
    values[PACKETS] = packets64.unwrap_or(values[PACKETS]);
}

/// `struct tc_stats`, which is all that kernels before 2.6.10 and some drivers give.
fn read_old_statistics(value: &[u8], values: &mut [u64; FAMILIES.len()]) {
    values[BYTES] = u64_at(value, 0).unwrap_or(0);
    for (at, to) in [(8, PACKETS), (12, DROPS), (16, OVERLIMITS), (28, QUEUE_LENGTH), (32, BACKLOG)]
    {
        values[to] = u32_at(value, at).map_or(0, u64::from);
    }
}

impl Collector for Qdisc {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        match &self.fixtures {
            Some(directory) => self
                .push_recorded(directory, samples)
                .map_err(|error| CollectError::failed(directory.display(), error)),
            None => self.push_all(samples).map_err(|error| CollectError::failed("netlink", error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::attribute;

    fn message(parent: u32, attributes: &[Vec<u8>]) -> Vec<u8> {
        let mut message = vec![0; 4];
        [3, 0x8001_0000, parent, 0].iter().for_each(|n: &u32| message.extend(n.to_ne_bytes()));
        message.extend(attributes.concat());
        message
    }

    fn numbers(first: u64, rest: &[u32]) -> Vec<u8> {
        let rest = rest.iter().flat_map(|number| number.to_ne_bytes());
        first.to_ne_bytes().into_iter().chain(rest).collect()
    }

    #[test]
    fn root_queues_have_the_newest_statistics_that_the_kernel_gives() {
        fn check(parent: u32, attributes: &[Vec<u8>], expected: Option<[u64; 7]>) {
            let mut all = vec![attribute(1, b"fq\0")];
            all.extend_from_slice(attributes);
            let found = queue(&message(parent, &all));
            let expected = expected.map(|values| Queue { device: 3, kind: "fq".into(), values });
            assert_eq!(found, expected);
        }
        let old = || attribute(3, &numbers(1, &[2, 3, 4, 5, 6, 7, 8, 0]));
        let basic = || attribute(1, &numbers(10, &[11, 0]));
        let queue = || attribute(3, &numbers(12 | 13 << 32, &[14, 15, 16]));
        let long = || attribute(8, &(1u64 << 40).to_ne_bytes());
        let new = |nested: &[Vec<u8>]| attribute(7, &nested.concat());
        check(u32::MAX, &[], Some([0; 7]));
        check(u32::MAX, &[old()], Some([1, 2, 3, 0, 4, 7, 8]));
        let both = Some([10, 11, 14, 15, 16, 12, 13]);
        check(u32::MAX, &[new(&[basic(), queue()]), old()], both);
        check(u32::MAX, &[old(), new(&[basic(), queue()])], both);
        check(0, &[new(&[basic(), queue(), long()])], Some([10, 1 << 40, 14, 15, 16, 12, 13]));
        check(0x1_0001, &[old()], None);
        check(0xffff_fff1, &[old()], None);
    }
}
