//! One value with its labels.

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

impl<'a> Iterator for Labels<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.rest.split_first_chunk()?;
        let (label, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        self.rest = rest;
        Some(label)
    }
}
