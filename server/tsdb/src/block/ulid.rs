//! Names of blocks: 48 bits of time and 80 random ones, in letters that sort like the numbers.

/// Letters and digits in a name.
const CHARS: usize = 26;
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The name of a block made at a time, milliseconds since the epoch; `random` tells it from others.
#[must_use]
pub fn ulid(time_ms: u64, random: [u8; 10]) -> String {
    let mut number = u128::from(time_ms & ((1 << 48) - 1)) << 80;
    for (at, byte) in random.iter().enumerate() {
        number |= u128::from(*byte) << (8 * (9 - at));
    }
    let letter = |at: usize| char::from(ALPHABET[(number >> (5 * (CHARS - 1 - at))) as usize & 31]);
    (0..CHARS).map(letter).collect()
}

/// Whether a text is such a name.
#[must_use]
pub fn is_ulid(name: &str) -> bool {
    // More than 128 bits do not fit.
    let fits = name.bytes().next().is_some_and(|first| first <= b'7');
    fits && name.len() == CHARS && name.bytes().all(|letter| ALPHABET.contains(&letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_by_time_and_are_told_from_other_folders() {
        // The example of the format's description: 01ARZ3NDEK is the time.
        let name = ulid(1_469_922_850_259, [0xff; 10]);
        assert_eq!(name, "01ARZ3NDEKZZZZZZZZZZZZZZZZ");
        assert!(is_ulid(&name) && name < ulid(1_469_922_850_260, [0; 10]));
        assert_eq!(ulid(0, [0, 0, 0, 0, 0, 0, 0, 0, 0, 33]), "00000000000000000000000011");
        for other in ["", "wal", "chunks_head", "81ARZ3NDEKZZZZZZZZZZZZZZZZ", "01ARZ3NDEKZZZZ"] {
            assert!(!is_ulid(other), "{other}");
        }
    }
}
