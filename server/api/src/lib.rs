//! The HTTP API of Prometheus: `/api/v1`, federation, health, reload and status.
//!
//! [`router`] makes it an axum router over what [`ApiState`] names. Handlers read parameters, ask
//! and write JSON; they hold no state and compute nothing themselves.

mod admin;
mod answer;
mod compress;
mod cors;
mod error;
mod exemplars;
mod explain;
mod features;
mod federate;
mod histogram;
mod json;
mod matrix;
mod methods;
mod notifications;
mod number;
mod openapi;
mod params;
mod pieces;
mod pools;
mod query;
mod result;
mod router;
mod rules;
mod running;
mod search;
mod self_metrics;
mod series;
mod sha1;
mod starting;
mod state;
mod status;
mod targets;
mod time;
mod timings;
mod tree;
mod watched;

pub use error::{ApiError, ErrorType};
pub use features::Features;
pub use notifications::{Notice, Notifications};
pub use result::result_json;
pub use router::router;
pub use starting::{Starting, WAITING, starting_router};
pub use state::{ApiOptions, ApiState, Asked, Random, Reload, Status};
