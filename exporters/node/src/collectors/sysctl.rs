//! Settings of the kernel that the user asks for: `/proc/sys`.

use common_instrument::{CollectError, Collector, Family, Samples};
use common_model::MetricType;

use super::diskstats::label;
use super::{Context, Entry};
use crate::named::{Named, sanitize};
use crate::parse::{signed, text, words};
use crate::settings::{Flag, flag};
use crate::source::KernelFile;

const INCLUDE: Flag = flag::texts("collector.sysctl.include", "Select sysctl metrics to include");
const INCLUDE_INFO: Flag = flag::texts(
    "collector.sysctl.include-info",
    "Select sysctl metrics to include as info metrics",
);

pub(super) const ENTRY: Entry = Entry {
    name: "sysctl",
    about: "Settings of the kernel in /proc/sys, as far as they are asked for.",
    on_by_default: false,
    may_block: false,
    flags: &[INCLUDE, INCLUDE_INFO],
    build: |context| {
        let settings = context.settings();
        let numbers = settings.texts(&INCLUDE).iter().map(|one| (one, true));
        let infos = settings.texts(&INCLUDE_INFO).iter().map(|one| (one, false));
        let sysctls = numbers.chain(infos).map(|(one, numeric)| Sysctl::new(context, one, numeric));
        Ok(Box::new(Sysctls(sysctls.collect())))
    },
};

const INFO: Family = Family::gauge("node_sysctl_info", "sysctl info");

struct Sysctls(Vec<Sysctl>);

/// One setting, which may consist of several values.
struct Sysctl {
    name: String,
    file: KernelFile,
    shape: Shape,
}

enum Shape {
    /// Any text: labels of one series per value.
    Info { has_keys: bool },
    /// One number, or several that are told apart by their index.
    Numbers(Named),
    /// Several numbers with a name each.
    Keyed { names: Vec<Named>, keys: Vec<String> },
}

impl Sysctl {
    /// From the value of a flag: a name with dots, and the names of its fields behind a colon.
    fn new(context: &Context<'_>, include: &str, numeric: bool) -> Sysctl {
        let (name, keys) = match include.split_once(':') {
            Some((name, keys)) => (name, Some(keys)),
            None => (include, None),
        };
        let path = name.replace('.', "/");
        let file = KernelFile::new(context.roots().proc("sys").join(path.trim_start_matches('/')));
        let metric = format!("node_sysctl_{}", sanitize(name));
        let shape = match keys {
            _ if !numeric => Shape::Info { has_keys: keys.is_some() },
            None => Shape::Numbers(Named { name: metric, help: format!("sysctl {name}") }),
            Some(keys) => {
                let keys: Vec<String> = keys.split(',').map(str::to_owned).collect();
                let names = keys.iter().enumerate().map(|(index, key)| Named {
                    name: format!("{metric}_{}", sanitize(key)),
                    help: format!("sysctl {name}, field {index}"),
                });
                Shape::Keyed { names: names.collect(), keys }
            }
        };
        Sysctl { name: name.to_owned(), file, shape }
    }

    /// Pushes what the file says; all or nothing.
    fn push(&self, content: &[u8], samples: &mut Samples) -> Result<(), String> {
        let name = &self.name;
        let count = words(content).count();
        if count == 0 {
            return Err(format!("sysctl {name} has no values"));
        }
        if !matches!(self.shape, Shape::Info { .. }) {
            let wrong = words(content).enumerate().find(|(_, word)| signed(word).is_none());
            if let Some((field, word)) = wrong {
                let word = text(word);
                return Err(format!(
                    "field {field} in sysctl {name}: expected a whole number, found {word:?}"
                ));
            }
        }
        let mut index = String::new();
        match &self.shape {
            Shape::Info { has_keys: true } => {
                return Err(format!("sysctl {name}: texts cannot have keys"));
            }
            Shape::Keyed { keys, .. } if count == 1 => {
                return Err(format!("sysctl {name} has only one value, but expected {keys:?}"));
            }
            Shape::Keyed { keys, .. } if count != keys.len() => {
                let defined = keys.len();
                return Err(format!(
                    "sysctl {name} has {count} keys but only {defined} defined in flag"
                ));
            }
            Shape::Info { has_keys: false } => {
                for (i, word) in words(content).enumerate() {
                    let index = label(&mut index, i);
                    let labels = [("name", &**name), ("value", &*text(word)), ("index", index)];
                    samples.push(&INFO, &labels, 1.0);
                }
            }
            Shape::Numbers(named) => {
                for (i, value) in words(content).filter_map(signed).enumerate() {
                    let labels = [("index", label(&mut index, i))];
                    let labels = if count == 1 { &[] } else { &labels[..] };
                    push(named, labels, value, samples);
                }
            }
            Shape::Keyed { names, .. } => {
                for (named, value) in names.iter().zip(words(content).filter_map(signed)) {
                    push(named, &[], value, samples);
                }
            }
        }
        Ok(())
    }
}

fn push(named: &Named, labels: &[(&str, &str)], value: i64, samples: &mut Samples) {
    samples.push_named(&named.name, &named.help, MetricType::Unknown, labels, value as f64);
}

impl Collector for Sysctls {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        for sysctl in &self.0 {
            let content = sysctl.file.collect()?;
            sysctl.push(&content, samples).map_err(|error| sysctl.file.failed(error))?;
        }
        Ok(())
    }
}
