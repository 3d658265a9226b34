//! Energy that parts of the machine used up: `/sys/class/powercap`.

use std::io;
use std::path::PathBuf;

use common_instrument::{CollectError, Collector, Family, Samples};
use common_model::MetricType;
use parking_lot::Mutex;

use super::Entry;
use crate::named::{NameCache, Named, sanitize};
use crate::parse::{text, unsigned};
use crate::settings::{Flag, flag};
use crate::source::folder::{FirstProblem, Folder, Value, class};

const ZONE_LABEL: Flag = flag::switch(
    "collector.rapl.enable-zone-label",
    "Enables service unit metric unit_start_time_seconds",
    false,
);

pub(super) const ENTRY: Entry = Entry {
    name: "rapl",
    about: "Energy that parts of the machine used up.",
    on_by_default: true,
    may_block: false,
    flags: &[ZONE_LABEL],
    build: |context| {
        Ok(Box::new(Rapl {
            path: context.roots().sys("class/powercap"),
            with_zone_label: context.settings().switch(&ZONE_LABEL),
            state: Mutex::new((NameCache::default(), Value::new())),
        }))
    },
};

const JOULES: Family = Family::counter("node_rapl_joules_total", "Current RAPL value in joules");

/// Microjoules in a joule.
const MICRO: f64 = 1e6;

struct Rapl {
    path: PathBuf,
    with_zone_label: bool,
    state: Mutex<(NameCache, Value)>,
}

/// Splits a zone's name into what it measures and which one it is: `package-1`. Where no number is
/// told, those of one name are counted.
fn name_and_index<'a>(name: &'a str, seen: &mut Vec<(String, i64)>) -> (&'a str, i64) {
    let numbered = name.split_once('-').and_then(|(name, index)| Some((name, index.parse().ok()?)));
    let (name, index) = numbered.unwrap_or_else(|| {
        let last = seen.iter().rev().find(|(seen, _)| seen == name);
        (name, last.map_or(0, |(_, index)| index + 1))
    });
    seen.push((name.to_owned(), index));
    (name, index)
}

/// The name of a zone and the microjoules it used up; `None` for what is not a zone, or one that
/// measures no energy.
fn zone(folder: &Folder, value: &mut Value) -> io::Result<Option<(String, u64)>> {
    let Some(name) = folder.text("name", value)?.map(|name| text(name).into_owned()) else {
        return Ok(None);
    };
    match folder.read("energy_uj", value) {
        Ok(energy) => match unsigned(energy.trim_ascii()) {
            Some(energy) => Ok(Some((name, energy))),
            None => Err(io::Error::other("energy_uj: not a number")),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl Collector for Rapl {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let (names, value) = &mut *self.state.lock();
        let all = class(&self.path)?;
        let mut problem = FirstProblem::default();
        let mut seen = Vec::new();
        names.rewind();
        for entry in problem.note("zones", all.names().map(Some)).unwrap_or_default() {
            let Ok(folder) = all.folder(&entry) else { continue };
            let zone = zone(&folder, value);
            if let Err(error) = &zone
                && error.kind() == io::ErrorKind::PermissionDenied
            {
                // Only root may know, since the energy tells what is computed.
                return Err(CollectError::Absent(format!("{entry}: {error}")));
            }
            let Some((name, energy)) = problem.note(&entry, zone) else { continue };
            let (name, index) = name_and_index(&name, &mut seen);
            let path = self.path.join(&entry);
            let (path, index) = (path.to_string_lossy(), index.to_string());
            let labels = [("index", &*index), ("path", &*path), ("rapl_zone", name)];
            let joules = energy as f64 / MICRO;
            if self.with_zone_label {
                samples.push(&JOULES, &labels, joules);
            } else if let Some(named) = names.get(name.as_bytes(), |_| Some(family(name))) {
                let kind = MetricType::Counter;
                samples.push_named(&named.name, &named.help, kind, &labels[..2], joules);
            }
        }
        problem.outcome(&self.path)
    }
}

fn family(zone: &str) -> Named {
    Named {
        name: format!("node_rapl_{}_joules_total", sanitize(zone)),
        help: format!("Current RAPL {zone} value in joules"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_of_one_name_are_told_apart() {
        let mut seen = Vec::new();
        let mut check = |name: &str, expected: (&str, i64)| {
            assert_eq!(name_and_index(name, &mut seen), expected);
        };
        check("package-0", ("package", 0));
        check("dram", ("dram", 0));
        check("package-1", ("package", 1));
        check("dram", ("dram", 1));
        check("package-0-die-1", ("package-0-die-1", 0));
        check("psys-", ("psys-", 0));
        check("dram", ("dram", 2));
    }
}
