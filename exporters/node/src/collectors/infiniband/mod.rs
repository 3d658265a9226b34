//! InfiniBand and RDMA adapters: `/sys/class/infiniband`.

mod counters;

use std::io;
use std::path::PathBuf;

use common_instrument::{CollectError, Collector, Family, Samples};
use parking_lot::Mutex;

use self::counters::{COUNTERS, Counter, HARDWARE_COUNTERS, LEGACY_COUNTERS};
use super::Entry;
use crate::folder::{FirstProblem, Folder, Value, class};
use crate::parse::{text, unsigned};
use crate::pattern::Filter;
use crate::settings::{Flag, flag};

const EXCLUDE: Flag = flag::text(
    "collector.infiniband.device-exclude",
    "Regexp of infiniband devices to exclude (mutually exclusive to device-include).",
    "",
);
const INCLUDE: Flag = flag::text(
    "collector.infiniband.device-include",
    "Regexp of infiniband devices to include (mutually exclusive to device-exclude).",
    "",
);

pub(super) const ENTRY: Entry = Entry {
    name: "infiniband",
    about: "InfiniBand and RDMA adapters of /sys/class/infiniband.",
    on_by_default: true,
    // The adapter's firmware counts.
    may_block: true,
    flags: &[EXCLUDE, INCLUDE],
    build: |context| {
        let settings = context.settings();
        let (exclude, include) = (settings.text(&EXCLUDE), settings.text(&INCLUDE));
        Ok(Box::new(InfiniBand {
            path: context.roots().sys("class/infiniband"),
            devices: Filter::new((&EXCLUDE, exclude), (&INCLUDE, include))?,
            value: Mutex::new(Value::new()),
        }))
    },
};

const INFO: Family = Family::gauge(
    "node_infiniband_info",
    "Non-numeric data from /sys/class/infiniband/<device>, value is always 1.",
);

/// Files that are labels of [`INFO`], and the labels.
const TEXTS: [(&str, &str); 3] =
    [("board_id", "board_id"), ("fw_ver", "firmware_version"), ("hca_type", "hca_type")];

/// Files that begin with the number of a state.
const STATES: [(&str, Family); 2] = [
    (
        "state",
        Family::gauge(
            "node_infiniband_state_id",
            "State of the InfiniBand port (0: no change, 1: down, 2: init, 3: armed, 4: active, \
             5: act defer)",
        ),
    ),
    (
        "phys_state",
        Family::gauge(
            "node_infiniband_physical_state_id",
            "Physical state of the InfiniBand port (0: no change, 1: sleep, 2: polling, 3: \
             disable, 4: shift, 5: link up, 6: link error recover, 7: phytest)",
        ),
    ),
];
const RATE: Family =
    Family::gauge("node_infiniband_rate_bytes_per_second", "Maximum signal transfer rate");
const LIFESPAN: Family = Family::gauge(
    "node_infiniband_lifespan_seconds",
    "The maximum period in ms which defines the aging of the counter reads. Two consecutive reads \
     within this period might return the same values.",
);

/// Bytes of a gigabit.
const GIGABIT_BYTES: f64 = 125_000_000.0;

/// What some drivers say instead of a counter: they lack the agent that counts.
const NO_AGENT: &[u8] = b"N/A (no PMA)";

/// Folders of counters.
const TABLES: [(&str, &[Counter]); 3] =
    [("counters", &COUNTERS), ("counters_ext", &LEGACY_COUNTERS), (HARDWARE, &HARDWARE_COUNTERS)];
const HARDWARE: &str = "hw_counters";

struct InfiniBand {
    path: PathBuf,
    devices: Filter,
    value: Mutex<Value>,
}

/// The number of a state: `4: ACTIVE`.
fn parse_state(text: &[u8]) -> Option<u64> {
    let colon = text.iter().position(|&byte| byte == b':')?;
    unsigned(text[..colon].trim_ascii())
}

/// The bytes per second of a rate: `100 Gb/sec (4X EDR)`.
fn parse_rate(text: &[u8]) -> Option<f64> {
    let number = text.split(|&byte| byte == b' ').next()?;
    let gigabits: f32 = std::str::from_utf8(number).ok()?.parse().ok()?;
    gigabits.is_finite().then(|| (f64::from(gigabits) * GIGABIT_BYTES).trunc().max(0.0))
}

/// A scrape on its way through the adapters.
struct Scrape<'a> {
    value: &'a mut Value,
    problem: FirstProblem,
    samples: &'a mut Samples,
}

impl Scrape<'_> {
    fn device(&mut self, name: &str, folder: &Folder) {
        let texts = TEXTS.map(|(file, _)| {
            let found = self.problem.note(name, folder.text(file, self.value));
            found.map(|found| text(found).into_owned()).unwrap_or_default()
        });
        let [board, firmware, kind] = &texts;
        let labels =
            [("device", name), (TEXTS[0].1, board), (TEXTS[1].1, firmware), (TEXTS[2].1, kind)];
        self.samples.push(&INFO, &labels, 1.0);
        let Some(ports) = self.problem.note(name, folder.folder("ports").map(Some)) else { return };
        for port in self.problem.note(name, ports.names().map(Some)).unwrap_or_default() {
            if unsigned(port.as_bytes()).is_none() {
                continue;
            }
            if let Some(folder) = self.problem.note(name, ports.folder(&port).map(Some)) {
                self.port(&folder, &[("device", name), ("port", &port)]);
            }
        }
    }

    fn port(&mut self, folder: &Folder, labels: &[(&str, &str); 2]) {
        let device = labels[0].1;
        for (file, family) in &STATES {
            let found = parsed(folder, file, self.value, parse_state);
            if let Some(state) = self.problem.note(device, found) {
                self.samples.push(family, labels, state as f64);
            }
        }
        let rate = parsed(folder, "rate", self.value, parse_rate);
        if let Some(rate) = self.problem.note(device, rate) {
            self.samples.push(&RATE, labels, rate);
        }
        // Which of the folders there are depends on driver and kernel.
        for (name, table) in TABLES {
            let Ok(folder) = folder.folder(name) else { continue };
            for Counter { file, family, factor } in table {
                if let Some(count) = self.counter(&folder, device, file) {
                    self.samples.push(family, labels, count.wrapping_mul(*factor) as f64);
                }
            }
            if name == HARDWARE
                && let Some(milliseconds) = self.counter(&folder, device, "lifespan")
            {
                self.samples.push(&LIFESPAN, labels, (milliseconds / 1000) as f64);
            }
        }
    }

    fn counter(&mut self, folder: &Folder, device: &str, file: &str) -> Option<u64> {
        let found = folder.counter(file, self.value);
        if found.is_err() && folder.text(file, self.value).is_ok_and(|text| text == Some(NO_AGENT))
        {
            return None;
        }
        self.problem.note(device, found)
    }
}

/// What `parse` makes of a file that every port should have.
fn parsed<T>(
    folder: &Folder,
    file: &str,
    value: &mut Value,
    parse: impl FnOnce(&[u8]) -> Option<T>,
) -> io::Result<Option<T>> {
    let found = folder.text(file, value)?.unwrap_or_default();
    match parse(found) {
        Some(parsed) => Ok(Some(parsed)),
        None => {
            let problem =
                format!("{file}: expected a number and its unit, found {:?}", text(found));
            Err(io::Error::other(problem))
        }
    }
}

impl Collector for InfiniBand {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let value = &mut *self.value.lock();
        let all = class(&self.path)?;
        let mut scrape = Scrape { value, problem: FirstProblem::default(), samples };
        for name in scrape.problem.note("devices", all.names().map(Some)).unwrap_or_default() {
            if self.devices.ignores(&name) {
                continue;
            }
            if let Some(folder) = scrape.problem.note(&name, all.folder(&name).map(Some)) {
                scrape.device(&name, &folder);
            }
        }
        scrape.problem.outcome(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_and_rates_begin_with_a_number() {
        fn check(text: &str, state: Option<u64>, rate: Option<f64>) {
            assert_eq!(parse_state(text.as_bytes()), state);
            assert_eq!(parse_rate(text.as_bytes()), rate);
        }
        check("4: ACTIVE", Some(4), None);
        check("ACTIVE", None, None);
        check("40 Gb/sec (4X QDR)", None, Some(5e9));
        check("2.5 Gb/sec (1X SDR)", None, Some(312_500_000.0));
        check("inf Gb/sec", None, None);
        check("", None, None);
    }

    #[test]
    fn one_broken_counter_is_told_and_costs_nothing_else() {
        fn check(flag: &Flag, value: &str, devices: &[&str], outcome: Option<&str>) {
            let dir = tempfile::tempdir().unwrap();
            for device in ["mlx5_0", "mlx5_1"] {
                let port = dir.path().join(format!("class/infiniband/{device}/ports/1"));
                std::fs::create_dir_all(port.join("counters")).unwrap();
                for (file, text) in [
                    ("state", "4: ACTIVE"),
                    ("phys_state", "5: LinkUp"),
                    ("rate", "10 Gb/sec"),
                    ("counters/link_downed", "7"),
                ] {
                    std::fs::write(port.join(file), text).unwrap();
                }
            }
            let broken = dir.path().join("class/infiniband/mlx5_0/ports/1/counters/symbol_error");
            std::fs::write(broken, "many").unwrap();
            let now = || std::time::SystemTime::UNIX_EPOCH;
            let mut options = crate::NodeOptions::new(now, jiff::tz::TimeZone::UTC);
            options.roots.sysfs = dir.path().to_path_buf();
            options.settings.set(flag.name, value);
            let context = crate::collectors::Context { options: &options };
            let mut samples = Samples::default();
            let found = (ENTRY.build)(&context).unwrap().collect(&mut samples);
            let found = found
                .map_err(|error| error.to_string().replace(&*dir.path().to_string_lossy(), ""));
            assert_eq!(found.err().as_deref(), outcome);
            let family = samples.families().find(|family| family.name().contains("link_downed"));
            let samples = family.iter().flat_map(|family| family.samples());
            let devices_found: Vec<_> =
                samples.filter_map(|s| Some(s.labels().next()?.1)).collect();
            assert_eq!(devices_found, devices);
        }
        let problem = "/class/infiniband: mlx5_0: symbol_error: expected a number, found \"many\"";
        check(&EXCLUDE, "", &["mlx5_0", "mlx5_1"], Some(problem));
        check(&EXCLUDE, "_0$", &["mlx5_1"], None);
        check(&INCLUDE, "_0$", &["mlx5_0"], Some(problem));
    }
}
