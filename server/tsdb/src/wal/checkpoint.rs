//! Shortens the log: what is still wanted of its older part goes into one directory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use common_model::{Labels, Metadata};

use super::histograms::{HistogramRecord, RefHistogram};
use super::record::{self, RecordKind, RefExemplar, RefSample};
use super::segments::{Listing, checkpoint_path, segment_path};
use super::writer::Record;
use super::{Event, SegmentReader, Wal, WalCounters};
use crate::Error;
use crate::fs::Fs;

/// Metadata of so many series go into one record.
const METADATA_PER_RECORD: usize = 1000;

/// The last segment to put into a checkpoint: two thirds of those that are finished, as Prometheus
/// does; `None` when that is not worth it. `current` is still being written.
#[must_use]
pub fn last_to_include(listing: &Listing, current: u64) -> Option<u64> {
    let first = listing.segments.first()?.0;
    let last = current.checked_sub(1)?;
    if last < first {
        return None;
    }
    let last = first + (last - first) * 2 / 3;
    (last > first).then_some(last)
}

/// Writes `checkpoint.N` for all segments up to `last`, with the samples and exemplars from `min_time` on of
/// the series that `keep` keeps, what was deleted from `deleted_from` on, and the newest metadata of those. Until it is complete its name ends
/// in `.tmp`; what was written of one that failed goes at once, as the disk may be full. The segments stay; see [`remove_covered`].
pub fn create(
    fs: &Arc<dyn Fs>,
    dir: &Path,
    listing: &Listing,
    last: u64,
    (min_time, deleted_from): (i64, i64),
    keep: &dyn Fn(u64) -> bool,
    segment_bytes: u64,
) -> Result<(), Error> {
    let target = checkpoint_path(dir, last);
    let unfinished = target.with_extension(format!("{last:08}.tmp"));
    match fs.remove_dir(&unfinished) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            return Err(Error::io("remove", &unfinished)(e));
        }
        _ => {}
    }
    let write = || {
        fs.create_dir(&unfinished).map_err(Error::io("create", &unfinished))?;
        let counters = Arc::new(WalCounters::default());
        let wal = Wal::new(fs.clone(), &unfinished, segment_bytes, 0, counters);
        let mut writer = Writer { wal, keep, min_time, deleted_from, metadata: BTreeMap::new() };
        for path in sources(&**fs, dir, listing, last)? {
            writer.copy(&**fs, &path)?;
        }
        writer.finish()?;
        fs.sync_dir(&unfinished).map_err(Error::io("sync", &unfinished))?;
        fs.rename(&unfinished, &target).map_err(Error::io("rename", &unfinished))
    };
    if let Err(error) = write() {
        // Where that fails too, the next one or the next start does it.
        let _ = fs.remove_dir(&unfinished);
        return Err(error);
    }
    fs.sync_dir(dir).map_err(Error::io("sync", dir))
}

/// The segments of the newest checkpoint and those of the log up to `last`, in order.
pub(crate) fn sources(
    fs: &dyn Fs,
    dir: &Path,
    listing: &Listing,
    last: u64,
) -> Result<Vec<PathBuf>, Error> {
    let mut paths = Vec::new();
    let covered = listing.checkpoints.last().copied();
    if let Some(number) = covered {
        let checkpoint = checkpoint_path(dir, number);
        for (segment, _) in super::segments::list(fs, &checkpoint)?.segments {
            paths.push(segment_path(&checkpoint, segment));
        }
    }
    let wanted = |number: &u64| *number <= last && covered.is_none_or(|covered| *number > covered);
    let segments = listing.segments.iter().map(|(number, _)| *number).filter(wanted);
    paths.extend(segments.map(|number| segment_path(dir, number)));
    Ok(paths)
}

/// Removes what the newest checkpoint covers: segments, older checkpoints, unfinished ones, and
/// segments that were put aside.
pub fn remove_covered(fs: &dyn Fs, dir: &Path, listing: &Listing) -> Result<(), Error> {
    for name in &listing.unfinished {
        let path = dir.join(name);
        fs.remove_dir(&path).map_err(Error::io("remove", &path))?;
    }
    let Some((&newest, older)) = listing.checkpoints.split_last() else { return Ok(()) };
    for (number, _) in listing.segments.iter().filter(|(number, _)| *number <= newest) {
        let path = segment_path(dir, *number);
        fs.remove(&path).map_err(Error::io("remove", &path))?;
    }
    for number in listing.quarantined.iter().filter(|number| **number <= newest) {
        let path = super::segments::quarantine_path(dir, *number);
        fs.remove(&path).map_err(Error::io("remove", &path))?;
    }
    for number in older {
        let path = checkpoint_path(dir, *number);
        fs.remove_dir(&path).map_err(Error::io("remove", &path))?;
    }
    Ok(())
}

struct Writer<'a> {
    wal: Wal,
    keep: &'a dyn Fn(u64) -> bool,
    min_time: i64,
    deleted_from: i64,
    metadata: BTreeMap<u64, Metadata>,
}

impl Writer<'_> {
    /// Copies what is wanted of one segment; damage is passed over, as replay does.
    fn copy(&mut self, fs: &dyn Fs, path: &Path) -> Result<(), Error> {
        let mut reader = SegmentReader::open(fs, path)?;
        loop {
            match reader.next_event()? {
                Event::End => return Ok(()),
                Event::Corrupt { .. } => {}
                Event::Record => {
                    if let Some(record) = self.filter(&reader) {
                        self.wal.log(vec![record])?;
                    }
                }
            }
        }
    }

    /// What to keep of a record. One whose contents make no sense is dropped.
    fn filter(&mut self, reader: &SegmentReader) -> Option<Record> {
        let plain = reader.record();
        match record::kind(plain) {
            RecordKind::Series => self.series(reader),
            RecordKind::Samples => self.samples(reader),
            RecordKind::Metadata => {
                let (keep, known) = (self.keep, &mut self.metadata);
                let each = |series, metadata| {
                    if keep(series) {
                        known.insert(series, metadata);
                    }
                };
                record::decode_metadata(plain, each).ok()?;
                None
            }
            RecordKind::Exemplars => self.exemplars(reader),
            RecordKind::Histograms => self.histograms(reader),
            RecordKind::Tombstones => self.tombstones(reader),
            RecordKind::MmapMarkers | RecordKind::Unknown => None,
        }
    }

    fn series(&self, reader: &SegmentReader) -> Option<Record> {
        let mut out = Vec::new();
        record::begin_series(&mut out);
        let mut dropped = 0;
        let each = |series: u64, labels: &[(&str, &str)]| {
            if (self.keep)(series) {
                record::push_series(&mut out, series, labels.len(), labels.iter().copied());
            } else {
                dropped += 1;
            }
        };
        record::decode_series(reader.record(), each).ok()?;
        if dropped == 0 {
            return Some(Record::as_found(reader));
        }
        (out.len() > 1).then(|| Record::new(&out))
    }

    fn samples(&self, reader: &SegmentReader) -> Option<Record> {
        let mut kept: Vec<(RefSample, i64)> = Vec::new();
        let mut dropped = 0;
        let each = |sample: RefSample, start| {
            if sample.time >= self.min_time && (self.keep)(sample.series) {
                kept.push((sample, start));
            } else {
                dropped += 1;
            }
        };
        record::decode_samples(reader.record(), each).ok()?;
        if dropped == 0 {
            return Some(Record::as_found(reader));
        }
        let mut out = Vec::new();
        record::encode_started_samples(&mut out, kept);
        (!out.is_empty()).then(|| Record::new(&out))
    }

    fn histograms(&self, reader: &SegmentReader) -> Option<Record> {
        let kind = *reader.record().first()?;
        let mut kept = HistogramRecord::new(kind);
        let mut dropped = 0;
        let each = |sample: RefHistogram, bytes: &[u8]| {
            if sample.time >= self.min_time && (self.keep)(sample.series) {
                kept.push_raw(&sample, bytes);
            } else {
                dropped += 1;
            }
        };
        super::histograms::decode(reader.record(), each).ok()?;
        if dropped == 0 {
            return Some(Record::as_found(reader));
        }
        (!kept.is_empty()).then(|| Record::new(kept.bytes()))
    }

    fn tombstones(&self, reader: &SegmentReader) -> Option<Record> {
        let mut out = Vec::new();
        record::begin_tombstones(&mut out);
        let each = |series: u64, first: i64, last: i64| {
            if last >= self.deleted_from && (self.keep)(series) {
                record::push_tombstone(&mut out, series, first, last);
            }
        };
        record::decode_tombstones(reader.record(), each).ok()?;
        (out.len() > 1).then(|| Record::new(&out))
    }

    fn exemplars(&self, reader: &SegmentReader) -> Option<Record> {
        let mut kept: Vec<(RefExemplar<'_>, Labels)> = Vec::new();
        let mut dropped = 0;
        let none = Labels::empty();
        let each = |exemplar: RefExemplar<'_>| {
            if exemplar.time >= self.min_time && (self.keep)(exemplar.series) {
                let labels = exemplar.labels.clone();
                kept.push((RefExemplar { labels: &none, ..exemplar }, labels));
            } else {
                dropped += 1;
            }
        };
        record::decode_exemplars(reader.record(), each).ok()?;
        if dropped == 0 {
            return Some(Record::as_found(reader));
        }
        let mut out = Vec::new();
        let kept = kept.iter().map(|(exemplar, labels)| RefExemplar { labels, ..*exemplar });
        record::encode_exemplars(&mut out, kept);
        (!out.is_empty()).then(|| Record::new(&out))
    }

    fn finish(mut self) -> Result<(), Error> {
        let metadata: Vec<_> = std::mem::take(&mut self.metadata).into_iter().collect();
        for some in metadata.chunks(METADATA_PER_RECORD) {
            let mut out = Vec::new();
            record::begin_metadata(&mut out);
            for (series, metadata) in some {
                record::push_metadata(&mut out, *series, metadata);
            }
            self.wal.log(vec![Record::new(&out)])?;
        }
        self.wal.cut()
    }
}
