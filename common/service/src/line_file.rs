//! Files of lines that only grow, and that somebody else moves away now and then.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// A file of lines. To go on in a new file after the old one was moved, open it again.
#[derive(Debug)]
pub struct LineFile {
    file: File,
    failures: AtomicU64,
}

impl LineFile {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// Those of the system.
    pub fn open(path: impl AsRef<Path>) -> io::Result<LineFile> {
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        Ok(LineFile { file, failures: AtomicU64::new(0) })
    }

    /// Adds a line in one piece, so that lines of several writers never mix. What cannot be
    /// written is lost, and counted.
    pub fn append(&self, line: &str) {
        let mut bytes = Vec::with_capacity(line.len() + 1);
        bytes.extend_from_slice(line.as_bytes());
        bytes.push(b'\n');
        if (&self.file).write_all(&bytes).is_err() {
            self.failures.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Lines that were lost.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_added_and_what_is_lost_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        for line in ["one", "two"] {
            let file = LineFile::open(&path).unwrap();
            file.append(line);
            assert_eq!(file.failures(), 0);
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\ntwo\n");
        let full = LineFile::open("/dev/full").unwrap();
        full.append("three");
        assert_eq!(full.failures(), 1);
        assert!(LineFile::open(folder.path()).is_err());
    }
}
