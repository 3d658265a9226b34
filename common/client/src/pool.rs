//! Connections that are kept for the next request.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::{http1, http2};
use parking_lot::Mutex;
use tokio::time::Instant;

/// Hosts with kept connections; beyond them the oldest connection goes.
const HOSTS_MAX: usize = 4096;

/// What a connection leads to: scheme, host and port, and the proxy.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) is_https: bool,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) is_proxied: bool,
}

pub(crate) enum Sender {
    H1(http1::SendRequest<Full<Bytes>>),
    H2(http2::SendRequest<Full<Bytes>>),
}

impl Sender {
    fn is_usable(&self) -> bool {
        match self {
            Sender::H1(sender) => sender.is_ready(),
            Sender::H2(sender) => sender.is_ready(),
        }
    }
}

struct Idle {
    sender: Sender,
    since: Instant,
}

pub(crate) struct Pool {
    idle: Mutex<HashMap<Key, Vec<Idle>>>,
    per_host_max: usize,
    deadline: Duration,
}

impl Pool {
    pub(crate) fn new(per_host_max: usize, deadline: Duration) -> Pool {
        Pool { idle: Mutex::default(), per_host_max, deadline }
    }

    /// A kept connection that still stands. One with HTTP/2 stays here for others, too.
    pub(crate) fn take(&self, key: &Key) -> Option<Sender> {
        let mut idle = self.idle.lock();
        let kept = idle.get_mut(key)?;
        while let Some(newest) = kept.pop() {
            if newest.since.elapsed() > self.deadline || !newest.sender.is_usable() {
                continue;
            }
            if let Sender::H2(sender) = &newest.sender {
                let shared = Sender::H2(sender.clone());
                kept.push(Idle { sender: newest.sender, since: Instant::now() });
                return Some(shared);
            }
            return Some(newest.sender);
        }
        idle.remove(key);
        None
    }

    /// Keeps a connection whose last answer was read to its end.
    pub(crate) fn give(&self, key: Key, sender: Sender) {
        let mut idle = self.idle.lock();
        if idle.len() >= HOSTS_MAX && !idle.contains_key(&key) {
            idle.retain(|_, kept| kept.iter().any(|idle| idle.since.elapsed() <= self.deadline));
            if idle.len() >= HOSTS_MAX {
                return;
            }
        }
        let kept = idle.entry(key).or_default();
        kept.retain(|idle| idle.since.elapsed() <= self.deadline && idle.sender.is_usable());
        let is_shared = kept.iter().any(|idle| matches!(idle.sender, Sender::H2(_)));
        if kept.len() < self.per_host_max && !is_shared {
            kept.push(Idle { sender, since: Instant::now() });
        }
    }
}
