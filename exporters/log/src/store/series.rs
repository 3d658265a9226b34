//! One value with its labels.

/// Labels up to this length are added to a list with what stands behind them.
const LABEL_BYTES_SHORT: usize = 16;

/// What the values of a metric are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// 64 bits with a sign.
    Int,
    /// 64 bits with a fraction.
    Float,
    /// Bytes.
    Text,
    /// Counts in buckets.
    Buckets,
}

impl ValueKind {
    /// The number in JSON.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            ValueKind::Int => 0,
            ValueKind::Float => 1,
            ValueKind::Text => 2,
            ValueKind::Buckets => 3,
        }
    }
}

/// Counts in buckets.
#[derive(Clone, Debug, Default)]
pub struct Buckets {
    /// One for each range of the metric.
    pub counts: Box<[u64]>,
    /// All observations.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
}

/// A value.
#[derive(Clone, Debug)]
pub enum Datum {
    /// An integer.
    Int(i64),
    /// A float.
    Float(f64),
    /// A text.
    Text(Box<[u8]>),
    /// A histogram.
    Buckets(Box<Buckets>),
}

/// A value with its labels.
#[derive(Clone, Debug)]
pub struct Series {
    /// The labels, encoded; see [`Labels`].
    pub(super) key: Box<[u8]>,
    /// The value.
    pub datum: Datum,
    /// When it was set, in nanoseconds since 1970; 0 for a counter nobody touched.
    pub time_ns: i64,
    /// How old it may become, in nanoseconds; 0 for as old as it wants.
    pub expiry_ns: i64,
}

impl Series {
    /// The labels in the order of the metric's keys.
    #[must_use]
    pub fn labels(&self) -> Labels<'_> {
        Labels { rest: &self.key }
    }
}

/// Label values. They are kept one behind the other, each behind its length in four bytes, so that a
/// look-up compares bytes with bytes.
#[derive(Clone, Debug)]
pub struct Labels<'a> {
    rest: &'a [u8],
}

impl Labels<'_> {
    /// Appends a label to an encoded list.
    pub fn push(key: &mut Vec<u8>, label: &[u8]) {
        // A label comes from a line, whose length is limited far below this.
        let length = u32::try_from(label.len()).unwrap_or(u32::MAX);
        key.extend_from_slice(&length.to_le_bytes());
        key.extend_from_slice(&label[..length as usize]);
    }
}

impl Labels<'_> {
    /// As [`Labels::push`], for a part of a text.
    pub(crate) fn push_part(key: &mut Vec<u8>, text: &[u8], part: std::ops::Range<usize>) {
        let length = part.len();
        // What comes behind a short label is copied with it, because copying as many bytes as a
        // label happens to have is a call.
        let behind = text.get(part.start..).and_then(<[u8]>::first_chunk::<LABEL_BYTES_SHORT>);
        match behind {
            Some(behind) if length <= LABEL_BYTES_SHORT => {
                key.extend_from_slice(&[length.to_le_bytes()[0], 0, 0, 0]);
                key.extend_from_slice(behind);
                key.truncate(key.len() - (LABEL_BYTES_SHORT - length));
            }
            _ => Labels::push(key, text.get(part).unwrap_or(&[])),
        }
    }
}

/// Whether two texts are the same. The C library's comparison is slower for short ones, as labels
/// and times are, and slowest for empty ones.
#[inline]
pub(crate) fn is_same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let ((words, rest), (other_words, other_rest)) = (one.as_chunks::<8>(), other.as_chunks::<8>());
    let is_same_word = |(word, other): (&[u8; 8], &[u8; 8])| {
        u64::from_le_bytes(*word) == u64::from_le_bytes(*other)
    };
    if !words.iter().zip(other_words).all(is_same_word) {
        return false;
    }
    match (one.last_chunk::<8>(), other.last_chunk::<8>()) {
        (Some(last), Some(other_last)) => is_same_word((last, other_last)),
        _ => rest.iter().zip(other_rest).all(|(byte, other)| byte == other),
    }
}

impl<'a> Iterator for Labels<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.rest.split_first_chunk()?;
        let (label, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        self.rest = rest;
        Some(label)
    }
}

#[cfg(test)]
mod tests {
    use super::{Labels, is_same};

    #[test]
    fn texts_are_the_same_where_every_byte_is() {
        let text: Vec<u8> = (0..40).collect();
        for length in 0..40 {
            let text = &text[..length];
            assert!(is_same(text, text.to_vec().as_slice()));
            assert!(!is_same(text, &[text, b"x"].concat()));
            for place in 0..length {
                let mut other = text.to_vec();
                other[place] ^= 0x80;
                assert!(!is_same(text, &other), "{place} of {length}");
            }
        }
    }

    #[test]
    fn a_part_of_a_text_is_a_label_like_any_other() {
        let text = b"0123456789abcdefghijklmnopqrstuvwxyz";
        for start in 0..=text.len() {
            for end in start..=text.len() {
                let (mut one, mut other) = (b"before".to_vec(), b"before".to_vec());
                Labels::push(&mut one, &text[start..end]);
                Labels::push_part(&mut other, text, start..end);
                assert_eq!(one, other);
            }
        }
    }
}
