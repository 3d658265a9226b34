//! What udev and sysfs know of block devices, remembered between scrapes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::collectors::Context;
use crate::parse::{lines, text};
use crate::source::{Attributes, read_file};

/// How long what was read of a device is believed when its udev file does not change.
const FRESH: Duration = Duration::from_secs(60);

/// One block device.
#[derive(Debug, Default)]
pub(crate) struct Device {
    /// Device numbers, as labels.
    pub(crate) major: String,
    /// See `major`.
    pub(crate) minor: String,
    /// `1` for spinning disks, else `0`.
    pub(crate) rotational: String,
    properties: BTreeMap<String, String>,
    read_at: Option<SystemTime>,
    /// Change time of udev's file when it was read.
    changed_at: Option<SystemTime>,
    seen: bool,
}

impl Device {
    /// A property of udev, `""` if there is none.
    pub(crate) fn property(&self, name: &str) -> &str {
        self.properties.get(name).map_or("", String::as_str)
    }
}

/// The devices of the last scrape.
pub(crate) struct Devices {
    udev_data: Option<PathBuf>,
    block: PathBuf,
    now: fn() -> SystemTime,
    known: BTreeMap<String, Device>,
    attributes: Attributes,
}

impl Devices {
    /// Looks once whether udev's directory is there.
    pub(crate) fn new(context: &Context<'_>) -> Devices {
        let udev_data = context.roots().udev_data.clone();
        let is_there = udev_data.is_dir();
        if !is_there {
            let path = udev_data.display();
            tracing::error!(%path, "Failed to open directory, disabling udev device properties");
        }
        Devices {
            udev_data: is_there.then_some(udev_data),
            block: context.roots().sys("block"),
            now: context.options.now,
            known: BTreeMap::new(),
            attributes: Attributes::new(),
        }
    }

    /// Begins a scrape.
    pub(crate) fn begin(&mut self) {
        self.known.values_mut().for_each(|device| device.seen = false);
    }

    /// Ends a scrape: forgets the devices that were not asked for.
    pub(crate) fn end(&mut self) {
        self.known.retain(|_, device| device.seen);
    }

    /// What is known of a device; reads it if it may have changed.
    pub(crate) fn get(&mut self, name: &str, major: &str, minor: &str) -> &Device {
        let udev_file = self.udev_data.as_ref().map(|dir| dir.join(format!("b{major}:{minor}")));
        let changed_at = udev_file.as_ref().and_then(|path| path.metadata().ok()?.modified().ok());
        let now = (self.now)();
        let device = self.known.entry(name.to_owned()).or_default();
        let age = device.read_at.and_then(|read_at| now.duration_since(read_at).ok());
        let is_fresh = age.is_some_and(|age| age < FRESH)
            && device.changed_at == changed_at
            && device.major == major
            && device.minor == minor;
        if !is_fresh {
            let properties = udev_file.and_then(|path| read_file(&path).ok());
            let rotational = self.block.join(name).join("queue/rotational");
            let is_rotational = self.attributes.unsigned(&rotational).unwrap_or(0) != 0;
            *device = Device {
                major: major.to_owned(),
                minor: minor.to_owned(),
                rotational: u8::from(is_rotational).to_string(),
                properties: properties.map(|bytes| parse(&bytes)).unwrap_or_default(),
                read_at: Some(now),
                changed_at,
                seen: true,
            };
        }
        device.seen = true;
        device
    }
}

/// The properties: lines such as `E:ID_MODEL=X`.
fn parse(bytes: &[u8]) -> BTreeMap<String, String> {
    let properties = lines(bytes).filter_map(|(_, line)| {
        let property = line.strip_prefix(b"E:")?;
        let equals = property.iter().position(|&byte| byte == b'=')?;
        let (name, value) = (&property[..equals], &property[equals + 1..]);
        Some((text(name).into_owned(), text(value).into_owned()))
    });
    properties.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_are_lines_with_an_e() {
        let found = parse(b"S:disk/by-id/x\nI:1234\nE:ID_MODEL=A B\nE:X=a=b\nE:Y\nG:systemd\n");
        let expected = [("ID_MODEL", "A B"), ("X", "a=b")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(found, BTreeMap::from(expected));
    }
}
