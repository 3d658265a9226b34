//! What to do when the kernel refuses to talk: take another source, say so once, ask again later.

use std::io;
use std::time::{Duration, Instant};

/// How long another source serves before netlink is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(60);

/// Whether netlink works for one collector.
pub(crate) struct Retry {
    collector: &'static str,
    again_at: Option<Instant>,
}

impl Retry {
    /// Netlink is taken to work. The collector's name is for the log.
    pub(crate) fn new(collector: &'static str) -> Retry {
        Retry { collector, again_at: None }
    }

    /// The answer; `None` when there is none, and for a while after that without asking.
    pub(crate) fn attempt<T>(
        &mut self,
        now: Instant,
        ask: impl FnOnce() -> io::Result<T>,
    ) -> Option<T> {
        if self.again_at.is_some_and(|again_at| now < again_at) {
            return None;
        }
        match ask() {
            Ok(answer) => {
                if self.again_at.take().is_some() {
                    tracing::info!(name = self.collector, "netlink answers again");
                }
                Some(answer)
            }
            Err(error) => {
                // Sandboxes forbid it for good; one line about it is enough.
                if self.again_at.is_none() {
                    let problem = "no answer over netlink, files of proc and sys are read instead";
                    tracing::warn!(name = self.collector, err = %error, "{problem}");
                }
                self.again_at = Some(now + RETRY_AFTER);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_failure_there_is_a_pause_and_then_another_attempt() {
        let mut retry = Retry::new("x");
        let start = Instant::now();
        let mut asked = 0;
        let mut check = |seconds, works: bool, expected: (Option<()>, u32)| {
            let answer = retry.attempt(start + Duration::from_secs(seconds), || {
                asked += 1;
                if works { Ok(()) } else { Err(io::ErrorKind::PermissionDenied.into()) }
            });
            assert_eq!((answer, asked), expected, "after {seconds} s");
        };
        check(0, true, (Some(()), 1));
        check(15, false, (None, 2));
        check(30, true, (None, 2));
        check(74, true, (None, 2));
        check(75, false, (None, 3));
        check(134, true, (None, 3));
        check(135, true, (Some(()), 4));
        check(136, true, (Some(()), 5));
    }
}
