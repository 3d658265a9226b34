//! Names in the log's directory: segments, checkpoints and what was put aside.

use std::path::{Path, PathBuf};

use crate::Error;
use crate::fs::Fs;

/// What stands in the log's directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Numbers of the segments, ascending, with their lengths.
    pub segments: Vec<(u64, u64)>,
    /// Numbers of the finished checkpoints, ascending.
    pub checkpoints: Vec<u64>,
    /// Checkpoints that were not finished.
    pub unfinished: Vec<String>,
    /// Numbers of corrupt segments that were put aside.
    pub quarantined: Vec<u64>,
    /// Numbers of segments whose repair was not finished.
    pub repaired: Vec<u64>,
}

const CHECKPOINT: &str = "checkpoint.";

/// `00000012`
#[must_use]
pub fn segment_path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:08}"))
}

/// `checkpoint.00000012`
#[must_use]
pub fn checkpoint_path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{CHECKPOINT}{number:08}"))
}

/// `00000012.corrupt`: a segment with damage, kept for whoever wants to look. Prometheus ignores it.
#[must_use]
pub fn quarantine_path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:08}.corrupt"))
}

/// `00000012.repaired`: what is good of a segment with damage, before it takes its place.
#[must_use]
pub fn repaired_path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:08}.repaired"))
}

/// Reads the log's directory; one that is missing is empty.
pub fn list(fs: &dyn Fs, dir: &Path) -> Result<Listing, Error> {
    let entries = match fs.list(dir) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Listing::default()),
        other => other.map_err(Error::io("list", dir))?,
    };
    let mut listing = Listing::default();
    for entry in entries {
        let name = entry.name.as_str();
        if let Some(number) = name.strip_prefix(CHECKPOINT).filter(|_| entry.is_dir) {
            match digits(number) {
                Some(number) => listing.checkpoints.push(number),
                None => listing.unfinished.push(entry.name),
            }
        } else if let Some(number) = name.strip_suffix(".corrupt").and_then(digits) {
            listing.quarantined.push(number);
        } else if let Some(number) = name.strip_suffix(".repaired").and_then(digits) {
            listing.repaired.push(number);
        } else if let Some(number) = digits(name).filter(|_| !entry.is_dir) {
            listing.segments.push((number, entry.len));
        }
    }
    listing.segments.sort_unstable();
    listing.checkpoints.sort_unstable();
    Ok(listing)
}

/// Bytes of everything in the log's directory, checkpoints included.
pub fn bytes(fs: &dyn Fs, dir: &Path) -> Result<u64, Error> {
    let mut sum = 0;
    for entry in fs.list(dir).map_err(Error::io("list", dir))? {
        let inside = dir.join(&entry.name);
        sum += if entry.is_dir { bytes(fs, &inside)? } else { entry.len };
    }
    Ok(sum)
}

fn digits(text: &str) -> Option<u64> {
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}
