//! Sensors of temperatures, fans, voltages and currents: `/sys/class/hwmon`.

mod chip;
mod naming;
mod readers;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use common_instrument::{CollectError, Collector, Family, Samples};
use parking_lot::Mutex;

use self::chip::{Chip, READING_AGE_MAX};
use self::naming::ChipNames;
use self::readers::{CHIP_PATIENCE, Readers};
use super::Entry;
use crate::folder::{FirstProblem, Folder, Value, class};
use crate::pattern::Filter;
use crate::settings::{Flag, Settings, flag};

const CHIP_EXCLUDE: Flag = flag::text(
    "collector.hwmon.chip-exclude",
    "Regexp of hwmon chip to exclude (mutually exclusive to device-include).",
    "",
);
const CHIP_INCLUDE: Flag = flag::text(
    "collector.hwmon.chip-include",
    "Regexp of hwmon chip to include (mutually exclusive to device-exclude).",
    "",
);
const SENSOR_EXCLUDE: Flag = flag::text(
    "collector.hwmon.sensor-exclude",
    "Regexp of hwmon sensor to exclude (mutually exclusive to sensor-include).",
    "",
);
const SENSOR_INCLUDE: Flag = flag::text(
    "collector.hwmon.sensor-include",
    "Regexp of hwmon sensor to include (mutually exclusive to sensor-exclude).",
    "",
);

pub(super) const ENTRY: Entry = Entry {
    name: "hwmon",
    about: "Temperatures, fans, voltages and currents of /sys/class/hwmon.",
    on_by_default: true,
    may_block: true,
    flags: &[CHIP_EXCLUDE, CHIP_INCLUDE, SENSOR_EXCLUDE, SENSOR_INCLUDE],
    build: |context| {
        let settings = context.settings();
        Ok(Box::new(Hwmon {
            path: context.roots().sys("class/hwmon"),
            chips: filter(settings, &CHIP_EXCLUDE, &CHIP_INCLUDE)?,
            sensors: Arc::new(filter(settings, &SENSOR_EXCLUDE, &SENSOR_INCLUDE)?),
            nodes: Mutex::default(),
            readers: Readers::new(CHIP_PATIENCE),
        }))
    },
};

fn filter(settings: &Settings, exclude: &Flag, include: &Flag) -> Result<Filter, crate::Error> {
    Filter::new((exclude, settings.text(exclude)), (include, settings.text(include)))
}

const CHIP_NAMES: Family =
    Family::gauge("node_hwmon_chip_names", "Annotation metric for human-readable chip names");

struct Hwmon {
    path: PathBuf,
    chips: Filter,
    sensors: Arc<Filter>,
    nodes: Mutex<Vec<Node>>,
    readers: Readers,
}

/// One `hwmonN` and its chip.
struct Node {
    file: String,
    /// Another chip may get the number of one that went away.
    identity: (u64, u64),
    names: ChipNames,
    since: Instant,
    /// `None` if the chip is not wanted.
    chip: Option<Arc<Chip>>,
}

impl Hwmon {
    /// Brings the list of chips up to date. What is known of a chip stays as long as it is the same.
    fn list(&self, all: &Folder, nodes: &mut Vec<Node>) -> io::Result<()> {
        let mut found = Vec::new();
        let mut is_changed = false;
        let mut value = Value::new();
        for file in all.names()? {
            let Ok(folder) = all.folder(&file) else { continue };
            let Ok(identity) = folder.identity() else { continue };
            let known = nodes.iter().position(|n| n.file == file && n.identity == identity);
            found.push(match known {
                Some(at) => nodes.swap_remove(at),
                None => {
                    is_changed = true;
                    let names = ChipNames::read(&self.path.join(&file), &folder, &mut value);
                    Node { file, identity, names, since: Instant::now(), chip: None }
                }
            });
        }
        is_changed |= !nodes.is_empty();
        *nodes = found;
        if is_changed {
            self.label(nodes);
        }
        Ok(())
    }

    /// Gives the chips their labels, which depend on what other chips there are.
    fn label(&self, nodes: &mut [Node]) {
        let names: Vec<&ChipNames> = nodes.iter().map(|node| &node.names).collect();
        let labels: Vec<String> = (0..names.len()).map(|at| naming::label(at, &names)).collect();
        for (node, label) in nodes.iter_mut().zip(labels) {
            if self.chips.ignores(&label) {
                node.chip = None;
            } else if node.chip.as_ref().is_none_or(|chip| chip.label != label) {
                let path = self.path.join(&node.file);
                node.chip = Some(Arc::new(Chip::new(label, path, Arc::clone(&self.sensors))));
            }
        }
    }
}

impl Collector for Hwmon {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let all = class(&self.path)?;
        let mut nodes = self.nodes.lock();
        let mut problem = FirstProblem::default();
        problem.note("chips", self.list(&all, &mut nodes).map(Some));
        self.readers.read(nodes.iter().filter_map(|node| node.chip.as_ref()));
        let now = Instant::now();
        for node in nodes.iter() {
            let Some(chip) = &node.chip else { continue };
            if !node.names.driver.is_empty() {
                let labels = [("chip", &*chip.label), ("chip_name", &node.names.driver)];
                samples.push(&CHIP_NAMES, &labels, 1.0);
            }
            if !chip.push(now, samples) && now - node.since > READING_AGE_MAX {
                let silent = Err(io::Error::other(format!("{}: no answer", node.file)));
                problem.note::<()>(&chip.label, silent);
            }
        }
        problem.outcome(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::NodeOptions;
    use crate::collectors::Context;

    fn options(root: &Path, flags: &[(&Flag, &str)]) -> NodeOptions {
        let now = || std::time::SystemTime::UNIX_EPOCH;
        let mut options = NodeOptions::new(now, jiff::tz::TimeZone::UTC);
        options.roots.sysfs = root.to_path_buf();
        for (flag, value) in flags {
            options.settings.set(flag.name, value);
        }
        options
    }

    fn build(options: &NodeOptions) -> Box<dyn Collector> {
        (ENTRY.build)(&Context { options }).unwrap()
    }

    fn chip(root: &Path, node: &str, driver: &str, sensors: &[&str]) {
        let path = root.join("class/hwmon").join(node);
        fs::create_dir_all(&path).unwrap();
        fs::write(path.join("name"), driver).unwrap();
        for sensor in sensors {
            fs::write(path.join(format!("{sensor}_input")), "1000").unwrap();
        }
    }

    /// Chips and sensors that have a value.
    fn sensors(collector: &dyn Collector) -> Vec<String> {
        let mut samples = Samples::default();
        collector.collect(&mut samples).unwrap();
        let mut found = Vec::new();
        for family in samples.families().filter(|family| family.name() != CHIP_NAMES.name) {
            for sample in family.samples() {
                let values: Vec<&str> = sample.labels().map(|(_, value)| value).collect();
                found.push(values.join(";"));
            }
        }
        found
    }

    #[test]
    fn chips_and_sensors_are_chosen_by_their_labels() {
        let dir = tempfile::tempdir().unwrap();
        chip(dir.path(), "hwmon0", "cpu", &["temp1", "temp2"]);
        chip(dir.path(), "hwmon1", "twin", &["temp1"]);
        chip(dir.path(), "hwmon2", "twin", &["temp1"]);
        let check = |flags: &[(&Flag, &str)], expected: &[&str]| {
            assert_eq!(sensors(&*build(&options(dir.path(), flags))), expected);
        };
        let all = ["cpu;temp1", "cpu;temp2", "twin_hwmon1;temp1", "twin_hwmon2;temp1"];
        check(&[], &all);
        check(&[(&CHIP_INCLUDE, "hwmon2")], &all[3..]);
        check(&[(&CHIP_EXCLUDE, "twin")], &all[..2]);
        check(&[(&CHIP_EXCLUDE, "twin"), (&CHIP_INCLUDE, "hwmon2")], &[]);
        check(&[(&SENSOR_EXCLUDE, "^cpu;temp1$")], &all[1..]);
        check(&[(&SENSOR_INCLUDE, "temp2")], &all[1..2]);
    }

    #[test]
    fn a_chip_that_comes_or_goes_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        chip(dir.path(), "hwmon0", "disk", &["temp1"]);
        let collector = build(&options(dir.path(), &[]));
        assert_eq!(sensors(&*collector), ["disk;temp1"]);
        chip(dir.path(), "hwmon1", "disk", &["temp1"]);
        assert_eq!(sensors(&*collector), ["disk_hwmon0;temp1", "disk_hwmon1;temp1"]);
        fs::rename(dir.path().join("class/hwmon/hwmon0"), dir.path().join("gone")).unwrap();
        assert_eq!(sensors(&*collector), ["disk;temp1"]);
        chip(dir.path(), "hwmon0", "fan", &["fan1"]);
        assert_eq!(sensors(&*collector), ["fan;fan1", "disk;temp1"]);
    }
}
