//! An immutable, sorted set of labels in one shared allocation.
//!
//! The set is one `str`: for every label the length of the name, the name, the length of the
//! value, the value. Lengths are written in groups of six bits, each group one ASCII byte, so that
//! the whole is valid UTF-8 and no slice of it needs checking twice. Two sets are equal when their
//! bytes are.

use std::cell::Cell;
use std::cmp::Ordering;
use std::convert::Infallible;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// The label that holds the metric's name.
pub const METRIC_NAME: &str = "__name__";

/// A buffer that has become larger than this is given back.
const BUFFER_BYTES_KEPT: usize = 1 << 16;

const GROUP_BITS: u32 = 6;
const GROUP_MORE: u8 = 1 << GROUP_BITS;

/// A sorted label set; cloning shares it. The empty set takes no memory, and nothing is counted of
/// its clones.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Labels(Option<Arc<str>>);

impl Labels {
    /// The set without labels.
    #[must_use]
    pub const fn empty() -> Labels {
        Labels(None)
    }

    /// The set of this form; none where that is not UTF-8. Lengths are ASCII, so no character reaches
    /// from one part into the next.
    fn of_form(form: &[u8]) -> Option<Labels> {
        let text = std::str::from_utf8(form).ok()?;
        Some(Labels((!text.is_empty()).then(|| Arc::from(text))))
    }

    fn text(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }

    /// A set from pairs in any order. Empty values are left out; of equal names the last wins.
    pub fn from_pairs<N: AsRef<str>, V: AsRef<str>>(
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Labels {
        let mut builder = LabelsBuilder::default();
        for (name, value) in pairs {
            builder.set(name.as_ref(), value.as_ref());
        }
        builder.build()
    }

    /// A set from pairs that are already sorted by name, without duplicates or empty values.
    pub fn from_sorted<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Labels {
        with_buffer(|form| {
            let pairs = pairs.into_iter().map(Ok::<_, Infallible>);
            let Ok(labels) = Labels::try_from_sorted(form, pairs);
            labels
        })
    }

    /// As [`Labels::from_sorted`], for readers of many sets: `buffer` is emptied and kept for the
    /// next one, so that a set costs one allocation. An error of the source ends it.
    pub fn try_from_sorted<'a, E>(
        buffer: &mut Vec<u8>,
        pairs: impl IntoIterator<Item = Result<(&'a str, &'a str), E>>,
    ) -> Result<Labels, E> {
        let bytes = |(name, value): (&'a str, &'a str)| (name.as_bytes(), value.as_bytes());
        let pairs = pairs.into_iter().map(|pair| pair.map(bytes));
        // What is put together of texts is one.
        Ok(Labels::try_from_sorted_bytes(buffer, pairs)?.unwrap_or_default())
    }

    /// As [`Labels::try_from_sorted`], for bytes that nobody looked at: none where they are not
    /// UTF-8. Whether they are is asked once for the whole set.
    pub fn try_from_sorted_bytes<'a, E>(
        buffer: &mut Vec<u8>,
        pairs: impl IntoIterator<Item = Result<(&'a [u8], &'a [u8]), E>>,
    ) -> Result<Option<Labels>, E> {
        buffer.clear();
        for pair in pairs {
            write_pair(buffer, pair?);
        }
        Ok(Labels::of_form(buffer))
    }

    /// Names and values in order of the names.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        Iter { rest: self.text() }
    }

    /// The value of a label, where it is set.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(n, _)| *n == name).map(|(_, value)| value)
    }

    /// The value of a label, empty where it is not set: what matchers compare with.
    #[must_use]
    pub fn value(&self, name: &str) -> &str {
        self.get(name).unwrap_or("")
    }

    /// The metric's name, empty where there is none.
    #[must_use]
    pub fn metric_name(&self) -> &str {
        self.value(METRIC_NAME)
    }

    /// How many labels there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether there are no labels.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// A 64-bit hash of the whole set, the same in every process.
    #[must_use]
    pub fn hash64(&self) -> u64 {
        hash_form(self.form())
    }

    /// [`Labels::hash64`] of the set that these pairs would make, as long as they are sorted by name,
    /// without duplicates or empty values; `buffer` is emptied and kept for the next one.
    #[must_use]
    pub fn hash64_of_sorted<'a>(
        buffer: &mut Vec<u8>,
        pairs: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
    ) -> u64 {
        buffer.clear();
        for pair in pairs {
            write_pair(buffer, pair);
        }
        hash_form(buffer)
    }

    /// Where the set lies in memory: clones of one set have the same place, and while one of them
    /// is kept no other set has it.
    #[must_use]
    pub fn place(&self) -> usize {
        self.text().as_ptr().addr()
    }

    /// Bytes the set takes on the heap, for memory budgets.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.0.as_ref().map_or(0, |text| text.len() + 2 * size_of::<usize>())
    }

    /// The set without its metric name.
    #[must_use]
    pub fn without_name(&self) -> Labels {
        self.filter(|name| name != METRIC_NAME)
    }

    /// Only the labels `keep` accepts; where that is all of them, the same set.
    #[must_use]
    pub fn filter(&self, keep: impl FnMut(&str) -> bool) -> Labels {
        with_buffer(|form| {
            form.clear();
            self.write_form(keep, form);
            if form.len() == self.text().len() {
                return self.clone();
            }
            // Parts of a set are one.
            Labels::of_form(form).unwrap_or_default()
        })
    }

    /// Appends the form of the labels that `keep` accepts: two sets of labels are equal when their
    /// forms are.
    pub fn write_form(&self, mut keep: impl FnMut(&str) -> bool, form: &mut Vec<u8>) {
        let mut rest = self.text();
        while !rest.is_empty() {
            let whole = rest;
            let name = read_part(&mut rest);
            skip_part(&mut rest);
            if keep(name) {
                form.extend_from_slice(&whole.as_bytes()[..whole.len() - rest.len()]);
            }
        }
    }

    /// The form of the whole set.
    #[must_use]
    pub fn form(&self) -> &[u8] {
        self.text().as_bytes()
    }

    /// A builder that starts from this set.
    #[must_use]
    pub fn to_builder(&self) -> LabelsBuilder {
        let text = self.text();
        let mut builder = LabelsBuilder { text: text.to_owned(), pairs: Vec::new() };
        let at = |part: &str| {
            let start = part.as_ptr().addr() - text.as_ptr().addr();
            Span { start: start as u32, end: (start + part.len()) as u32 }
        };
        builder.pairs.extend(self.iter().map(|(name, value)| (at(name), at(value))));
        builder
    }
}

impl Hash for Labels {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text().hash(state);
    }
}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Labels) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// By name, then value, label by label; the shorter of two sets that agree comes first.
impl Ord for Labels {
    fn cmp(&self, other: &Labels) -> Ordering {
        self.iter().cmp(other.iter())
    }
}

/// As Prometheus prints a label set in logs and dumps: `{a="1", b="2"}`.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (i, (name, value)) in self.iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            if crate::is_legacy_label_name(name) {
                f.write_str(name)?;
            } else {
                write_quoted(f, name)?;
            }
            f.write_str("=")?;
            write_quoted(f, value)?;
        }
        f.write_str("}")
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<'a> IntoIterator for &'a Labels {
    type Item = (&'a str, &'a str);
    type IntoIter = Iter<'a>;
    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// Iterates over names and values of a [`Labels`].
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<(&'a str, &'a str)> {
        if self.rest.is_empty() {
            return None;
        }
        let name = read_part(&mut self.rest);
        let value = read_part(&mut self.rest);
        Some((name, value))
    }
}

/// Lends a buffer in which sets are put together, so that one costs one allocation.
fn with_buffer<T>(work: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    thread_local! {
        static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    }
    let mut buffer = BUFFER.take();
    let made = work(&mut buffer);
    if buffer.capacity() <= BUFFER_BYTES_KEPT {
        BUFFER.set(buffer);
    }
    made
}

fn hash_form(form: &[u8]) -> u64 {
    twox_hash::XxHash64::oneshot(0, form)
}

fn write_pair(form: &mut Vec<u8>, (name, value): (&[u8], &[u8])) {
    write_part(form, name);
    write_part(form, value);
}

#[inline]
fn write_part(text: &mut Vec<u8>, part: &[u8]) {
    let mut length = part.len();
    while length >= usize::from(GROUP_MORE) {
        text.push((length as u8 & (GROUP_MORE - 1)) | GROUP_MORE);
        length >>= GROUP_BITS;
    }
    text.push(length as u8);
    text.extend_from_slice(part);
}

#[inline]
fn read_part<'a>(rest: &mut &'a str) -> &'a str {
    let (at, length) = first_length(rest.as_bytes());
    let (part, behind) = rest[at..].split_at(length);
    *rest = behind;
    part
}

#[inline]
fn skip_part(rest: &mut &str) {
    let (at, length) = first_length(rest.as_bytes());
    *rest = &rest[at + length..];
}

/// Where the first part begins, behind its length, and that.
#[inline]
fn first_length(bytes: &[u8]) -> (usize, usize) {
    let (mut length, mut at, mut shift) = (0_usize, 0, 0);
    loop {
        let byte = bytes[at];
        at += 1;
        length |= usize::from(byte & (GROUP_MORE - 1)) << shift;
        if byte & GROUP_MORE == 0 {
            return (at, length);
        }
        shift += GROUP_BITS;
    }
}

/// Writes `text` as a double-quoted Go string: `\n`, `\t`, `\"`, `\\` and control characters are
/// escaped, other UTF-8 stands as it is.
pub(crate) fn write_quoted(f: &mut impl fmt::Write, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\t' => f.write_str("\\t")?,
            '\r' => f.write_str("\\r")?,
            '\x07' => f.write_str("\\a")?,
            '\x08' => f.write_str("\\b")?,
            '\x0b' => f.write_str("\\v")?,
            '\x0c' => f.write_str("\\f")?,
            c if (c as u32) < 0x20 || c as u32 == 0x7f => write!(f, "\\x{:02x}", c as u32)?,
            c => f.write_char(c)?,
        }
    }
    f.write_char('"')
}

/// Collects labels in any order and makes a [`Labels`] of them.
#[derive(Clone, Debug, Default)]
pub struct LabelsBuilder {
    /// Names and values, one behind the other; also some that are not set any more.
    text: String,
    /// Sorted by name, no duplicates, no empty values.
    pairs: Vec<(Span, Span)>,
}

/// A piece of a builder's text.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: u32,
    end: u32,
}

impl Span {
    fn of(self, text: &str) -> &str {
        &text[self.start as usize..self.end as usize]
    }
}

impl LabelsBuilder {
    /// Sets a label; an empty value removes it.
    pub fn set(&mut self, name: &str, value: &str) -> &mut LabelsBuilder {
        match self.find(name) {
            Ok(at) if value.is_empty() => {
                self.pairs.remove(at);
            }
            Ok(at) => self.pairs[at].1 = self.push(value),
            Err(_) if value.is_empty() => {}
            Err(at) => {
                let pair = (self.push(name), self.push(value));
                self.pairs.insert(at, pair);
            }
        }
        self
    }

    /// Removes a label, where it is set.
    pub fn remove(&mut self, name: &str) -> &mut LabelsBuilder {
        self.set(name, "")
    }

    /// Keeps the labels that `keep` accepts, by name and value.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &str) -> bool) {
        self.pairs.retain(|(name, value)| keep(name.of(&self.text), value.of(&self.text)));
    }

    /// The value of a label, empty where it is not set.
    #[must_use]
    pub fn value(&self, name: &str) -> &str {
        self.find(name).map_or("", |at| self.pairs[at].1.of(&self.text))
    }

    /// Names and values in order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(name, value)| (name.of(&self.text), value.of(&self.text)))
    }

    /// Forgets all labels but keeps the memory.
    pub fn clear(&mut self) {
        self.pairs.clear();
        self.text.clear();
    }

    /// The finished set.
    #[must_use]
    pub fn build(&self) -> Labels {
        Labels::from_sorted(self.iter())
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        self.pairs.binary_search_by(|(n, _)| n.of(&self.text).cmp(name))
    }

    /// Writes a text behind the others. Texts of more than 4 GiB are nobody's labels: what stands
    /// behind that is cut off.
    fn push(&mut self, part: &str) -> Span {
        let start = self.text.len() as u32;
        let room = (u32::MAX - start) as usize;
        self.text.push_str(&part[..part.floor_char_boundary(room)]);
        Span { start, end: self.text.len() as u32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_gives_back_its_labels_sorted_and_without_empty_values() {
        let long = "v".repeat(5000);
        let labels = Labels::from_pairs([("b", "2"), ("a", ""), ("__name__", "up"), ("c", &long)]);
        let pairs: Vec<_> = labels.iter().collect();
        assert_eq!(pairs, [("__name__", "up"), ("b", "2"), ("c", long.as_str())]);
        assert_eq!(labels.metric_name(), "up");
        assert_eq!(labels.without_name().len(), 2);
        assert_eq!(
            labels.to_builder().remove("c").build().to_string(),
            r#"{__name__="up", b="2"}"#
        );
    }

    #[test]
    fn a_filter_keeps_what_it_accepts_wherever_that_stands() {
        let names = ["__name__", "a", "b", "c", "d"];
        let set = |kept: u32| {
            let kept = names.iter().enumerate().filter(|(at, _)| kept & (1 << at) != 0);
            Labels::from_pairs(kept.map(|(_, name)| (*name, name.repeat(9))))
        };
        let whole = set(31);
        for kept in 0..32 {
            let wanted = set(kept);
            let filtered = whole.filter(|name| wanted.get(name).is_some());
            assert_eq!(filtered, wanted);
            let mut form = Vec::new();
            whole.write_form(|name| wanted.get(name).is_some(), &mut form);
            assert_eq!(form, wanted.form());
        }
        assert_eq!(whole.filter(|_| true).place(), whole.place(), "nothing is copied");
        assert_eq!(whole.without_name(), set(30));
    }

    #[test]
    fn bytes_that_are_no_text_make_no_set() {
        let make = |name: &[u8], value: &[u8]| {
            let pairs = [Ok::<_, Infallible>((name, value))];
            let Ok(labels) = Labels::try_from_sorted_bytes(&mut Vec::new(), pairs);
            labels
        };
        assert_eq!(make(b"a", "\u{e9}".as_bytes()).unwrap().value("a"), "\u{e9}");
        // Halves of a character, which stand in two parts.
        assert_eq!(make(b"a\xc3", b"\xa9"), None);
        assert_eq!(make(b"a", b"\xc3"), None);
    }

    #[test]
    fn sets_order_by_name_then_value_and_shorter_first() {
        let set = |pairs: &[(&str, &str)]| Labels::from_pairs(pairs.iter().copied());
        let mut sets = [
            set(&[("b", "1")]),
            set(&[("a", "2")]),
            set(&[("a", "1"), ("b", "1")]),
            set(&[("a", "1")]),
            Labels::empty(),
        ];
        sets.sort();
        let text: Vec<_> = sets.iter().map(ToString::to_string).collect();
        let wanted = ["{}", r#"{a="1"}"#, r#"{a="1", b="1"}"#, r#"{a="2"}"#, r#"{b="1"}"#];
        assert_eq!(text, wanted);
    }
}
