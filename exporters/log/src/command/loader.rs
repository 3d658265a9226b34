//! Programs as they come and go: at the start, and when somebody asks for a reload.

use std::collections::BTreeMap;
use std::path::PathBuf;

use parking_lot::Mutex;

use super::programs;
use crate::compile::CompileOptions;
use crate::engine::Engine;

/// Loads programs, and loads them again.
pub(super) struct Loader {
    pub(super) path: PathBuf,
    pub(super) options: CompileOptions,
    pub(super) dump_code: bool,
    /// Patterns of the names of the logs that they read; empty for all logs.
    pub(super) logs: Vec<String>,
    /// The text of each program as it was tried last.
    texts: BTreeMap<String, Vec<u8>>,
}

impl Loader {
    pub(super) fn new(path: PathBuf, options: CompileOptions, dump_code: bool) -> Loader {
        Loader { path, options, dump_code, logs: Vec::new(), texts: BTreeMap::new() }
    }

    /// Loads what is new or changed, ends what is gone. A program that does not compile leaves the
    /// one that runs; what is wrong with it is given to `complain`.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    pub(super) fn load(
        &mut self,
        engine: &Mutex<Engine>,
        complain: &mut dyn FnMut(String),
    ) -> Result<(), String> {
        let path = &self.path;
        let sources = programs::read_all(path)
            .map_err(|error| format!("Failed to list programs in {path:?}: {error}"))?;
        let gone: Vec<String> = self
            .texts
            .keys()
            .filter(|name| !sources.iter().any(|source| source.name == **name))
            .cloned()
            .collect();
        for name in gone {
            tracing::info!(program = name, "Unloaded program");
            engine.lock().unload(&name);
            self.texts.remove(&name);
        }
        for source in sources {
            if self.texts.get(&source.name) == Some(&source.text) {
                continue;
            }
            // Compiled without the lock, so that lines go on.
            let built = programs::build(&source, self.options, self.dump_code);
            let logs: Vec<&str> = self.logs.iter().map(String::as_str).collect();
            let loaded =
                built.and_then(|object| engine.lock().load_for(&source.name, object, &logs));
            match loaded {
                Ok(()) => tracing::info!(program = source.name, "Loaded program"),
                Err(message) => {
                    engine.lock().note_refused(&source.name);
                    complain(message);
                }
            }
            self.texts.insert(source.name, source.text);
        }
        Ok(())
    }
}
