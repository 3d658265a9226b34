//! One file to bytes, whatever stands under its name.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use crate::Reason;

/// Why a file gave nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// It cannot be opened.
    #[error("failed to open textfile data file {path:?}: open {path}: {cause}")]
    Open {
        /// The file.
        path: String,
        /// What the system says.
        cause: String,
    },
    /// It is a directory, pipe, socket or device.
    #[error("failed to read textfile data from {path:?}: {kind}, not a regular file")]
    NotRegular {
        /// The file.
        path: String,
        /// What it is instead.
        kind: &'static str,
    },
    /// It is too big.
    #[error("failed to read textfile data from {path:?}: more than {limit} bytes")]
    TooBig {
        /// The file.
        path: String,
        /// Bytes that are taken.
        limit: u64,
    },
    /// Reading broke off.
    #[error("failed to read textfile data from {path:?}: {cause}")]
    Read {
        /// The file.
        path: String,
        /// What the system says.
        cause: String,
    },
    /// It is no text format 0.0.4.
    #[error("failed to parse textfile data from {path:?}: {cause}")]
    Parse {
        /// The file.
        path: String,
        /// Line and complaint.
        cause: String,
    },
    /// It has too many samples.
    #[error("failed to read textfile data from {path:?}: more than {limit} samples")]
    TooManySamples {
        /// The file.
        path: String,
        /// Samples that are taken.
        limit: usize,
    },
    /// Samples have timestamps, which would go stale in ways nobody expects.
    #[error(
        "textfile {path:?} contains unsupported client-side timestamps, skipping entire file \
         (line {line})"
    )]
    Timestamps {
        /// The file.
        path: String,
        /// Line of the first one.
        line: usize,
    },
}

impl ReadError {
    /// The kind of this error.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            ReadError::Open { .. } => Reason::Open,
            ReadError::NotRegular { .. } => Reason::NotRegular,
            ReadError::TooBig { .. } => Reason::FileBytes,
            ReadError::Read { .. } => Reason::Read,
            ReadError::Parse { .. } => Reason::Parse,
            ReadError::TooManySamples { .. } => Reason::FileSamples,
            ReadError::Timestamps { .. } => Reason::Timestamps,
        }
    }
}

/// What tells two versions of a file apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// What stands under a name, links followed.
pub(crate) struct Look {
    pub(crate) stamp: Stamp,
    /// Whether it is a regular file with no other name: everything that changes it concerns the
    /// directory it is in.
    pub(crate) is_plain: bool,
}

impl Look {
    /// Looks at what stands under this name now.
    pub(crate) fn at(path: &Path) -> Result<Look, ReadError> {
        let cannot = |error: io::Error| cannot_open(path, &error);
        let metadata = std::fs::symlink_metadata(path).map_err(cannot)?;
        if metadata.is_symlink() {
            let metadata = std::fs::metadata(path).map_err(cannot)?;
            return Ok(Look { stamp: Stamp::new(&metadata), is_plain: false });
        }
        let is_plain = metadata.is_file() && metadata.nlink() == 1;
        Ok(Look { stamp: Stamp::new(&metadata), is_plain })
    }
}

impl Stamp {
    fn new(metadata: &Metadata) -> Stamp {
        Stamp {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Time of the last modification, in whole seconds since 1970.
    pub(crate) fn modified_seconds(&self) -> i64 {
        self.modified.0
    }
}

/// Reads a regular file of at most `limit` bytes. A pipe without a writer does not block, and
/// a device is not even opened.
pub(crate) fn read(path: &Path, limit: u64) -> Result<(Vec<u8>, Stamp), ReadError> {
    let metadata = std::fs::metadata(path).map_err(|error| cannot_open(path, &error))?;
    check_regular(path, &metadata)?;
    // The name may stand for something else by now, hence no blocking and a second look.
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)
        .map_err(|error| cannot_open(path, &error))?;
    let metadata = file.metadata().map_err(|error| broke_off(path, &error))?;
    check_regular(path, &metadata)?;
    let bytes = take(&file, limit).map_err(|error| broke_off(path, &error))?;
    match bytes {
        Some(bytes) => Ok((bytes, Stamp::new(&metadata))),
        None => Err(ReadError::TooBig { path: path.display().to_string(), limit }),
    }
}

fn take(file: &File, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= limit).then_some(bytes))
}

fn check_regular(path: &Path, metadata: &Metadata) -> Result<(), ReadError> {
    if metadata.is_file() {
        return Ok(());
    }
    let kind = match metadata.mode() & libc::S_IFMT {
        libc::S_IFDIR => "a directory",
        libc::S_IFIFO => "a pipe",
        libc::S_IFSOCK => "a socket",
        libc::S_IFCHR | libc::S_IFBLK => "a device",
        _ => "something else",
    };
    Err(ReadError::NotRegular { path: path.display().to_string(), kind })
}

fn cannot_open(path: &Path, error: &io::Error) -> ReadError {
    ReadError::Open { path: path.display().to_string(), cause: words(error) }
}

fn broke_off(path: &Path, error: &io::Error) -> ReadError {
    ReadError::Read { path: path.display().to_string(), cause: words(error) }
}

/// The system's words as Go prints them: in lower case, without a number behind.
pub(crate) fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}
