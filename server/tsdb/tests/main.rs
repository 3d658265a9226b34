//! The database from outside: appending, asking, crashing, comparing with Prometheus.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may stop, and says what it counted"
)]

mod basics;
mod behind;
mod blocks;
mod blocks_written;
mod check;
mod codec;
mod compaction;
mod concurrency;
mod crash;
mod deletions;
mod exemplars;
mod faults;
mod flips;
mod head_chunks;
mod histogram_starts;
mod histograms;
mod late_chunks;
mod late_damage;
mod numbered;
mod out_of_order;
mod patterns;
mod peer_compaction;
mod peer_histograms;
mod peer_late_chunks;
mod peers;
mod pieces;
mod replay;
mod reserve;
mod snapshots;
mod stale;
mod starts;
mod support;
mod upkeep;
mod xor2;
mod zeros;
