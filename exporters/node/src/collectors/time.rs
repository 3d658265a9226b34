//! The wall clock, its zone and its sources.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use common_instrument::{CollectError, Collector, Family, Samples};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Entry;
use crate::parse::{text, words};
use crate::source::{KernelFile, names_in};

pub(super) const ENTRY: Entry = Entry {
    name: "time",
    about: "Time, time zone and clock sources.",
    on_by_default: true,
    may_block: false,
    flags: &[],
    build: |context| {
        let sources = clock_sources(&context.roots().sys("devices/system/clocksource"));
        Ok(Box::new(Time { now: context.options.now, zone: context.options.zone.clone(), sources }))
    },
};

const SECONDS: Family =
    Family::gauge("node_time_seconds", "System time in seconds since epoch (1970).");
const OFFSET: Family =
    Family::gauge("node_time_zone_offset_seconds", "System time zone offset in seconds.");
const AVAILABLE: Family = Family::gauge(
    "node_time_clocksource_available_info",
    "Available clocksources read from '/sys/devices/system/clocksource'.",
);
const CURRENT: Family = Family::gauge(
    "node_time_clocksource_current_info",
    "Current clocksource read from '/sys/devices/system/clocksource'.",
);

struct Time {
    now: fn() -> SystemTime,
    zone: TimeZone,
    sources: Vec<ClockSource>,
}

struct ClockSource {
    device: String,
    available: KernelFile,
    current: KernelFile,
}

/// The directories `clocksourceN`; machines have one, and it never goes.
fn clock_sources(directory: &std::path::Path) -> Vec<ClockSource> {
    let names = names_in(directory).unwrap_or_default();
    let source = |name: String| {
        let device = name.strip_prefix("clocksource")?.to_owned();
        let path: PathBuf = directory.join(&name);
        Some(ClockSource {
            device,
            available: KernelFile::new(path.join("available_clocksource")),
            current: KernelFile::new(path.join("current_clocksource")),
        })
    };
    names.into_iter().filter_map(source).collect()
}

impl Collector for Time {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let now = (self.now)();
        let seconds = match now.duration_since(UNIX_EPOCH) {
            Ok(since) => since.as_nanos() as f64 / 1e9,
            Err(before) => -(before.duration().as_nanos() as f64) / 1e9,
        };
        samples.push(&SECONDS, &[], seconds);
        let now = Timestamp::try_from(now).unwrap_or(Timestamp::UNIX_EPOCH);
        let zone = self.zone.to_offset_info(now);
        let labels = [("time_zone", zone.abbreviation())];
        samples.push(&OFFSET, &labels, f64::from(zone.offset().seconds()));
        for source in &self.sources {
            let device = &*source.device;
            for (file, family) in [(&source.available, &AVAILABLE), (&source.current, &CURRENT)] {
                for clock in words(&file.collect()?) {
                    let labels = [("device", device), ("clocksource", &text(clock))];
                    samples.push(family, &labels, 1.0);
                }
            }
        }
        Ok(())
    }
}
