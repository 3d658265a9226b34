//! Asks endpoints whether they answer, and how, with blackbox_exporter's names, flags and pages.

pub mod command;
pub mod config;
mod error;
mod graph;
mod history;
pub mod inside;
mod pages;
pub mod probe;
mod query;
mod serve;
mod state;

pub use error::Error;
pub use serve::proxy_variables;
pub use state::check as load_file;
