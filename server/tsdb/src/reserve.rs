//! Space that is set aside for the day the disk is full: given up then, so that what the head has
//! can become a block and the log be cut, which gives back more.
//!
//! The log takes several times the bytes of a block of the same samples. Without a reserve neither
//! the block nor the checkpoint finds room, and the log stays where it is.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use common_instrument::{Family, Samples};
use common_model::TimestampMs;
use server_storage::Watch;

use crate::Error;
use crate::db::{Db, Inner};
use crate::fs::Fs;
use crate::maintenance::falls_due;
use crate::wal::count;

/// The file in the data directory; Prometheus passes over it, as over any name that is no block's.
pub const RESERVE_FILE: &str = "hearth.reserve";
/// Bytes that are set aside: room for a block of some 10 million samples.
pub const RESERVE_BYTES: u64 = 16 << 20;

/// With a limit in bytes at most this part of it is set aside.
const RETENTION_PART: u64 = 100;
/// Less is not worth a file.
const PART_BYTES_MIN: u64 = 1 << 20;
/// The disk must have so many times as much free.
const FREE_FACTOR: u64 = 10;
/// How often it is looked whether the file is as it should be.
const KEEP_INTERVAL_MS: i64 = 60 * 1000;
/// How long a disk that is full again waits for the next block: else a disk that others fill would
/// get many small ones.
const RELIEF_INTERVAL_MS: i64 = 10 * 60 * 1000;

const BYTES: Family = Family::gauge(
    "hearth_tsdb_reserve_bytes",
    "Bytes that are set aside on the disk for the day it is full.",
);
const GIVEN_UP: Family = Family::counter(
    "hearth_tsdb_reserve_given_up_total",
    "How often the space set aside was given up because the disk was full.",
);

/// What is known of the disk.
#[derive(Debug, Default)]
pub(crate) struct Reserve {
    /// Something found no room since it was last tried to make some.
    is_full: AtomicBool,
    given_up: AtomicU64,
}

impl Reserve {
    /// Takes note of why something could not be written.
    pub(crate) fn note(&self, error: &Error) {
        if error.is_disk_full() {
            self.is_full.store(true, Ordering::Release);
        }
    }
}

/// Bytes of the file in a data directory; zero where there is none.
pub(crate) fn bytes(fs: &dyn Fs, dir: &Path) -> u64 {
    length(fs, dir).unwrap_or_default()
}

fn length(fs: &dyn Fs, dir: &Path) -> Option<u64> {
    let entries = fs.list(dir).ok()?;
    entries.iter().find(|entry| entry.name == RESERVE_FILE).map(|entry| entry.len)
}

/// Bytes to set aside: so many at most, and where bytes are limited a part of those. That may be
/// none.
fn wanted(bytes_max: u64, retention_bytes: u64) -> u64 {
    if retention_bytes == 0 {
        return bytes_max;
    }
    let part = retention_bytes / RETENTION_PART;
    if part < PART_BYTES_MIN { 0 } else { part.min(bytes_max) }
}

impl Db {
    /// Sets space aside where there is plenty, or lets go of it where it is too much, when a minute
    /// has passed since the last time.
    pub fn keep_reserve_if_due(&self, now: TimestampMs) -> Result<(), Error> {
        let inner = &self.inner;
        inner.check_open()?;
        match falls_due(inner, now, KEEP_INTERVAL_MS, |schedule| &mut schedule.reserved) {
            true => inner.keep_reserve(),
            false => Ok(()),
        }
    }

    /// Makes room when something found none: gives up what is set aside, moves samples to a block
    /// although that is not due, and cuts the log. `name` and `watch` are those of [`Db::compact`].
    pub fn relieve_if_full(
        &self,
        now: TimestampMs,
        name: &mut dyn FnMut() -> String,
        watch: &Watch,
    ) -> Result<(), Error> {
        let inner = &self.inner;
        let is_full = inner.reserve.is_full.load(Ordering::Acquire);
        if !is_full || !falls_due(inner, now, RELIEF_INTERVAL_MS, |schedule| &mut schedule.relieved)
        {
            return Ok(());
        }
        inner.reserve.is_full.store(false, Ordering::Release);
        inner.give_up_reserve()?;
        self.compact_urgently(name, watch)
    }
}

impl Inner {
    fn keep_reserve(&self) -> Result<(), Error> {
        let (fs, dir) = (&*self.fs, &*self.options.dir);
        let wanted = wanted(self.options.reserve_bytes, self.bytes_max());
        let path = dir.join(RESERVE_FILE);
        let there = length(fs, dir);
        if there.unwrap_or_default() == wanted {
            return Ok(());
        }
        if there.is_some() {
            // Another size is wanted now, or a crash left it empty.
            fs.remove(&path).map_err(Error::io("remove", &path))?;
        }
        let is_plenty = |free: u64| free / FREE_FACTOR >= wanted;
        if wanted == 0 || !fs.free_bytes(dir).is_ok_and(is_plenty) {
            return Ok(());
        }
        let file = fs.create(&path).map_err(Error::io("create", &path))?;
        let allocated = file.allocate(wanted);
        if allocated.is_err() {
            fs.remove(&path).map_err(Error::io("remove", &path))?;
        }
        match allocated {
            Err(error) if error.kind() == std::io::ErrorKind::Unsupported => {
                tracing::debug!(path = %path.display(), "this file system sets no space aside");
                Ok(())
            }
            other => other.map_err(Error::io("set space aside for", &path)),
        }
    }

    fn give_up_reserve(&self) -> Result<(), Error> {
        let path = self.options.dir.join(RESERVE_FILE);
        match self.fs.remove(&path) {
            Ok(()) => {
                tracing::warn!("the disk is full: the space set aside for that is given up");
                count(&self.reserve.given_up, 1);
                Ok(())
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(Error::io("remove", &path)(error)),
        }
    }
}

/// Adds what is told of it.
pub(crate) fn collect(samples: &mut Samples, inner: &Inner) {
    samples.push(&BYTES, &[], bytes(&*inner.fs, &inner.options.dir) as f64);
    samples.push(&GIVEN_UP, &[], inner.reserve.given_up.load(Ordering::Relaxed) as f64);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundredth_of_the_limit_is_set_aside_where_that_is_worth_it() {
        const MIB: u64 = 1 << 20;
        for (bytes_max, retention_bytes, set_aside) in [
            (RESERVE_BYTES, 0, RESERVE_BYTES),
            (RESERVE_BYTES, 1 << 40, RESERVE_BYTES),
            (RESERVE_BYTES, 500 * MIB, 5 * MIB),
            (RESERVE_BYTES, 100 * MIB, MIB),
            (RESERVE_BYTES, 100 * MIB - 1, 0),
            (0, 0, 0),
            (0, 500 * MIB, 0),
        ] {
            let found = wanted(bytes_max, retention_bytes);
            assert_eq!(found, set_aside, "{bytes_max} of {retention_bytes}");
        }
    }
}
