//! Numbers as text, appended to bytes: a result may have a million of them.

use common_model::{format_float, format_float_fixed};

/// Whole numbers below this are exact in a float.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

const PAIRS: &[u8; 200] = b"00010203040506070809\
    10111213141516171819\
    20212223242526272829\
    30313233343536373839\
    40414243444546474849\
    50515253545556575859\
    60616263646566676869\
    70717273747576777879\
    80818283848586878889\
    90919293949596979899";

/// Appends a whole number.
pub(crate) fn push_whole(bytes: &mut Vec<u8>, mut number: u64) {
    // As many digits as the largest number has, filled from the end.
    let mut digits = [0; 20];
    let mut at = digits.len();
    while number >= 100 {
        let pair = (number % 100) as usize * 2;
        number /= 100;
        at -= 2;
        digits[at..at + 2].copy_from_slice(&PAIRS[pair..pair + 2]);
    }
    let pair = number as usize * 2;
    at -= 2;
    digits[at..at + 2].copy_from_slice(&PAIRS[pair..pair + 2]);
    let zero = usize::from(number < 10);
    bytes.extend_from_slice(&digits[at + zero..]);
}

/// Appends a float as Go's `strconv.FormatFloat(value, 'f', -1, 64)` has it, but with an exponent
/// where it is below 1e-6 or from 1e21 on.
pub(crate) fn push_value(bytes: &mut Vec<u8>, value: f64) {
    let size = value.abs();
    #[expect(clippy::float_cmp, reason = "a whole number is equal in every bit")]
    let is_whole = size < WHOLE_MAX && size.trunc() == size;
    if is_whole {
        if value.is_sign_negative() {
            bytes.push(b'-');
        }
        push_whole(bytes, size as u64);
        return;
    }
    if !size.is_finite() {
        bytes.extend_from_slice(format_float(value).as_bytes());
        return;
    }
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(value).as_bytes();
    let is_plain = (1e-6..1e21).contains(&size);
    if is_plain && !text.contains(&b'e') {
        bytes.extend_from_slice(text.strip_suffix(b".0").unwrap_or(text));
    } else if is_plain {
        bytes.extend_from_slice(format_float_fixed(value).as_bytes());
    } else {
        bytes.extend_from_slice(format_float(value).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: f64) -> String {
        let mut bytes = Vec::new();
        push_value(&mut bytes, value);
        String::from_utf8(bytes).unwrap()
    }

    fn check(value: f64) {
        let size = value.abs();
        let is_plain = size == 0.0 || (1e-6..1e21).contains(&size);
        let slow = if is_plain { format_float_fixed(value) } else { format_float(value) };
        assert_eq!(written(value), slow);
    }

    #[test]
    fn floats_are_written_as_the_slow_way_writes_them() {
        // Always the same floats: the seed stands here.
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..200_000 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            check(f64::from_bits(state));
            check((state >> 11) as f64);
            check((state >> 40) as f64 / 100.0);
            check((state >> 11) as f64 * 1e-16);
            check((state >> 11) as f64 * 1e3);
        }
        for value in [0.0, -0.0, 1e-6, 9.99e-7, 1e-5, 1e15, 1e16, 1e20, 1e21, 5e-324, f64::MAX] {
            check(value);
            check(-value);
        }
        for value in [WHOLE_MAX - 1.0, WHOLE_MAX, WHOLE_MAX + 2.0, f64::NAN, f64::INFINITY] {
            check(value);
            check(-value);
        }
    }

    #[test]
    fn whole_numbers_are_written_with_all_digits() {
        for number in [0, 9, 10, 99, 100, 101, 1_435_781_430, u64::MAX] {
            let mut bytes = Vec::new();
            push_whole(&mut bytes, number);
            assert_eq!(String::from_utf8(bytes).unwrap(), number.to_string());
        }
    }
}
