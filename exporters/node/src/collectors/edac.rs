//! Memory errors that controllers detected: `/sys/devices/system/edac/mc`.

use std::io;
use std::path::PathBuf;

use common_instrument::{CollectError, Collector, Family, Samples};
use parking_lot::Mutex;

use super::Entry;
use crate::parse::text;
use crate::source::folder::{FirstProblem, Folder, Value};

pub(super) const ENTRY: Entry = Entry {
    name: "edac",
    about: "Memory errors that controllers detected.",
    on_by_default: true,
    may_block: false,
    flags: &[],
    build: |context| {
        let path = context.roots().sys("devices/system/edac/mc");
        Ok(Box::new(Edac { path, value: Mutex::new(Value::new()) }))
    },
};

/// File and family of one kind of error of one part of the memory.
type Errors = (&'static str, Family);

const OF_CONTROLLER: [Errors; 2] = [
    (
        "ce_count",
        Family::counter("node_edac_correctable_errors_total", "Total correctable memory errors."),
    ),
    (
        "ue_count",
        Family::counter(
            "node_edac_uncorrectable_errors_total",
            "Total uncorrectable memory errors.",
        ),
    ),
];
const OF_ROW: [Errors; 2] = [
    (
        "ce_count",
        Family::counter(
            "node_edac_csrow_correctable_errors_total",
            "Total correctable memory errors for this csrow.",
        ),
    ),
    (
        "ue_count",
        Family::counter(
            "node_edac_csrow_uncorrectable_errors_total",
            "Total uncorrectable memory errors for this csrow.",
        ),
    ),
];
/// Errors of which the controller does not know the row.
const OF_NO_ROW: [&str; 2] = ["ce_noinfo_count", "ue_noinfo_count"];
const CHANNEL_CORRECTABLE: Family = Family::counter(
    "node_edac_channel_correctable_errors_total",
    "Total correctable memory errors for this channel.",
);
const CHANNEL_UNCORRECTABLE: Family = Family::counter(
    "node_edac_channel_uncorrectable_errors_total",
    "Total uncorrectable memory errors for this channel.",
);

struct Edac {
    path: PathBuf,
    value: Mutex<Value>,
}

/// A scrape on its way through the controllers.
struct Scrape<'a> {
    value: &'a mut Value,
    problem: FirstProblem,
    samples: &'a mut Samples,
}

impl Scrape<'_> {
    fn push(&mut self, folder: &Folder, file: &str, family: &Family, labels: &[(&str, &str)]) {
        let count = folder.counter(file, self.value).and_then(|count| {
            count.map(Some).ok_or_else(|| io::Error::other(format!("{file} is missing")))
        });
        if let Some(count) = self.problem.note(labels[0].1, count) {
            self.samples.push(family, labels, count as f64);
        }
    }

    fn controller(&mut self, folder: &Folder, number: &str) {
        let labels = [("controller", number), ("csrow", "unknown")];
        for (file, family) in &OF_CONTROLLER {
            self.push(folder, file, family, &labels[..1]);
        }
        for (file, (_, family)) in OF_NO_ROW.iter().zip(&OF_ROW) {
            self.push(folder, file, family, &labels);
        }
        for name in self.problem.note(number, folder.names().map(Some)).unwrap_or_default() {
            let Some(row) = numbered(&name, "csrow", "") else { continue };
            let Some(folder) = self.problem.note(&name, folder.folder(&name).map(Some)) else {
                continue;
            };
            let labels = [("controller", number), ("csrow", row)];
            for (file, family) in &OF_ROW {
                self.push(&folder, file, family, &labels);
            }
            self.channels(&folder, labels);
        }
    }

    fn channels(&mut self, folder: &Folder, [controller, row]: [(&str, &str); 2]) {
        for name in self.problem.note(row.1, folder.names().map(Some)).unwrap_or_default() {
            let Some(channel) = numbered(&name, "ch", "_ce_count") else { continue };
            let file = format!("ch{channel}_dimm_label");
            let label = folder.text(&file, self.value);
            let label = self.problem.note(row.1, label).map_or("unknown".into(), readable);
            let labels = [controller, row, ("channel", channel), ("dimm_label", &label)];
            self.push(folder, &name, &CHANNEL_CORRECTABLE, &labels);
            // Not all drivers count what they could not correct by channel.
            let count = folder.counter(&format!("ch{channel}_ue_count"), self.value);
            if let Some(count) = self.problem.note(row.1, count) {
                self.samples.push(&CHANNEL_UNCORRECTABLE, &labels, count as f64);
            }
        }
    }
}

/// The number in a name such as `csrow0` or `ch1_ce_count`.
fn numbered<'a>(name: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let number = name.strip_prefix(before)?.strip_suffix(after)?;
    (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())).then_some(number)
}

/// The label of a memory module as the original writes it: `mc#0csrow#1channel#0` becomes
/// `mc0_csrow1_channel0`.
fn readable(label: &[u8]) -> String {
    text(label).replace('#', "").replace("csrow", "_csrow").replace("channel", "_channel")
}

impl Collector for Edac {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        // A machine without such controllers has nothing to tell, and that is well.
        let Ok(all) = Folder::open(&self.path) else { return Ok(()) };
        let value = &mut *self.value.lock();
        let mut scrape = Scrape { value, problem: FirstProblem::default(), samples };
        for name in all.names().unwrap_or_default() {
            let Some(number) = numbered(&name, "mc", "") else { continue };
            if let Some(folder) = scrape.problem.note(&name, all.folder(&name).map(Some)) {
                scrape.controller(&folder, number);
            }
        }
        scrape.problem.outcome(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_the_memory_are_numbered_and_modules_are_labelled() {
        fn check(name: &str, number: Option<&str>) {
            assert_eq!(numbered(name, "ch", "_ce_count"), number);
        }
        check("ch12_ce_count", Some("12"));
        check("ch_ce_count", None);
        check("ch0_ue_count", None);
        check("chx_ce_count", None);
        assert_eq!(readable(b"mc#0csrow#1channel#0"), "mc0_csrow1_channel0");
        assert_eq!(readable(b"CPU_SrcID#0_Ha#0_Chan#1_DIMM#0"), "CPU_SrcID0_Ha0_Chan1_DIMM0");
    }
}
