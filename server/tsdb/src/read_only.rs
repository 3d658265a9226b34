//! Looking at a data directory without changing it or taking its lock: tools beside a server.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::fs::{Entry, File, Fs, Lock, Mapped};
use crate::{Db, Error, Options};

/// A file system that refuses every change. What a database wants to mend stays as it is.
#[derive(Debug)]
pub struct ReadOnlyFs {
    inner: Arc<dyn Fs>,
}

#[derive(Debug)]
struct ReadOnlyFile(Arc<dyn File>);

/// Nobody else is kept out.
struct NoLock;

impl Lock for NoLock {}

fn refused<T>() -> io::Result<T> {
    Err(io::ErrorKind::ReadOnlyFilesystem.into())
}

impl ReadOnlyFs {
    /// A view of another file system.
    #[must_use]
    pub fn new(inner: Arc<dyn Fs>) -> ReadOnlyFs {
        ReadOnlyFs { inner }
    }
}

impl Fs for ReadOnlyFs {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.inner.list(path).map(|_| ())
    }

    fn create(&self, _: &Path) -> io::Result<Arc<dyn File>> {
        refused()
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        Ok(Arc::new(ReadOnlyFile(self.inner.open(path)?)))
    }

    fn map(&self, path: &Path) -> io::Result<Mapped> {
        self.inner.map(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        self.inner.list(path)
    }

    fn rename(&self, _: &Path, _: &Path) -> io::Result<()> {
        refused()
    }

    fn link(&self, _: &Path, _: &Path) -> io::Result<()> {
        refused()
    }

    fn remove(&self, _: &Path) -> io::Result<()> {
        refused()
    }

    fn remove_dir(&self, _: &Path) -> io::Result<()> {
        refused()
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn disk_bytes(&self, path: &Path) -> io::Result<u64> {
        self.inner.disk_bytes(path)
    }

    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        self.inner.free_bytes(path)
    }

    fn lock(&self, _: &Path) -> io::Result<Box<dyn Lock>> {
        Ok(Box::new(NoLock))
    }
}

impl File for ReadOnlyFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }

    fn write_at(&self, _: &[u8], _: u64) -> io::Result<()> {
        refused()
    }

    fn truncate(&self, _: u64) -> io::Result<()> {
        refused()
    }

    fn allocate(&self, _: u64) -> io::Result<()> {
        refused()
    }

    /// Nothing was written.
    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }
}

impl Db {
    /// Opens a data directory for queries only: blocks and log are read, nothing on disk changes,
    /// and a server may go on using it. What is appended is lost.
    pub fn open_read_only(dir: impl Into<PathBuf>, fs: Arc<dyn Fs>) -> Result<Db, Error> {
        let options = Options { retention_ms: i64::MAX, ..Options::new(dir) };
        Db::open(options, Arc::new(ReadOnlyFs::new(fs)))
    }
}
