//! How lines from sockets and pipes reach the shard that counts them.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

use super::positions::SavedJournal;
use super::reading::Source;

/// Batches that wait for a shard. Who has more waits in turn.
const BATCHES_MAX: usize = 64;

/// Complete lines of one source, at most some 100 KiB unless one line is longer.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) source: Source,
    pub(crate) lines: Vec<u8>,
    pub(crate) count: u64,
    /// How far the journal was read with them, if they are of one.
    pub(crate) journal: Option<SavedJournal>,
}

/// Wakes a thread that waits on a descriptor.
#[derive(Clone, Debug)]
pub(crate) struct Wake(Arc<OwnedFd>);

impl Wake {
    pub(crate) fn new() -> io::Result<Wake> {
        let flags = EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC;
        Ok(Wake(Arc::new(eventfd(0, flags)?)))
    }

    pub(crate) fn wake(&self) {
        // It fails only when it has been woken 2^64 times.
        let _ = rustix::io::write(&*self.0, &1_u64.to_ne_bytes());
    }

    pub(crate) fn clear(&self) {
        let _ = rustix::io::read(&*self.0, &mut [0; 8]);
    }

    /// Waits until it is woken, at most so long. Whoever waits after that returns at once.
    pub(crate) fn wait(&self, timeout: Duration) {
        let timeout = Timespec {
            tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(timeout.subsec_nanos()),
        };
        let mut fds = [PollFd::from_borrowed_fd(self.fd(), PollFlags::IN)];
        // What fails here is an interruption; the caller's loop comes back.
        let _ = poll(&mut fds, Some(&timeout));
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// One end of a shard's inbox.
#[derive(Clone, Debug)]
pub(crate) struct Outbox {
    sender: SyncSender<Batch>,
    wake: Wake,
}

/// The other end.
#[derive(Debug)]
pub(crate) struct Inbox {
    receiver: Receiver<Batch>,
    pub(crate) wake: Wake,
}

pub(crate) fn inbox() -> io::Result<(Outbox, Inbox)> {
    let wake = Wake::new()?;
    let (sender, receiver) = sync_channel(BATCHES_MAX);
    Ok((Outbox { sender, wake: wake.clone() }, Inbox { receiver, wake }))
}

impl Outbox {
    /// Waits for room. A shard that has ended takes nothing any more.
    pub(crate) fn send(&self, batch: Batch) {
        let _ = self.sender.send(batch);
        self.wake.wake();
    }

    pub(crate) fn wake(&self) {
        self.wake.wake();
    }
}

impl Inbox {
    pub(crate) fn take(&self) -> Option<Batch> {
        self.receiver.try_recv().ok()
    }
}
