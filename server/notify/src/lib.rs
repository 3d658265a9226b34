//! Hands alerts to Alertmanagers: ours in this process, or others over HTTP.

pub use server_alertmanager::Alert;
