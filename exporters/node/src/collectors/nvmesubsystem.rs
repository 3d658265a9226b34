//! NVMe subsystems and the state of the paths to them: `/sys/class/nvme-subsystem`.

use std::path::{Path, PathBuf};

use common_instrument::{CollectError, Collector, Family, Samples};
use parking_lot::Mutex;

use super::Entry;
use super::nvme::{is_controller, namespace, texts, unlisted};
use crate::source::{Attributes, names_in};

pub(super) const ENTRY: Entry = Entry {
    name: "nvmesubsystem",
    about: "NVMe subsystems and their paths of /sys/class/nvme-subsystem.",
    on_by_default: false,
    may_block: true,
    flags: &[],
    build: |context| {
        let directory = context.roots().sys("class/nvme-subsystem");
        Ok(Box::new(NvmeSubsystem { directory, attributes: Mutex::new(Attributes::new()) }))
    },
};

const INFO: Family =
    Family::gauge("node_nvmesubsystem_info", "Non-numeric information about an NVMe subsystem.");
const NAMESPACE_INFO: Family = Family::gauge(
    "node_nvmesubsystem_namespace_info",
    "Maps an NVMe namespace block device to its subsystem.",
);
const PATHS: Family =
    Family::gauge("node_nvmesubsystem_paths", "Number of controller paths for an NVMe subsystem.");
const LIVE: Family = Family::gauge(
    "node_nvmesubsystem_paths_live",
    "Number of controller paths in live state for an NVMe subsystem.",
);
const STATE: Family = Family::gauge(
    "node_nvmesubsystem_path_state",
    "Current NVMe controller path state (1 for the current state, 0 for all others).",
);

/// The states that have a series; the last one stands for what is not known.
const STATES: [&str; 5] = ["live", "connecting", "resetting", "dead", "unknown"];
/// States that are known but have no series, so that a path in one of them has none at 1.
const SILENT_STATES: [&str; 3] = ["deleting", "deleting (no IO)", "new"];

struct NvmeSubsystem {
    directory: PathBuf,
    attributes: Mutex<Attributes>,
}

/// The state as the series have it.
fn known(state: &str) -> &str {
    if STATES.contains(&state) || SILENT_STATES.contains(&state) { state } else { "unknown" }
}

/// Pushes one subsystem; `inside` are the names in its directory.
fn push(
    path: &Path,
    subsystem: &str,
    inside: &[String],
    attributes: &mut Attributes,
    samples: &mut Samples,
) {
    let names = ["subsysnqn", "model", "serial", "iopolicy"];
    let [nqn, model, serial, iopolicy] = texts(path, names, attributes);
    let labels = [
        ("subsystem", subsystem),
        ("nqn", &*nqn),
        ("model", &*model),
        ("serial", &*serial),
        ("iopolicy", &*iopolicy),
    ];
    samples.push(&INFO, &labels, 1.0);
    let (mut paths, mut live) = (0u32, 0u32);
    for name in inside {
        if namespace(name).is_some() {
            samples.push(&NAMESPACE_INFO, &[("subsystem", subsystem), ("device", name)], 1.0);
        }
        if !is_controller(name) {
            continue;
        }
        let [state, transport] = texts(&path.join(name), ["state", "transport"], attributes);
        let state = known(&state);
        paths += 1;
        live += u32::from(state == "live");
        for one in STATES {
            let labels = [
                ("subsystem", subsystem),
                ("controller", name),
                ("transport", &transport),
                ("state", one),
            ];
            samples.push(&STATE, &labels, f64::from(u8::from(one == state)));
        }
    }
    let labels = [("subsystem", subsystem)];
    samples.push(&PATHS, &labels, f64::from(paths));
    samples.push(&LIVE, &labels, f64::from(live));
}

impl Collector for NvmeSubsystem {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let names = names_in(&self.directory).map_err(|error| unlisted(&self.directory, &error))?;
        let mut attributes = self.attributes.lock();
        for name in names.iter().filter(|name| name.starts_with("nvme-subsys")) {
            let path = self.directory.join(name);
            // It may have gone away since the directory was read.
            if let Ok(inside) = names_in(&path) {
                push(&path, name, &inside, &mut attributes, samples);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_beyond_the_known_ones_are_unknown() {
        fn check(state: &str, expected: &str) {
            assert_eq!(known(state), expected);
        }
        check("live", "live");
        check("deleting (no IO)", "deleting (no IO)");
        check("suspended", "unknown");
        check("", "unknown");
    }
}
