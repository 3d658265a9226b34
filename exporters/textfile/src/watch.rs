//! What the kernel says about changes in directories.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};

/// Room for the events of one read; a name has at most 255 bytes.
const EVENTS_BYTES: usize = 4096;

/// Events that are taken at a time; if there are more, everything counts as changed.
const EVENTS_MAX: usize = 10_000;

/// Everything that changes what a directory has or says. Reading is not among it: we do that.
const MASK: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MODIFY)
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

/// Watched directories. The queue is read when a scrape asks, not by a thread: what was changed
/// before the scrape is in it by then, so that the absence of an event says something.
#[derive(Default)]
pub(crate) struct Watch {
    queue: Option<OwnedFd>,
    /// There is no inotify, or no more of it: not tried again.
    failed: bool,
}

/// What changed since the last look.
#[derive(Debug, Default)]
pub(crate) struct Events {
    /// Events were lost.
    all: bool,
    directories: HashSet<i32>,
    files: HashSet<(i32, OsString)>,
    gone: HashSet<i32>,
}

impl Watch {
    /// Watches a directory and returns the number of its watch; `None` if that cannot be, or if
    /// its file system is one whose changes the kernel may not see.
    pub(crate) fn add(&mut self, directory: &Path) -> Option<i32> {
        if !is_local(directory) {
            return None;
        }
        if self.queue.is_none() && !self.failed {
            let queue = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC);
            self.failed = queue.is_err();
            self.queue = queue.ok();
        }
        let watch = inotify::add_watch(self.queue.as_ref()?, directory, MASK);
        let told = |error: &rustix::io::Errno| {
            tracing::debug!(directory = %directory.display(), %error, "directory is not watched");
        };
        watch.inspect_err(told).ok()
    }

    /// Stops watching; a directory that is gone is not watched any more anyway.
    pub(crate) fn remove(&mut self, watch: i32) {
        if let Some(queue) = &self.queue {
            let _ = inotify::remove_watch(queue, watch);
        }
    }

    /// Everything that was queued since the last call.
    pub(crate) fn take(&mut self) -> Events {
        let mut events = Events::default();
        let Some(queue) = &self.queue else { return events };
        let mut buffer = [MaybeUninit::uninit(); EVENTS_BYTES];
        let mut reader = inotify::Reader::new(queue, &mut buffer);
        for _ in 0..EVENTS_MAX {
            match reader.next() {
                Ok(event) => {
                    let name = event.file_name().map(|name| OsStr::from_bytes(name.to_bytes()));
                    events.note(event.wd(), event.events(), name);
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::WOULDBLOCK) => return events,
                Err(_) => break,
            }
        }
        events.all = true;
        events
    }
}

impl Events {
    fn note(&mut self, watch: i32, what: ReadFlags, name: Option<&OsStr>) {
        self.all |= what.contains(ReadFlags::QUEUE_OVERFLOW);
        if what.intersects(ReadFlags::IGNORED | ReadFlags::UNMOUNT | ReadFlags::MOVE_SELF) {
            self.gone.insert(watch);
        }
        self.directories.insert(watch);
        if let Some(name) = name {
            self.files.insert((watch, name.to_owned()));
        }
    }

    /// Whether anything in the directory may have changed.
    pub(crate) fn concern(&self, watch: i32) -> bool {
        self.all || self.directories.contains(&watch)
    }

    /// Whether this file of the directory may have changed.
    pub(crate) fn concern_file(&self, watch: i32, name: &OsStr) -> bool {
        self.all || self.files.contains(&(watch, name.to_owned()))
    }

    /// Whether the watch has ended, or may watch another directory than its path names.
    pub(crate) fn end(&self, watch: i32) -> bool {
        self.all || self.gone.contains(&watch)
    }
}

fn is_local(directory: &Path) -> bool {
    let kind = rustix::fs::statfs(directory).map(|system| system.f_type);
    kind.is_ok_and(|kind| LOCAL_TYPES.contains(&u64::try_from(kind).unwrap_or(0)))
}
