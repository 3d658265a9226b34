//! Forgetting: chunks that are too old, and the series that had nothing else.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use super::Head;

/// What a truncation removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Truncated {
    pub(crate) chunks: u64,
    /// Series that are gone.
    pub(crate) series: Vec<u32>,
}

impl Head {
    /// Drops chunks that end before `time` and series that have no samples left, and refuses older
    /// samples from now on.
    pub(crate) fn truncate(&self, time: i64) -> Truncated {
        self.min_valid_time.fetch_max(time, Ordering::AcqRel);
        self.counters.truncations.fetch_add(1, Ordering::Relaxed);
        let (mut chunks, mut bytes, mut oldest) = (0, 0, i64::MAX);
        let mut candidates = Vec::new();
        let pages = self.index.read().pages.all();
        for page in pages {
            for series in page.series.write().iter_mut() {
                let (more_chunks, more_bytes) = series.drop_before(time);
                chunks += more_chunks;
                bytes += more_bytes;
                match series.span() {
                    Some((first, _)) => oldest = oldest.min(first),
                    None if series.pending == 0 && !self.out_of_order.has(series.id) => {
                        candidates.push(series.id);
                    }
                    None => {}
                }
            }
        }
        let series = self.remove_empty(&candidates);
        let late = self.out_of_order.span().map_or(oldest, |late| late.0);
        self.forget_tombstones(&series, oldest.min(late));
        let counters = &self.counters;
        counters.chunks.fetch_sub(chunks, Ordering::Relaxed);
        counters.chunks_removed.fetch_add(chunks, Ordering::Relaxed);
        counters.chunk_bytes.fetch_sub(bytes, Ordering::Relaxed);
        if oldest != i64::MAX {
            self.min_time.store(oldest, Ordering::Release);
        }
        Truncated { chunks, series }
    }

    /// Forgets those of some series that have no samples; returns their numbers, sorted.
    pub(super) fn remove_empty(&self, candidates: &[u32]) -> Vec<u32> {
        if candidates.is_empty() {
            return Vec::new();
        }
        let gone = |series: &super::Series| {
            series.is_empty() && series.pending == 0 && !self.out_of_order.has(series.id)
        };
        let removed = self.index.write().remove(candidates, &self.symbols, gone);
        self.counters.series_removed.fetch_add(removed.len() as u64, Ordering::Relaxed);
        removed
    }

    /// The time before which chunks must go for all of them to take at most `bytes_max`; `None` when
    /// they do.
    pub(crate) fn cutoff_for_bytes(&self, bytes_max: u64, step_ms: i64) -> Option<i64> {
        let used = self.counters.chunk_bytes.load(Ordering::Relaxed);
        let mut excess = used.checked_sub(bytes_max).filter(|excess| *excess > 0)?;
        let mut by_end: BTreeMap<i64, u64> = BTreeMap::new();
        let pages = self.index.read().pages.all();
        for page in pages {
            for series in page.series.read().iter() {
                for (end, bytes) in series.chunk_ends() {
                    *by_end.entry(end.div_euclid(step_ms)).or_default() += bytes as u64;
                }
            }
        }
        for (step, bytes) in by_end {
            excess = excess.saturating_sub(bytes);
            if excess == 0 {
                return Some((step + 1).saturating_mul(step_ms));
            }
        }
        None
    }
}
