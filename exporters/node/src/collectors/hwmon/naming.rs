//! Names: of chips by the devices they belong to, of sensors by their files, of metrics by their units.

use std::path::Path;

use common_model::MetricType;

use crate::folder::{Folder, Value};
use crate::named::Named;
use crate::parse::text;

/// Makes a name of letters a to z, digits, colons and underscores, as the original does.
pub(super) fn clean(name: &str) -> String {
    let allowed = |c: char| matches!(c, 'a'..='z' | '0'..='9' | ':' | '_');
    let replaced = name.to_lowercase().replace(|c| !allowed(c), "_");
    replaced.trim_matches('_').to_owned()
}

/// What a chip can be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ChipNames {
    /// By its place in the machine, which several chips of one device share.
    pub(super) place: String,
    /// What the driver calls it; there may be many of them.
    pub(super) driver: String,
    /// `hwmon3`: stable only until the machine is started again.
    pub(super) node: String,
}

impl ChipNames {
    /// Of the chip whose folder is `path`.
    pub(super) fn read(path: &Path, folder: &Folder, value: &mut Value) -> ChipNames {
        let driver = folder.text("name", value).ok().flatten();
        let driver = driver.map(|name| clean(&text(name))).unwrap_or_default();
        let node = last_name(path);
        let place = path.join("device").canonicalize().ok().and_then(|device| {
            let (bus, device) = (device.parent().map(last_name), last_name(&device));
            match bus {
                _ if device.is_empty() => None,
                Some(bus) if !bus.is_empty() => Some(format!("{bus}_{device}")),
                _ => Some(device),
            }
        });
        let place =
            place.unwrap_or_else(|| if driver.is_empty() { node.clone() } else { driver.clone() });
        ChipNames { place, driver, node }
    }
}

fn last_name(path: &Path) -> String {
    path.file_name().map(|name| clean(&name.to_string_lossy())).unwrap_or_default()
}

/// The label of the chip at `index`. Chips of one place get the driver's name behind it, or the
/// node's where that does not tell them apart.
pub(super) fn label(index: usize, chips: &[&ChipNames]) -> String {
    let chip = chips[index];
    let same_place = || chips.iter().filter(|other| other.place == chip.place);
    if same_place().count() == 1 {
        return chip.place.clone();
    }
    let is_unique = same_place().filter(|other| other.driver == chip.driver).count() == 1;
    let suffix = if is_unique && !chip.driver.is_empty() { &chip.driver } else { &chip.node };
    format!("{}_{suffix}", chip.place)
}

/// Kinds of sensors that are exported.
const KINDS: [&str; 14] = [
    "vrm",
    "beep_enable",
    "update_interval",
    "in",
    "cpu",
    "fan",
    "pwm",
    "temp",
    "curr",
    "power",
    "energy",
    "humidity",
    "intrusion",
    "freq",
];

/// Kind, number and property of the sensor file `temp1_crit_alarm`; no number counts as 0, and what
/// stands for the sensor itself has no property.
pub(super) fn explode(file: &str) -> Option<(&'static str, u32, &str)> {
    let kind_end = file.find(|c: char| c.is_ascii_digit()).unwrap_or(file.len());
    let (kind, rest) = file.split_at(kind_end);
    let kind = KINDS.iter().find(|known| **known == kind)?;
    let number_end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (number, rest) = rest.split_at(number_end);
    let number = if number.is_empty() { 0 } else { number.parse().ok()? };
    let property = if rest.is_empty() { "" } else { rest.strip_prefix('_')? };
    (rest.is_empty() || !property.is_empty()).then_some((kind, number, property))
}

/// How the text of a file becomes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// As it stands there.
    One,
    /// Thousandths.
    Milli,
    /// Millionths.
    Micro,
    /// 1 is on, and anything else off.
    Switch,
}

impl Unit {
    /// The value, or `None` if the driver gave no number.
    pub(super) fn parse(self, text: &[u8]) -> Option<f64> {
        match self {
            Unit::One => crate::parse::number(text),
            Unit::Milli => Some(crate::parse::number(text)? * 0.001),
            Unit::Micro => Some(crate::parse::number(text)? / 1e6),
            Unit::Switch => Some(if text == b"1" { 1.0 } else { 0.0 }),
        }
    }
}

/// The metric of a property of a sensor, or `None` if it has none. `has_value` says whether there is a
/// file without property beside it.
pub(super) fn metric(
    kind: &str,
    property: &str,
    has_value: bool,
) -> Option<(Named, MetricType, Unit)> {
    let gauge = |name: &str, help: String, unit| {
        let name = format!("node_hwmon_{name}");
        Some((Named { name, help }, MetricType::Gauge, unit))
    };
    match (kind, property) {
        ("beep_enable", "") => {
            return gauge("beep_enabled", "Hardware beep enabled".into(), Unit::Switch);
        }
        ("vrm", "") => {
            let help = "Hardware voltage regulator".into();
            return gauge("voltage_regulator_version", help, Unit::One);
        }
        ("update_interval", "") => {
            let help = "Hardware monitor update interval".into();
            return gauge("update_interval_seconds", help, Unit::Milli);
        }
        ("beep_enable" | "vrm" | "update_interval", _) | (_, "label") => return None,
        _ => {}
    }
    let name = match property {
        "" => kind.to_owned(),
        "input" if !has_value => kind.to_owned(),
        _ => format!("{kind}_{}", clean(property)),
    };
    let (suffix, help, unit) = unit_and_help(kind, property);
    let (mut named, mut metric_type, unit) = gauge(&(name + suffix), help, unit)?;
    if kind == "energy" && !matches!(property, "fault" | "alarm" | "beep") {
        metric_type = MetricType::Counter;
    }
    named.name.shrink_to_fit();
    Some((named, metric_type, unit))
}

/// What is appended to the name, the help text, and the unit of the file.
fn unit_and_help(kind: &str, property: &str) -> (&'static str, String, Unit) {
    let of = |what: &str| format!("Hardware monitor {what} ({property})");
    match (kind, property) {
        (_, "fault" | "alarm") => {
            ("", format!("Hardware sensor {property} status ({kind})"), Unit::One)
        }
        (_, "beep") => {
            ("_enabled", "Hardware monitor sensor has beeping enabled".to_owned(), Unit::One)
        }
        ("in" | "cpu", _) => ("_volts", of("for voltage"), Unit::Milli),
        ("temp", "") => {
            ("_celsius", "Hardware monitor for temperature (input)".into(), Unit::Milli)
        }
        ("temp", _) if property != "type" => ("_celsius", of("for temperature"), Unit::Milli),
        ("curr", _) => ("_amps", of("for current"), Unit::Milli),
        ("energy", _) => ("_joule_total", of("for joules used so far"), Unit::Micro),
        ("power", "accuracy") => {
            ("", "Hardware monitor power meter accuracy, as a ratio".to_owned(), Unit::Micro)
        }
        ("power", "average_interval" | "average_interval_min" | "average_interval_max") => {
            ("_seconds", of("power usage update interval"), Unit::Milli)
        }
        ("power", _) => ("_watt", of("for power usage in watts"), Unit::Micro),
        ("humidity", _) => {
            let what = "for humidity, as a ratio (multiply with 100.0 to get the humidity as a \
                        percentage)";
            ("", of(what), Unit::Micro)
        }
        ("fan", "input" | "min" | "max" | "target") => {
            ("_rpm", of("for fan revolutions per minute"), Unit::One)
        }
        ("freq", "input") => {
            ("_freq_mhz", "Hardware monitor for GPU frequency in MHz".to_owned(), Unit::Micro)
        }
        _ => ("", format!("Hardware monitor {kind} element {property}"), Unit::One),
    }
}

/// Whether a property changes only when somebody sets it.
pub(super) fn is_setting(property: &str) -> bool {
    matches!(
        property,
        "type"
            | "min"
            | "max"
            | "lcrit"
            | "crit"
            | "emergency"
            | "offset"
            | "accuracy"
            | "rated_min"
            | "rated_max"
    ) || property.ends_with("_hyst")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cleaned_as_by_the_original() {
        fn check(name: &str, expected: &str) {
            assert_eq!(clean(name), expected);
        }
        check("coretemp.0", "coretemp_0");
        check("0000:00:18.3", "0000:00:18_3");
        check("Fancy Chip!\n", "fancy_chip");
        check("µ__", "");
    }

    #[test]
    fn chips_of_one_place_are_told_apart() {
        fn check(chips: &[(&str, &str)], expected: &[&str]) {
            let names: Vec<ChipNames> = chips
                .iter()
                .enumerate()
                .map(|(index, (place, driver))| ChipNames {
                    place: (*place).to_owned(),
                    driver: (*driver).to_owned(),
                    node: format!("hwmon{index}"),
                })
                .collect();
            let names: Vec<&ChipNames> = names.iter().collect();
            let labels: Vec<String> = (0..names.len()).map(|index| label(index, &names)).collect();
            assert_eq!(labels, expected);
        }
        check(&[("a", "x"), ("b", "x")], &["a", "b"]);
        check(&[("a", "x"), ("a", "y")], &["a_x", "a_y"]);
        check(&[("a", "x"), ("a", "x"), ("a", "y")], &["a_hwmon0", "a_hwmon1", "a_y"]);
        check(&[("a", ""), ("a", "y")], &["a_hwmon0", "a_y"]);
    }

    #[test]
    fn files_are_kind_number_and_property() {
        fn check(file: &str, expected: Option<(&'static str, u32, &str)>) {
            assert_eq!(explode(file), expected);
        }
        check("temp1_crit_alarm", Some(("temp", 1, "crit_alarm")));
        check("fan007_input", Some(("fan", 7, "input")));
        check("pwm2", Some(("pwm", 2, "")));
        check("beep_enable", Some(("beep_enable", 0, "")));
        check("power", Some(("power", 0, "")));
        check("curr1_", None);
        check("in1x", None);
        check("in99999999999_input", None);
        check("temp_crit", None);
        check("name", None);
        check("1", None);
        check("", None);
    }

    #[test]
    fn values_have_the_units_that_their_names_say() {
        fn check(file: &str, text: &str, expected: Option<(&str, f64)>) {
            let (kind, _, property) = explode(file).unwrap();
            let found = metric(kind, property, file == "temp1_input");
            let found =
                found.and_then(|(named, _, unit)| Some((named.name, unit.parse(text.as_bytes())?)));
            let expected = expected.map(|(name, value)| (format!("node_hwmon_{name}"), value));
            assert_eq!(found, expected);
        }
        check("in0_input", "1500", Some(("in_volts", 1.5)));
        check("temp1_input", "4000", Some(("temp_input_celsius", 4.0)));
        check("temp2_input", "-4000", Some(("temp_celsius", -4.0)));
        check("temp2_type", "4", Some(("temp_type", 4.0)));
        check("temp2_input", "N/A", None);
        check("temp2_label", "x", None);
        check("beep_enable", "1", Some(("beep_enabled", 1.0)));
        check("beep_enable", "on", Some(("beep_enabled", 0.0)));
        check("vrm", "90", Some(("voltage_regulator_version", 90.0)));
        check("update_interval", "2000", Some(("update_interval_seconds", 2.0)));
        check("energy1_input", "5000000", Some(("energy_joule_total", 5.0)));
        check("power1_accuracy", "50000", Some(("power_accuracy", 0.05)));
        check("power1_average_interval", "1000", Some(("power_average_interval_seconds", 1.0)));
        check("humidity1_input", "40000", Some(("humidity", 0.04)));
        check("fan1_min", "600", Some(("fan_min_rpm", 600.0)));
        check("fan1_beep", "1", Some(("fan_beep_enabled", 1.0)));
        check("freq1_input", "300000000", Some(("freq_freq_mhz", 300.0)));
        check("pwm1_auto_point1_pwm", "70", Some(("pwm_auto_point1_pwm", 70.0)));
    }
}
