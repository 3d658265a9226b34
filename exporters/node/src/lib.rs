//! The host's kernel, hardware and file systems to samples, with node_exporter's names.

mod collectors;
mod cpuinfo;
mod error;
mod exporter;
mod frame;
mod mounts;
mod named;
mod os_release;
mod parse;
mod pattern;
mod roots;
mod settings;
mod source;
mod statfs;
mod udev;

pub use error::{Error, FilterError};
pub use exporter::{NodeExporter, NodeOptions};
pub use roots::Roots;
pub use settings::Settings;

pub use collectors::{COLLECTORS, Context, Entry};
