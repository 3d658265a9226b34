//! Verifies the files of head chunks: that they leave no gap, and that every chunk in them can be
//! read and covers the times it says.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use server_storage::SampleColumns;

use super::Report;
use crate::Error;
use crate::chunk::{self, Encoding};
use crate::fs::Fs;
use crate::head_chunks::{HEADER_BYTES, Next, Stored, file_path, header_problem, listed, parse};

/// What is known of the files so far.
struct Known {
    /// Newest time of every series.
    ends: HashMap<u64, i64>,
    /// Places where the log of samples out of order expects chunks of those.
    late: HashSet<u64>,
}

/// Checks the files in a folder, if there is one; at `late` there should be chunks of samples out of
/// order.
pub(super) fn check(
    fs: &dyn Fs,
    dir: &Path,
    late: HashSet<u64>,
    report: &mut Report<'_>,
) -> Result<(), Error> {
    let listed = listed(fs, dir)?;
    for (name, _) in &listed.aside {
        report.note(dir.join(name), "a file that was put aside".to_owned());
    }
    for name in &listed.unfinished {
        report.note(dir.join(name), "a repair that was not finished".to_owned());
    }
    report.next(dir);
    let mut known = Known { ends: HashMap::new(), late };
    let mut expected = listed.files.first().copied();
    for &number in &listed.files {
        let path = file_path(dir, number);
        if let Some(missing) = expected.filter(|expected| *expected != number) {
            let problem = format!("is missing before {number:06}");
            report.damage(file_path(dir, missing), problem);
        }
        expected = number.checked_add(1);
        let newest = listed.files.last() == Some(&number);
        check_file(fs, (&path, number), newest, &mut known, report)?;
        report.next(&path);
    }
    if !known.late.is_empty() {
        // Their samples are in the log.
        let problem = format!("{} chunks of samples out of order are missing", known.late.len());
        report.note(dir.to_owned(), problem);
    }
    report.next(dir);
    Ok(())
}

fn check_file(
    fs: &dyn Fs,
    (path, number): (&Path, u32),
    newest: bool,
    known: &mut Known,
    report: &mut Report<'_>,
) -> Result<(), Error> {
    report.checked.head_chunk_files += 1;
    let bytes = fs.map(path).map_err(Error::io("map", path))?;
    if let Some(problem) = header_problem(&bytes) {
        let empty = bytes.iter().take(HEADER_BYTES).all(|byte| *byte == 0);
        match newest && empty {
            true => report.note(path.to_owned(), "nothing was written into it".to_owned()),
            false => report.damage(path.to_owned(), problem),
        }
        return Ok(());
    }
    let mut at = HEADER_BYTES;
    loop {
        match parse(&bytes, at) {
            Next::Chunk(chunk, end) => {
                report.checked.head_chunks += 1;
                if chunk.late {
                    known.late.remove(&(u64::from(number) << 32 | at as u64));
                }
                if overlaps(&chunk, &mut known.ends) {
                    // What a start does not believe is read from the log, and written again.
                    let problem = format!("chunk at byte {at} begins before the last one ended");
                    report.note(path.to_owned(), problem);
                }
                if let Some(problem) = problem_of(&chunk) {
                    report.damage(path.to_owned(), format!("{problem}, at byte {at}"));
                }
                at = end;
            }
            Next::End => return Ok(()),
            Next::Torn if newest => {
                report.note(path.to_owned(), format!("ends inside a chunk at byte {at}"));
                return Ok(());
            }
            Next::Torn => {
                report.damage(path.to_owned(), format!("ends inside a chunk at byte {at}"));
                return Ok(());
            }
            Next::Damaged(problem) => {
                report.damage(path.to_owned(), problem);
                return Ok(());
            }
        }
    }
}

/// Whether a chunk is not behind that of its series before it.
fn overlaps(chunk: &Stored<'_>, ends: &mut HashMap<u64, i64>) -> bool {
    !chunk.late
        && ends.insert(chunk.series, chunk.max_time).is_some_and(|end| end >= chunk.min_time)
}

/// What is wrong with a chunk whose checksum is right.
fn problem_of(chunk: &Stored<'_>) -> Option<String> {
    let Stored { series, min_time, max_time, .. } = *chunk;
    // Those of newer versions cannot be judged.
    let encoding = Encoding::from_number(chunk.encoding)?;
    let mut samples = SampleColumns::default();
    if let Err(error) = chunk::read(encoding, chunk.bytes, i64::MIN, i64::MAX, &mut samples) {
        return Some(format!("chunk of series {series}: {error}"));
    }
    if samples.timestamps.windows(2).any(|two| two[0] >= two[1]) {
        return Some(format!("chunk of series {series} has samples that are not in order of time"));
    }
    let times = (samples.timestamps.first().copied(), samples.timestamps.last().copied());
    (times != (Some(min_time), Some(max_time)))
        .then(|| format!("chunk of series {series} has other times than it says"))
}
