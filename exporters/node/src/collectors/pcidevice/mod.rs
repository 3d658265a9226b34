//! PCI devices: `/sys/bus/pci/devices`. `Documentation/PCI/sysfs-pci.rst`.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use common_instrument::{CollectError, Collector, Family, Samples};
use parking_lot::Mutex;

use super::Entry;
use crate::parse::{hex, signed, text, unsigned};
use crate::settings::{Flag, flag};
use crate::source::{Attributes, names_in, read_file};

mod ids;

use ids::{Ids, Names, resolve};

const IDS_FILE: Flag = flag::text(
    "collector.pcidevice.idsfile",
    "Path to pci.ids file to use for PCI device identification.",
    "",
);
const NAMES: Flag = flag::switch(
    "collector.pcidevice.names",
    "Enable PCI device name resolution (requires pci.ids file).",
    false,
);

pub(super) const ENTRY: Entry = Entry {
    name: "pcidevice",
    about: "PCI devices of /sys/bus/pci/devices.",
    on_by_default: false,
    // Link attributes are read from the device, which may sleep or be gone.
    may_block: true,
    flags: &[IDS_FILE, NAMES],
    build: |context| {
        let settings = context.settings();
        let files = match settings.text(&IDS_FILE) {
            "" => IDS_FILES.map(PathBuf::from).to_vec(),
            file => vec![file.into()],
        };
        let book = settings.switch(&NAMES).then(|| Book { files, known: HashMap::new() });
        Ok(Box::new(PciDevices {
            directory: context.roots().sys("bus/pci/devices"),
            state: Mutex::new(State { book, attributes: Attributes::new() }),
        }))
    },
};

/// Where distributions have the file of names.
const IDS_FILES: [&str; 2] = ["/usr/share/misc/pci.ids", "/usr/share/hwdata/pci.ids"];

/// Devices whose names are remembered; more than any host has.
const KNOWN_MAX: usize = 4096;

const INFO: Family = Family::gauge(
    "node_pcidevice_info",
    "Non-numeric data from /sys/bus/pci/devices/<location>, value is always 1.",
);
const NUMA_NODE: Family = Family::gauge(
    "node_pcidevice_numa_node",
    "NUMA node number for the PCI device. -1 indicates unknown or not available.",
);
const POWER_STATE: Family = Family::gauge(
    "node_pcidevice_power_state",
    "PCIe device power state, one of: D0, D1, D2, D3hot, D3cold, unknown or error.",
);
const POWER_STATES: [&str; 7] = ["D0", "D1", "D2", "D3hot", "D3cold", "unknown", "error"];

/// How an attribute becomes a number.
#[derive(Clone, Copy)]
enum Reading {
    /// `8.0 GT/s PCIe`, in transfers per second; -1 if it is not known.
    Speed,
    /// A number of lanes; -1 if it is not known.
    Width,
    /// 1 unless it is 0; 0 if there is no such attribute.
    Switch,
    /// A number; 0 if there is no such attribute.
    Count,
}

/// The attributes that are numbers.
const NUMBERS: [(&str, Reading, Family); 9] = [
    (
        "max_link_speed",
        Reading::Speed,
        Family::gauge(
            "node_pcidevice_max_link_transfers_per_second",
            "Value of maximum link's transfers per second (T/s)",
        ),
    ),
    (
        "max_link_width",
        Reading::Width,
        Family::gauge(
            "node_pcidevice_max_link_width",
            "Value of maximum link's width (number of lanes)",
        ),
    ),
    (
        "current_link_speed",
        Reading::Speed,
        Family::gauge(
            "node_pcidevice_current_link_transfers_per_second",
            "Value of current link's transfers per second (T/s)",
        ),
    ),
    (
        "current_link_width",
        Reading::Width,
        Family::gauge(
            "node_pcidevice_current_link_width",
            "Value of current link's width (number of lanes)",
        ),
    ),
    (
        "d3cold_allowed",
        Reading::Switch,
        Family::gauge(
            "node_pcidevice_d3cold_allowed",
            "Whether the PCIe device supports D3cold power state (0/1).",
        ),
    ),
    (
        "sriov_drivers_autoprobe",
        Reading::Switch,
        Family::gauge(
            "node_pcidevice_sriov_drivers_autoprobe",
            "Whether SR-IOV drivers autoprobe is enabled for the device (0/1).",
        ),
    ),
    (
        "sriov_numvfs",
        Reading::Count,
        Family::gauge(
            "node_pcidevice_sriov_numvfs",
            "Number of Virtual Functions (VFs) currently enabled for SR-IOV.",
        ),
    ),
    (
        "sriov_totalvfs",
        Reading::Count,
        Family::gauge(
            "node_pcidevice_sriov_totalvfs",
            "Total number of Virtual Functions (VFs) supported by the device.",
        ),
    ),
    (
        "sriov_vf_total_msix",
        Reading::Count,
        Family::gauge(
            "node_pcidevice_sriov_vf_total_msix",
            "Total number of MSI-X vectors for Virtual Functions.",
        ),
    ),
];

impl Reading {
    /// The number for a value, or for none.
    fn number(self, value: Option<&[u8]>) -> f64 {
        let whole = || unsigned(value?).map(|number| number as f64);
        match self {
            Reading::Speed => value.and_then(transfers_per_second).unwrap_or(-1.0),
            Reading::Width => whole().unwrap_or(-1.0),
            Reading::Switch => f64::from(u8::from(whole().unwrap_or(0.0) != 0.0)),
            Reading::Count => whole().unwrap_or(0.0),
        }
    }
}

/// Of `8.0 GT/s PCIe`; kernels before 5.7 leave the last word out.
fn transfers_per_second(value: &[u8]) -> Option<f64> {
    const GIGA: f64 = 1e9;
    let (number, unit) = std::str::from_utf8(value).ok()?.split_once(' ')?;
    if !unit.starts_with("GT/s") {
        return None;
    }
    number.parse::<f64>().ok().filter(|number| number.is_finite()).map(|number| number * GIGA)
}

/// Where a device is: segment, bus, device and function, the parts of `0000:00:1f.2`.
type Location<'a> = [&'a str; 4];

fn location(name: &str) -> Option<Location<'_>> {
    let (segment, rest) = name.split_once(':')?;
    let (bus, rest) = rest.split_once(':')?;
    let (device, function) = rest.split_once('.')?;
    let parts = [segment, bus, device, function];
    parts.iter().all(|part| hex(part.as_bytes()).is_some()).then_some(parts)
}

/// Names of devices, looked up when a device is seen for the first time.
struct Book {
    files: Vec<PathBuf>,
    known: HashMap<Ids, Names>,
}

impl Book {
    /// Makes sure that all these devices are known, if one of the files can be read.
    fn learn(&mut self, devices: &[Device]) {
        if self.known.len() > KNOWN_MAX {
            self.known.clear();
        }
        let unknown = devices.iter().map(|device| device.ids);
        let unknown = unknown.filter(|ids| !self.known.contains_key(ids));
        let mut wanted: Vec<_> = unknown.map(|ids| (ids, Names::numbers(ids))).collect();
        if wanted.is_empty() {
            return;
        }
        match self.files.iter().find_map(|path| read_file(path).ok()) {
            Some(file) => {
                resolve(&file, &mut wanted);
                self.known.extend(wanted);
            }
            None => tracing::debug!(files = ?self.files, "no file of PCI names can be read"),
        }
    }

    fn names(&self, ids: Ids) -> Names {
        self.known.get(&ids).cloned().unwrap_or_else(|| Names::numbers(ids))
    }
}

struct PciDevices {
    directory: PathBuf,
    state: Mutex<State>,
}

struct State {
    /// Unless names are not wanted.
    book: Option<Book>,
    attributes: Attributes,
}

/// One device with what every device has.
struct Device {
    name: String,
    ids: Ids,
    revision: u32,
}

impl Device {
    /// Reads the numbers of a device.
    fn read(
        directory: &Path,
        name: &str,
        attributes: &mut Attributes,
    ) -> Result<Device, CollectError> {
        let mut number = |file: &str| {
            let path = directory.join(name).join(file);
            let value = attributes.read(&path);
            let value = value.map_err(|error| CollectError::failed(path.display(), error))?;
            let number = value.strip_prefix(b"0x").and_then(hex).and_then(|n| n.try_into().ok());
            number.ok_or_else(|| CollectError::failed(path.display(), "not a number behind 0x"))
        };
        let ids = Ids {
            class: number("class")?,
            vendor: number("vendor")?,
            device: number("device")?,
            subsystem_vendor: number("subsystem_vendor")?,
            subsystem_device: number("subsystem_device")?,
        };
        Ok(Device { name: name.to_owned(), ids, revision: number("revision")? })
    }

    /// Pushes the device with its names, if they are wanted.
    fn push_info(&self, directory: &Path, names: Option<&Names>, samples: &mut Samples) {
        let Ids { class, vendor, device, subsystem_vendor, subsystem_device } = self.ids;
        let class = format!("0x{class:06x}");
        let [vendor, device, subsystem_vendor, subsystem_device] =
            [vendor, device, subsystem_vendor, subsystem_device].map(|id| format!("0x{id:04x}"));
        let revision = format!("0x{:02x}", self.revision);
        let parent = parent(&directory.join(&self.name));
        let parent = parent.as_deref().and_then(location).unwrap_or(["*"; 4]);
        let mut labels: Vec<(&str, &str)> = Vec::with_capacity(19);
        labels.extend(labels_of(&self.name));
        labels.extend(
            ["parent_segment", "parent_bus", "parent_device", "parent_function"]
                .into_iter()
                .zip(parent),
        );
        labels.extend([
            ("class_id", &*class),
            ("vendor_id", &*vendor),
            ("device_id", &*device),
            ("subsystem_vendor_id", &*subsystem_vendor),
            ("subsystem_device_id", &*subsystem_device),
            ("revision", &*revision),
        ]);
        if let Some(names) = names {
            labels.extend([
                ("vendor_name", &*names.vendor),
                ("device_name", &*names.device),
                ("subsystem_vendor_name", &*names.subsystem_vendor),
                ("subsystem_device_name", &*names.subsystem_device),
                ("class_name", &*names.class),
            ]);
        }
        samples.push(&INFO, &labels, 1.0);
    }

    /// Pushes the attributes that are not the same for ever.
    fn push_numbers(&self, path: &Path, attributes: &mut Attributes, samples: &mut Samples) {
        let labels = labels_of(&self.name);
        for (file, reading, family) in &NUMBERS {
            let value = attributes.read(&path.join(file)).ok();
            samples.push(family, &labels, reading.number(value));
        }
        // A device that belongs to no node says -1.
        let node = attributes.read(&path.join("numa_node")).ok().and_then(signed);
        if let Some(node) = node.filter(|&node| node != -1) {
            samples.push(&NUMA_NODE, &labels, node as f64);
        }
        let state = attributes.read(&path.join("power_state")).map(text).unwrap_or_default();
        if !state.is_empty() {
            let [segment, bus, device, function] = labels;
            for one in POWER_STATES {
                let labels = [segment, bus, device, function, ("state", one)];
                samples.push(&POWER_STATE, &labels, f64::from(u8::from(one == state)));
            }
        }
    }
}

/// The location of a device as labels.
fn labels_of(name: &str) -> [(&'static str, &str); 4] {
    let [segment, bus, device, function] = location(name).unwrap_or([""; 4]);
    [("segment", segment), ("bus", bus), ("device", device), ("function", function)]
}

/// The device that this one is behind; the name of a root bus (`pci0000:00`) for the first ones.
fn parent(path: &Path) -> Option<String> {
    let target = path.read_link().ok()?;
    Some(target.parent()?.file_name()?.to_str()?.to_owned())
}

impl Collector for PciDevices {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let names = names_in(&self.directory).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => CollectError::Absent(self.directory.display().to_string()),
            _ => CollectError::failed(self.directory.display(), error),
        })?;
        let State { book, attributes } = &mut *self.state.lock();
        let (mut devices, mut outcome) = (Vec::with_capacity(names.len()), Ok(()));
        for name in names.iter().filter(|name| location(name).is_some()) {
            match Device::read(&self.directory, name, attributes) {
                Ok(device) => devices.push(device),
                // One that went away since the directory was read is no failure.
                Err(error) if self.directory.join(name).exists() => outcome = Err(error),
                Err(_) => {}
            }
        }
        if let Some(book) = book {
            book.learn(&devices);
        }
        for device in &devices {
            let names = book.as_ref().map(|book| book.names(device.ids));
            device.push_info(&self.directory, names.as_ref(), samples);
            device.push_numbers(&self.directory.join(&device.name), attributes, samples);
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_has_four_parts() {
        fn check(name: &str, expected: Option<Location<'_>>) {
            assert_eq!(location(name), expected);
        }
        check("0000:00:1f.2", Some(["0000", "00", "1f", "2"]));
        check("10000:e0:06.0", Some(["10000", "e0", "06", "0"]));
        check("pci0000:00", None);
        check("0000:00:1f", None);
        check("0000:00:1f.2.3", None);
        check("", None);
    }

    #[test]
    fn what_is_not_known_has_a_number_too() {
        fn check(reading: Reading, value: &str, expected: f64) {
            assert_eq!(reading.number(Some(value.as_bytes())), expected, "{value}");
        }
        check(Reading::Speed, "8.0 GT/s PCIe", 8e9);
        check(Reading::Speed, "2.5 GT/s", 2.5e9);
        check(Reading::Speed, "Unknown", -1.0);
        check(Reading::Speed, "Unknown speed", -1.0);
        check(Reading::Width, "16", 16.0);
        check(Reading::Width, "", -1.0);
        check(Reading::Switch, "1", 1.0);
        check(Reading::Switch, "0", 0.0);
        check(Reading::Count, "64", 64.0);
        let absent = [Reading::Speed, Reading::Width, Reading::Switch, Reading::Count]
            .map(|reading| reading.number(None));
        assert_eq!(absent, [-1.0, -1.0, 0.0, 0.0]);
    }
}
