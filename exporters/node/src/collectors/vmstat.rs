//! Chosen fields of `/proc/vmstat`.

use common_instrument::{CollectError, Collector, Samples};
use common_model::MetricType;
use parking_lot::Mutex;

use super::Entry;
use crate::named::{NameCache, Named};
use crate::parse::{ParseError, lines, number, words};
use crate::pattern::Pattern;
use crate::settings::{Flag, flag};
use crate::source::KernelFile;

const FIELDS: Flag = flag::text(
    "collector.vmstat.fields",
    "Regexp of fields to return for vmstat collector.",
    "^(oom_kill|pgpg|pswp|pg.*fault).*",
);

pub(super) const ENTRY: Entry = Entry {
    name: "vmstat",
    about: "Virtual memory statistics of /proc/vmstat.",
    on_by_default: true,
    may_block: false,
    flags: &[FIELDS],
    build: |context| {
        let file = KernelFile::new(context.roots().proc("vmstat"));
        let fields = context.settings().pattern(&FIELDS)?;
        Ok(Box::new(Vmstat { file, fields, names: Mutex::default() }))
    },
};

struct Vmstat {
    file: KernelFile,
    fields: Pattern,
    names: Mutex<NameCache>,
}

impl Vmstat {
    fn name(&self, field: &[u8]) -> Option<Named> {
        let field = std::str::from_utf8(field).ok()?;
        self.fields.is_match(field).then(|| Named {
            name: format!("node_vmstat_{field}"),
            help: format!("/proc/vmstat information field {field}."),
        })
    }
}

fn parse_value(number_of_line: usize, word: Option<&[u8]>) -> Result<f64, ParseError> {
    let word = word.unwrap_or_default();
    number(word).ok_or_else(|| ParseError::new(number_of_line, "a number", word))
}

impl Collector for Vmstat {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let text = self.file.collect()?;
        let mut names = self.names.lock();
        names.rewind();
        for (number_of_line, line) in lines(&text) {
            let mut words = words(line);
            let Some(field) = words.next() else { continue };
            let Some(named) = names.get(field, |field| self.name(field)) else { continue };
            let value = parse_value(number_of_line, words.next());
            let value = value.map_err(|error| self.file.failed(error))?;
            samples.push_named(&named.name, &named.help, MetricType::Unknown, &[], value);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_one_number() {
        fn check(word: Option<&str>, expected: Result<f64, &str>) {
            let found = parse_value(2, word.map(str::as_bytes)).map_err(|error| error.to_string());
            assert_eq!(found, expected.map_err(str::to_owned));
        }
        check(Some("17"), Ok(17.0));
        check(Some("x"), Err("line 2: expected a number, found \"x\""));
        check(None, Err("line 2: expected a number, found \"\""));
    }
}
