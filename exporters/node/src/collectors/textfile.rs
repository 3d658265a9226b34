//! Metrics that scripts leave in files: the crate `exporters-textfile`, run as one more collector.

use exporters_textfile::{TextfileCollector, TextfileOptions};

use super::Entry;
use crate::settings::{Flag, flag};

const DIRECTORY: Flag = flag::texts(
    "collector.textfile.directory",
    "Directory to read text files with metrics from, supports glob matching. (repeatable)",
);

pub(super) const ENTRY: Entry = Entry {
    name: "textfile",
    about: "Metrics of *.prom files.",
    on_by_default: true,
    may_block: false,
    flags: &[DIRECTORY],
    build: |context| {
        let directories = context.settings().texts(&DIRECTORY).to_vec();
        let options = TextfileOptions { directories, ..TextfileOptions::default() };
        Ok(Box::new(TextfileCollector::new(options)))
    },
};
