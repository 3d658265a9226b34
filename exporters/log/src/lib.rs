//! Log lines to samples, by programs in mtail's language.

pub mod line;
pub mod source;

pub use line::{Line, LineSink};
