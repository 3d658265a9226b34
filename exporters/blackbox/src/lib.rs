//! Asks endpoints whether they answer, and how, with blackbox_exporter's names, flags and pages.

pub mod command;
pub mod config;
mod error;
mod history;
mod pages;
pub mod probe;
mod query;
mod serve;
mod state;

pub use error::Error;
