//! Discovery, target loops and the samples they append.
//!
//! A [`Manager`] holds one pool per scrape configuration, a pool one loop per target. A loop waits
//! for its tick, fetches ([`Target`] over HTTP, or a collector in this process), takes the samples
//! through limits and relabeling into one batch of the store, and reports `up` beside them.

pub mod defaults;

mod asked;
mod buffers;
mod discovery;
mod failures;
mod fetch;
mod manager;
mod memory;
mod metadata;
mod metrics;
mod page;
mod pool;
mod report;
mod schedule;
mod session;
mod status;
mod target;
mod target_loop;
mod treatment;

use std::sync::Arc;

pub use asked::{Asked, Asking};
pub use manager::{ApplyError, DroppedTarget, Manager, ManagerOptions};
pub use metadata::MetadataByName;
pub use status::{ActiveTarget, Health, LastScrape};
pub use target::{Endpoint, IN_PROCESS, Target, check_group, endpoints};
pub use treatment::StartTimes;

/// The wall clock in milliseconds since the epoch, handed in.
pub type Now = Arc<dyn Fn() -> common_model::TimestampMs + Send + Sync>;
