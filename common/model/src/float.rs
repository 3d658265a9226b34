//! Floats as Go prints and reads them: what stands on the wire, in JSON and in labels.

/// `strconv.FormatFloat(v, 'g', -1, 64)`: the shortest digits that read back, as `1e+06` when the
/// decimal exponent is below −4 or at least 6. The form of the exposition formats and of `%v`.
#[must_use]
pub fn format_float(value: f64) -> String {
    let mut text = String::new();
    push_float(&mut text, value);
    text
}

/// [`format_float`], appended to `text`.
pub fn push_float(text: &mut String, value: f64) {
    if let Some(special) = special(value) {
        text.push_str(special);
        return;
    }
    let magnitude = value.abs();
    // Plain form covers what nearly every sample is: zero, and magnitudes from 1e-4 up to 1e6.
    if magnitude == 0.0 || (1e-4..1e6).contains(&magnitude) {
        push_plain(text, value);
        return;
    }
    let mut buffer = zmij::Buffer::new();
    let Digits { negative, digits, exponent } = Digits::of(buffer.format_finite(value));
    if negative {
        text.push('-');
    }
    text.push_str(&digits[..1]);
    if digits.len() > 1 {
        text.push('.');
        text.push_str(&digits[1..]);
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    text.push_str(&format!("e{sign}{:02}", exponent.unsigned_abs()));
}

/// `strconv.FormatFloat(v, 'f', -1, 64)`: the shortest digits, never an exponent. The form of
/// sample values in the HTTP API.
#[must_use]
pub fn format_float_fixed(value: f64) -> String {
    if let Some(text) = special(value) {
        return text.to_owned();
    }
    let mut text = String::new();
    push_plain(&mut text, value);
    text
}

/// Appends a finite float without an exponent.
fn push_plain(text: &mut String, value: f64) {
    let mut buffer = zmij::Buffer::new();
    let shortest = buffer.format_finite(value);
    if !shortest.contains('e') {
        text.push_str(shortest.strip_suffix(".0").unwrap_or(shortest));
        return;
    }
    let Digits { negative, digits, exponent } = Digits::of(shortest);
    if negative {
        text.push('-');
    }
    // How many digits stand before the point.
    let whole = exponent + 1;
    let zeros = |count: i32| "0".repeat(usize::try_from(count).unwrap_or(0));
    match usize::try_from(whole).ok().and_then(|whole| digits.split_at_checked(whole)) {
        Some((whole, "")) => text.push_str(whole),
        Some(("", part)) => text.push_str(&format!("0.{part}")),
        Some((whole, part)) => text.push_str(&format!("{whole}.{part}")),
        None if whole < 0 => text.push_str(&format!("0.{}{digits}", zeros(-whole))),
        None => {
            text.push_str(&digits);
            let missing = usize::try_from(whole).unwrap_or(0).saturating_sub(digits.len());
            text.push_str(&"0".repeat(missing));
        }
    }
}

/// The shortest digits that read back; of two that are equally near the even ones, as Go has it
/// where the standard library takes the upper ones.
struct Digits {
    negative: bool,
    /// One at least; no zeros around them, unless it is zero.
    digits: String,
    /// Of ten, for the first digit.
    exponent: i32,
}

impl Digits {
    /// From decimal text, with or without an exponent.
    fn of(text: &str) -> Digits {
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (mantissa, exponent) = unsigned.split_once('e').unwrap_or((unsigned, "0"));
        let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = [whole, part].concat();
        let leading = all.len() - all.trim_start_matches('0').len();
        let digits = match all.trim_matches('0') {
            "" => "0",
            digits => digits,
        };
        // Neither is longer than a few hundred, so nothing is lost.
        let count = |len: usize| i32::try_from(len).unwrap_or(0);
        let exponent = exponent.parse().unwrap_or(0) + count(whole.len()) - 1 - count(leading);
        Digits { negative: unsigned.len() < text.len(), digits: digits.to_owned(), exponent }
    }
}

/// `strconv.ParseFloat(text, 64)` for what metrics contain: decimal, exponents, hexadecimal floats
/// and integers with a `p` exponent, `Inf`, `Infinity` and `NaN` in any case, a sign. Underscores
/// are refused, as Go refuses them outside literals; values out of range become infinite.
#[must_use]
pub fn parse_float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let first = *unsigned.as_bytes().first()?;
    if unsigned.len() > 1 && first == b'0' && matches!(unsigned.as_bytes()[1], b'x' | b'X') {
        let value = parse_hex(&unsigned[2..])?;
        return Some(if text.starts_with('-') { -value } else { value });
    }
    match first.to_ascii_lowercase() {
        b'n' if !unsigned.eq_ignore_ascii_case("nan") || unsigned.len() != text.len() => None,
        b'n' => Some(f64::NAN),
        // Rust's own parser takes the words and decimals in exactly Go's spelling.
        b'i' | b'0'..=b'9' | b'.' => text.parse().ok(),
        _ => None,
    }
}

/// `hex digits [. hex digits] p [sign] decimal digits`, the exponent being mandatory.
fn parse_hex(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once(['p', 'P'])?;
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value = 0.0_f64;
    for digit in whole.chars().chain(fraction.chars()) {
        value = value * 16.0 + f64::from(digit.to_digit(16)?);
    }
    let shift = exponent.checked_sub(4 * i32::try_from(fraction.len()).ok()?)?;
    Some(value * 2_f64.powi(shift))
}

fn special(value: f64) -> Option<&'static str> {
    if value.is_nan() {
        Some("NaN")
    } else if value.is_infinite() {
        Some(if value > 0.0 { "+Inf" } else { "-Inf" })
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_print_as_go_prints_them() {
        for (value, general, fixed) in [
            (0.0, "0", "0"),
            (-0.0, "-0", "-0"),
            (1.0, "1", "1"),
            (100_000.0, "100000", "100000"),
            (1e6, "1e+06", "1000000"),
            (1_044_480.0, "1.04448e+06", "1044480"),
            (1e-4, "0.0001", "0.0001"),
            (1e-5, "1e-05", "0.00001"),
            (1.5e-10, "1.5e-10", "0.00000000015"),
            (1e100, "1e+100", &format!("1{}", "0".repeat(100))),
            (-2.5e7, "-2.5e+07", "-25000000"),
            (f64::NAN, "NaN", "NaN"),
            (f64::INFINITY, "+Inf", "+Inf"),
            (f64::NEG_INFINITY, "-Inf", "-Inf"),
        ] {
            assert_eq!(format_float(value), general);
            assert_eq!(format_float_fixed(value), fixed);
        }
    }

    /// The standard library finds the same number of digits, but of two that are equally near it takes
    /// the upper one where Go takes the even one: so the texts are compared by what they mean.
    fn check(value: f64) {
        for (text, slow) in [
            (format_float_fixed(value), value.to_string()),
            (format_float(value).replace("e+0", "e").replace("e+", "e").replace("e-0", "e-"), {
                let is_plain = value == 0.0 || (1e-4..1e6).contains(&value.abs());
                if is_plain { value.to_string() } else { format!("{value:e}") }
            }),
        ] {
            assert_eq!(text.len(), slow.len(), "{text} {slow}");
            if text != slow {
                let read: f64 = text.parse().expect("a float");
                assert_eq!(read.to_bits(), value.to_bits(), "{text} {slow}");
            }
        }
    }

    #[test]
    fn of_two_shortest_texts_the_even_one_is_written() {
        // As Prometheus answers `vector(667082108456853.25)`, and labels with it.
        let between = 2_668_328_433_827_413.0 / 4.0;
        assert_eq!(format_float_fixed(between), "667082108456853.2");
        assert_eq!(format_float(between), "6.670821084568532e+14");
    }

    #[test]
    fn floats_have_as_many_digits_as_the_standard_library_finds() {
        // Always the same floats: the seed stands here.
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..100_000 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let bits = f64::from_bits(state);
            check(if bits.is_finite() { bits } else { 0.5 });
            check((state >> 11) as f64);
            check((state >> 40) as f64 / 100.0);
            check((state >> 11) as f64 * 1e-16);
            check((state >> 11) as f64 * -1e3);
        }
        for value in [0.0, 1e-6, 9.99e-7, 1e-5, 0.1, 10.0, 1e15, 1e16, 1e20, 1e21, 5e-324] {
            check(value);
            check(-value);
        }
        check(f64::MAX);
    }

    #[test]
    fn floats_are_read_as_go_reads_them() {
        for (text, wanted) in [
            ("1", Some(1.0)),
            ("+1.5e3", Some(1500.0)),
            ("-Inf", Some(f64::NEG_INFINITY)),
            ("infinity", Some(f64::INFINITY)),
            ("0x1p4", Some(16.0)),
            ("-0x1.8p1", Some(-3.0)),
            (".5", Some(0.5)),
            ("5.", Some(5.0)),
            ("0x10", None),
            ("1_000", None),
            ("", None),
            ("-", None),
            ("1e", None),
            ("+nan", None),
        ] {
            assert_eq!(parse_float(text), wanted, "{text:?}");
        }
        assert!(parse_float("nAn").is_some_and(f64::is_nan));
    }
}
