//! Devices of the device mapper with several paths: `/sys/block/dm-*`.

use std::path::{Path, PathBuf};

use common_instrument::{CollectError, Collector, Family, Samples};
use parking_lot::Mutex;

use super::Entry;
use super::nvme::{texts, unlisted};
use crate::parse::text;
use crate::source::{Attributes, names_in};

pub(super) const ENTRY: Entry = Entry {
    name: "dmmultipath",
    about: "Multipath devices of the device mapper and the state of their paths.",
    on_by_default: true,
    may_block: true,
    flags: &[],
    build: |context| {
        let block = context.roots().sys("block");
        Ok(Box::new(Multipath { block, attributes: Mutex::new(Attributes::new()) }))
    },
};

const INFO: Family = Family::gauge(
    "node_dmmultipath_device_info",
    "Non-numeric information about a DM-multipath device.",
);
const ACTIVE: Family = Family::gauge(
    "node_dmmultipath_device_active",
    "Whether the multipath device-mapper device is active (1) or suspended (0).",
);
const SIZE: Family = Family::gauge(
    "node_dmmultipath_device_size_bytes",
    "Size of the multipath device in bytes, read from /sys/block/<dm>/size.",
);
const PATHS: Family =
    Family::gauge("node_dmmultipath_device_paths", "Number of paths for a multipath device.");
const PATHS_ACTIVE: Family = Family::gauge(
    "node_dmmultipath_device_paths_active",
    "Number of paths in active state (SCSI running or NVMe live) for a multipath device.",
);
const PATHS_FAILED: Family = Family::gauge(
    "node_dmmultipath_device_paths_failed",
    "Number of paths not in active state for a multipath device.",
);
const PATH_STATE: Family = Family::gauge(
    "node_dmmultipath_path_state",
    "Reports the underlying device state for a multipath path, as read from \
     /sys/block/<dev>/device/state.",
);

/// Sectors of this file are always of this size, whatever the device has.
const SECTOR_BYTES: u64 = 512;

/// States of a path that works: of SCSI, and of NVMe.
const ACTIVE_STATES: [&[u8]; 2] = [b"running", b"live"];

/// How the identifiers of such devices begin; others of the mapper are volumes, crypt, ...
const UUID_START: &str = "mpath-";

struct Multipath {
    block: PathBuf,
    attributes: Mutex<Attributes>,
}

impl Multipath {
    /// Pushes one device and its paths.
    fn push(
        &self,
        path: &Path,
        (sysfs_name, device, uuid): (&str, &str, &str),
        attributes: &mut Attributes,
        samples: &mut Samples,
    ) -> Result<(), CollectError> {
        let labels = [("device", device), ("sysfs_name", sysfs_name), ("uuid", uuid)];
        samples.push(&INFO, &labels, 1.0);
        let labels = &labels[..2];
        let mut number = |file: &str| {
            let path = path.join(file);
            let missing = || CollectError::failed(path.display(), "not a number");
            attributes.unsigned(&path).ok_or_else(missing)
        };
        let is_active = number("dm/suspended")? != 1;
        samples.push(&ACTIVE, labels, f64::from(u8::from(is_active)));
        let sectors = number("size")?;
        samples.push(&SIZE, labels, sectors.saturating_mul(SECTOR_BYTES) as f64);

        let (mut active, mut failed, mut outcome) = (0u32, 0u32, Ok(()));
        // A device without paths has no such directory.
        for slave in names_in(&path.join("slaves")).unwrap_or_default() {
            let path = self.block.join(&slave).join("device/state");
            let state = match attributes.read(&path) {
                Ok(state) => state,
                Err(error) => {
                    failed += 1;
                    outcome = Err(CollectError::failed(path.display(), error));
                    continue;
                }
            };
            let counted = if ACTIVE_STATES.contains(&state) { &mut active } else { &mut failed };
            *counted += 1;
            let state = text(state);
            let labels = [("device", device), ("path", &*slave), ("state", &*state)];
            samples.push(&PATH_STATE, &labels, 1.0);
        }
        for (family, count) in
            [(&PATHS, active + failed), (&PATHS_ACTIVE, active), (&PATHS_FAILED, failed)]
        {
            samples.push(family, labels, f64::from(count));
        }
        outcome
    }
}

impl Collector for Multipath {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let names = names_in(&self.block).map_err(|error| unlisted(&self.block, &error))?;
        let mut attributes = self.attributes.lock();
        let mut outcome = Ok(());
        for name in names.iter().filter(|name| name.starts_with("dm-")) {
            let path = self.block.join(name);
            let [uuid, device] = texts(&path.join("dm"), ["uuid", "name"], &mut attributes);
            if !uuid.starts_with(UUID_START) {
                continue;
            }
            let names = (&**name, &*device, &*uuid);
            if let Err(error) = self.push(&path, names, &mut attributes, samples) {
                outcome = Err(error);
            }
        }
        outcome
    }
}
