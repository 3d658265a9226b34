//! Fixtures, goldens, random patterns, a hand-turned clock, faulty files and fake targets for tests.
//!
//! A dev-dependency only: what is here panics where a test should fail.

mod clock;
mod golden;
mod pattern;
mod places;
mod rng;
mod target;
mod tree;

pub use clock::HandClock;
pub use golden::golden;
pub use pattern::{Choose, GoPattern, go_pattern, line};
pub use places::{peer, peers, suites};
pub use rng::Rng;
pub use target::{Answer, FakeTarget};
pub use tree::Tree;
