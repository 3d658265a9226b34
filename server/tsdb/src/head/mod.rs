//! The head: every series and its newest samples in memory.

mod arrivals;
mod closed;
mod ended;
mod exemplars;
mod index;
mod late;
mod metadata;
mod open;
mod ordered;
mod out_of_order;
mod pages;
mod postings;
mod select;
mod series;
mod symbols;
mod truncate;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use common_model::Labels;
use parking_lot::RwLock;
use server_storage::SampleColumns;

use crate::delete::Tombstones;
use crate::head_chunks::HeadChunks;

pub(crate) use arrivals::{Arrivals, RawPair};
pub(crate) use ended::Ended;
pub(crate) use exemplars::{Exemplars, LABEL_CHARS_MAX, Offered, Verdict};
pub(crate) use index::Index;
pub(crate) use late::{equal, merge};
pub(crate) use metadata::MetadataTable;
pub(crate) use out_of_order::{Generation, OutOfOrder};
pub(crate) use pages::{Page, page_of};
pub(crate) use select::matching;
pub(crate) use series::{Appended, AppendedSum, Chunk, Chunking, Place, Series, range_end};
pub(crate) use symbols::{Pair, Symbols};

/// Locks are taken in the order index, page, symbols; metadata, tombstones, exemplars and those out
/// of order come last.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) index: RwLock<Index>,
    pub(crate) symbols: RwLock<Symbols>,
    pub(crate) metadata: RwLock<MetadataTable>,
    /// Deleted ranges of time, first and last, by series.
    pub(crate) tombstones: RwLock<Tombstones>,
    pub(crate) exemplars: Exemplars,
    pub(crate) out_of_order: OutOfOrder,
    /// Chunks that left the heap.
    pub(crate) files: HeadChunks,
    /// Time of the oldest sample; `i64::MAX` while there is none.
    pub(crate) min_time: AtomicI64,
    /// Time of the newest sample; `i64::MIN` while there is none.
    pub(crate) max_time: AtomicI64,
    /// Samples before this are not taken any more.
    pub(crate) min_valid_time: AtomicI64,
    /// Blocks have all samples before this.
    pub(crate) compacted_until: AtomicI64,
    /// Shared by batches that are being committed; whoever has it alone knows that there are none.
    pub(crate) commits: RwLock<()>,
    pub(crate) counters: HeadCounters,
    pub(crate) chunk_range_ms: i64,
    /// Whether new chunks of floats have the XOR2 encoding.
    pub(crate) xor2: AtomicBool,
}

/// What the head counts.
#[derive(Debug, Default)]
pub(crate) struct HeadCounters {
    pub(crate) samples_appended: AtomicU64,
    pub(crate) histograms_appended: AtomicU64,
    pub(crate) out_of_order: AtomicU64,
    pub(crate) out_of_bounds: AtomicU64,
    pub(crate) duplicates: AtomicU64,
    pub(crate) limit_refused: AtomicU64,
    pub(crate) series_created: AtomicU64,
    pub(crate) series_removed: AtomicU64,
    pub(crate) chunks: AtomicU64,
    pub(crate) chunks_created: AtomicU64,
    pub(crate) chunks_removed: AtomicU64,
    pub(crate) chunk_bytes: AtomicU64,
    pub(crate) chunks_dropped_for_space: AtomicU64,
    pub(crate) truncations: AtomicU64,
}

impl Head {
    pub(crate) fn new(chunk_range_ms: i64, files: HeadChunks) -> Head {
        Head {
            index: RwLock::default(),
            symbols: RwLock::default(),
            metadata: RwLock::default(),
            tombstones: RwLock::default(),
            exemplars: Exemplars::default(),
            out_of_order: OutOfOrder::default(),
            files,
            min_time: AtomicI64::new(i64::MAX),
            max_time: AtomicI64::new(i64::MIN),
            min_valid_time: AtomicI64::new(i64::MIN),
            compacted_until: AtomicI64::new(i64::MIN),
            commits: RwLock::default(),
            counters: HeadCounters::default(),
            chunk_range_ms: chunk_range_ms.max(1),
            xor2: AtomicBool::new(false),
        }
    }

    /// How samples are put into chunks now.
    pub(crate) fn chunking(&self) -> Chunking {
        Chunking { range_ms: self.chunk_range_ms, xor2: self.xor2.load(Ordering::Relaxed) }
    }

    /// The page that holds a series, where there is one.
    pub(crate) fn page(&self, id: u32) -> Option<Arc<Page>> {
        self.index.read().pages.get(id)
    }

    /// Whether there is a series with this number.
    pub(crate) fn has(&self, number: u64) -> bool {
        u32::try_from(number)
            .is_ok_and(|id| self.page(id).is_some_and(|page| page.series.read().get(id).is_some()))
    }

    /// The number of the series with these labels.
    pub(crate) fn find(&self, labels: &Labels) -> Option<u32> {
        self.index.read().find(labels, &self.symbols)
    }

    /// Makes a series, under the number `wanted` where that is free, or finds the one with these
    /// labels. `None` when `series_max` is reached or there are no numbers left. Says whether the
    /// series is new.
    pub(crate) fn get_or_create(
        &self,
        labels: &Labels,
        wanted: Option<u32>,
        series_max: usize,
    ) -> Option<(u32, bool)> {
        // Another appender may have been quicker.
        let (id, new) =
            self.index.write().find_or_insert(labels, wanted, series_max, &self.symbols)?;
        self.counters.series_created.fetch_add(u64::from(new), Ordering::Relaxed);
        Some((id, new))
    }

    /// Adds series from the one at `from` on, as [`Index::add`] does.
    pub(crate) fn add(&self, arrivals: &Arrivals<'_>, from: usize) -> usize {
        let added = self.index.write().add(arrivals, from, &self.symbols);
        self.counters.series_created.fetch_add(added as u64, Ordering::Relaxed);
        added
    }

    /// Finds out anew which span of time the head covers.
    pub(crate) fn measure(&self) {
        let pages = self.index.read().pages.all();
        let (mut oldest, mut newest) = (i64::MAX, i64::MIN);
        for page in pages {
            for (first, last) in page.series.read().iter().filter_map(Series::span) {
                (oldest, newest) = (oldest.min(first), newest.max(last));
            }
        }
        self.min_time.store(oldest, Ordering::Release);
        self.max_time.store(newest, Ordering::Release);
    }

    /// Takes samples of deleted ranges out of columns.
    pub(crate) fn bury(&self, id: u32, samples: &mut SampleColumns) {
        let tombstones = self.tombstones.read();
        let Some(ranges) = tombstones.get(&id) else { return };
        let dead = |time: i64| ranges.iter().any(|(first, last)| (*first..=*last).contains(&time));
        let kept: Vec<bool> = samples.timestamps.iter().map(|time| !dead(*time)).collect();
        keep(&mut samples.timestamps, &kept);
        keep(&mut samples.values, &kept);
        keep(&mut samples.histograms, &kept);
        keep(&mut samples.starts, &kept);
    }

    /// The labels behind symbol pairs; must be called while their series cannot be removed.
    pub(crate) fn labels(&self, pairs: &[Pair]) -> Labels {
        self.symbols.read().labels(pairs)
    }

    /// The same without labels of other names than these, where there are any.
    pub(crate) fn some_labels(&self, pairs: &[Pair], names: Option<&Arc<[String]>>) -> Labels {
        match names {
            Some(names) => self.symbols.read().some_labels(pairs, names),
            None => self.labels(pairs),
        }
    }

    /// Widens the span of time the head covers.
    pub(crate) fn cover(&self, oldest: i64, newest: i64) {
        self.min_time.fetch_min(oldest, Ordering::AcqRel);
        self.max_time.fetch_max(newest, Ordering::AcqRel);
    }

    /// Times of the oldest and the newest sample; the first is greater when there are none.
    pub(crate) fn span(&self) -> (i64, i64) {
        (self.min_time.load(Ordering::Acquire), self.max_time.load(Ordering::Acquire))
    }

    /// From now on no sample before `time` comes, not even of a batch that began earlier.
    pub(crate) fn refuse_before(&self, time: i64) {
        let _alone = self.commits.write();
        self.min_valid_time.fetch_max(time, Ordering::AcqRel);
    }

    /// Times of the oldest sample that no block has and of the newest one, if there are any.
    pub(crate) fn uncompacted(&self) -> Option<(i64, i64)> {
        let compacted = self.compacted_until.load(Ordering::Acquire);
        let (oldest, newest) = self.span();
        if oldest > newest || newest < compacted {
            return None;
        }
        if oldest >= compacted {
            return Some((oldest, newest));
        }
        let pages = self.index.read().pages.all();
        let first = |page: &Arc<Page>| {
            page.series.read().iter().filter_map(|series| series.first_from(compacted)).min()
        };
        pages.iter().filter_map(first).min().map(|oldest| (oldest, newest))
    }

    /// Times of the oldest and the newest sample, those out of order included; the first is greater
    /// when there are none.
    pub(crate) fn whole_span(&self) -> (i64, i64) {
        let (min, max) = self.span();
        self.out_of_order.span().map_or((min, max), |late| (min.min(late.0), max.max(late.1)))
    }

    /// The same of one series.
    pub(crate) fn span_of(&self, series: &Series) -> Option<(i64, i64)> {
        let (ordered, late) = (series.span(), self.out_of_order.span_of(series.id));
        let both = |a: (i64, i64), b: (i64, i64)| (a.0.min(b.0), a.1.max(b.1));
        ordered.into_iter().chain(late).reduce(both)
    }

    /// Takes note of what appends did to chunks.
    pub(crate) fn account(&self, sum: &AppendedSum) {
        let counters = &self.counters;
        counters.chunk_bytes.fetch_add(sum.bytes_more, Ordering::Relaxed);
        counters.chunk_bytes.fetch_sub(sum.bytes_less, Ordering::Relaxed);
        counters.chunks.fetch_add(sum.chunks, Ordering::Relaxed);
        counters.chunks_created.fetch_add(sum.chunks, Ordering::Relaxed);
    }
}

/// Keeps the values of a column whose samples are kept; a column that is not used is empty.
fn keep<T>(column: &mut Vec<T>, kept: &[bool]) {
    let mut kept = kept.iter();
    column.retain(|_| kept.next().is_some_and(|kept| *kept));
}
