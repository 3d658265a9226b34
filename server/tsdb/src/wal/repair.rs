//! Puts a damaged segment aside and what is good of it in its place.
//!
//! Prometheus stops at damage and deletes what follows. Here the good records are written to
//! `N.repaired`, the segment is renamed to `N.corrupt`, and `N.repaired` to `N`; whatever step a crash
//! interrupts, the next opening goes on from there. Prometheus ignores both names.

use std::path::Path;
use std::sync::Arc;

use super::segments::{Listing, quarantine_path, repaired_path, segment_path};
use super::writer::Record;
use super::{Event, SegmentReader};
use crate::Error;
use crate::fs::{File, Fs};

/// Bytes collected before they are written.
const WRITE_BYTES: usize = 1 << 20;

/// Finishes repairs that a crash interrupted; returns whether names changed.
pub fn finish(fs: &dyn Fs, dir: &Path, listing: &Listing) -> Result<bool, Error> {
    for &number in &listing.repaired {
        let repaired = repaired_path(dir, number);
        let moved = listing.quarantined.contains(&number);
        let there = listing.segments.iter().any(|(segment, _)| *segment == number);
        if moved && !there {
            let segment = segment_path(dir, number);
            fs.rename(&repaired, &segment).map_err(Error::io("rename", &repaired))?;
        } else {
            // Not known to be complete; the segment itself is still there.
            fs.remove(&repaired).map_err(Error::io("remove", &repaired))?;
        }
    }
    if !listing.repaired.is_empty() {
        fs.sync_dir(dir).map_err(Error::io("sync", dir))?;
    }
    Ok(!listing.repaired.is_empty())
}

/// Replaces a damaged segment by its good records and keeps the original beside it.
pub fn replace(fs: &dyn Fs, dir: &Path, number: u64) -> Result<(), Error> {
    let segment = segment_path(dir, number);
    let repaired = repaired_path(dir, number);
    copy_good(fs, &segment, &repaired)?;
    fs.sync_dir(dir).map_err(Error::io("sync", dir))?;
    let aside = quarantine_path(dir, number);
    fs.rename(&segment, &aside).map_err(Error::io("rename", &segment))?;
    fs.rename(&repaired, &segment).map_err(Error::io("rename", &repaired))?;
    fs.sync_dir(dir).map_err(Error::io("sync", dir))
}

fn copy_good(fs: &dyn Fs, from: &Path, to: &Path) -> Result<(), Error> {
    let mut reader = SegmentReader::open(fs, from)?;
    let file: Arc<dyn File> = fs.create(to).map_err(Error::io("create", to))?;
    let (mut written, mut end, mut framed) = (0_u64, 0, Vec::new());
    loop {
        let event = reader.next_event()?;
        if event == Event::Record {
            end = Record::as_found(&reader).push(&mut framed, end);
        }
        if event == Event::End || framed.len() >= WRITE_BYTES {
            file.write_at(&framed, written).map_err(Error::io("write", to))?;
            written = end;
            framed.clear();
        }
        if event == Event::End {
            return file.sync().map_err(Error::io("sync", to));
        }
    }
}
