//! Writing samples that came out of order to blocks, which overlap others until they are merged.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use server_storage::Watch;

use super::Pass;
use crate::Error;
use crate::block::{BlockWriter, FROM_OUT_OF_ORDER, OwnedChunk, Rest};
use crate::db::Inner;

/// A compaction of samples out of order that is under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Writing {
    /// Samples before this are in blocks.
    until: i64,
    /// The first segment of their log that has none of them.
    segment: u64,
    /// Everything is in blocks and the log is shortened: what is left are readers.
    is_done: bool,
}

impl Inner {
    /// Writes samples out of order to blocks, when the head was (`with_head`) or there are many. The
    /// caller holds the lock.
    pub(super) fn compact_out_of_order(
        self: &Arc<Self>,
        pass: &mut Pass<'_>,
        with_head: bool,
    ) -> Result<(), Error> {
        let store = &self.head.out_of_order;
        let mut writing = self.out_of_order_writing.lock();
        let many = store.len() * 2 > self.options.out_of_order_samples_max;
        let mut state = match *writing {
            Some(state) => state,
            None if store.is_empty() || !(with_head || many) => return Ok(()),
            None => {
                // No batch stands between its log and the store.
                let _none = self.head.commits.write();
                let _alone = self.sync.lock();
                let segment = self.out_of_order_log.lock().begin_anew()?;
                store.freeze();
                Writing { until: i64::MIN, segment, is_done: false }
            }
        };
        *writing = Some(state);
        if !state.is_done {
            // What is damaged in files goes to blocks all the same, once it was read from the log.
            if let Err(error) = self.heal_head_chunks(!with_head) {
                tracing::warn!(%error, "damaged chunks of samples out of order go to no block yet");
            }
            let written = self.write_ranges(pass, &mut state);
            *writing = Some(state);
            written?;
            self.out_of_order_log.lock().remove_before(&*self.fs, state.segment)?;
            state.is_done = true;
            store.settle();
            *writing = Some(state);
        }
        if !self.blocks.has_old_readers() {
            store.thaw();
            *writing = None;
        }
        Ok(())
    }

    /// Writes blocks of everything.
    fn write_ranges(
        self: &Arc<Self>,
        pass: &mut Pass<'_>,
        state: &mut Writing,
    ) -> Result<(), Error> {
        let range = self.head.chunk_range_ms;
        let Some((first, last)) = self.head.out_of_order.frozen_span() else { return Ok(()) };
        let from = first.div_euclid(range).saturating_mul(range);
        let ids = self.head.sorted(self.head.out_of_order.frozen());
        let watch = pass.watch;
        let write = |writer: &mut BlockWriter, times| write_range(self, writer, &ids, times, watch);
        self.write_partial(pass, (from, last), &mut state.until, &[FROM_OUT_OF_ORDER], &write)
    }
}

fn write_range(
    inner: &Inner,
    writer: &mut BlockWriter,
    ids: &[u32],
    (start, end): (i64, i64),
    watch: &Watch,
) -> Result<(), Error> {
    for (at, &id) in ids.iter().enumerate() {
        watch.check(at).map_err(|_| Error::Interrupted)?;
        let chunks = chunks(inner, id, (start, end - 1))?;
        let labels = inner.head.page(id).and_then(|page| {
            let page = page.series.read();
            page.get(id).map(|series| inner.head.labels(&series.labels))
        });
        if let Some(labels) = labels.filter(|_| !chunks.is_empty()) {
            let chunks: Vec<_> = chunks.iter().map(OwnedChunk::as_encoded).collect();
            writer.add_series(&labels, &chunks)?;
            chunks.iter().for_each(|chunk| inner.compaction.note(chunk));
        }
    }
    Ok(())
}

/// Chunks of a series' samples, without what is deleted.
fn chunks(inner: &Inner, id: u32, range: (i64, i64)) -> Result<Vec<OwnedChunk>, Error> {
    let samples = inner.head.frozen_samples(id, range)?;
    let tombstones = inner.head.tombstones.read();
    let none = Vec::new();
    let gone = tombstones.get(&id).unwrap_or(&none);
    let mut rest = Rest::default();
    for late in samples {
        if !gone.iter().any(|(first, last)| (*first..=*last).contains(&late.time)) {
            rest.push(&late);
        }
    }
    Ok(rest.into_chunks().collect())
}

impl Inner {
    /// Makes the window known from now on.
    pub(crate) fn set_out_of_order_window(&self, window_ms: i64) {
        self.head.out_of_order.window_ms.store(window_ms.max(0), Ordering::Relaxed);
    }
}
