//! Writing what the head has of a range of time to a block.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use common_model::Labels;
use server_storage::Watch;

use crate::Error;
use crate::block::{
    BlockMeta, BlockWriter, EncodedChunk, Kept, OwnedChunk, Rest, untangle, without,
    write_or_discard,
};
use crate::chunk::Encoding;
use crate::db::Inner;
use crate::head::{Series, range_end};
use crate::head_chunks::MappedChunk;
use crate::maintenance::{STEPS_PER_RANGE, Share};

impl Inner {
    /// Of which range of time (the second not included) the head is to be freed: the oldest one when
    /// it has one and a half of them, or what is beyond the newest when chunks take too many bytes,
    /// or all but what may still be on its way when it is urgent.
    pub(super) fn head_range(&self, is_urgent: bool) -> Option<(i64, i64)> {
        let (oldest, newest) = self.head.uncompacted()?;
        let range = self.head.chunk_range_ms;
        let end = match newest.saturating_sub(oldest) > range.saturating_add(range / 2) {
            true => range_end(oldest, range),
            false if is_urgent => newest.saturating_sub(range / STEPS_PER_RANGE),
            false => self.cutoff_by_space()?,
        };
        (end > oldest).then_some((oldest, end))
    }

    /// Drops from head and log what blocks have, when nobody reads it there any more. The caller
    /// holds the lock.
    pub(super) fn leave_head(&self) -> Result<(), Error> {
        let until = self.head.compacted_until.load(Ordering::Acquire);
        let mut left = self.left.lock();
        if until == i64::MIN || left.log >= Some(until) {
            return Ok(());
        }
        if left.head < Some(until) {
            if self.blocks.has_old_readers() {
                return Ok(());
            }
            self.forget_in_head(until);
            left.head = Some(until);
        }
        // A start takes from the log what aligned blocks do not reach, also what was deleted since.
        let aligned = until % self.head.chunk_range_ms == 0;
        self.shorten_log(until, if aligned { Share::Most } else { Share::All })?;
        left.log = Some(until);
        Ok(())
    }

    /// Must be called before samples are deleted: the log may still have what the head was freed of,
    /// where there was no room for its shorter form, and a start would take it from there. The caller
    /// holds the lock.
    pub(crate) fn let_log_follow_head(&self) -> Result<(), Error> {
        let mut left = self.left.lock();
        if left.head > left.log
            && let Some(until) = left.head
        {
            self.shorten_log(until, Share::All)?;
            left.log = left.head;
        }
        Ok(())
    }

    /// Must be called before blocks go of which all was deleted: where the others do not reach as far
    /// a start would take from the log what they had.
    pub(crate) fn outlive(&self, blocks: &[PathBuf]) -> Result<(), Error> {
        let until = self.head.compacted_until.load(Ordering::Acquire);
        let rest = self.blocks.head_time(self.head.chunk_range_ms, blocks);
        if rest >= Some(until) || until == i64::MIN {
            return Ok(());
        }
        self.shorten_log(until, Share::All)
    }
}

/// Writes a block of the samples in `[oldest, end)`; `None` when there are none. After an error
/// nothing stays behind, or what the next start removes.
pub(super) fn compact(
    inner: &Inner,
    (oldest, end): (i64, i64),
    ulid: &str,
    watch: &Watch,
) -> Result<Option<BlockMeta>, Error> {
    write_or_discard(&inner.fs, &inner.options.dir, ulid, |mut writer| {
        let note = |chunk: &EncodedChunk<'_>| inner.compaction.note(chunk);
        write_head(inner, &mut writer, (oldest, end - 1), (Late::Without, watch), &note)?;
        writer.finish(Some((oldest, end)), None)
    })
}

/// Whether samples out of order go with the others, or to a block of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Late {
    With,
    Without,
}

/// Writes the head's samples in `[first, last]` without those that are deleted; `note` sees every
/// chunk.
pub(crate) fn write_head(
    inner: &Inner,
    writer: &mut BlockWriter,
    (first, last): (i64, i64),
    (late, watch): (Late, &Watch),
    note: &dyn Fn(&EncodedChunk<'_>),
) -> Result<(), Error> {
    let ids = inner.head.in_order(first, last);
    write_series(inner, writer, &ids, (first, last), (late, watch), note)
}

/// The same of series that are given in order of labels.
pub(super) fn write_series(
    inner: &Inner,
    writer: &mut BlockWriter,
    ids: &[u32],
    (first, last): (i64, i64),
    (late, watch): (Late, &Watch),
    note: &dyn Fn(&EncodedChunk<'_>),
) -> Result<(), Error> {
    for (at, &id) in ids.iter().enumerate() {
        watch.check(at).map_err(|_| Error::Interrupted)?;
        let Some((labels, chunks)) = series(inner, id, (first, last), late)? else { continue };
        let chunks: Vec<_> = chunks.iter().map(Kept::as_encoded).collect();
        writer.add_series(&labels, &chunks)?;
        chunks.iter().for_each(note);
    }
    Ok(())
}

/// Labels and chunks of a series that has samples in `[first, last]`.
fn series(
    inner: &Inner,
    id: u32,
    (first, last): (i64, i64),
    late: Late,
) -> Result<Option<(Labels, Vec<Kept<'static>>)>, Error> {
    let Some(page) = inner.head.page(id) else { return Ok(None) };
    let copied = {
        let page = page.series.read();
        let copy = |series: &Series| {
            let mut mapped = Vec::new();
            series.mapped_within(first, last, &mut mapped);
            (inner.head.labels(&series.labels), mapped, series.copied_chunks(first, last))
        };
        page.get(id).map(copy)
    };
    let Some((labels, mapped, heap)) = copied else { return Ok(None) };
    // Nobody removes files while the head is being written.
    let mut chunks: Vec<OwnedChunk> =
        mapped.iter().filter_map(|chunk| from_file(inner, &labels, chunk)).collect();
    chunks.extend(heap);
    if late == Late::With {
        let mut rest = Rest::default();
        let row = inner.head.late_samples(id, (first, last))?;
        row.iter().for_each(|late| rest.push(late));
        // Of two at the same time the one in order stays, which comes last.
        chunks.splice(..0, rest.into_chunks());
    }
    let mut gone = inner.head.tombstones.read().get(&id).cloned().unwrap_or_default();
    // No deletion of anybody: what is in another block.
    gone.extend(first.checked_sub(1).map(|before| (i64::MIN, before)));
    gone.extend(last.checked_add(1).map(|behind| (behind, i64::MAX)));
    let corrupt = |error: &dyn std::fmt::Display| Error::Corrupt {
        path: PathBuf::from("memory"),
        problem: format!("{labels}: {error}"),
    };
    let mut kept = Vec::with_capacity(chunks.len());
    for chunk in chunks {
        match without(&chunk.as_encoded(), &gone).map_err(|error| corrupt(&error))? {
            None => kept.push(Kept::Part(chunk)),
            Some(rest) => kept.extend(rest.into_iter().map(Kept::Part)),
        }
    }
    let kept = untangle(kept).map_err(|error| corrupt(&error))?;
    Ok((!kept.is_empty()).then_some((labels, kept)))
}

/// A chunk that is in a file. One that is damaged there is left out, so that it costs no other.
fn from_file(inner: &Inner, labels: &Labels, chunk: &MappedChunk) -> Option<OwnedChunk> {
    let MappedChunk { min_time, max_time, .. } = *chunk;
    let copy = |encoding: Encoding, bytes: &[u8]| OwnedChunk {
        encoding: encoding as u8,
        min_time,
        max_time,
        bytes: bytes.into(),
    };
    inner.head.files.read(chunk, copy).unwrap_or_else(|error| {
        tracing::error!(%error, %labels, min_time, max_time, "a damaged chunk goes to no block");
        None
    })
}
