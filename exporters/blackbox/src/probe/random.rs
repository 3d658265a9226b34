//! Numbers that nobody guesses. The standard library's hashers begin at random.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};

/// 64 bits, others each time.
pub(super) fn word() -> u64 {
    RandomState::new().build_hasher().finish()
}
