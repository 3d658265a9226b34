//! The blocks of a data directory: which there are, what is wrong with some, which are too old.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Weak};

use common_model::Matcher;
use parking_lot::{Mutex, RwLock};

use crate::Error;
use crate::block::{Block, BlockMeta, Classed, is_ulid};
use crate::fs::Fs;
use crate::wal::count;

/// How folders end whose making or removing was interrupted.
pub(crate) const LEFT_BEHIND: [&str; 3] = [".tmp-for-creation", ".tmp-for-deletion", ".tmp"];

/// The open blocks, ordered by time. Queries hold on to the list they started with.
pub(crate) type BlockList = Arc<Vec<Classed>>;

/// Blocks and what is to be known of them.
#[derive(Debug, Default)]
pub(crate) struct Blocks {
    list: RwLock<BlockList>,
    /// Lists that were replaced, as long as somebody reads with them.
    past: Mutex<Vec<Weak<Vec<Classed>>>>,
    /// Folders that look like blocks and cannot be opened, with the reason: said once.
    broken: Mutex<BTreeMap<PathBuf, String>>,
    /// Held while the list is being changed.
    changing: Mutex<()>,
    pub(crate) counters: BlockCounters,
}

/// What is counted about blocks.
#[derive(Debug, Default)]
pub(crate) struct BlockCounters {
    pub(crate) reloads: AtomicU64,
    pub(crate) reloads_failed: AtomicU64,
    pub(crate) dropped_for_time: AtomicU64,
    pub(crate) dropped_for_size: AtomicU64,
}

/// How long and how much is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Retention {
    pub(crate) time_ms: i64,
    /// Bytes of blocks and log together; zero is no limit.
    pub(crate) bytes: u64,
    /// Bytes of the log.
    pub(crate) log_bytes: u64,
}

/// What opening a directory's blocks gave: blocks ordered by time, and folders that look like blocks
/// and cannot be opened, with the reason.
pub type OpenedBlocks = (Vec<Arc<Block>>, Vec<(PathBuf, Error)>);

/// Opens all blocks of a directory, for tools; nothing is changed and nothing locked.
pub fn open_blocks(fs: &dyn Fs, dir: &Path) -> Result<OpenedBlocks, Error> {
    open_all(fs, dir, &[])
}

/// As [`open_blocks`]; what is open already is taken over.
pub(crate) fn open_all(fs: &dyn Fs, dir: &Path, known: &[Classed]) -> Result<OpenedBlocks, Error> {
    let (mut blocks, mut broken) = (Vec::new(), Vec::new());
    for entry in fs.list(dir).map_err(Error::io("list", dir))? {
        if !entry.is_dir || !is_ulid(&entry.name) {
            continue;
        }
        let path = dir.join(&entry.name);
        if let Some(open) = known.iter().find(|open| open.block.dir() == path) {
            blocks.push(open.block.clone());
            continue;
        }
        match Block::open(fs, &path) {
            Ok(block) => blocks.push(Arc::new(block)),
            Err(error) => broken.push((path, error)),
        }
    }
    blocks.sort_by_key(|block| (block.meta().min_time, block.meta().max_time));
    Ok((blocks, broken))
}

/// Gives blocks with equal symbols the same class.
pub(crate) fn classify(blocks: Vec<Arc<Block>>) -> Vec<Classed> {
    let mut classed: Vec<Classed> = Vec::with_capacity(blocks.len());
    let mut firsts: Vec<usize> = Vec::new();
    for block in blocks {
        let known = firsts.iter().position(|&first| classed[first].block.same_symbols(&block));
        let class = known.unwrap_or_else(|| {
            firsts.push(classed.len());
            firsts.len() - 1
        });
        classed.push(Classed { block, class: class as u32 });
    }
    classed
}

/// Removes folders whose making or removing was interrupted.
pub(crate) fn clean(fs: &dyn Fs, dir: &Path) -> Result<(), Error> {
    for entry in fs.list(dir).map_err(Error::io("list", dir))? {
        let ulid = LEFT_BEHIND.iter().find_map(|end| entry.name.strip_suffix(end));
        if entry.is_dir && ulid.is_some_and(is_ulid) {
            let path = dir.join(&entry.name);
            tracing::info!(path = %path.display(), "removing what was left of an unfinished block");
            fs.remove_dir(&path).map_err(Error::io("remove", &path))?;
        }
    }
    Ok(())
}

impl Blocks {
    /// The open blocks.
    pub(crate) fn list(&self) -> BlockList {
        self.list.read().clone()
    }

    /// Replaces the list.
    fn publish(&self, blocks: Vec<Classed>) {
        let old = std::mem::replace(&mut *self.list.write(), Arc::new(blocks));
        let mut past = self.past.lock();
        past.retain(|list| list.strong_count() > 0);
        past.push(Arc::downgrade(&old));
    }

    /// Whether somebody still reads with a list that was replaced.
    pub(crate) fn has_old_readers(&self) -> bool {
        self.past.lock().iter().any(|list| list.strong_count() > 0)
    }

    /// What is wrong with a folder that cannot be opened.
    pub(crate) fn problem(&self, dir: &Path) -> Option<String> {
        self.broken.lock().get(dir).cloned()
    }

    /// Number of folders that cannot be opened.
    pub(crate) fn broken(&self) -> usize {
        self.broken.lock().len()
    }

    /// The first time behind all blocks that are not partial.
    pub(crate) fn max_time(&self) -> Option<i64> {
        let list = self.list();
        let whole = list.iter().map(|open| open.block.meta()).filter(|m| !m.is_partial());
        whole.map(|meta| meta.max_time).max()
    }

    /// The first time behind the blocks that were made from a head: their ends are multiples of its
    /// range. Others, as those of a backfill, say nothing about what a head had.
    /// Those in `without` are not looked at.
    pub(crate) fn head_time(&self, range_ms: i64, without: &[PathBuf]) -> Option<i64> {
        let list = self.list();
        let blocks = list.iter().map(|open| &open.block);
        let blocks = blocks.filter(|block| !without.iter().any(|dir| block.dir() == dir));
        let whole = blocks.map(|block| block.meta()).filter(|meta| !meta.is_partial());
        whole.map(|meta| meta.max_time).filter(|end| end % range_ms.max(1) == 0).max()
    }

    /// Looks which blocks there are now, and removes those that are replaced, empty, too old or too
    /// much.
    pub(crate) fn reload(
        &self,
        fs: &dyn Fs,
        dir: &Path,
        retention: Retention,
    ) -> Result<(), Error> {
        let _alone = self.changing.lock();
        self.reload_alone(fs, dir, retention)
    }

    /// Does what [`Blocks::reload`] says, for those who hold the lock.
    fn reload_alone(&self, fs: &dyn Fs, dir: &Path, retention: Retention) -> Result<(), Error> {
        count(&self.counters.reloads, 1);
        let before = self.list();
        let opened = open_all(fs, dir, &before);
        if opened.as_ref().map_or(true, |(_, broken)| !broken.is_empty()) {
            count(&self.counters.reloads_failed, 1);
        }
        let (blocks, broken) = opened?;
        self.set_aside(broken);
        let gone = self.superfluous(&blocks, retention);
        let (gone, kept): (Vec<_>, Vec<_>) =
            blocks.into_iter().partition(|block| gone.contains(block.dir()));
        let same = |(open, block): (&Classed, &Arc<Block>)| Arc::ptr_eq(&open.block, block);
        if before.len() != kept.len() || !before.iter().zip(&kept).all(same) {
            self.publish(classify(kept));
        }
        for block in gone {
            remove(fs, dir, &block)?;
        }
        Ok(())
    }

    /// Changes what some blocks say of themselves.
    pub(crate) fn mark(
        &self,
        fs: &dyn Fs,
        dirs: &[PathBuf],
        change: &dyn Fn(&mut BlockMeta),
    ) -> Result<(), Error> {
        let _alone = self.changing.lock();
        let mut list = Vec::clone(&self.list());
        for open in list.iter_mut().filter(|open| dirs.iter().any(|dir| open.block.dir() == dir)) {
            let mut meta = open.block.meta().clone();
            change(&mut meta);
            open.block.write_meta(fs, &meta)?;
            open.block = Arc::new(Block::open(fs, open.block.dir())?);
        }
        self.publish(list);
        Ok(())
    }

    /// Deletes samples of series from all blocks; says of how many series, counted in every block.
    pub(crate) fn delete(
        &self,
        fs: &dyn Fs,
        (start, end): (i64, i64),
        matchers: &[Matcher],
    ) -> Result<u64, Error> {
        let _alone = self.changing.lock();
        let list = self.list();
        let mut series = 0;
        for (at, open) in list.iter().enumerate() {
            if !open.block.meta().overlaps(start, end) {
                continue;
            }
            let more = open.block.delete(fs, (start, end), matchers)?;
            if more > 0 {
                series += more;
                let block = Arc::new(Block::open(fs, open.block.dir())?);
                // Queries under way go on with the block as they found it.
                let mut changed = Vec::clone(&self.list());
                changed[at] = Classed { block, class: open.class };
                self.publish(changed);
            }
        }
        Ok(series)
    }

    /// Replaces blocks of which samples were deleted by blocks without these samples. `name` gives
    /// names for them; `outlive` is called before blocks go without being replaced.
    pub(crate) fn clean_tombstones(
        &self,
        fs: &Arc<dyn Fs>,
        dir: &Path,
        retention: Retention,
        name: &mut dyn FnMut() -> String,
        outlive: &dyn Fn(&[PathBuf]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let _alone = self.changing.lock();
        for open in self.list().iter().filter(|open| open.block.has_tombstones()) {
            if open.block.rewrite(fs, dir, &name())?.is_none() {
                // Nothing of it is left, so that nothing replaces it.
                outlive(&[open.block.dir().to_owned()])?;
                let mut rest = Vec::clone(&self.list());
                rest.retain(|other| !Arc::ptr_eq(&other.block, &open.block));
                self.publish(rest);
                remove(&**fs, dir, &open.block)?;
            }
            // The new block names the one it replaces, which goes with that.
            self.reload_alone(&**fs, dir, retention)?;
        }
        Ok(())
    }

    /// Calls `act` with the open blocks; none of them is removed meanwhile.
    pub(crate) fn hold<T>(&self, act: impl FnOnce(&[Classed]) -> T) -> T {
        let _alone = self.changing.lock();
        act(&self.list())
    }

    /// Says of each broken block once what is wrong with it.
    fn set_aside(&self, broken: Vec<(PathBuf, Error)>) {
        let mut known = self.broken.lock();
        let now: BTreeMap<PathBuf, String> =
            broken.into_iter().map(|(path, error)| (path, error.to_string())).collect();
        for (path, error) in now.iter().filter(|(path, error)| known.get(*path) != Some(*error)) {
            let path = path.display();
            tracing::error!(%path, error, "a block is left out and stays as it is: it cannot be opened");
        }
        *known = now;
    }

    /// Folders of blocks that are to go.
    fn superfluous(&self, blocks: &[Arc<Block>], retention: Retention) -> BTreeSet<PathBuf> {
        let metas = || blocks.iter().map(|block| (block.dir().to_owned(), block.meta()));
        let parents = |meta: &BlockMeta| {
            meta.compaction.parents.iter().map(|parent| parent.ulid.clone()).collect::<Vec<_>>()
        };
        let replaced: BTreeSet<String> = metas().flat_map(|(_, meta)| parents(meta)).collect();
        let mut gone: BTreeSet<PathBuf> = metas()
            .filter(|(_, meta)| meta.compaction.deletable || replaced.contains(&meta.ulid))
            .map(|(dir, _)| dir)
            .collect();
        // Newest first; what is kept is counted against both limits.
        let mut rest: Vec<_> = blocks.iter().filter(|block| !gone.contains(block.dir())).collect();
        rest.sort_by_key(|block| std::cmp::Reverse(block.meta().max_time));
        let newest = rest.first().map_or(i64::MIN, |block| block.meta().max_time);
        let mut bytes = retention.log_bytes;
        let (mut old, mut large) = (false, false);
        for block in rest {
            old |= newest.saturating_sub(block.meta().max_time) >= retention.time_ms;
            bytes = bytes.saturating_add(block.size_bytes());
            large |= retention.bytes > 0 && bytes > retention.bytes;
            if old || large {
                let counters = &self.counters;
                count(if old { &counters.dropped_for_time } else { &counters.dropped_for_size }, 1);
                gone.insert(block.dir().to_owned());
            }
        }
        gone
    }
}

/// Removes a block so that a crash leaves either all of it or what [`clean`] removes.
fn remove(fs: &dyn Fs, dir: &Path, block: &Block) -> Result<(), Error> {
    let from = block.dir();
    let mut to = from.as_os_str().to_owned();
    to.push(".tmp-for-deletion");
    let to = PathBuf::from(to);
    tracing::info!(block = %from.display(), "removing a block");
    fs.rename(from, &to).map_err(Error::io("rename", from))?;
    fs.sync_dir(dir).map_err(Error::io("sync", dir))?;
    fs.remove_dir(&to).map_err(Error::io("remove", &to))
}
