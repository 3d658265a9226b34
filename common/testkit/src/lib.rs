//! Fixtures, goldens, a hand-turned clock, faulty files and fake targets for tests.
//!
//! A dev-dependency only: what is here panics where a test should fail.

mod golden;
mod places;
mod rng;
mod tree;

pub use golden::golden;
pub use places::{peer, peers, suites};
pub use rng::Rng;
pub use tree::Tree;
