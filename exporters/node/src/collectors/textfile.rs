//! Metrics that scripts leave in files: the crate `exporters-textfile`, run as one more collector.

use exporters_textfile::flags::{
    self, FILE_BYTES_MAX, FILE_ERRORS, FILE_SAMPLES_MAX, FILES_MAX, SERIES_MAX, TIMEOUT,
};
use exporters_textfile::{TextfileCollector, TextfileOptions};

use super::Entry;
use crate::Error;
use crate::settings::{Flag, Settings, flag};

const DIRECTORY: Flag = flag::texts(flags::DIRECTORY.name, flags::DIRECTORY.help);

pub(super) const ENTRY: Entry = Entry {
    name: "textfile",
    about: "Metrics of *.prom files.",
    on_by_default: true,
    // It has threads of its own, one for each directory, so that only dead ones are missing.
    may_block: false,
    flags: &[
        DIRECTORY,
        FILE_BYTES_MAX,
        FILE_SAMPLES_MAX,
        FILES_MAX,
        SERIES_MAX,
        TIMEOUT,
        FILE_ERRORS,
    ],
    build: |context| Ok(Box::new(TextfileCollector::new(options(context.settings())?))),
};

fn options(settings: &Settings) -> Result<TextfileOptions, Error> {
    Ok(TextfileOptions {
        directories: settings.texts(&DIRECTORY).to_vec(),
        file_bytes_max: limit(settings, &FILE_BYTES_MAX)? as u64,
        file_samples_max: limit(settings, &FILE_SAMPLES_MAX)?,
        files_max: limit(settings, &FILES_MAX)?,
        series_max: limit(settings, &SERIES_MAX)?,
        timeout: settings.duration(&TIMEOUT)?,
        file_errors: settings.switch(&FILE_ERRORS),
        ..TextfileOptions::default()
    })
}

/// A negative limit lets nothing through.
fn limit(settings: &Settings, flag: &Flag) -> Result<usize, Error> {
    Ok(usize::try_from(settings.number(flag)?).unwrap_or(0))
}
