//! Neighbours per device: the ARP table, of rtnetlink or `/proc/net/arp`.

use std::collections::BTreeMap;
use std::time::Instant;

use common_instrument::{CollectError, Collector, Family, Samples};
use parking_lot::Mutex;

use super::Entry;
use crate::links::neighbours;
use crate::netlink::{Netlink, Retry};
use crate::parse::{ParseError, lines, text, words};
use crate::pattern::Filter;
use crate::settings::{Flag, flag};
use crate::source::KernelFile;

const INCLUDE: Flag = flag::text(
    "collector.arp.device-include",
    "Regexp of arp devices to include (mutually exclusive to device-exclude).",
    "",
);
const EXCLUDE: Flag = flag::text(
    "collector.arp.device-exclude",
    "Regexp of arp devices to exclude (mutually exclusive to device-include).",
    "",
);
const NETLINK: Flag = flag::switch(
    "collector.arp.netlink",
    "Use netlink to gather stats instead of /proc/net/arp.",
    true,
);

pub(super) const ENTRY: Entry = Entry {
    name: "arp",
    about: "Entries of the ARP table per device.",
    on_by_default: true,
    may_block: false,
    flags: &[INCLUDE, EXCLUDE, NETLINK],
    build: |context| {
        let settings = context.settings();
        let (exclude, include) = (settings.text(&EXCLUDE), settings.text(&INCLUDE));
        Ok(Box::new(Arp {
            filter: Filter::new((&EXCLUDE, exclude), (&INCLUDE, include))?,
            file: KernelFile::new(context.roots().proc("net/arp")),
            netlink: settings
                .switch(&NETLINK)
                .then(|| Mutex::new((Netlink::route(), Retry::new("arp")))),
        }))
    },
};

const ENTRIES: Family = Family::gauge("node_arp_entries", "ARP entries by device");

struct Arp {
    filter: Filter,
    file: KernelFile,
    netlink: Option<Mutex<(Netlink, Retry)>>,
}

/// Entries per device, which stands last; the first line is the heading.
fn parse(content: &[u8]) -> Result<BTreeMap<String, u64>, ParseError> {
    const COLUMNS: usize = 6;
    let mut entries = BTreeMap::new();
    for (number, line) in lines(content).skip(1) {
        let device = words(line).nth(COLUMNS - 1);
        let device = device.ok_or_else(|| ParseError::new(number, "six columns", line))?;
        *entries.entry(text(device).into_owned()).or_insert(0) += 1;
    }
    Ok(entries)
}

impl Collector for Arp {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let found = self.netlink.as_ref().and_then(|both| {
            let (netlink, retry) = &mut *both.lock();
            retry.attempt(Instant::now(), || neighbours(netlink))
        });
        let entries = match found {
            Some(entries) => entries,
            // Sandboxes forbid netlink sockets; the file tells the same.
            None => parse(&self.file.collect()?).map_err(|error| self.file.failed(error))?,
        };
        for (device, count) in entries.iter().filter(|(device, _)| !self.filter.ignores(device)) {
            samples.push(&ENTRIES, &[("device", device)], *count as f64);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_counted_per_device() {
        fn check(lines: &[&str], expected: Result<&[(&str, u64)], &str>) {
            let text = format!("IP address HW type\n{}", lines.join("\n"));
            let found = parse(text.as_bytes()).map_err(|error| error.to_string());
            let expected = expected.map(|all| all.iter().map(|(d, n)| ((*d).into(), *n)).collect());
            assert_eq!(found, expected.map_err(str::to_owned));
        }
        let line = |device| format!("192.0.2.1 0x1 0x2 cc:aa:dd:ee:ff:aa * {device}");
        let (one, two) = (line("eth0"), line("eth1"));
        check(&[&one, &two, &one], Ok(&[("eth0", 2), ("eth1", 1)]));
        check(&[], Ok(&[]));
        check(&["192.0.2.1 0x1"], Err("line 2: expected six columns, found \"192.0.2.1 0x1\""));
    }

    #[test]
    fn the_file_is_read_when_netlink_is_refused() {
        let arp = Arp {
            filter: Filter::default(),
            file: KernelFile::new("tests/host/proc/net/arp".into()),
            netlink: Some(Mutex::new((Netlink::refused(), Retry::new("arp")))),
        };
        let entries = parse(&arp.file.read().unwrap()).unwrap();
        for _ in 0..2 {
            let mut samples = Samples::default();
            arp.collect(&mut samples).unwrap();
            assert_eq!((samples.len(), samples.is_empty()), (entries.len(), false));
        }
    }
}
