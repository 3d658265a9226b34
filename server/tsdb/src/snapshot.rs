//! Snapshots: all blocks, and the head as one more, in a folder that another server can start on.

use std::io::ErrorKind;
use std::path::Path;

use server_storage::Watch;

use crate::Error;
use crate::block::BlockWriter;
use crate::compact::write_head;
use crate::db::{Db, Inner};
use crate::fs::Fs;

/// Where snapshots lie in a data directory.
const SNAPSHOTS: &str = "snapshots";
/// How the folder of a snapshot ends until it is whole.
const UNFINISHED: &str = ".tmp-for-creation";
/// Bytes that are copied at a time where files cannot be linked.
const COPY_BYTES: usize = 1 << 20;

impl Db {
    /// Makes the snapshot `name`, a folder of that name below `snapshots`: the blocks, whose files
    /// get a second name there, and with a name for it a block of what is in memory. It is there as
    /// a whole or not at all.
    pub fn snapshot(&self, name: &str, head: Option<&str>) -> Result<(), Error> {
        let inner = &self.inner;
        // What moves from the head to a block meanwhile would be in neither.
        let _alone = inner.compacting.lock();
        inner.check_open()?;
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return Err(Error::Input { problem: format!("{name:?} is no name for a snapshot") });
        }
        let fs = &*inner.fs;
        let snapshots = inner.options.dir.join(SNAPSHOTS);
        let (early, to) = (snapshots.join(format!("{name}{UNFINISHED}")), snapshots.join(name));
        let made = fs
            .create_dir(&early)
            .map_err(Error::io("create", &early))
            .and_then(|()| fill(inner, &early, head))
            .and_then(|()| fs.rename(&early, &to).map_err(Error::io("rename", &early)))
            .and_then(|()| fs.sync_dir(&snapshots).map_err(Error::io("sync", &snapshots)))
            .and_then(|()| {
                fs.sync_dir(&inner.options.dir).map_err(Error::io("sync", &inner.options.dir))
            });
        if made.is_err() {
            // The error that was first is the one to tell; what stays goes at the next start.
            let _ = fs.remove_dir(&early);
        }
        made
    }
}

/// Removes snapshots whose making was interrupted.
pub(crate) fn clean(fs: &dyn Fs, dir: &Path) -> Result<(), Error> {
    let snapshots = dir.join(SNAPSHOTS);
    let entries = match fs.list(&snapshots) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(Error::io("list", &snapshots))?,
    };
    for entry in entries.iter().filter(|entry| entry.is_dir && entry.name.ends_with(UNFINISHED)) {
        let path = snapshots.join(&entry.name);
        tracing::info!(path = %path.display(), "removing what was left of an unfinished snapshot");
        fs.remove_dir(&path).map_err(Error::io("remove", &path))?;
    }
    Ok(())
}

/// Puts blocks and head into the folder of a snapshot.
fn fill(inner: &Inner, to: &Path, head: Option<&str>) -> Result<(), Error> {
    let fs = &*inner.fs;
    inner.blocks.hold(|blocks| {
        for open in blocks {
            let from = open.block.dir();
            let target = to.join(from.file_name().unwrap_or_default());
            link_files(fs, from, &target)?;
            link_files(fs, &from.join("chunks"), &target.join("chunks"))?;
        }
        Ok(())
    })?;
    if let Some(ulid) = head {
        write_head_block(inner, to, ulid)?;
    }
    fs.sync_dir(to).map_err(Error::io("sync", to))
}

/// Gives the files of a folder names in another one, or copies them.
fn link_files(fs: &dyn Fs, from: &Path, to: &Path) -> Result<(), Error> {
    fs.create_dir(to).map_err(Error::io("create", to))?;
    for entry in fs.list(from).map_err(Error::io("list", from))? {
        if entry.is_dir {
            continue;
        }
        let (old, new) = (from.join(&entry.name), to.join(&entry.name));
        if fs.link(&old, &new).is_err() {
            copy(fs, &old, &new)?;
        }
    }
    fs.sync_dir(to).map_err(Error::io("sync", to))
}

fn copy(fs: &dyn Fs, from: &Path, to: &Path) -> Result<(), Error> {
    let bytes = fs.map(from).map_err(Error::io("map", from))?;
    let file = fs.create(to).map_err(Error::io("create", to))?;
    for (at, part) in bytes.chunks(COPY_BYTES).enumerate() {
        file.write_at(part, (at * COPY_BYTES) as u64).map_err(Error::io("write", to))?;
    }
    file.sync().map_err(Error::io("sync", to))
}

/// Writes what is in memory as one block, as the original does.
fn write_head_block(inner: &Inner, dir: &Path, ulid: &str) -> Result<(), Error> {
    let mut writer = BlockWriter::create(inner.fs.clone(), dir, ulid)?;
    write_head(inner, &mut writer, (i64::MIN, i64::MAX), &Watch::default(), &|_| ())?;
    writer.finish(None, None).map(|_| ())
}
