//! Log lines to samples, by programs in mtail's language.

mod collector;
pub mod command;
mod compile;
mod engine;
mod go;
pub mod lang;
pub mod library;
pub mod line;
pub mod source;
pub mod store;
mod timing;
pub mod vm;

pub use collector::LogCollector;
pub use command::{HOST_FLAGS, HostLogs, HostOptions};
pub use compile::{CompileOptions, compile};
pub use engine::{Clock, Engine, Loads, Program};
pub use line::{Line, LineSink};
