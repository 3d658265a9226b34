//! What operators do with values.

use std::cmp::Ordering;

use super::code::Arithmetic;
use super::error::{NotANumber, RuntimeError};
use crate::go;

/// A value with the bytes of its text.
#[derive(Clone, Copy, Debug)]
pub(super) enum Plain<'a> {
    Int(i64),
    Float(f64),
    Text(&'a [u8]),
    Other(&'static str),
}

impl Plain<'_> {
    fn name(self) -> &'static str {
        match self {
            Plain::Int(_) => "int",
            Plain::Float(_) => "float64",
            Plain::Text(_) => "string",
            Plain::Other(name) => name,
        }
    }
}

/// Whether two values whose types are not known compare as `order`.
#[expect(clippy::cast_precision_loss, reason = "as in the language")]
pub(super) fn compare(
    order: Ordering,
    left: Plain<'_>,
    right: Plain<'_>,
) -> Result<bool, RuntimeError> {
    let floats = |a: f64, b: f64| Ok(a.partial_cmp(&b) == Some(order));
    let refused = || Err(RuntimeError::Compare(left.name(), right.name()));
    match (left, right) {
        (Plain::Float(a), Plain::Float(b)) => floats(a, b),
        (Plain::Float(a), Plain::Int(b)) => floats(a, b as f64),
        (Plain::Int(a), Plain::Float(b)) => floats(a as f64, b),
        (Plain::Int(a), Plain::Int(b)) => Ok(a.cmp(&b) == order),
        (Plain::Float(_) | Plain::Int(_), Plain::Text(text)) => {
            // mtail forgets the integer, and takes zero for it.
            let a = if let Plain::Float(a) = left { a } else { 0.0 };
            match go::parse_float(text) {
                Ok(b) => floats(a, b),
                Err(_) => refused(),
            }
        }
        (Plain::Text(text), _) => match go::parse_float(text) {
            Ok(a) => compare(order, Plain::Float(a), right),
            Err(_) => match right {
                Plain::Text(other) => Ok(compare_texts(text, other) == order),
                _ => refused(),
            },
        },
        _ => refused(),
    }
}

/// Byte by byte.
pub(super) fn compare_texts(left: &[u8], right: &[u8]) -> Ordering {
    // Comparing nothing costs a hundred cycles where the C library does it with masks.
    if left.is_empty() || right.is_empty() {
        return left.len().cmp(&right.len());
    }
    left.cmp(right)
}

pub(super) fn floats(operator: Arithmetic, a: f64, b: f64) -> f64 {
    match operator {
        Arithmetic::Subtract => a - b,
        Arithmetic::Multiply => a * b,
        Arithmetic::Divide => a / b,
        Arithmetic::Modulo => go::mod_float(a, b),
        Arithmetic::Power => go::pow_float(a, b),
        // The others are made for integers only.
        _ => a + b,
    }
}

pub(super) fn ints(operator: Arithmetic, a: i64, b: i64) -> Result<i64, RuntimeError> {
    let shift = || u32::try_from(b).ok().filter(|&b| b < i32::MAX.unsigned_abs());
    Ok(match operator {
        Arithmetic::Add => a.wrapping_add(b),
        Arithmetic::Subtract => a.wrapping_sub(b),
        Arithmetic::Multiply => a.wrapping_mul(b),
        Arithmetic::Divide | Arithmetic::Modulo if b == 0 => {
            return Err(RuntimeError::DivideByZero(a));
        }
        Arithmetic::Divide => a.wrapping_div(b),
        Arithmetic::Modulo => a.wrapping_rem(b),
        #[expect(clippy::cast_precision_loss, reason = "as in the language")]
        Arithmetic::Power => go::to_int64(go::pow_float(a as f64, b as f64)),
        Arithmetic::ShiftLeft => a.checked_shl(shift().ok_or(RuntimeError::Shift)?).unwrap_or(0),
        Arithmetic::ShiftRight => {
            let sign = if a < 0 { -1 } else { 0 };
            a.checked_shr(shift().ok_or(RuntimeError::Shift)?).unwrap_or(sign)
        }
        Arithmetic::And => a & b,
        Arithmetic::Or => a | b,
        Arithmetic::Xor => a ^ b,
    })
}

pub(super) fn parse_int(text: &[u8], base: i64) -> Result<i64, RuntimeError> {
    let error = |error| RuntimeError::Number(NotANumber::new(error, "ParseInt", text));
    go::parse_int(text, base).map_err(error)
}

pub(super) fn parse_float(text: &[u8]) -> Result<f64, RuntimeError> {
    let error = |error| RuntimeError::Number(NotANumber::new(error, "ParseFloat", text));
    go::parse_float(text).map_err(error)
}

/// Whether a text is an integer as Go prints it, so that it need not be parsed to be printed.
pub(super) fn is_as_printed(text: &[u8]) -> bool {
    match text.strip_prefix(b"-").unwrap_or(text) {
        [b'0'] => text.len() == 1,
        // No integer of so few digits is too large.
        [b'1'..=b'9', rest @ ..] => rest.len() < 18 && rest.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

/// `strings.ToLower`: characters one by one, what is no UTF-8 becomes U+FFFD.
pub(super) fn lower(text: &[u8]) -> Vec<u8> {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut out = String::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        out.extend(chunk.valid().chars().map(go::lower));
        out.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    out.into_bytes()
}

/// `strings.ReplaceAll`; nothing is found before every character and at the end.
pub(super) fn replace(text: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    if old.is_empty() {
        for chunk in text.utf8_chunks() {
            for c in chunk.valid().chars() {
                out.extend_from_slice(new);
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
            for &byte in chunk.invalid() {
                out.extend_from_slice(new);
                out.push(byte);
            }
        }
        out.extend_from_slice(new);
        return out;
    }
    let mut copied = 0;
    for at in memchr::memmem::find_iter(text, old) {
        out.extend_from_slice(&text[copied..at]);
        out.extend_from_slice(new);
        copied = at + old.len();
    }
    out.extend_from_slice(&text[copied..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_replaced_and_lowered_as_in_go() {
        assert_eq!(replace(b"aXbX", b"X", b"--"), b"a--b--");
        assert_eq!(replace("é1".as_bytes(), b"", b"-"), "-é-1-".as_bytes());
        assert_eq!(lower("İA\u{3a3}".as_bytes()), "iaσ".as_bytes());
        assert_eq!(lower(b"\xffA"), "\u{fffd}a".as_bytes());
    }

    #[test]
    fn values_of_unknown_type_are_compared_as_numbers_where_they_are_some() {
        fn check(left: Plain<'_>, order: Ordering, right: Plain<'_>, expected: Option<bool>) {
            assert_eq!(compare(order, left, right).ok(), expected, "{left:?} {right:?}");
        }
        let text = |text: &'static str| Plain::Text(text.as_bytes());
        check(text("10"), Ordering::Greater, text("9"), Some(true));
        check(text("b"), Ordering::Greater, text("a"), Some(true));
        check(text("b"), Ordering::Equal, Plain::Int(1), None);
        check(Plain::Int(5), Ordering::Equal, text("0"), Some(true));
        check(Plain::Float(1.0), Ordering::Equal, Plain::Int(1), Some(true));
    }

    #[test]
    fn integers_as_they_are_printed_are_known() {
        for text in ["0", "7", "-1", "200", "123456789012345678", "-999999999999999999"] {
            assert!(is_as_printed(text.as_bytes()), "{text}");
            assert_eq!(parse_int(text.as_bytes(), 10).unwrap().to_string(), text);
        }
        for text in ["", "-", "-0", "007", "+1", "1.5", "1_0", "9223372036854775808", "1a"] {
            assert!(!is_as_printed(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn shifts_that_leave_nothing_leave_the_sign() {
        assert_eq!(ints(Arithmetic::ShiftLeft, 1, 64), Ok(0));
        assert_eq!(ints(Arithmetic::ShiftRight, -1, 64), Ok(-1));
        assert_eq!(ints(Arithmetic::ShiftLeft, 1, -1), Err(RuntimeError::Shift));
    }
}
