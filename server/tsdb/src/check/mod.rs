//! Verifies a data directory, every checksum and every rule that its files must keep, and salvages
//! what can be read of one that is damaged. Works without the server and changes nothing but for
//! [`repair`].

mod head_chunks;
mod log;
mod repair;

use std::path::{Path, PathBuf};

use crate::Error;
use crate::block::{Block, BlockStats, is_ulid};
use crate::blocks::LEFT_BEHIND;
use crate::fs::Fs;
use crate::head_chunks::HEAD_CHUNKS;

pub use repair::repair;

/// Complaints about one block or segment that are told; the others are counted.
const TOLD_MAX: u64 = 100;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Nothing is lost that was not lost before: what a crash leaves behind, or what was put aside.
    Note,
    /// Bytes are not what was written, or make no sense.
    Damage,
}

/// Something in a data directory that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file, or folder.
    pub path: PathBuf,
    /// What is wrong, with its place in the file.
    pub problem: String,
    /// How bad it is.
    pub severity: Severity,
}

/// What was read, and how much of it was wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Folders of blocks.
    pub blocks: u64,
    /// What blocks hold.
    pub stats: BlockStats,
    /// Segments of logs and their checkpoints.
    pub segments: u64,
    /// Records in them.
    pub records: u64,
    /// Files of head chunks.
    pub head_chunk_files: u64,
    /// Chunks in them.
    pub head_chunks: u64,
    /// Findings of [`Severity::Damage`], also those that were not told.
    pub damages: u64,
}

/// Hands findings on, and counts them.
struct Report<'a> {
    checked: Checked,
    each: &'a mut dyn FnMut(&Finding),
    /// Told of the block or segment at hand.
    told: u64,
    kept_back: u64,
}

impl Report<'_> {
    fn find(&mut self, severity: Severity, path: PathBuf, problem: String) {
        self.checked.damages += u64::from(severity == Severity::Damage);
        self.told += 1;
        if self.told > TOLD_MAX {
            self.kept_back += 1;
            return;
        }
        (self.each)(&Finding { path, problem, severity });
    }

    fn damage(&mut self, path: PathBuf, problem: String) {
        self.find(Severity::Damage, path, problem);
    }

    fn note(&mut self, path: PathBuf, problem: String) {
        self.find(Severity::Note, path, problem);
    }

    /// What follows is about something else.
    fn next(&mut self, path: &Path) {
        if self.kept_back > 0 {
            let problem = format!("{} findings more", self.kept_back);
            let path = path.to_owned();
            (self.each)(&Finding { path, problem, severity: Severity::Note });
        }
        (self.told, self.kept_back) = (0, 0);
    }
}

/// Reads everything in a data directory and calls `each` with what is wrong.
///
/// # Errors
/// Where a folder cannot be listed or a file cannot be read; what is in them is a finding.
pub fn check(fs: &dyn Fs, dir: &Path, each: &mut dyn FnMut(&Finding)) -> Result<Checked, Error> {
    let mut report = Report { checked: Checked::default(), each, told: 0, kept_back: 0 };
    for entry in fs.list(dir).map_err(Error::io("list", dir))? {
        let path = dir.join(&entry.name);
        if !entry.is_dir {
            continue;
        }
        if is_ulid(&entry.name) {
            check_block(fs, &path, &mut report)?;
        } else if entry.name.ends_with(repair::ASIDE) {
            report.note(path.clone(), "a damaged block that was put aside".to_owned());
        } else if LEFT_BEHIND.iter().any(|end| entry.name.ends_with(end)) {
            report.note(path.clone(), "was not finished; the next start removes it".to_owned());
        }
        report.next(&path);
    }
    log::check(fs, &dir.join("wal"), &mut report)?;
    let late = log::check(fs, &dir.join("wbl"), &mut report)?;
    head_chunks::check(fs, &dir.join(HEAD_CHUNKS), late, &mut report)?;
    Ok(report.checked)
}

fn check_block(fs: &dyn Fs, dir: &Path, report: &mut Report<'_>) -> Result<(), Error> {
    report.checked.blocks += 1;
    let block = match Block::open(fs, dir) {
        Ok(block) => block,
        Err(error) => {
            let path = match &error {
                Error::Corrupt { path, .. } => path.clone(),
                _ => dir.to_owned(),
            };
            report.damage(path, error.problem());
            return Ok(());
        }
    };
    let found = block.verify(&mut |path, problem| report.damage(path, problem), &mut |_| Ok(()))?;
    let sum = &mut report.checked.stats;
    sum.num_series += found.num_series;
    sum.num_chunks += found.num_chunks;
    sum.num_samples += found.num_samples;
    sum.num_float_samples += found.num_float_samples;
    sum.num_histogram_samples += found.num_histogram_samples;
    Ok(())
}
