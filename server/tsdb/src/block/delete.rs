//! Deleting from a block: its chunks stay as they are, its tombstones say what is not shown.

use common_model::Matcher;
use server_storage::Watch;

use super::tombstones;
use super::write::write_whole;
use super::{Block, BlockMeta};
use crate::Error;
use crate::delete::add;
use crate::fs::Fs;

impl Block {
    /// Deletes the samples in `[start, end]` of all series that satisfy the matchers; says of how
    /// many series. The block has to be opened again to leave them out.
    pub(crate) fn delete(
        &self,
        fs: &dyn Fs,
        (start, end): (i64, i64),
        matchers: &[Matcher],
    ) -> Result<u64, Error> {
        let mut stones = self.tombstones.clone();
        let mut series = 0;
        for number in self.matching(matchers, &Watch::default())? {
            let entry = self.entry(number)?;
            let mut span: Option<(i64, i64)> = None;
            for chunk in self.index.chunks(&entry) {
                let chunk = chunk.map_err(|flaw| self.index_error(flaw))?;
                span = Some((span.map_or(chunk.min_time, |span| span.0), chunk.max_time));
            }
            let Some((oldest, newest)) = span else { continue };
            let (first, last) = (start.max(oldest), end.min(newest));
            if first <= last {
                add(stones.entry(u64::from(number)).or_default(), (first, last));
                series += 1;
            }
        }
        if series > 0 {
            let mut meta = self.meta.clone();
            meta.stats.num_tombstones = stones.values().map(|ranges| ranges.len() as u64).sum();
            write_whole(fs, &self.dir, "tombstones", &tombstones::encode(&stones))?;
            self.write_meta(fs, &meta)?;
        }
        Ok(series)
    }

    /// Replaces what it says of itself; the block has to be opened again to see it.
    pub(crate) fn write_meta(&self, fs: &dyn Fs, meta: &BlockMeta) -> Result<(), Error> {
        write_whole(fs, &self.dir, "meta.json", &meta.to_text())?;
        fs.sync_dir(&self.dir).map_err(Error::io("sync", &self.dir))
    }
}
