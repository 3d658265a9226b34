//! What a connection is doing, seen from outside: the basis for deadlines and evictions.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::WebOptions;

/// Shared by a connection's socket, its requests and the table of connections. Moments are
/// milliseconds since the connection was taken, plus one; zero stands for never.
#[derive(Debug)]
pub(super) struct ConnState {
    born: Instant,
    in_flight: AtomicU32,
    /// When the first byte of a request came that is not yet complete.
    request_began: AtomicU64,
    /// When the last request was done.
    request_ended: AtomicU64,
    /// Since when the client takes no bytes.
    write_blocked: AtomicU64,
    is_h2: AtomicBool,
    is_evicted: Notify,
}

impl ConnState {
    pub(super) fn new() -> Arc<ConnState> {
        Arc::new(ConnState {
            born: Instant::now(),
            in_flight: AtomicU32::new(0),
            request_began: AtomicU64::new(0),
            request_ended: AtomicU64::new(0),
            write_blocked: AtomicU64::new(0),
            is_h2: AtomicBool::new(false),
            is_evicted: Notify::new(),
        })
    }

    fn now(&self) -> u64 {
        self.born.elapsed().as_millis() as u64 + 1
    }

    fn at(&self, moment: u64) -> Instant {
        self.born + Duration::from_millis(moment.saturating_sub(1))
    }

    /// Bytes came in.
    pub(super) fn did_read(&self) {
        if self.in_flight.load(Relaxed) == 0 && self.request_began.load(Relaxed) == 0 {
            self.request_began.store(self.now(), Relaxed);
        }
    }

    /// Bytes went out, or did not.
    pub(super) fn did_write(&self, blocked: bool) {
        let since = self.write_blocked.load(Relaxed);
        match (blocked, since) {
            (true, 0) => self.write_blocked.store(self.now(), Relaxed),
            (false, 1..) => self.write_blocked.store(0, Relaxed),
            _ => {}
        }
    }

    /// A request with all its headers is there; it is in flight until the guard goes.
    pub(super) fn begin(self: &Arc<ConnState>, is_h2: bool) -> InFlight {
        self.is_h2.store(is_h2, Relaxed);
        self.request_began.store(0, Relaxed);
        self.in_flight.fetch_add(1, Relaxed);
        InFlight(Arc::clone(self))
    }

    /// Whether nothing would be lost with this connection, and whether it ever asked for anything.
    pub(super) fn evictable(&self) -> Option<bool> {
        let idle = self.in_flight.load(Relaxed) == 0;
        idle.then(|| self.request_ended.load(Relaxed) != 0)
    }

    pub(super) fn evict(&self) {
        self.is_evicted.notify_one();
    }

    pub(super) async fn evicted(&self) {
        self.is_evicted.notified().await;
    }

    /// When the connection is to be given up if nothing happens until then.
    pub(super) fn deadline(&self, limits: &WebOptions) -> Option<Instant> {
        let blocked = self.write_blocked.load(Relaxed);
        if blocked != 0 {
            return Some(self.at(blocked) + limits.write_deadline);
        }
        if self.in_flight.load(Relaxed) > 0 {
            return None;
        }
        let (began, ended) = (self.request_began.load(Relaxed), self.request_ended.load(Relaxed));
        // In HTTP/2 there are bytes that belong to no request.
        if ended == 0 || (began != 0 && !self.is_h2.load(Relaxed)) {
            return Some(self.at(began) + limits.header_deadline);
        }
        Some(self.at(ended) + limits.idle_deadline)
    }
}

/// A request in flight.
pub(super) struct InFlight(Arc<ConnState>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.request_ended.store(self.0.now(), Relaxed);
        self.0.in_flight.fetch_sub(1, Relaxed);
    }
}
