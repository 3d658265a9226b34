//! A file system that fails at the Nth call, for loops over every N.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::{Entry, File, Fs, Lock, Mapped};

/// What happens after the call that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureMode {
    /// Later calls succeed.
    Once,
    /// Later calls that change anything fail too; reading goes on.
    Forever,
}

/// Passes calls on until the one that is to fail. Reading calls are not counted and never fail.
#[derive(Clone, Debug)]
pub struct FailingFs {
    inner: Arc<dyn Fs>,
    plan: Arc<Plan>,
}

#[derive(Debug)]
struct Plan {
    calls: AtomicU64,
    fail_at: AtomicU64,
    mode: FailureMode,
    kind: io::ErrorKind,
    retried_syncs: AtomicU64,
}

#[derive(Debug)]
struct FailingFile {
    inner: Arc<dyn File>,
    plan: Arc<Plan>,
    sync_failed: AtomicBool,
}

impl FailingFs {
    /// Fails call number `fail_at`, counted from 1; zero never fails.
    #[must_use]
    pub fn new(inner: Arc<dyn Fs>, fail_at: u64, mode: FailureMode, kind: io::ErrorKind) -> Self {
        let plan = Plan {
            calls: AtomicU64::new(0),
            fail_at: AtomicU64::new(fail_at),
            mode,
            kind,
            retried_syncs: AtomicU64::new(0),
        };
        FailingFs { inner, plan: Arc::new(plan) }
    }

    /// Counted calls so far.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.plan.calls.load(Ordering::SeqCst)
    }

    /// Fails another call than was said, counted from 1 as ever.
    pub fn fail_at(&self, call: u64) {
        self.plan.fail_at.store(call, Ordering::SeqCst);
    }

    /// Lets everything succeed from now on.
    pub fn heal(&self) {
        self.plan.fail_at.store(0, Ordering::SeqCst);
    }

    /// How often a file was synced again after a sync of it had failed: must stay zero.
    #[must_use]
    pub fn retried_syncs(&self) -> u64 {
        self.plan.retried_syncs.load(Ordering::SeqCst)
    }

    fn wrap(&self, inner: Arc<dyn File>) -> Arc<dyn File> {
        let sync_failed = AtomicBool::new(false);
        Arc::new(FailingFile { inner, plan: self.plan.clone(), sync_failed })
    }
}

impl Plan {
    fn step(&self) -> io::Result<()> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let fail_at = self.fail_at.load(Ordering::SeqCst);
        let fails = match self.mode {
            FailureMode::Once => call == fail_at,
            FailureMode::Forever => fail_at != 0 && call >= fail_at,
        };
        if fails { Err(self.kind.into()) } else { Ok(()) }
    }
}

impl Fs for FailingFs {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.plan.step()?;
        self.inner.create_dir(path)
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.plan.step()?;
        Ok(self.wrap(self.inner.create(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        Ok(self.wrap(self.inner.open(path)?))
    }

    fn map(&self, path: &Path) -> io::Result<Mapped> {
        self.inner.map(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        self.inner.list(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.plan.step()?;
        self.inner.rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.plan.step()?;
        self.inner.link(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.plan.step()?;
        self.inner.remove(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.plan.step()?;
        self.inner.remove_dir(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.plan.step()?;
        self.inner.sync_dir(path)
    }

    fn disk_bytes(&self, path: &Path) -> io::Result<u64> {
        self.inner.disk_bytes(path)
    }

    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        self.inner.free_bytes(path)
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>> {
        self.inner.lock(path)
    }
}

impl File for FailingFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.inner.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        if let Err(e) = self.plan.step() {
            // A failing write leaves part of itself behind.
            self.inner.write_at(&bytes[..bytes.len() / 2], offset)?;
            return Err(e);
        }
        self.inner.write_at(bytes, offset)
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.plan.step()?;
        self.inner.truncate(len)
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        self.plan.step()?;
        self.inner.allocate(len)
    }

    fn sync(&self) -> io::Result<()> {
        if self.sync_failed.load(Ordering::SeqCst) {
            self.plan.retried_syncs.fetch_add(1, Ordering::SeqCst);
        }
        if let Err(e) = self.plan.step() {
            self.sync_failed.store(true, Ordering::SeqCst);
            return Err(e);
        }
        self.inner.sync()
    }

    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }
}
