//! Watchdogs that restart the machine when nobody feeds them: `/sys/class/watchdog`.

use std::path::PathBuf;

use common_instrument::{CollectError, Collector, Family, Samples};
use parking_lot::Mutex;

use super::Entry;
use crate::parse::text;
use crate::source::folder::{FirstProblem, Folder, Value, class};

pub(super) const ENTRY: Entry = Entry {
    name: "watchdog",
    about: "Watchdogs of /sys/class/watchdog.",
    on_by_default: true,
    // Some sit behind slow buses.
    may_block: true,
    flags: &[],
    build: |context| {
        let path = context.roots().sys("class/watchdog");
        Ok(Box::new(Watchdogs { path, value: Mutex::new(Value::new()) }))
    },
};

const INFO: Family = Family::gauge("node_watchdog_info", "Info of /sys/class/watchdog/<watchdog>");

/// Files that are labels of [`INFO`].
const TEXTS: [&str; 5] = ["options", "identity", "state", "status", "pretimeout_governor"];

macro_rules! number {
    ($file:literal, $unit:literal) => {
        (
            $file,
            Family::gauge(
                concat!("node_watchdog_", $file, $unit),
                concat!("Value of /sys/class/watchdog/<watchdog>/", $file),
            ),
        )
    };
}

const NUMBERS: [(&str, Family); 7] = [
    number!("bootstatus", ""),
    number!("fw_version", ""),
    number!("nowayout", ""),
    number!("timeleft", "_seconds"),
    number!("timeout", "_seconds"),
    number!("pretimeout", "_seconds"),
    number!("access_cs0", ""),
];

struct Watchdogs {
    path: PathBuf,
    value: Mutex<Value>,
}

fn push(
    name: &str,
    folder: &Folder,
    value: &mut Value,
    problem: &mut FirstProblem,
    samples: &mut Samples,
) {
    for (file, family) in &NUMBERS {
        if let Some(number) = problem.note(name, folder.number(file, value)) {
            samples.push(family, &[("name", name)], number as f64);
        }
    }
    let texts = TEXTS.map(|file| {
        let found = problem.note(name, folder.text(file, value));
        found.map(|found| text(found).into_owned()).unwrap_or_default()
    });
    let mut labels = [("name", name); 1 + TEXTS.len()];
    for (label, (file, text)) in labels[1..].iter_mut().zip(TEXTS.iter().zip(&texts)) {
        *label = (file, text);
    }
    samples.push(&INFO, &labels, 1.0);
}

impl Collector for Watchdogs {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let value = &mut *self.value.lock();
        let all = class(&self.path)?;
        let mut problem = FirstProblem::default();
        for name in problem.note("watchdogs", all.names().map(Some)).unwrap_or_default() {
            if let Some(folder) = problem.note(&name, all.folder(&name).map(Some)) {
                push(&name, &folder, value, &mut problem, samples);
            }
        }
        problem.outcome(&self.path)
    }
}
