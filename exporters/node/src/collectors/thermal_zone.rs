//! Temperatures and cooling devices: `/sys/class/thermal`.

use std::path::PathBuf;

use common_instrument::{CollectError, Collector, Family, Samples};
use parking_lot::Mutex;

use super::Entry;
use crate::parse::{signed, text};
use crate::source::{Attributes, names_in};

pub(super) const ENTRY: Entry = Entry {
    name: "thermal_zone",
    about: "Temperatures and cooling devices of /sys/class/thermal.",
    on_by_default: true,
    may_block: true,
    flags: &[],
    build: |context| {
        let directory = context.roots().sys("class/thermal");
        Ok(Box::new(ThermalZone { directory, attributes: Mutex::new(Attributes::new()) }))
    },
};

const TEMPERATURE: Family = Family::gauge("node_thermal_zone_temp", "Zone temperature in Celsius");
const CURRENT: Family =
    Family::gauge("node_cooling_device_cur_state", "Current throttle state of the cooling device");
const MAXIMUM: Family =
    Family::gauge("node_cooling_device_max_state", "Maximum throttle state of the cooling device");

/// Temperatures are in thousandths of a degree.
const MILLI: f64 = 1000.0;

struct ThermalZone {
    directory: PathBuf,
    attributes: Mutex<Attributes>,
}

impl Collector for ThermalZone {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let mut attributes = self.attributes.lock();
        // A machine without thermal management has no directory.
        for name in names_in(&self.directory).unwrap_or_default() {
            let path = self.directory.join(&name);
            let mut number = |file: &str| signed(attributes.read(&path.join(file)).ok()?);
            if let Some(zone) = name.strip_prefix("thermal_zone") {
                // A sensor that sleeps does not answer.
                let Some(millidegrees) = number("temp") else { continue };
                let kind = attributes.read(&path.join("type")).map(text).unwrap_or_default();
                let labels = [("zone", zone), ("type", &*kind)];
                samples.push(&TEMPERATURE, &labels, millidegrees as f64 / MILLI);
            } else if let Some(device) = name.strip_prefix("cooling_device") {
                let (current, maximum) = (number("cur_state"), number("max_state"));
                let kind = attributes.read(&path.join("type")).map(text).unwrap_or_default();
                let labels = [("name", device), ("type", &*kind)];
                for (family, state) in [(&CURRENT, current), (&MAXIMUM, maximum)] {
                    if let Some(state) = state {
                        samples.push(family, &labels, state as f64);
                    }
                }
            }
        }
        Ok(())
    }
}
