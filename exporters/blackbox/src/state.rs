//! The running exporter: its configuration as it was last read, and what it counts.

use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use common_instrument::{Counter, Gauge, Registry};
use common_service::clock::Clock;
use parking_lot::{Mutex, RwLock};

use crate::Error;
use crate::config::Config;

/// Longest configuration file.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// The configuration and where it comes from.
pub(crate) struct State {
    file: PathBuf,
    clock: Arc<dyn Clock>,
    config: RwLock<Arc<Config>>,
    /// Of the text that was read last, good or bad; also keeps reloads from overtaking each other.
    checksum: Mutex<Option<u64>>,
    is_good: Gauge,
    good_since: Gauge,
    /// Probes with a module that is not there.
    pub(crate) unknown_modules: Counter,
}

impl State {
    pub(crate) fn new(file: impl Into<PathBuf>, clock: Arc<dyn Clock>, own: &Registry) -> State {
        State {
            file: file.into(),
            clock,
            config: RwLock::default(),
            checksum: Mutex::default(),
            is_good: own.gauge(
                "blackbox_exporter_config_last_reload_successful",
                "Blackbox exporter config loaded successfully.",
            ),
            good_since: own.gauge(
                "blackbox_exporter_config_last_reload_success_timestamp_seconds",
                "Timestamp of the last successful configuration reload.",
            ),
            unknown_modules: own.counter(
                "blackbox_module_unknown_total",
                "Count of unknown modules requested by probes",
            ),
        }
    }

    /// The configuration that holds.
    pub(crate) fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config.read())
    }

    /// Reads the file again; a bad one leaves everything as it was.
    pub(crate) fn reload(&self) -> Result<(), Error> {
        let mut checksum = self.checksum.lock();
        let outcome = self.read(&mut checksum);
        self.is_good.set(if outcome.is_ok() { 1.0 } else { 0.0 });
        if outcome.is_ok() {
            self.good_since.set(self.clock.now_ms() as f64 / 1000.0);
        }
        outcome
    }

    /// Reads the file again if it differs from what was read last. Whether it did.
    pub(crate) fn reload_if_changed(&self) -> Result<bool, Error> {
        let text = read(&self.file)?;
        if *self.checksum.lock() == Some(checksum_of(&text)) {
            return Ok(false);
        }
        self.reload().map(|()| true)
    }

    fn read(&self, checksum: &mut Option<u64>) -> Result<(), Error> {
        let text = read(&self.file)?;
        *checksum = Some(checksum_of(&text));
        let config = load(&text, &self.file)?;
        *self.config.write() = Arc::new(config);
        Ok(())
    }
}

/// The configuration in a file.
pub fn check(file: &Path) -> Result<Config, Error> {
    load(&read(file)?, file)
}

fn load(text: &str, file: &Path) -> Result<Config, Error> {
    let config = Config::parse(text, &file.to_string_lossy())?;
    for (module, warning) in &config.warnings {
        tracing::warn!(module, "{warning}");
    }
    Ok(config)
}

fn read(path: &Path) -> Result<String, Error> {
    let unreadable = |problem| Error::Unreadable { path: path.to_owned(), problem };
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(Error::TooLarge { path: path.to_owned(), limit: FILE_BYTES_MAX });
    }
    String::from_utf8(bytes).map_err(|error| unreadable(std::io::Error::other(error)))
}

fn checksum_of(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(text.as_bytes());
    hasher.finish()
}
