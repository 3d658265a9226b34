//! Log lines to samples, by programs in mtail's language.

pub mod line;

pub use line::{Line, LineSink};
