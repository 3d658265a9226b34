//! The only way the database touches files, so that tests can crash it and fail it anywhere.

mod failing;
mod mapped;
mod memory;
mod real;

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

pub use failing::{FailingFs, FailureMode};
pub use mapped::Mapped;
pub use memory::MemoryFs;
pub use real::RealFs;

/// One name in a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// File name without its directory.
    pub name: String,
    /// Whether it is a directory.
    pub is_dir: bool,
    /// Length in bytes; zero for a directory.
    pub len: u64,
}

/// Keeps a directory locked until it is dropped.
pub trait Lock: Send + Sync {}

/// A file system.
pub trait Fs: fmt::Debug + Send + Sync {
    /// Makes a directory and its parents; one that exists is fine.
    fn create_dir(&self, path: &Path) -> io::Result<()>;
    /// Makes an empty file, emptying one that exists.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>>;
    /// Opens a file that exists, for reading and, where permitted, writing.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>>;
    /// All bytes of a file that nobody changes any more.
    fn map(&self, path: &Path) -> io::Result<Mapped> {
        let file = self.open(path)?;
        let mut bytes = vec![0; usize::try_from(file.len()?).unwrap_or(usize::MAX)];
        let len = read_full(&*file, &mut bytes, 0)?;
        bytes.truncate(len);
        Ok(Mapped::from(bytes))
    }
    /// What stands in a directory, sorted by name.
    fn list(&self, path: &Path) -> io::Result<Vec<Entry>>;
    /// Gives a file or directory another name, replacing a file that has it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Gives a file a second name, so that its bytes stay as long as either; an error where that
    /// cannot be, as between two file systems.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Removes a directory with everything in it.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;
    /// Makes creations, renames and removals in a directory durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// Bytes of the whole disk that a directory is on.
    fn disk_bytes(&self, path: &Path) -> io::Result<u64>;
    /// Bytes that may still be written to it.
    fn free_bytes(&self, path: &Path) -> io::Result<u64>;
    /// Locks a file (made if need be) against other processes; `WouldBlock` when another has it.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>>;
}

/// An open file.
pub trait File: fmt::Debug + Send + Sync {
    /// Reads at a position as many bytes as are there, at most the buffer's length.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes all bytes at a position; after an error any part of them may stand there.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Cuts the file.
    fn truncate(&self, len: u64) -> io::Result<()>;
    /// Makes an empty file so long, of bytes that the disk keeps for it from now on; `Unsupported`
    /// where that cannot be promised.
    fn allocate(&self, len: u64) -> io::Result<()>;
    /// Makes the contents durable. After an error nothing is known of what was not durable before,
    /// and a second call may lie: write it again to another file.
    fn sync(&self) -> io::Result<()>;
    /// Length in bytes.
    fn len(&self) -> io::Result<u64>;
    /// Whether there are no bytes.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
}

/// Reads until the buffer is full or the file ends; returns how much was read.
pub(crate) fn read_full(file: &dyn File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + filled as u64)? {
            0 => break,
            more => filled += more,
        }
    }
    Ok(filled)
}
