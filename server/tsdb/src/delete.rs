//! Deleting: ranges of time that a series no longer has, written to the log and kept beside it.

use std::collections::HashMap;
use std::path::PathBuf;

use common_model::{Matcher, TimestampMs};
use server_storage::Watch;

use crate::head::{Head, matching};
use crate::metrics::upkeep::timed;
use crate::wal::record;
use crate::wal::writer::Record;
use crate::{Db, Error};

/// Deleted ranges of one series at most; deleting between them, or everything, makes them fewer.
pub const DELETED_RANGES_MAX: usize = 100;

/// Series in one record of the log.
const SERIES_PER_RECORD: usize = 1 << 16;

/// Deleted ranges, first and last, by series; sorted and apart.
pub(crate) type Tombstones = HashMap<u32, Vec<(i64, i64)>>;

/// What is deleted of one series.
#[derive(Clone, Copy, Debug)]
struct Grave {
    series: u32,
    first: i64,
    last: i64,
}

impl Db {
    /// Deletes the samples in `[start, end]` of all series that satisfy the matchers, in blocks and
    /// in memory, and says of how many series; one counts in every place where it is. Samples that
    /// come later are not touched, unless they come out of order.
    pub fn delete(
        &self,
        start: TimestampMs,
        end: TimestampMs,
        matchers: &[Matcher],
    ) -> Result<u64, Error> {
        // What moves from the head to a block meanwhile would be found in neither.
        let _alone = self.inner.compacting.lock();
        self.inner.check_open()?;
        self.inner.let_log_follow_head()?;
        // A compaction that failed may have left a block that it could not remove either.
        if let Err(error) = self.inner.reload_blocks() {
            tracing::warn!(%error, "blocks that are not open keep what is deleted");
        }
        let in_blocks = self.inner.blocks.delete(&*self.inner.fs, (start, end), matchers)?;
        Ok(in_blocks + self.delete_in_head(start, end, matchers)?)
    }

    /// Frees the space of what was deleted: blocks of which samples were deleted are replaced by
    /// blocks without them. `name` gives a name for each, as [`crate::block::ulid`] makes it. An
    /// error leaves every block whole, replaced or not.
    pub fn clean_tombstones(&self, name: &mut dyn FnMut() -> String) -> Result<(), Error> {
        let inner = &self.inner;
        let _alone = inner.compacting.lock();
        inner.check_open()?;
        let (fs, dir, retention) = (&inner.fs, &inner.options.dir, inner.retention());
        let outlive = |blocks: &[PathBuf]| inner.outlive(blocks);
        let note = |took| inner.upkeep.tombstones.observe(took);
        timed(note, || inner.blocks.clean_tombstones(fs, dir, retention, name, &outlive))
    }

    fn delete_in_head(
        &self,
        start: TimestampMs,
        end: TimestampMs,
        matchers: &[Matcher],
    ) -> Result<u64, Error> {
        let inner = &self.inner;
        // A sync under way ends first; then nobody else writes the log.
        let _alone = inner.sync.lock();
        let mut wal = inner.wal.lock();
        inner.check_open()?;
        let (graves, introduced, introductions) = dig(&inner.head, start, end, matchers)?;
        check_room(&inner.head, &graves)?;
        let mut records: Vec<Record> = introductions.into_iter().collect();
        records.extend(graves.chunks(SERIES_PER_RECORD).map(|graves| {
            let mut plain = Vec::new();
            record::begin_tombstones(&mut plain);
            for grave in graves {
                record::push_tombstone(
                    &mut plain,
                    u64::from(grave.series),
                    grave.first,
                    grave.last,
                );
            }
            Record::new(&plain)
        }));
        if records.is_empty() {
            return Ok(0);
        }
        wal.log(records)?;
        for id in introduced {
            if let Some(page) = inner.head.page(id)
                && let Some(series) = page.series.write().get_mut(id)
            {
                series.logged = true;
            }
        }
        let mut tombstones = inner.head.tombstones.write();
        for grave in &graves {
            add(tombstones.entry(grave.series).or_default(), (grave.first, grave.last));
        }
        Ok(graves.len() as u64)
    }
}

/// What is to be deleted; the series that the log does not know by their number; their record.
type Dug = (Vec<Grave>, Vec<u32>, Option<Record>);

/// Finds what is to be deleted, within the times each series has.
fn dig(head: &Head, start: i64, end: i64, matchers: &[Matcher]) -> Result<Dug, Error> {
    let mut graves = Vec::new();
    let mut introduced = Vec::new();
    let mut plain = Vec::new();
    record::begin_series(&mut plain);
    for id in matching(head, matchers, &Watch::default())? {
        let Some(page) = head.page(id) else { continue };
        let page = page.series.read();
        let Some(series) = page.get(id) else { continue };
        let Some((oldest, newest)) = head.span_of(series) else { continue };
        let (first, last) = (start.max(oldest), end.min(newest));
        if first > last {
            continue;
        }
        graves.push(Grave { series: id, first, last });
        if !series.logged {
            let symbols = head.symbols.read();
            let labels = series.labels.iter();
            let texts = labels.map(|pair| (symbols.text(pair.name), symbols.text(pair.value)));
            record::push_series(&mut plain, u64::from(id), series.labels.len(), texts);
            introduced.push(id);
        }
    }
    let introductions = (!introduced.is_empty()).then(|| Record::new(&plain));
    Ok((graves, introduced, introductions))
}

/// An error where a series would have more deleted ranges than it may.
fn check_room(head: &Head, graves: &[Grave]) -> Result<(), Error> {
    let tombstones = head.tombstones.read();
    for grave in graves {
        let Some(ranges) = tombstones.get(&grave.series) else { continue };
        if ranges.len() >= DELETED_RANGES_MAX {
            let mut ranges = ranges.clone();
            add(&mut ranges, (grave.first, grave.last));
            if ranges.len() > DELETED_RANGES_MAX {
                return Err(Error::TooManyDeletions { ranges_max: DELETED_RANGES_MAX });
            }
        }
    }
    Ok(())
}

/// Adds a range, merged with those that it meets or touches.
pub(crate) fn add(ranges: &mut Vec<(i64, i64)>, (first, last): (i64, i64)) {
    // Those before it end earlier than the millisecond before it.
    let from = ranges.partition_point(|range| range.1 < first.saturating_sub(1));
    let to = ranges.partition_point(|range| range.0 <= last.saturating_add(1));
    if from >= to {
        return ranges.insert(from, (first, last));
    }
    let merged = (first.min(ranges[from].0), last.max(ranges[to - 1].1));
    ranges.splice(from..to, [merged]);
}

impl Head {
    /// Whether all of a range was deleted of a series.
    pub(crate) fn is_buried(&self, id: u32, first: i64, last: i64) -> bool {
        let tombstones = self.tombstones.read();
        let within = |range: &(i64, i64)| range.0 <= first && last <= range.1;
        tombstones.get(&id).is_some_and(|ranges| ranges.iter().any(within))
    }

    /// Forgets what was deleted of series that are gone, and ranges before `oldest`, the time of
    /// the oldest sample that is left.
    pub(crate) fn forget_tombstones(&self, gone: &[u32], oldest: i64) {
        self.tombstones.write().retain(|id, ranges| {
            ranges.retain(|(_, last)| *last >= oldest);
            !ranges.is_empty() && gone.binary_search(id).is_err()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_merged_where_they_meet() {
        for (new, wanted) in [
            ((0, 5), &[(0, 5), (10, 20), (30, 40)][..]),
            ((0, 9), &[(0, 20), (30, 40)]),
            ((12, 15), &[(10, 20), (30, 40)]),
            ((15, 30), &[(10, 40)]),
            ((21, 29), &[(10, 40)]),
            ((22, 28), &[(10, 20), (22, 28), (30, 40)]),
            ((41, 50), &[(10, 20), (30, 50)]),
            ((42, 50), &[(10, 20), (30, 40), (42, 50)]),
            ((i64::MIN, i64::MAX), &[(i64::MIN, i64::MAX)]),
        ] {
            let mut ranges = vec![(10, 20), (30, 40)];
            add(&mut ranges, new);
            assert_eq!(ranges, wanted, "{new:?}");
        }
    }
}
