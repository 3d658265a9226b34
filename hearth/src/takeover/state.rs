//! What was taken over, remembered until it is given back.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Below the root of the file system.
const FILE: &str = "var/lib/hearth-compat/takeover.json";

/// How an original was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Taken {
    /// Name in the table of originals.
    pub(super) name: String,
    /// Whether it ran.
    pub(super) was_active: bool,
}

/// The file that remembers.
pub(super) struct State {
    path: PathBuf,
}

impl State {
    pub(super) fn below(root: &Path) -> State {
        State { path: root.join(FILE) }
    }

    /// Everything that is taken over; nothing where there is no file.
    pub(super) fn read(&self) -> Result<Vec<Taken>, String> {
        let complain = |error: &dyn std::fmt::Display| format!("{}: {error}", self.path.display());
        match fs::read_to_string(&self.path) {
            Ok(text) => serde_json::from_str(&text).map_err(|error| complain(&error)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(complain(&error)),
        }
    }

    /// Replaces the file as a whole; nothing taken over leaves none.
    pub(super) fn write(&self, taken: &[Taken]) -> Result<(), String> {
        let complain = |error: io::Error| format!("{}: {error}", self.path.display());
        if taken.is_empty() {
            return match fs::remove_file(&self.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(complain(error)),
                _ => Ok(()),
            };
        }
        let text = serde_json::to_string_pretty(taken).map_err(io::Error::from);
        let beside = self.path.with_extension("json.new");
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        let write = || {
            fs::create_dir_all(folder)?;
            let file = fs::File::create(&beside)?;
            io::Write::write_all(&mut &file, text?.as_bytes())?;
            file.sync_all()?;
            fs::rename(&beside, &self.path)
        };
        write().map_err(complain)
    }
}
