//! One chip: which sensors it has, and what they said last.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use common_instrument::{Family, Samples};
use common_model::MetricType;
use parking_lot::Mutex;

use super::naming::{Unit, clean, explode, is_setting, metric};
use crate::folder::{Folder, Value};
use crate::named::Named;
use crate::parse::text;
use crate::pattern::Filter;

/// How often limits and the like are taken from memory before they are read again: they change only
/// when somebody sets them.
const READINGS_REMEMBERED: u32 = 60;

/// How old a reading may be that is still exported; as long as a sample counts without a newer one.
pub(super) const READING_AGE_MAX: Duration = Duration::from_secs(300);

const SENSOR_LABEL: Family =
    Family::gauge("node_hwmon_sensor_label", "Label for given chip and sensor");

/// A chip as the scrape and the thread that reads it share it.
pub(super) struct Chip {
    /// What it is called in labels.
    pub(super) label: String,
    path: PathBuf,
    sensors: Arc<Filter>,
    /// Locked as long as the chip takes to answer: for the thread that reads only.
    work: Mutex<Work>,
    latest: Mutex<Option<Reading>>,
    /// How its reading goes.
    pub(super) progress: Mutex<Progress>,
}

/// How the reading of a chip goes; belongs to `readers`.
#[derive(Default)]
pub(super) struct Progress {
    /// Waits for a thread.
    pub(super) is_queued: bool,
    /// When the reading that runs was begun.
    pub(super) begun: Option<Instant>,
    /// The last reading took longer than scrapes wait, or the one that runs does.
    pub(super) is_slow: bool,
}

impl Progress {
    /// Whether there is nothing to be begun now.
    pub(super) fn is_pending(&self) -> bool {
        self.is_queued || self.begun.is_some()
    }
}

struct Work {
    layout: Arc<Layout>,
    values: Vec<Option<f64>>,
    readings_left: u32,
    value: Value,
}

/// What a chip said.
struct Reading {
    layout: Arc<Layout>,
    values: Vec<Option<f64>>,
    at: Instant,
}

/// The sensors of a chip.
#[derive(Default)]
struct Layout {
    sensors: Vec<Sensor>,
    properties: Vec<Property>,
}

struct Sensor {
    name: String,
    label: Option<String>,
    /// What stands in the label `sensor` of a frequency.
    label_cleaned: String,
}

struct Property {
    file: String,
    /// Whether the file lies in the folder of the device, where old drivers have them.
    is_of_device: bool,
    sensor: usize,
    is_frequency: bool,
    is_setting: bool,
    named: Named,
    kind: MetricType,
    unit: Unit,
}

impl Chip {
    /// The chip whose folder is `path`; it is read later.
    pub(super) fn new(label: String, path: PathBuf, sensors: Arc<Filter>) -> Chip {
        let (layout, value) = (Arc::default(), Value::new());
        let work = Mutex::new(Work { layout, values: Vec::new(), readings_left: 0, value });
        let progress = Mutex::default();
        Chip { label, path, sensors, work, latest: Mutex::default(), progress }
    }

    /// Asks the chip. This can take long, and for ever.
    pub(super) fn read(&self) {
        let work = &mut *self.work.lock();
        let Ok(folder) = Folder::open(&self.path) else { return };
        let device = folder.folder("device").ok();
        if work.readings_left == 0 {
            work.layout = Arc::new(self.layout(&folder, device.as_ref(), &mut work.value));
            work.values.clear();
            work.readings_left = READINGS_REMEMBERED;
        }
        work.readings_left -= 1;
        work.values.resize(work.layout.properties.len(), None);
        for (property, last) in work.layout.properties.iter().zip(&mut work.values) {
            if property.is_setting && last.is_some() {
                continue;
            }
            let folder = if property.is_of_device { device.as_ref() } else { Some(&folder) };
            let text = folder.and_then(|folder| folder.read(&property.file, &mut work.value).ok());
            *last = text.and_then(|text| property.unit.parse(text.trim_ascii()));
        }
        let mut latest = self.latest.lock();
        let mut values = latest.take().map(|reading| reading.values).unwrap_or_default();
        values.clone_from(&work.values);
        *latest = Some(Reading { layout: Arc::clone(&work.layout), values, at: Instant::now() });
    }

    /// Pushes the last reading; `false` if there is none that is young enough.
    pub(super) fn push(&self, now: Instant, samples: &mut Samples) -> bool {
        let latest = self.latest.lock();
        let young =
            |reading: &&Reading| now.saturating_duration_since(reading.at) < READING_AGE_MAX;
        let Some(Reading { layout, values, .. }) = latest.as_ref().filter(young) else {
            return false;
        };
        for sensor in &layout.sensors {
            if let Some(label) = &sensor.label {
                let labels = [("chip", &*self.label), ("label", label), ("sensor", &sensor.name)];
                samples.push(&SENSOR_LABEL, &labels, 1.0);
            }
        }
        for (property, value) in layout.properties.iter().zip(values) {
            let Some(value) = value else { continue };
            let sensor = &layout.sensors[property.sensor];
            let name = if property.is_frequency { &sensor.label_cleaned } else { &sensor.name };
            let labels = [("chip", &*self.label), ("sensor", name)];
            let Named { name, help } = &property.named;
            samples.push_named(name, help, property.kind, &labels, *value);
        }
        true
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn layout(&self, folder: &Folder, device: Option<&Folder>, value: &mut Value) -> Layout {
        let mut layout = Layout::default();
        for ((kind, number), files) in sensor_files(folder, device) {
            let name = format!("{kind}{number}");
            if self.sensors.ignores(&format!("{};{name}", self.label)) {
                continue;
            }
            let label = files.get("label").and_then(|(file, is_of_device)| {
                let folder = if *is_of_device { device? } else { folder };
                let found = text(folder.read(file, value).ok()?).into_owned();
                Some(found.trim_matches('\n').to_owned())
            });
            for (property, (file, is_of_device)) in &files {
                let is_frequency = kind == "freq" && property == "input";
                let found = metric(kind, property, files.contains_key(""));
                let Some((named, metric_type, unit)) = found else { continue };
                if is_frequency && label.is_none() {
                    continue;
                }
                layout.properties.push(Property {
                    file: file.clone(),
                    is_of_device: *is_of_device,
                    sensor: layout.sensors.len(),
                    is_frequency,
                    is_setting: is_setting(property),
                    named,
                    kind: metric_type,
                    unit,
                });
            }
            let label_cleaned = label.as_deref().map(clean).unwrap_or_default();
            layout.sensors.push(Sensor { name, label, label_cleaned });
        }
        layout
    }
}

/// Files by property, and whether they lie in the folder of the device.
type Files = BTreeMap<String, (String, bool)>;

/// The files of each sensor; those of the device count where both folders have one.
fn sensor_files(folder: &Folder, device: Option<&Folder>) -> BTreeMap<(&'static str, u32), Files> {
    let mut sensors: BTreeMap<_, Files> = BTreeMap::new();
    for (folder, is_of_device) in [(Some(folder), false), (device, true)] {
        let Some(folder) = folder else { continue };
        for file in folder.names().unwrap_or_default() {
            let Some((kind, number, property)) = explode(&file) else { continue };
            // `power` is a folder, not a sensor.
            if folder.is_folder(&file) {
                continue;
            }
            let files = sensors.entry((kind, number)).or_default();
            files.insert(property.to_owned(), (file.clone(), is_of_device));
        }
    }
    sensors
}
