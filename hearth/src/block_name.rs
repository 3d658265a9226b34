//! Names for new blocks.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use common_service::clock::{Clock as _, SystemClock};
use server_tsdb::block::ulid;

/// A name of now that no other block has.
pub(crate) fn new_block_name() -> String {
    // Each of these states is seeded anew.
    let random = || RandomState::new().build_hasher().finish().to_le_bytes();
    let ([a, b, ..], [c, d, e, f, g, h, i, j]) = (random(), random());
    ulid(u64::try_from(SystemClock.now_ms()).unwrap_or(0), [a, b, c, d, e, f, g, h, i, j])
}
