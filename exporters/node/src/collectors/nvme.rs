//! NVMe controllers and their namespaces: `/sys/class/nvme`.

use std::io;
use std::path::{Path, PathBuf};

use common_instrument::{CollectError, Collector, Family, Samples};
use parking_lot::Mutex;

use super::Entry;
use crate::parse::{text, unsigned};
use crate::source::{Attributes, names_in};

pub(super) const ENTRY: Entry = Entry {
    name: "nvme",
    about: "NVMe controllers and namespaces of /sys/class/nvme.",
    on_by_default: true,
    // Some attributes are asked of the controller.
    may_block: true,
    flags: &[],
    build: |context| {
        let directory = context.roots().sys("class/nvme");
        Ok(Box::new(Nvme { directory, attributes: Mutex::new(Attributes::new()) }))
    },
};

const INFO: Family = Family::gauge(
    "node_nvme_info",
    "Non-numeric data from /sys/class/nvme/<device>, value is always 1.",
);
const NAMESPACE_INFO: Family = Family::gauge(
    "node_nvme_namespace_info",
    "Information about NVMe namespaces. Value is always 1",
);
const CAPACITY: Family = Family::gauge(
    "node_nvme_namespace_capacity_bytes",
    "Capacity of the NVMe namespace in bytes. Computed as namespace_size * \
     namespace_logical_block_size",
);
const SIZE: Family = Family::gauge(
    "node_nvme_namespace_size_bytes",
    "Size of the NVMe namespace in bytes. Available in /sys/class/nvme/<device>/<namespace>/size",
);
const USED: Family = Family::gauge(
    "node_nvme_namespace_used_bytes",
    "Used space of the NVMe namespace in bytes. Available in \
     /sys/class/nvme/<device>/<namespace>/nuse",
);
const BLOCK: Family = Family::gauge(
    "node_nvme_namespace_logical_block_size_bytes",
    "Logical block size of the NVMe namespace in bytes. Usually 4Kb. Available in \
     /sys/class/nvme/<device>/<namespace>/queue/logical_block_size",
);

struct Nvme {
    directory: PathBuf,
    attributes: Mutex<Attributes>,
}

/// Attributes of one directory as label values; `""` for those that it does not have or give.
pub(super) fn texts<const N: usize>(
    directory: &Path,
    names: [&str; N],
    attributes: &mut Attributes,
) -> [String; N] {
    names.map(|name| {
        attributes
            .read(&directory.join(name))
            .map(|value| text(value).into_owned())
            .unwrap_or_default()
    })
}

/// An error of listing a directory: one that is not there or closed to us is no data.
pub(super) fn unlisted(directory: &Path, error: &io::Error) -> CollectError {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => {
            CollectError::Absent(format!("{}: {error}", directory.display()))
        }
        _ => CollectError::failed(directory.display(), error),
    }
}

/// Whether this is a controller (`nvme0`).
pub(super) fn is_controller(name: &str) -> bool {
    name.strip_prefix("nvme").is_some_and(|number| unsigned(number.as_bytes()).is_some())
}

/// The number of a namespace (`nvme0n1`) in its controller or subsystem. The paths of a namespace
/// with several controllers (`nvme0c1n1`) are none.
pub(super) fn namespace(name: &str) -> Option<&str> {
    let (controller, number) = name.strip_prefix("nvme")?.split_once('n')?;
    unsigned(controller.as_bytes()).and(unsigned(number.as_bytes())).map(|_| number)
}

/// Pushes what a namespace gives: `nuse` comes with Linux 6.8. The original takes `size` for blocks
/// of the namespace, though the kernel counts it in sectors of 512 bytes, and so do we.
fn push_namespace(
    path: &Path,
    (device, nsid): (&str, &str),
    attributes: &mut Attributes,
    samples: &mut Samples,
) {
    let Some(block) = attributes.unsigned(&path.join("queue/logical_block_size")) else { return };
    let labels = [("device", device), ("nsid", nsid)];
    let size = attributes.unsigned(&path.join("size"));
    let used = attributes.unsigned(&path.join("nuse"));
    for (family, blocks) in [(&CAPACITY, size), (&SIZE, size), (&USED, used)] {
        if let Some(blocks) = blocks {
            samples.push(family, &labels, blocks.saturating_mul(block) as f64);
        }
    }
    samples.push(&BLOCK, &labels, block as f64);
    let ana_state = attributes.read(&path.join("ana_state")).map(text);
    let ana_state = ana_state.as_deref().unwrap_or("unknown");
    let labels = [("device", device), ("nsid", nsid), ("ana_state", ana_state)];
    samples.push(&NAMESPACE_INFO, &labels, 1.0);
}

impl Collector for Nvme {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let names = names_in(&self.directory).map_err(|error| unlisted(&self.directory, &error))?;
        let mut attributes = self.attributes.lock();
        for device in names.iter().filter(|name| is_controller(name)) {
            let path = self.directory.join(device);
            // It may have gone away since the directory was read.
            let Ok(inside) = names_in(&path) else { continue };
            let names = ["firmware_rev", "model", "serial", "state", "cntlid"];
            let [firmware_revision, model, serial, state, cntlid] =
                texts(&path, names, &mut attributes);
            let labels = [
                ("device", &**device),
                ("firmware_revision", &*firmware_revision),
                ("model", &*model),
                ("serial", &*serial),
                ("state", &*state),
                ("cntlid", &*cntlid),
            ];
            samples.push(&INFO, &labels, 1.0);
            for name in &inside {
                if let Some(nsid) = namespace(name) {
                    let ids = (&**device, nsid);
                    push_namespace(&path.join(name), ids, &mut attributes, samples);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controllers_and_namespaces_are_told_apart() {
        fn check(name: &str, expected: (bool, Option<&str>)) {
            assert_eq!((is_controller(name), namespace(name)), expected, "{name}");
        }
        check("nvme0", (true, None));
        check("nvme10n2", (false, Some("2")));
        check("nvme0c1n1", (false, None));
        check("nvme0n1p1", (false, None));
        check("ng0n1", (false, None));
        check("nvme", (false, None));
    }
}
