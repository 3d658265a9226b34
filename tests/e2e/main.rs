//! The real program from end to end.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says why"
)]

mod dashboards;
mod default_page;
mod limits;
mod logs;
mod mailbox;
mod other_alertmanager;
mod peer_reads_our_data;
mod probes;
mod protected;
mod recorded_histograms;
mod reload;
mod sample_to_alert;
mod shutdown;
mod start_times;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "shared with other tests, not all use all")]
mod support;
mod written_down;
