//! Rules from outside: files, alerts over time, groups over a store, the manager's tasks.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod bundled;
mod check;
mod groups;
mod manager;
mod restore;
mod states;
mod support;
