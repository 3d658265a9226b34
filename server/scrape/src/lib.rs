//! Discovery, target loops and the samples they append.

mod memory;
mod schedule;
mod session;
mod target;

