//! When a program's file was written, came or went, so that programs are loaded again.

use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::source::is_told;

/// Changes that come closer together are one: an editor makes several of them.
const QUIET: Duration = Duration::from_millis(200);

/// Programs are looked at that often where the kernel does not tell, or the folder is gone.
const POLL: Duration = Duration::from_secs(10);

/// Room for the events of one read.
const EVENTS_BYTES: usize = 8 << 10;

/// Not `MODIFY`: half a program is not read.
const MASK: WatchFlags = WatchFlags::CLOSE_WRITE
    .union(WatchFlags::CREATE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVE)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF);

/// What the kernel tells of the folder of the programs, or of the one program's folder.
pub(super) struct Changes(Receiver<()>);

impl Changes {
    /// Watches from now on, in a thread that ends with the process, or with the first change that
    /// nobody waits for any more.
    pub(super) fn new(programs: &Path) -> Changes {
        let folder = if programs.is_dir() { programs } else { parent_of(programs) };
        let folder = folder.to_owned();
        let (sender, receiver) = channel(1);
        let queue = watch(&folder);
        if queue.is_none() {
            tracing::info!(folder = %folder.display(), "No inotify: programs are looked at every 10 s");
        }
        let work = move || follow(&folder, queue, &sender);
        if let Err(error) = std::thread::Builder::new().name("programs".into()).spawn(work) {
            tracing::warn!(%error, "Programs are reloaded by SIGHUP only");
        }
        Changes(receiver)
    }

    /// Waits until something may have changed. Loses nothing when it is dropped while waiting.
    pub(super) async fn next(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending().await
        }
    }
}

fn watch(folder: &Path) -> Option<OwnedFd> {
    if !is_told(folder) {
        return None;
    }
    let queue = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).ok()?;
    inotify::add_watch(&queue, folder, MASK).ok()?;
    Some(queue)
}

fn follow(folder: &Path, mut queue: Option<OwnedFd>, sender: &Sender<()>) {
    loop {
        match &queue {
            Some(fd) => {
                if wait(fd) {
                    queue = None;
                }
            }
            None => {
                std::thread::sleep(POLL);
                queue = watch(folder);
            }
        }
        if sender.blocking_send(()).is_err() {
            return;
        }
    }
}

/// Waits until something has changed, and then until nothing changes any more; whether the folder
/// is gone.
fn wait(queue: &OwnedFd) -> bool {
    let mut fds = [PollFd::new(queue, PollFlags::IN)];
    // What fails here is an interruption, and then there is nothing to take.
    while poll(&mut fds, None).is_err() {}
    let mut is_gone = false;
    loop {
        match take(queue) {
            Ok(gone) => is_gone |= gone,
            Err(Errno::WOULDBLOCK) => return is_gone,
            Err(_) => return true,
        }
        std::thread::sleep(QUIET);
    }
}

/// Takes everything that is queued; whether the folder is gone. Nothing at all is `WOULDBLOCK`.
fn take(queue: &OwnedFd) -> rustix::io::Result<bool> {
    let mut buffer = [MaybeUninit::uninit(); EVENTS_BYTES];
    let mut reader = Reader::new(queue, &mut buffer);
    let gone = ReadFlags::IGNORED | ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF;
    let mut is_gone = reader.next()?.events().intersects(gone);
    loop {
        match reader.next() {
            Ok(event) => is_gone |= event.events().intersects(gone),
            Err(Errno::WOULDBLOCK) => return Ok(is_gone),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
}

/// The folder in which a program stands.
fn parent_of(program: &Path) -> &Path {
    match program.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
