//! Frequencies and governors of CPUs: `/sys/devices/system/cpu/cpuN/cpufreq`.

use std::io;
use std::path::PathBuf;

use common_instrument::{CollectError, Collector, Family, Samples};
use parking_lot::Mutex;

use super::Entry;
use crate::parse::{cpu_list, text, unsigned};
use crate::source::{Attributes, names_in};

pub(super) const ENTRY: Entry = Entry {
    name: "cpufreq",
    about: "Frequencies and governors of CPUs.",
    on_by_default: true,
    // Firmware may take its time to say how fast a CPU runs.
    may_block: true,
    flags: &[],
    build: |context| {
        Ok(Box::new(Cpufreq {
            directory: context.roots().sys("devices/system/cpu"),
            // With both on, the cpu collector tells the frequency, with more labels.
            without_current: context.is_enabled("cpu") && crate::cpuinfo::is_on(context),
            attributes: Mutex::new(Attributes::new()),
        }))
    },
};

const GOVERNOR: Family =
    Family::gauge("node_cpu_scaling_governor", "Current enabled CPU frequency governor.");

/// Files, in kHz, and families; the first is what the cpu collector may tell as well.
const FREQUENCIES: [(&str, Family); 7] = [
    (
        "cpuinfo_cur_freq",
        Family::gauge("node_cpu_frequency_hertz", "Current CPU thread frequency in hertz."),
    ),
    (
        "cpuinfo_avg_freq",
        Family::gauge("node_cpu_frequency_avg_hertz", "Average CPU thread frequency in hertz."),
    ),
    (
        "cpuinfo_min_freq",
        Family::gauge("node_cpu_frequency_min_hertz", "Minimum CPU thread frequency in hertz."),
    ),
    (
        "cpuinfo_max_freq",
        Family::gauge("node_cpu_frequency_max_hertz", "Maximum CPU thread frequency in hertz."),
    ),
    (
        "scaling_cur_freq",
        Family::gauge(
            "node_cpu_scaling_frequency_hertz",
            "Current scaled CPU thread frequency in hertz.",
        ),
    ),
    (
        "scaling_min_freq",
        Family::gauge(
            "node_cpu_scaling_frequency_min_hertz",
            "Minimum scaled CPU thread frequency in hertz.",
        ),
    ),
    (
        "scaling_max_freq",
        Family::gauge(
            "node_cpu_scaling_frequency_max_hertz",
            "Maximum scaled CPU thread frequency in hertz.",
        ),
    ),
];

/// Hertz in a kilohertz.
const KILO: f64 = 1000.0;

struct Cpufreq {
    directory: PathBuf,
    without_current: bool,
    attributes: Mutex<Attributes>,
}

impl Cpufreq {
    fn push_cpu(
        &self,
        cpu: &str,
        attributes: &mut Attributes,
        samples: &mut Samples,
    ) -> io::Result<()> {
        let directory = self.directory.join(format!("cpu{cpu}/cpufreq"));
        let labels = [("cpu", cpu)];
        for (file, family) in FREQUENCIES.iter().skip(usize::from(self.without_current)) {
            match attributes.read(&directory.join(file)) {
                Ok(value) => {
                    let khz = unsigned(value);
                    let khz = khz.ok_or_else(|| io::Error::other(format!("{file}: no number")))?;
                    samples.push(family, &labels, khz as f64 * KILO);
                }
                // Some drivers lack some files, and some files are root's.
                Err(error) if is_left_out(&error) => {}
                Err(error) => return Err(error),
            }
        }
        let governor = match attributes.read(&directory.join("scaling_governor")) {
            Ok(governor) => text(governor).into_owned(),
            Err(error) if is_left_out(&error) => return Ok(()),
            Err(error) => return Err(error),
        };
        let available = attributes.read(&directory.join("scaling_available_governors"))?;
        for one in text(available).split(' ').filter(|_| !governor.is_empty()) {
            let is_set = if one == governor { 1.0 } else { 0.0 };
            samples.push(&GOVERNOR, &[("cpu", cpu), ("governor", one)], is_set);
        }
        Ok(())
    }
}

fn is_left_out(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied | io::ErrorKind::TimedOut
    )
}

impl Collector for Cpufreq {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let mut attributes = self.attributes.lock();
        let failed = |error: io::Error| CollectError::failed(self.directory.display(), error);
        let offline = attributes.read(&self.directory.join("offline")).map_err(failed)?;
        let offline = cpu_list(offline).unwrap_or_default();
        for name in names_in(&self.directory).map_err(failed)? {
            let Some(cpu) = name.strip_prefix("cpu") else { continue };
            let Some(number) = unsigned(cpu.as_bytes()) else { continue };
            let is_offline = offline.iter().any(|one| u64::from(*one) == number);
            if is_offline || !self.directory.join(&name).join("cpufreq").is_dir() {
                continue;
            }
            self.push_cpu(cpu, &mut attributes, samples).map_err(failed)?;
        }
        Ok(())
    }
}
