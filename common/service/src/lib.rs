//! Flags, logging, signals, readiness, clock and process metrics.
//!
//! The only crate that reads arguments, environment and the wall clock; everything else is handed
//! what it needs.

pub mod build_info;
pub mod clock;
pub mod flags;
pub mod line_file;
pub mod listen;
pub mod logging;
pub mod notify;
pub mod process;
pub mod resident;
pub mod signals;

mod io_error;

pub use clock::{Clock, SystemClock};
pub use io_error::go_io_error;
