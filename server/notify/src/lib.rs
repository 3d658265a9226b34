//! Hands alerts to Alertmanagers: ours in this process, or others over HTTP.
//!
//! Every Alertmanager has a queue and a task of its own: one that is slow or gone holds up nobody
//! else. Nothing is tried twice; who raises alerts repeats them every minute.

mod endpoint;
mod files;
mod manager;
mod metrics;
mod queue;
mod sender;
mod set;
mod wire;

pub use endpoint::Endpoints;
pub use manager::{Manager, Options};
pub use metrics::LOCAL_NAME;
pub use sender::{ALERTS_PER_BATCH_MAX, Sink};
pub use server_alertmanager::Alert;

/// Default of [`Options::queue_capacity`].
pub const QUEUE_CAPACITY_DEFAULT: usize = 10_000;
