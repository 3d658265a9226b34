//! Verifies a log: checkpoint, segments, and that their records can be read.

use std::collections::HashSet;
use std::path::Path;

use super::Report;
use crate::Error;
use crate::fs::Fs;
use crate::wal::record::{self, RecordKind};
use crate::wal::{Event, SegmentReader, histograms, markers, segments};

/// What the records of a log have said so far.
#[derive(Default)]
struct Known {
    series: HashSet<u64>,
    /// Samples and the like of series that were not named.
    strays: u64,
    /// Places of chunks that samples out of order are in.
    places: HashSet<u64>,
}

/// Checks the log in a folder, if there is one; says at which places it expects chunks of samples out
/// of order.
pub(super) fn check(
    fs: &dyn Fs,
    dir: &Path,
    report: &mut Report<'_>,
) -> Result<HashSet<u64>, Error> {
    let listing = segments::list(fs, dir)?;
    for name in &listing.unfinished {
        report.note(dir.join(name), "was not finished; the next start removes it".to_owned());
    }
    for number in &listing.quarantined {
        let path = segments::quarantine_path(dir, *number);
        report.note(path, "a damaged segment that was put aside".to_owned());
    }
    report.next(dir);
    let mut known = Known::default();
    let checkpoint = listing.checkpoints.last().copied();
    if let Some(number) = checkpoint {
        let dir = segments::checkpoint_path(dir, number);
        let inside = segments::list(fs, &dir)?;
        check_row(&dir, &inside.segments, Some(0), report);
        for (number, _) in inside.segments {
            check_segment(fs, &segments::segment_path(&dir, number), false, &mut known, report)?;
        }
    }
    let needed = |(number, _): &&(u64, u64)| checkpoint.is_none_or(|last| *number > last);
    let row: Vec<(u64, u64)> = listing.segments.iter().filter(needed).copied().collect();
    check_row(dir, &row, checkpoint.map(|last| last + 1), report);
    for (at, (number, _)) in row.iter().enumerate() {
        let newest = at + 1 == row.len();
        check_segment(fs, &segments::segment_path(dir, *number), newest, &mut known, report)?;
    }
    if known.strays > 0 {
        // Series that a checkpoint dropped may have had samples in segments that it did not cover.
        let problem = format!("{} entries of series that the log does not name", known.strays);
        report.note(dir.to_owned(), problem);
    }
    report.next(dir);
    Ok(known.places)
}

/// Segments are numbered without a gap.
fn check_row(dir: &Path, row: &[(u64, u64)], first: Option<u64>, report: &mut Report<'_>) {
    let mut expected = first.or(row.first().map(|(number, _)| *number));
    for (number, _) in row {
        if let Some(expected) = expected.filter(|expected| expected != number) {
            let path = segments::segment_path(dir, expected);
            report.damage(path, format!("is missing before {number:08}"));
        }
        expected = Some(number + 1);
    }
}

fn check_segment(
    fs: &dyn Fs,
    path: &Path,
    newest: bool,
    known: &mut Known,
    report: &mut Report<'_>,
) -> Result<(), Error> {
    report.checked.segments += 1;
    let mut reader = SegmentReader::open(fs, path)?;
    // Damage at the very end of the newest segment is how a crash leaves it.
    let mut pending: Option<String> = None;
    loop {
        let begin = reader.good_end();
        let event = reader.next_event()?;
        if event != Event::End
            && let Some(problem) = pending.take()
        {
            report.damage(path.to_owned(), problem);
        }
        match event {
            Event::Record => {
                report.checked.records += 1;
                if let Err(problem) = note(reader.record(), known) {
                    report.damage(path.to_owned(), format!("{problem}, behind byte {begin}"));
                }
            }
            Event::Corrupt { offset, problem } => {
                pending = Some(format!("{problem}, at byte {offset}"));
            }
            Event::End => break,
        }
    }
    match pending {
        Some(problem) if newest => report.note(path.to_owned(), format!("{problem}, at its end")),
        Some(problem) => report.damage(path.to_owned(), problem),
        None => {}
    }
    report.next(path);
    Ok(())
}

/// Reads a record; the error says why it makes no sense.
fn note(bytes: &[u8], known: &mut Known) -> Result<(), String> {
    let Known { series, strays, places } = known;
    let mut entry = |number: u64| *strays += u64::from(!series.contains(&number));
    match record::kind(bytes) {
        RecordKind::Series => record::decode_series(bytes, |number, _| {
            series.insert(number);
        }),
        RecordKind::Samples => record::decode_samples(bytes, |sample, _| entry(sample.series)),
        RecordKind::Tombstones => record::decode_tombstones(bytes, |number, _, _| entry(number)),
        RecordKind::Exemplars => record::decode_exemplars(bytes, |exemplar| entry(exemplar.series)),
        RecordKind::Metadata => record::decode_metadata(bytes, |number, _| entry(number)),
        RecordKind::Histograms => histograms::decode(bytes, |histogram, _| entry(histogram.series)),
        RecordKind::MmapMarkers => markers::decode(bytes, |number, place| {
            entry(number);
            // Zero is the place of none.
            places.extend((place != 0).then_some(place));
        }),
        // Their checksum is right, and what they say is for other versions.
        RecordKind::Unknown => Ok(()),
    }
}
