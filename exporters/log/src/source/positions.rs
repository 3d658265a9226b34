//! The file of positions: JSON, replaced as a whole.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::fingerprint::{FileId, Mark};

/// Version of the format.
pub(crate) const VERSION: u32 = 1;

/// Bytes a file of positions may have.
const FILE_BYTES_MAX: u64 = 256 << 20;

/// Everything that is known of the last life.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Saved {
    pub(crate) version: u32,
    /// When the positions were taken.
    pub(crate) saved_ms: i64,
    pub(crate) files: Vec<SavedFile>,
    #[serde(default)]
    pub(crate) journals: Vec<SavedJournal>,
}

/// One file, which need not be at its path any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SavedFile {
    pub(crate) path: String,
    pub(crate) id: FileId,
    pub(crate) mark: Mark,
    /// Holds nothing that was not read elsewhere.
    #[serde(default)]
    pub(crate) is_copy: bool,
}

/// How far a journal was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SavedJournal {
    /// Address of the journal, as its programs see it.
    pub(crate) source: String,
    /// Identifier of each of its files, and how many of the entries were counted.
    pub(crate) files: Vec<(String, u64)>,
}

/// Why positions cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error("version {0}, expected {VERSION}")]
    Version(u32),
}

/// Reads the positions; `None` if there is no file.
pub(crate) fn load(path: &Path) -> Result<Option<Saved>, LoadError> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let mut text = Vec::new();
    file.take(FILE_BYTES_MAX).read_to_end(&mut text)?;
    let saved: Saved = serde_json::from_slice(&text)?;
    if saved.version != VERSION {
        return Err(LoadError::Version(saved.version));
    }
    Ok(Some(saved))
}

/// Replaces the positions. They are safe from the death of this process when it returns. Nothing
/// is synced, as a scrape waits for it: a power cut may leave older ones, or what `load` refuses.
pub(crate) fn save(path: &Path, saved: &Saved) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let fresh = path.with_file_name(name);
    let mut file = File::create(&fresh)?;
    file.write_all(&serde_json::to_vec(saved)?)?;
    drop(file);
    std::fs::rename(&fresh, path)
}

#[cfg(test)]
mod tests {
    use super::{Saved, SavedFile, SavedJournal, load, save};
    use crate::source::fingerprint::{Digest, FileId, Mark};

    fn saved() -> Saved {
        let mark = Mark { offset: 1 << 60, head: Digest::of(b"a"), ..Mark::default() };
        let id = FileId { device: 1, inode: u64::MAX, born_ns: 5 };
        let journal = SavedJournal { source: "journal://".into(), files: vec![("ab".into(), 5)] };
        Saved {
            version: 1,
            saved_ms: 12,
            files: vec![SavedFile { path: "/x".into(), id, mark, is_copy: true }],
            journals: vec![journal],
        }
    }

    #[test]
    fn positions_come_back_as_they_were_saved() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("positions");
        assert!(load(&path).unwrap().is_none());
        save(&path, &saved()).unwrap();
        assert_eq!(load(&path).unwrap(), Some(saved()));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn damaged_positions_are_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let check = |text: &str, wanted: &str| {
            std::fs::write(file.path(), text).unwrap();
            assert_eq!(load(file.path()).unwrap_err().to_string(), wanted);
        };
        check("", "EOF while parsing a value at line 1 column 0");
        check(r#"{"version":2,"saved_ms":0,"files":[]}"#, "version 2, expected 1");
        check(r#"{"version":1}"#, "missing field `saved_ms` at line 1 column 13");
    }
}
