//! Attributes of network devices: `/sys/class/net`, or netlink.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use common_instrument::{CollectError, Collector, Family, Samples};
use parking_lot::Mutex;

use self::rtnl::Rtnl;
use super::Entry;
use crate::netlink::Retry;
use crate::parse::{hex, signed, text};
use crate::pattern::Pattern;
use crate::settings::{Flag, flag};
use crate::source::{AttributeDirectory, Attributes};

macro_rules! property {
    ($file:literal, $kind:ident, $name:literal) => {
        ($file, property!($kind, $name))
    };
    ($kind:ident, $name:literal) => {
        Family::$kind(concat!("node_network_", $name), concat!("Network device property: ", $name))
    };
}

mod rtnl;

const IGNORED: Flag = flag::text(
    "collector.netclass.ignored-devices",
    "Regexp of net devices to ignore for netclass collector.",
    "^$",
);
const INVALID_SPEED: Flag = flag::switch(
    "collector.netclass.ignore-invalid-speed",
    "Ignore devices where the speed is invalid. This will be the default behavior in 2.x.",
    false,
);
const NETLINK: Flag = flag::switch(
    "collector.netclass.netlink",
    "Use netlink to gather stats instead of /proc/net/dev.",
    false,
);
const WITH_STATS: Flag = flag::switch(
    "collector.netclass_rtnl.with-stats",
    "Expose the statistics for each network device, replacing netdev collector.",
    false,
);

pub(super) const ENTRY: Entry = Entry {
    name: "netclass",
    about: "Attributes of network devices of /sys/class/net.",
    on_by_default: true,
    may_block: false,
    flags: &[IGNORED, INVALID_SPEED, NETLINK, WITH_STATS],
    build: |context| {
        let settings = context.settings();
        let with_stats = settings.switch(&WITH_STATS);
        let rtnl = settings.switch(&NETLINK).then(|| Rtnl::new(with_stats));
        Ok(Box::new(Netclass {
            directory: context.roots().sys("class/net"),
            ignored: settings.pattern(&IGNORED)?,
            without_invalid_speed: settings.switch(&INVALID_SPEED),
            state: Mutex::new(State {
                rtnl: rtnl.map(|rtnl| (rtnl, Retry::new("netclass"))),
                devices: Vec::new(),
                attributes: Attributes::new(),
            }),
        }))
    },
};

/// Devices whose attribute files stay open; on hosts with more of them all are opened each time.
const OPEN_DEVICES_MAX: usize = 16;

/// Bits of a second in a megabit, as bytes.
const MEGABIT_BYTES: i64 = 1_000_000 / 8;

const UP: Family =
    Family::gauge("node_network_up", "Value is 1 if operstate is 'up', 0 otherwise.");
const INFO: Family = Family::gauge(
    "node_network_info",
    "Non-numeric data from /sys/class/net/<iface>, value is always 1.",
);

/// The attributes that are labels, in the order of [`INFO`]'s.
const TEXTS: [&str; 5] = ["address", "broadcast", "duplex", "operstate", "ifalias"];
const OPERSTATE: usize = 3;

/// The attributes that are numbers.
const NUMBERS: [(&str, Family); 17] = [
    property!("flags", gauge, "flags"),
    property!("speed", gauge, "speed_bytes"),
    property!("addr_assign_type", gauge, "address_assign_type"),
    property!("carrier", gauge, "carrier"),
    property!("carrier_changes", counter, "carrier_changes_total"),
    property!("carrier_up_count", counter, "carrier_up_changes_total"),
    property!("carrier_down_count", counter, "carrier_down_changes_total"),
    property!("dev_id", gauge, "device_id"),
    property!("dormant", gauge, "dormant"),
    property!("ifindex", gauge, "iface_id"),
    property!("iflink", gauge, "iface_link"),
    property!("link_mode", gauge, "iface_link_mode"),
    property!("mtu", gauge, "mtu_bytes"),
    property!("name_assign_type", gauge, "name_assign_type"),
    property!("netdev_group", gauge, "net_dev_group"),
    property!("tx_queue_len", gauge, "transmit_queue_length"),
    property!("type", gauge, "protocol_type"),
];
const FLAGS: usize = 0;
const SPEED: usize = 1;
const IS_UP: i64 = 1;

struct Netclass {
    directory: PathBuf,
    ignored: Pattern,
    without_invalid_speed: bool,
    state: Mutex<State>,
}

struct State {
    /// Asked first, if it is to be asked at all.
    rtnl: Option<(Rtnl, Retry)>,
    devices: Vec<Device>,
    attributes: Attributes,
}

struct Device {
    name: String,
    files: AttributeDirectory,
    seen: bool,
    texts: [String; TEXTS.len()],
}

impl Netclass {
    /// Brings the list of devices up to date.
    fn list(&self, devices: &mut Vec<Device>) -> io::Result<()> {
        devices.iter_mut().for_each(|device| device.seen = false);
        for entry in std::fs::read_dir(&self.directory)? {
            let entry = entry?;
            // `bonding_masters` is a file.
            let Ok(name) = entry.file_name().into_string() else { continue };
            if entry.file_type()?.is_file() || self.ignored.is_match(&name) {
                continue;
            }
            match devices.iter_mut().find(|device| device.name == name) {
                Some(device) => device.seen = true,
                None => devices.push(Device::new(name, &self.directory)),
            }
        }
        devices.retain(|device| device.seen);
        Ok(())
    }
}

impl Device {
    fn new(name: String, directory: &Path) -> Device {
        let files = AttributeDirectory::new(directory.join(&name), TEXTS.len() + NUMBERS.len());
        Device { name, files, seen: true, texts: Default::default() }
    }

    /// Pushes everything of one device; what the driver does not give is left out.
    fn push(
        &mut self,
        without_invalid_speed: bool,
        attributes: &mut Attributes,
        samples: &mut Samples,
    ) -> io::Result<()> {
        self.files.refresh()?;
        for (index, name) in TEXTS.iter().enumerate() {
            self.texts[index].clear();
            if let Ok(value) = self.files.read((index, name), attributes) {
                self.texts[index].push_str(&text(value));
            }
        }
        let mut flags = None;
        let labels = [("device", &*self.name)];
        for (index, (name, family)) in NUMBERS.iter().enumerate() {
            let Ok(value) = self.files.read((TEXTS.len() + index, name), attributes) else {
                continue;
            };
            let Some(mut number) = parse(value) else {
                return Err(io::Error::other(format!("{name}: not a number")));
            };
            if index == FLAGS {
                flags = Some(number);
            }
            if index == SPEED {
                // Drivers say -1 when they do not know.
                if number < 0 && without_invalid_speed {
                    continue;
                }
                number = number.saturating_mul(MEGABIT_BYTES);
            }
            samples.push(family, &labels, number as f64);
        }
        let adminstate = match flags {
            None => "unknown",
            Some(flags) if flags & IS_UP != 0 => "up",
            Some(_) => "down",
        };
        let [address, broadcast, duplex, operstate, ifalias] = &self.texts;
        let labels = [
            ("device", &*self.name),
            ("address", address),
            ("broadcast", broadcast),
            ("duplex", duplex),
            ("operstate", operstate),
            ("adminstate", adminstate),
            ("ifalias", ifalias),
        ];
        samples.push(&INFO, &labels, 1.0);
        let is_up = self.texts[OPERSTATE] == "up";
        samples.push(&UP, &labels[..1], if is_up { 1.0 } else { 0.0 });
        Ok(())
    }
}

/// A decimal number, or a hexadecimal one behind `0x`.
fn parse(value: &[u8]) -> Option<i64> {
    match value.strip_prefix(b"0x") {
        Some(digits) => hex(digits)?.try_into().ok(),
        None => signed(value),
    }
}

impl Collector for Netclass {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let State { rtnl, devices, attributes } = &mut *self.state.lock();
        if let Some((rtnl, retry)) = rtnl {
            let push = || rtnl.push(&self.ignored, (&self.directory, attributes), samples);
            if retry.attempt(Instant::now(), push).is_some() {
                return Ok(());
            }
        }
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => {
                CollectError::Absent(format!("{}: {error}", self.directory.display()))
            }
            _ => CollectError::failed(self.directory.display(), error),
        };
        self.list(devices).map_err(failed)?;
        let keep_open = devices.len() <= OPEN_DEVICES_MAX;
        for device in devices {
            match device.push(self.without_invalid_speed, attributes, samples) {
                // It went away since the directory was read.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    let path = self.directory.join(&device.name);
                    return Err(CollectError::failed(path.display(), error));
                }
                Ok(()) => {}
            }
            if !keep_open {
                device.files.close();
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_decimal_or_marked_as_hexadecimal() {
        fn check(value: &str, expected: Option<i64>) {
            assert_eq!(parse(value.as_bytes()), expected);
        }
        check("1500", Some(1500));
        check("-1", Some(-1));
        check("0x1003", Some(0x1003));
        check("0x", None);
        check("up", None);
    }

    #[test]
    fn files_are_read_when_netlink_is_refused() {
        let settings = crate::Settings::default();
        let of = |rtnl: Option<Rtnl>| Netclass {
            directory: "tests/host/sys/class/net".into(),
            ignored: settings.pattern(&IGNORED).unwrap(),
            without_invalid_speed: false,
            state: Mutex::new(State {
                rtnl: rtnl.map(|rtnl| (rtnl, Retry::new("netclass"))),
                devices: Vec::new(),
                attributes: Attributes::new(),
            }),
        };
        let count = |netclass: Netclass| {
            let mut samples = Samples::default();
            netclass.collect(&mut samples).unwrap();
            samples.len()
        };
        let without_netlink = count(of(None));
        assert!(without_netlink > 0);
        assert_eq!(count(of(Some(Rtnl::refused()))), without_netlink);
    }
}
