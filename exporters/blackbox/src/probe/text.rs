//! Bytes as text for patterns.

use std::borrow::Cow;

/// The text of some bytes, each byte that is no part of a character being U+FFFD: as Go's patterns
/// see them.
#[must_use]
pub fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    let mut chunks = bytes.utf8_chunks();
    let Some(first) = chunks.next() else { return Cow::Borrowed("") };
    if first.invalid().is_empty() {
        return Cow::Borrowed(first.valid());
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in std::iter::once(first).chain(chunks) {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::text_of;

    #[test]
    fn every_odd_byte_is_one_character() {
        assert_eq!(text_of(b"abc"), "abc");
        assert_eq!(text_of(b""), "");
        assert_eq!(text_of(b"a\xe2\x82b\xff"), "a\u{fffd}\u{fffd}b\u{fffd}");
    }
}
