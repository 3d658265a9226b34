//! Batteries, chargers and mains: `/sys/class/power_supply`.

use std::path::PathBuf;

use common_instrument::{CollectError, Collector, Family, Samples};
use parking_lot::Mutex;

use super::Entry;
use crate::parse::text;
use crate::pattern::Pattern;
use crate::settings::{Flag, flag};
use crate::source::folder::{FirstProblem, Folder, Value, class};

const IGNORED: Flag = flag::text(
    "collector.powersupply.ignored-supplies",
    "Regexp of power supplies to ignore for powersupplyclass collector.",
    "^$",
);

pub(super) const ENTRY: Entry = Entry {
    name: "powersupplyclass",
    about: "Batteries, chargers and mains of /sys/class/power_supply.",
    on_by_default: true,
    // Batteries are asked over slow buses.
    may_block: true,
    flags: &[IGNORED],
    build: |context| {
        Ok(Box::new(PowerSupplies {
            path: context.roots().sys("class/power_supply"),
            ignored: context.settings().pattern(&IGNORED)?,
            value: Mutex::new(Value::new()),
        }))
    },
};

const INFO: Family =
    Family::gauge("node_power_supply_info", "info of /sys/class/power_supply/<power_supply>.");

/// Files that are labels of [`INFO`] where they are not empty.
const TEXTS: [&str; 11] = [
    "capacity_level",
    "charge_type",
    "health",
    "manufacturer",
    "model_name",
    "scope",
    "serial_number",
    "status",
    "technology",
    "type",
    "usb_type",
];

/// A file, its family, and how many of its units make one of the family's.
struct Number(&'static str, Family, f64);

/// As the kernel counts: percent, seconds, yes and no.
const ONE: f64 = 1.0;
/// Microvolts and the like.
const MICRO: f64 = 1e6;
/// Tenths of degrees.
const TENTH: f64 = 10.0;

macro_rules! number {
    ($file:literal, $name:literal, $unit:ident) => {
        Number(
            $file,
            Family::gauge(
                concat!("node_power_supply_", $name),
                concat!($name, " value of /sys/class/power_supply/<power_supply>."),
            ),
            $unit,
        )
    };
}

/// Sorted by files.
const NUMBERS: [Number; 49] = [
    number!("authentic", "authentic", ONE),
    number!("calibrate", "calibrate", ONE),
    number!("capacity", "capacity", ONE),
    number!("capacity_alert_max", "capacity_alert_max", ONE),
    number!("capacity_alert_min", "capacity_alert_min", ONE),
    number!("charge_control_limit", "charge_control_limit", MICRO),
    number!("charge_control_limit_max", "charge_control_limit_max", MICRO),
    number!("charge_counter", "charge_counter", MICRO),
    number!("charge_empty", "charge_empty", MICRO),
    number!("charge_empty_design", "charge_empty_design", MICRO),
    number!("charge_full", "charge_full", MICRO),
    number!("charge_full_design", "charge_full_design", MICRO),
    number!("charge_now", "charge_ampere", MICRO),
    number!("charge_term_current", "charge_term_current", MICRO),
    number!("constant_charge_current", "constant_charge_current", MICRO),
    number!("constant_charge_current_max", "constant_charge_current_max", MICRO),
    number!("constant_charge_voltage", "constant_charge_voltage", MICRO),
    number!("constant_charge_voltage_max", "constant_charge_voltage_max", MICRO),
    number!("current_boot", "current_boot", MICRO),
    number!("current_max", "current_max", MICRO),
    number!("current_now", "current_ampere", MICRO),
    number!("cycle_count", "cyclecount", ONE),
    number!("energy_empty", "energy_empty", MICRO),
    number!("energy_empty_design", "energy_empty_design", MICRO),
    number!("energy_full", "energy_full", MICRO),
    number!("energy_full_design", "energy_full_design", MICRO),
    number!("energy_now", "energy_watthour", MICRO),
    number!("input_current_limit", "input_current_limit", MICRO),
    number!("online", "online", ONE),
    number!("power_now", "power_watt", MICRO),
    number!("precharge_current", "precharge_current", MICRO),
    number!("present", "present", ONE),
    number!("temp", "temp_celsius", TENTH),
    number!("temp_alert_max", "temp_alert_max_celsius", TENTH),
    number!("temp_alert_min", "temp_alert_min_celsius", TENTH),
    number!("temp_ambient", "temp_ambient_celsius", TENTH),
    number!("temp_ambient_max", "temp_ambient_max_celsius", TENTH),
    number!("temp_ambient_min", "temp_ambient_min_celsius", TENTH),
    number!("temp_max", "temp_max_celsius", TENTH),
    number!("temp_min", "temp_min_celsius", TENTH),
    number!("time_to_empty_now", "time_to_empty_seconds", ONE),
    number!("time_to_full_now", "time_to_full_seconds", ONE),
    number!("voltage_boot", "voltage_boot", MICRO),
    number!("voltage_max", "voltage_max", MICRO),
    number!("voltage_max_design", "voltage_max_design", MICRO),
    number!("voltage_min", "voltage_min", MICRO),
    number!("voltage_min_design", "voltage_min_design", MICRO),
    number!("voltage_now", "voltage_volt", MICRO),
    number!("voltage_ocv", "voltage_ocv", MICRO),
];

struct PowerSupplies {
    path: PathBuf,
    ignored: Pattern,
    value: Mutex<Value>,
}

/// Pushes everything of one supply; asks only for what it has, which is little of the long list.
fn push(
    supply: &str,
    folder: &Folder,
    value: &mut Value,
    problem: &mut FirstProblem,
    samples: &mut Samples,
) {
    let mut labels = vec![("power_supply", supply.to_owned())];
    for file in problem.note(supply, folder.names().map(Some)).unwrap_or_default() {
        if let Ok(at) = NUMBERS.binary_search_by(|number| number.0.cmp(&*file)) {
            let Number(file, family, unit) = &NUMBERS[at];
            if let Some(number) = problem.note(supply, folder.number(file, value)) {
                samples.push(family, &[("power_supply", supply)], number as f64 / unit);
            }
        } else if let Ok(at) = TEXTS.binary_search(&&*file) {
            let found = problem.note(supply, folder.text(&file, value));
            if let Some(found) = found.filter(|found| !found.is_empty()) {
                labels.push((TEXTS[at], text(found).into_owned()));
            }
        }
    }
    let labels: Vec<_> = labels.iter().map(|(name, value)| (*name, &**value)).collect();
    samples.push(&INFO, &labels, 1.0);
}

impl Collector for PowerSupplies {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let value = &mut *self.value.lock();
        let all = class(&self.path)?;
        let mut problem = FirstProblem::default();
        for supply in problem.note("supplies", all.names().map(Some)).unwrap_or_default() {
            if self.ignored.is_match(&supply) {
                continue;
            }
            if let Some(folder) = problem.note(&supply, all.folder(&supply).map(Some)) {
                push(&supply, &folder, value, &mut problem, samples);
            }
        }
        problem.outcome(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted_to_be_searched() {
        assert!(NUMBERS.is_sorted_by(|a, b| a.0 < b.0));
        assert!(TEXTS.is_sorted());
    }
}
