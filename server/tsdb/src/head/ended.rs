//! Series that ended: their newest sample is a stale marker.

use std::sync::atomic::Ordering;

use super::{Head, Series};

/// A series that ended, and when.
pub(crate) type Ended = (u32, i64);

impl Head {
    /// Series that ended and of which no sample came out of order. Of one whose marker is in a file
    /// already nobody knows it: those are few.
    pub(crate) fn ended(&self) -> Vec<Ended> {
        let pages = self.index.read().pages.all();
        let mut ended = Vec::new();
        for page in pages {
            let page = page.series.read();
            ended.extend(page.iter().filter_map(|series| self.ended_at(series)));
        }
        ended
    }

    fn ended_at(&self, series: &Series) -> Option<Ended> {
        let at = series.ended_at()?;
        (!self.out_of_order.has(series.id)).then_some((series.id, at))
    }

    /// From now on the log has nothing of these series that anybody needs: one that gets a sample after
    /// all introduces itself again.
    pub(crate) fn unlog_ended(&self, ended: &[Ended]) {
        self.each_ended(ended, |series| series.logged = false);
    }

    /// Whether a series is one of those, and did not introduce itself since.
    pub(crate) fn is_unlogged(&self, id: u32) -> bool {
        self.page(id).is_some_and(|page| page.series.read().get(id).is_some_and(|s| !s.logged))
    }

    /// Forgets series that ended when it says there, had no sample since and are no more in the log;
    /// returns their numbers, sorted.
    pub(crate) fn remove_ended(&self, ended: &[Ended]) -> Vec<u32> {
        let (mut chunks, mut bytes) = (0, 0);
        let mut empty = Vec::new();
        self.each_ended(ended, |series| {
            if !series.logged {
                let (more_chunks, more_bytes) = series.drop_before(i64::MAX);
                chunks += more_chunks;
                bytes += more_bytes;
                empty.push(series.id);
            }
        });
        // Others may have got a sample by now.
        let removed = self.remove_empty(&empty);
        let counters = &self.counters;
        counters.chunks.fetch_sub(chunks, Ordering::Relaxed);
        counters.chunks_removed.fetch_add(chunks, Ordering::Relaxed);
        counters.chunk_bytes.fetch_sub(bytes, Ordering::Relaxed);
        removed
    }

    /// Calls `act` with those that had no sample since.
    fn each_ended(&self, ended: &[Ended], mut act: impl FnMut(&mut Series)) {
        for &(id, at) in ended {
            let Some(page) = self.page(id) else { continue };
            let mut page = page.series.write();
            if let Some(series) = page.get_mut(id).filter(|s| self.ended_at(s) == Some((id, at))) {
                act(series);
            }
        }
    }
}
