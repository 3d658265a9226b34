//! House rules: who may depend on whom, how long files and functions may be, where unsafe stands.
#![allow(clippy::unwrap_used, reason = "a rule that cannot be read should fail loudly")]

mod budgets;
mod heads;
mod layers;
mod places;
