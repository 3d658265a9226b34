//! What tests of the whole program share: the real binary as a child, questions to its API,
//! waiting with a deadline.

pub(crate) mod api;
pub(crate) mod child;

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Longer than anything takes that has no deadline of its own, also on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// How often is looked whether something has happened.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Asks until there is an answer; panics with the last complaint at the deadline.
pub(crate) async fn eventually<T>(
    what: &str,
    deadline: Duration,
    mut ask: impl AsyncFnMut() -> Result<T, String>,
) -> T {
    let end = Instant::now() + deadline;
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(complaint) if Instant::now() >= end => {
                panic!("not within {deadline:?}: {what}: {complaint}")
            }
            Err(_) => sleep(LOOK_AGAIN).await,
        }
    }
}

/// An address of this machine that nobody listens on just now.
pub(crate) fn free_address() -> String {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().to_string()
}
