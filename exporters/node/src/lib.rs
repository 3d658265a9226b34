//! The host's kernel, hardware and file systems to samples, with node_exporter's names.

mod collectors;
mod error;
mod exporter;
mod frame;
mod named;
mod parse;
mod pattern;
mod roots;
mod settings;
mod source;

pub use error::{Error, FilterError};
pub use exporter::{NodeExporter, NodeOptions};
pub use roots::Roots;
pub use settings::{Flag, FlagKind, Settings};

pub use collectors::{COLLECTORS, Context, Entry};
