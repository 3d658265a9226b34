//! Lines, words and numbers of kernel files, as bytes: nothing here allocates unless it complains.

use std::borrow::Cow;
use std::fmt;

/// Where a text departs from its format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ParseError {
    /// Line, from 1.
    pub(crate) line: usize,
    /// What should have stood there.
    pub(crate) expected: &'static str,
    /// What stood there.
    pub(crate) found: String,
}

impl ParseError {
    /// A complaint about `found` in line `line` (from 1).
    pub(crate) fn new(line: usize, expected: &'static str, found: &[u8]) -> ParseError {
        const FOUND_BYTES_MAX: usize = 80;
        let found = &found[..found.len().min(FOUND_BYTES_MAX)];
        ParseError { line, expected, found: text(found).into_owned() }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: expected {}, found {:?}", self.line, self.expected, self.found)
    }
}

/// Lines with their numbers from 1, without their ends; an empty last line does not count.
pub(crate) fn lines(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let some = !text.is_empty();
    text.split(|&byte| byte == b'\n').enumerate().filter(move |_| some).map(|(i, l)| (i + 1, l))
}

/// The words of a line, between blanks and tabs.
pub(crate) fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

/// Decimal digits only, as Go's `ParseUint(s, 10, 64)`.
pub(crate) fn unsigned(word: &[u8]) -> Option<u64> {
    if word.is_empty() {
        return None;
    }
    word.iter().try_fold(0u64, |sum, &byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        sum.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// A decimal integer with an optional sign.
pub(crate) fn signed(word: &[u8]) -> Option<i64> {
    match word {
        [b'-', digits @ ..] => {
            let size = unsigned(digits)?;
            if size > i64::MIN.unsigned_abs() { None } else { Some((size as i64).wrapping_neg()) }
        }
        [b'+', digits @ ..] => unsigned(digits)?.try_into().ok(),
        digits => unsigned(digits)?.try_into().ok(),
    }
}

/// Hexadecimal digits without a prefix.
pub(crate) fn hex(word: &[u8]) -> Option<u64> {
    if word.is_empty() || word.len() > 16 {
        return None;
    }
    word.iter()
        .try_fold(0u64, |sum, &byte| Some((sum << 4) | u64::from((byte as char).to_digit(16)?)))
}

/// A number as kernel files hold it: nearly always digits, sometimes a sign or a fraction.
pub(crate) fn number(word: &[u8]) -> Option<f64> {
    match unsigned(word) {
        Some(value) => Some(value as f64),
        None => std::str::from_utf8(word).ok()?.parse().ok(),
    }
}

/// Bytes as a label value: what is not UTF-8 becomes U+FFFD, as in the originals.
pub(crate) fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// The CPU numbers of a list such as `0-3,8`; `None` if it is not one.
pub(crate) fn cpu_list(list: &[u8]) -> Option<Vec<u32>> {
    /// No machine has more; keeps `0-4294967295` from filling the memory.
    const CPUS_MAX: u32 = 65_536;
    let mut cpus = Vec::new();
    for part in list.trim_ascii().split(|&byte| byte == b',').filter(|part| !part.is_empty()) {
        let mut ends = part.splitn(2, |&byte| byte == b'-');
        let first = u32::try_from(unsigned(ends.next()?)?).ok()?;
        let last = match ends.next() {
            Some(last) => u32::try_from(unsigned(last)?).ok()?,
            None => first,
        };
        if last >= CPUS_MAX {
            return None;
        }
        cpus.extend(first..=last);
    }
    Some(cpus)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_go_reads_them() {
        fn check(word: &str, expected: (Option<u64>, Option<i64>, Option<u64>, Option<f64>)) {
            let word = word.as_bytes();
            assert_eq!((unsigned(word), signed(word), hex(word), number(word)), expected);
        }
        check("0", (Some(0), Some(0), Some(0), Some(0.0)));
        check("17", (Some(17), Some(17), Some(23), Some(17.0)));
        check("-17", (None, Some(-17), None, Some(-17.0)));
        check("0.5", (None, None, None, Some(0.5)));
        check("ff", (None, None, Some(255), None));
        check("", (None, None, None, None));
        check("18446744073709551615", (Some(u64::MAX), None, None, Some(u64::MAX as f64)));
        check("18446744073709551616", (None, None, None, Some(18446744073709551616.0)));
        check("-9223372036854775808", (None, Some(i64::MIN), None, Some(i64::MIN as f64)));
    }

    #[test]
    fn a_text_without_lines_has_none() {
        fn check(text: &str, expected: &[(usize, &str)]) {
            let found: Vec<_> = lines(text.as_bytes()).collect();
            let expected: Vec<_> = expected.iter().map(|(i, l)| (*i, l.as_bytes())).collect();
            assert_eq!(found, expected);
        }
        check("", &[]);
        check("a", &[(1, "a")]);
        check("a\n\nb\n", &[(1, "a"), (2, ""), (3, "b")]);
    }

    #[test]
    fn cpu_lists_are_ranges_and_numbers() {
        fn check(list: &str, expected: Option<&[u32]>) {
            assert_eq!(cpu_list(list.as_bytes()).as_deref(), expected);
        }
        check("", Some(&[]));
        check("\n", Some(&[]));
        check("1,3-5,9\n", Some(&[1, 3, 4, 5, 9]));
        check("1-", None);
        check("x", None);
        check("0-4294967295", None);
    }
}
