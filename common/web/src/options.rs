//! The limits of a server.

use std::sync::Arc;
use std::time::Duration;

use common_instrument::Registry;

use crate::ProtectionSource;

/// Limits and habits of [`crate::serve`]; the defaults suit every program.
#[derive(Clone)]
pub struct WebOptions {
    /// Connections at the same time, over all listeners. A newcomer beyond them takes the place of
    /// one without a request in flight.
    pub connections_max: usize,
    /// Connections beyond the maximum that are still taken when all others are busy, but only
    /// answered on [`WebOptions::health_paths`].
    pub connections_reserved: usize,
    /// Paths that are answered even then.
    pub health_paths: Vec<String>,
    /// Time for a TLS handshake, and for a request line with its headers.
    pub header_deadline: Duration,
    /// Time between two requests of one connection.
    pub idle_deadline: Duration,
    /// Time for the body of a request.
    pub body_deadline: Duration,
    /// Time in which a client must take some bytes of an answer.
    pub write_deadline: Duration,
    /// Bytes in the body of a request, as they come over the wire.
    pub body_bytes_max: u64,
    /// Time that requests in flight get at the end.
    pub drain_deadline: Duration,
    /// TLS, users, headers and rate limit.
    pub protection: Option<Arc<dyn ProtectionSource>>,
    /// Where the server's own metrics go.
    pub registry: Option<Registry>,
    /// The name that connections are counted by in `net_conntrack_listener_*`, as Go's programs do
    /// it; nothing where there is none.
    pub listener_name: Option<&'static str>,
}

impl Default for WebOptions {
    fn default() -> WebOptions {
        WebOptions {
            connections_max: 512,
            connections_reserved: 16,
            health_paths: vec!["/-/healthy".to_owned(), "/-/ready".to_owned()],
            header_deadline: Duration::from_secs(10),
            idle_deadline: Duration::from_secs(300),
            body_deadline: Duration::from_secs(300),
            write_deadline: Duration::from_secs(60),
            body_bytes_max: 32 << 20,
            drain_deadline: Duration::from_secs(10),
            protection: None,
            registry: None,
            listener_name: None,
        }
    }
}
