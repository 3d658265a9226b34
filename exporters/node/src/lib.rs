//! The host's kernel, hardware and file systems to samples, with node_exporter's names.

mod adjtimex;
mod btrfs_ioctl;
mod bus;
mod collectors;
pub mod command;
mod cpuinfo;
mod crew;
mod error;
mod ethtool;
mod executor;
mod exporter;
mod frame;
mod go_json;
mod links;
mod mounts;
mod named;
mod netlink;
mod os_release;
mod parse;
mod pattern;
mod pids;
mod query;
mod roots;
mod rpc;
mod serve;
mod settings;
mod source;
mod statfs;
mod udev;

pub use bus::Buses;
pub use error::{Error, FilterError};
pub use exporter::{NodeExporter, NodeOptions};
pub use roots::Roots;
pub use settings::Settings;

pub use collectors::{COLLECTORS, Context, Entry};
