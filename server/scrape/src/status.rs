//! What is known of a target's last scrape, for pages and the API.

use std::sync::Arc;
use std::time::Duration;

use common_model::TimestampMs;
use parking_lot::Mutex;

use crate::metadata::MetadataByName;
use crate::target::Target;

/// Health of a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Health {
    /// Not scraped yet.
    #[default]
    Unknown,
    /// The last scrape went well.
    Up,
    /// The last scrape failed.
    Down,
}

impl Health {
    /// As the API names it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Health::Unknown => "unknown",
            Health::Up => "up",
            Health::Down => "down",
        }
    }
}

/// The outcome of a target's last scrape.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LastScrape {
    /// Health.
    pub health: Health,
    /// Why it failed; empty when it did not.
    pub error: String,
    /// When it began; `None` before the first.
    pub at: Option<TimestampMs>,
    /// How long it took.
    pub duration: Duration,
    /// Samples on the wire.
    pub samples: usize,
}

/// A target with its last scrape.
#[derive(Clone, Debug)]
pub struct ActiveTarget {
    /// The scrape configuration it belongs to.
    pub pool: Arc<str>,
    /// The target.
    pub target: Arc<Target>,
    /// Its last scrape.
    pub last: LastScrape,
    /// What it says of its metrics.
    pub metadata: Arc<Mutex<MetadataByName>>,
}
