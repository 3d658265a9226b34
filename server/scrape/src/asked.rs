//! Sources inside this process that are asked like a URL: each target has its own question, and the
//! answer takes time.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use common_instrument::Samples;

/// A pending answer.
pub type Asking<'a> = Pin<Box<dyn Future<Output = Result<Samples, String>> + Send + 'a>>;

/// Answers the query of a target's URL (`module=icmp&target=h`) within a time.
pub trait Asked: Send + Sync {
    /// The samples, or why there are none: the scrape has failed then.
    fn ask<'a>(&'a self, query: &'a str, timeout: Duration) -> Asking<'a>;
}
