//! Kernel samepage merging: `/sys/kernel/mm/ksm`.

use std::io;

use common_instrument::{CollectError, Collector, Family, Samples};
use parking_lot::Mutex;

use super::Entry;
use crate::parse::signed;
use crate::source::{AttributeDirectory, Attributes};

pub(super) const ENTRY: Entry = Entry {
    name: "ksmd",
    about: "Kernel samepage merging of /sys/kernel/mm/ksm.",
    on_by_default: false,
    may_block: false,
    flags: &[],
    build: |context| {
        let directory = AttributeDirectory::new(context.roots().sys("kernel/mm/ksm"), FILES.len());
        Ok(Box::new(Ksmd { state: Mutex::new((directory, Attributes::new())) }))
    },
};

/// Times are in ms.
const MS_PER_SECOND: f64 = 1000.0;

macro_rules! file {
    ($file:literal, $kind:ident, $name:literal, $divisor:expr) => {
        (
            $file,
            Family::$kind(concat!("node_ksmd_", $name), concat!("ksmd '", $file, "' file.")),
            $divisor,
        )
    };
    ($file:literal) => {
        file!($file, gauge, $file, 1.0)
    };
}

/// File, family and divisor. The last one comes with Linux 6.4, and with the original after 1.12; it
/// falls below zero where merging costs more than it saves.
/// `Documentation/admin-guide/mm/ksm.rst`.
const FILES: [(&str, Family, f64); 10] = [
    file!("full_scans", counter, "full_scans_total", 1.0),
    file!("merge_across_nodes"),
    file!("pages_shared"),
    file!("pages_sharing"),
    file!("pages_to_scan"),
    file!("pages_unshared"),
    file!("pages_volatile"),
    file!("run"),
    file!("sleep_millisecs", gauge, "sleep_seconds", MS_PER_SECOND),
    (
        "general_profit",
        Family::gauge(
            "node_ksmd_general_profit_bytes",
            "How effective is KSM. ksm_saved_pages * sizeof(page) - (all_rmap_items) * \
             sizeof(rmap_item)",
        ),
        1.0,
    ),
];

struct Ksmd {
    state: Mutex<(AttributeDirectory, Attributes)>,
}

impl Collector for Ksmd {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let (directory, attributes) = &mut *self.state.lock();
        directory
            .refresh()
            .map_err(|error| CollectError::Absent(format!("kernel/mm/ksm: {error}")))?;
        let mut outcome = Ok(());
        for (index, (name, family, divisor)) in FILES.iter().enumerate() {
            match directory.read((index, name), attributes).map(signed) {
                Ok(Some(number)) => samples.push(family, &[], number as f64 / divisor),
                Ok(None) => outcome = Err(CollectError::failed(name, "not a whole number")),
                // Kernels without NUMA have no `merge_across_nodes`.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => outcome = Err(CollectError::failed(name, error)),
            }
        }
        outcome
    }
}
