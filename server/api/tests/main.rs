//! The API as the original answers: the tables hold what Prometheus 3.5.3 says to the same requests.
#![allow(clippy::unwrap_used, reason = "tests")]

mod admin;
mod exemplars;
mod explain;
mod features;
mod notifications;
mod parameters;
mod pools;
mod refused;
mod search;
mod starting;
mod trees;
mod world;
