//! What all tests use: short ways to write samples and to read everything back.

use std::collections::BTreeMap;
use std::sync::Arc;

use common_model::{Labels, Matcher};
use server_storage::{Querier, SampleColumns, SelectHints, SeriesRef, StorageError};
use server_tsdb::block::ulid;
use server_tsdb::fs::{Fs, MemoryFs};
use server_tsdb::{Db, Options};

/// Everything in a store: labels, and times with the bits of values.
pub(crate) type Contents = BTreeMap<Labels, Vec<(i64, u64)>>;

pub(crate) const DIR: &str = "/data";

pub(crate) fn labels(text: &[(&str, &str)]) -> Labels {
    Labels::from_pairs(text.iter().copied())
}

pub(crate) fn open(fs: &MemoryFs) -> Db {
    open_with(Arc::new(fs.clone()), Options::new(DIR))
}

pub(crate) fn open_with(fs: Arc<dyn Fs>, options: Options) -> Db {
    Db::open(options, fs).unwrap()
}

/// Appends and commits one sample for each of some series.
pub(crate) fn commit(db: &Db, series: &[Labels], time: i64, value: f64) -> bool {
    let mut batch = db.appender();
    for labels in series {
        if batch.append(SeriesRef(0), labels, time, value).is_err() {
            return false;
        }
    }
    batch.commit().is_ok()
}

/// Names for blocks that sort in the order in which they were given.
pub(crate) fn names() -> impl FnMut() -> String {
    names_from(1_800_000_000_000)
}

/// Likewise, after all those from an earlier time.
pub(crate) fn names_from(mut time: u64) -> impl FnMut() -> String {
    move || {
        time += 1;
        ulid(time, [9; 10])
    }
}

pub(crate) fn contents(db: &Db) -> Contents {
    read(&*db.querier(i64::MIN, i64::MAX), &[])
}

pub(crate) fn read(querier: &dyn Querier, matchers: &[Matcher]) -> Contents {
    try_read(querier, matchers).unwrap()
}

pub(crate) fn try_read(querier: &dyn Querier, matchers: &[Matcher]) -> Result<Contents, String> {
    let mut all = Contents::new();
    each_series(querier, matchers, |labels, columns| {
        let values = columns.values.iter().map(|value| value.to_bits());
        all.insert(labels, columns.timestamps.iter().copied().zip(values).collect());
    })?;
    Ok(all)
}

/// Calls `each` with all series and their samples.
pub(crate) fn each_series(
    querier: &dyn Querier,
    matchers: &[Matcher],
    mut each: impl FnMut(Labels, &SampleColumns),
) -> Result<(), String> {
    let hints = SelectHints { start: i64::MIN, end: i64::MAX, ..SelectHints::default() };
    let failed = |error: StorageError| error.to_string();
    let mut set = querier.select(true, &hints, matchers).map_err(failed)?;
    let mut columns = SampleColumns::default();
    while let Some(labels) = set.next(&mut columns).map_err(failed)? {
        each(labels, &columns);
    }
    Ok(())
}

/// A stream of numbers that a seed fixes (splitmix64).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }
}
