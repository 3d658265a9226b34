//! What the kernel says about changes: of followed files by their inode, so that a renamed one is
//! still heard of, and of the directories in which files may appear.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs::File;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};

/// Room for the events of one read; a name has at most 255 bytes.
const EVENTS_BYTES: usize = 16 << 10;

/// Events that are taken at a time; if there are more, everything counts as changed.
const EVENTS_MAX: usize = 20_000;

const FILE_MASK: WatchFlags = WatchFlags::MODIFY
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::DELETE_SELF);

const DIRECTORY_MASK: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::DELETE)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::MOVE)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR);

/// File systems on which every change is made by this kernel, so that inotify sees it.
/// `linux/magic.h` and the sources of bcachefs, f2fs and OpenZFS.
const LOCAL_TYPES: [u64; 9] = [
    0xef53,      // ext2 to ext4
    0x5846_5342, // xfs
    0x9123_683e, // btrfs
    0x0102_1994, // tmpfs
    0x8584_58f6, // ramfs
    0xf2f5_2010, // f2fs
    0xca45_1a4e, // bcachefs
    0x2fc1_2fc1, // zfs
    0x2011_bab0, // exfat
];

/// The watches of one shard.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    queue: Option<OwnedFd>,
    files: HashMap<i32, u64>,
    directories: HashMap<PathBuf, i32>,
    paths: HashMap<i32, PathBuf>,
}

/// What changed since the last look.
#[derive(Debug, Default)]
pub(crate) struct Events {
    /// Events were lost: anything may have changed.
    pub(crate) all: bool,
    /// Something happened to a directory itself.
    pub(crate) directories: bool,
    /// What appeared in a directory, or went.
    pub(crate) names: HashSet<PathBuf>,
    /// Keys of followed files.
    pub(crate) files: Vec<u64>,
}

impl Watch {
    /// Without inotify (`false`, or the kernel has no more of it) nothing is ever watched.
    pub(crate) fn new(wanted: bool) -> Watch {
        let queue = wanted.then(|| inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC));
        if let Some(Err(error)) = &queue {
            tracing::warn!(%error, "no inotify: logs are polled");
        }
        Watch { queue: queue.and_then(Result::ok), ..Watch::default() }
    }

    /// What to wait on.
    pub(crate) fn queue(&self) -> Option<BorrowedFd<'_>> {
        self.queue.as_ref().map(AsFd::as_fd)
    }

    /// Watches an open file under a key; `None` if it must be polled.
    pub(crate) fn add_file(&mut self, file: &File, key: u64) -> Option<i32> {
        if !is_local(rustix::fs::fstatfs(file)) {
            return None;
        }
        // The inode behind the descriptor: the path may name another one by now.
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        let watch = inotify::add_watch(self.queue.as_ref()?, path, FILE_MASK).ok()?;
        self.files.insert(watch, key);
        Some(watch)
    }

    /// Stops watching a file.
    pub(crate) fn remove_file(&mut self, watch: i32) {
        if self.files.remove(&watch).is_some()
            && let Some(queue) = &self.queue
        {
            // The watch of a deleted file is gone already.
            let _ = inotify::remove_watch(queue, watch);
        }
    }

    /// Watches exactly these directories. `false` if one of them must be polled.
    pub(crate) fn set_directories<'a>(
        &mut self,
        wanted: impl Iterator<Item = &'a PathBuf>,
    ) -> bool {
        let Some(queue) = &self.queue else { return false };
        let mut before = std::mem::take(&mut self.directories);
        let mut all = true;
        for path in wanted {
            if let Some(watch) = before.remove(path) {
                self.directories.insert(path.clone(), watch);
                continue;
            }
            let Entry::Vacant(free) = self.directories.entry(path.clone()) else { continue };
            if !is_local(rustix::fs::statfs(path)) {
                all = false;
                continue;
            }
            match inotify::add_watch(queue, path, DIRECTORY_MASK) {
                Ok(watch) => {
                    free.insert(watch);
                    self.paths.insert(watch, path.clone());
                }
                Err(_) => all = false,
            }
        }
        for watch in before.into_values() {
            self.paths.remove(&watch);
            let _ = inotify::remove_watch(queue, watch);
        }
        all
    }

    /// Everything that was queued since the last call.
    pub(crate) fn take(&mut self) -> Events {
        let mut events = Events::default();
        let Some(queue) = &self.queue else { return events };
        let mut buffer = [MaybeUninit::uninit(); EVENTS_BYTES];
        let mut reader = inotify::Reader::new(queue, &mut buffer);
        let mut gone = Vec::new();
        for _ in 0..EVENTS_MAX {
            match reader.next() {
                Ok(event) => {
                    let (watch, what) = (event.wd(), event.events());
                    events.all |= what.contains(ReadFlags::QUEUE_OVERFLOW);
                    let name = event.file_name().map(|name| OsStr::from_bytes(name.to_bytes()));
                    match (self.files.get(&watch), self.paths.get(&watch), name) {
                        (Some(key), _, _) => events.files.push(*key),
                        (None, Some(path), Some(name)) => {
                            events.names.insert(path.join(name));
                        }
                        _ => events.directories = true,
                    }
                    if what.intersects(ReadFlags::IGNORED | ReadFlags::MOVE_SELF) {
                        gone.push(watch);
                    }
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::WOULDBLOCK) => break,
                Err(_) => {
                    events.all = true;
                    break;
                }
            }
        }
        for watch in gone {
            if let Some(path) = self.paths.remove(&watch) {
                self.directories.remove(&path);
                // A directory that was moved is still watched.
                let _ = inotify::remove_watch(queue, watch);
            }
        }
        events.files.sort_unstable();
        events.files.dedup();
        events
    }
}

fn is_local(system: rustix::io::Result<rustix::fs::StatFs>) -> bool {
    system.is_ok_and(|system| {
        u64::try_from(system.f_type).is_ok_and(|kind| LOCAL_TYPES.contains(&kind))
    })
}

/// Whether the kernel tells of every change in this directory.
pub(crate) fn is_told(directory: &std::path::Path) -> bool {
    is_local(rustix::fs::statfs(directory))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::print_stderr, reason = "a test says that it is skipped")]

    use super::{Watch, is_told};
    use std::fs::File;
    use std::io::Write;

    #[test]
    fn a_file_is_heard_of_by_its_inode_and_a_directory_by_its_path() {
        let folder = tempfile::tempdir().unwrap();
        if !is_told(folder.path()) {
            eprintln!("skipped: no local file system for temporary files");
            return;
        }
        let path = folder.path().join("a");
        let mut writer = File::create(&path).unwrap();
        let mut watch = Watch::new(true);
        let file = watch.add_file(&File::open(&path).unwrap(), 7).unwrap();
        assert!(watch.set_directories([folder.path().to_owned()].iter()));
        assert!(watch.take().files.is_empty());
        std::fs::rename(&path, folder.path().join("b")).unwrap();
        watch.take();
        writer.write_all(b"late").unwrap();
        let events = watch.take();
        assert_eq!((events.files, events.directories, events.all), (vec![7], false, false));
        std::fs::write(&path, "").unwrap();
        assert!(watch.take().names.contains(&path));
        watch.remove_file(file);
        writer.write_all(b"later").unwrap();
        assert!(watch.take().files.is_empty());
    }
}
