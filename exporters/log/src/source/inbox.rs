//! How lines from sockets and pipes reach the shard that counts them.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};

use rustix::event::{EventfdFlags, eventfd};

use super::reading::Source;

/// Batches that wait for a shard. Who has more waits in turn.
const BATCHES_MAX: usize = 64;

/// Complete lines of one source, at most some 100 KiB unless one line is longer.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) source: Source,
    pub(crate) lines: Vec<u8>,
    pub(crate) count: u64,
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
        match self.receiver.try_recv() {
            Ok(batch) => Some(batch),
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => None,
        }
    }
}
