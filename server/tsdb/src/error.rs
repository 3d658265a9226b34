//! What can go wrong in the database itself.

use std::io;
use std::path::{Path, PathBuf};

use server_storage::StorageError;

/// Why the database could not do its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file operation failed.
    #[error("{what} {}: {cause}", path.display())]
    Io {
        /// What was tried, as in "write".
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// Another process has the data directory open.
    #[error("data directory {} is in use by another process", path.display())]
    Locked {
        /// The data directory.
        path: PathBuf,
    },
    /// Stored bytes are not what was written.
    #[error("{}: {problem}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What was found, with its place.
        problem: String,
    },
    /// What was to be written makes no sense.
    #[error("{problem}")]
    Input {
        /// What and why.
        problem: String,
    },
    /// A series would have more deleted ranges than it may.
    #[error("a series would have more than {ranges_max} deleted ranges of time")]
    TooManyDeletions {
        /// How many it may have.
        ranges_max: usize,
    },
    /// The database was closed.
    #[error("the database is closed")]
    Closed,
    /// Nobody waits for the result any more.
    #[error("the search was interrupted")]
    Interrupted,
}

impl Error {
    /// Wraps the cause of a failed file operation; made to be used in `map_err`.
    pub(crate) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
        move |cause| Error::Io { what, path: path.to_owned(), cause }
    }
}

impl Error {
    /// Whether there was no room on the disk.
    pub(crate) fn is_disk_full(&self) -> bool {
        use io::ErrorKind::{QuotaExceeded, StorageFull};
        matches!(self, Error::Io { cause, .. } if matches!(cause.kind(), StorageFull | QuotaExceeded))
    }

    /// What is wrong, without the path of the file where that is told beside it.
    pub(crate) fn problem(&self) -> String {
        match self {
            Error::Corrupt { problem, .. } => problem.clone(),
            other => other.to_string(),
        }
    }
}

impl From<Error> for StorageError {
    fn from(error: Error) -> StorageError {
        match &error {
            Error::Io { .. } => StorageError::Io(error.to_string()),
            Error::Corrupt { .. } | Error::Input { .. } => StorageError::Corrupt(error.to_string()),
            Error::Interrupted => StorageError::Interrupted,
            Error::Locked { .. } | Error::Closed | Error::TooManyDeletions { .. } => {
                StorageError::Unavailable(error.to_string())
            }
        }
    }
}
