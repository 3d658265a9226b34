//! Link modes, drivers and statistics of network devices, as their drivers tell them.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use common_instrument::{CollectError, Collector, Family, Samples};
use parking_lot::Mutex;

use self::names::NameTable;
use super::Entry;
use crate::ethtool::{Driver, Ethtool};
use crate::pattern::{Filter, Pattern};
use crate::settings::{Flag, flag};

mod modes;
mod names;

const INCLUDE: Flag = flag::text(
    "collector.ethtool.device-include",
    "Regexp of ethtool devices to include (mutually exclusive to device-exclude).",
    "",
);
const EXCLUDE: Flag = flag::text(
    "collector.ethtool.device-exclude",
    "Regexp of ethtool devices to exclude (mutually exclusive to device-include).",
    "",
);
const METRICS: Flag =
    flag::text("collector.ethtool.metrics-include", "Regexp of ethtool stats to include.", ".*");

pub(super) const ENTRY: Entry = Entry {
    name: "ethtool",
    about: "Link modes, drivers and statistics of network devices.",
    on_by_default: false,
    may_block: true,
    flags: &[INCLUDE, EXCLUDE, METRICS],
    build: |context| {
        let settings = context.settings();
        let (exclude, include) = (settings.text(&EXCLUDE), settings.text(&INCLUDE));
        Ok(Box::new(EthtoolCollector {
            directory: context.roots().sys("class/net"),
            filter: Filter::new((&EXCLUDE, exclude), (&INCLUDE, include))?,
            metrics: settings.pattern(&METRICS)?,
            state: Mutex::default(),
        }))
    },
};

const INFO: Family = Family::gauge(
    "node_ethtool_info",
    "A metric with a constant '1' value labeled by bus_info, device, driver, \
     expansion_rom_version, firmware_version, version.",
);

struct EthtoolCollector {
    directory: PathBuf,
    filter: Filter,
    metrics: Pattern,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    ethtool: Option<Ethtool>,
    /// By device.
    tables: HashMap<String, NameTable>,
}

/// The names in `/sys/class/net` that are not files.
fn devices(directory: &Path) -> io::Result<Vec<String>> {
    let mut devices = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        if let (false, Ok(name)) = (entry.file_type()?.is_file(), entry.file_name().into_string()) {
            devices.push(name);
        }
    }
    Ok(devices)
}

/// What the driver says; `None` where it says nothing, which is common.
fn told<T>(device: &str, what: &str, answer: io::Result<T>) -> Option<T> {
    match answer {
        Ok(answer) => Some(answer),
        Err(error) if error.kind() == io::ErrorKind::Unsupported => None,
        Err(error) => {
            tracing::error!(name = "ethtool", device, err = %error, "{what} of a network device");
            None
        }
    }
}

fn push_driver(device: &str, driver: &Driver, samples: &mut Samples) {
    let labels = [
        ("bus_info", &*driver.bus),
        ("device", device),
        ("driver", &*driver.name),
        ("expansion_rom_version", &*driver.expansion_rom),
        ("firmware_version", &*driver.firmware),
        ("version", &*driver.version),
    ];
    samples.push(&INFO, &labels, 1.0);
}

impl EthtoolCollector {
    fn push(&self, device: &str, state: &mut State, samples: &mut Samples) -> io::Result<()> {
        let ethtool = match &mut state.ethtool {
            Some(ethtool) => ethtool,
            closed => closed.insert(Ethtool::open()?),
        };
        if let Some(settings) = told(device, "link settings", ethtool.link_settings(device)) {
            modes::push(device, &settings, samples);
        }
        if let Some(driver) = told(device, "driver", ethtool.driver(device)) {
            push_driver(device, &driver, samples);
        }
        let statistics = told(device, "statistics", ethtool.statistics(device));
        let statistics = statistics.unwrap_or_default();
        if statistics.is_empty() {
            return Ok(());
        }
        let table = state.tables.entry(device.to_owned()).or_default();
        table.update(&statistics, &self.metrics);
        table.push(device, &statistics, samples);
        Ok(())
    }
}

impl Collector for EthtoolCollector {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let place = self.directory.display();
        let devices = devices(&self.directory).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => {
                CollectError::Absent(format!("{place}: {error}"))
            }
            _ => CollectError::failed(&place, error),
        })?;
        if devices.is_empty() {
            return Err(CollectError::failed(place, "no network devices found"));
        }
        let state = &mut *self.state.lock();
        state.tables.retain(|device, _| devices.contains(device));
        for device in devices.iter().filter(|device| !self.filter.ignores(device)) {
            let pushed = self.push(device, state, samples);
            pushed.map_err(|error| CollectError::failed("ethtool", error))?;
        }
        Ok(())
    }
}
