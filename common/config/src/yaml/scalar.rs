//! What an unquoted scalar means in Go's `yaml.v2` (YAML 1.1 with a few exceptions).

/// Whether a plain scalar stands for nothing.
pub(super) fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// A bool in any spelling of YAML 1.1.
pub(super) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Some(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Some(false)
        }
        _ => None,
    }
}

/// An integer: decimal, `0x`, `0o` or a leading zero for octal, `0b`; `_` between digits.
pub(super) fn parse_int(text: &str) -> Option<i128> {
    let clean = text.replace('_', "");
    let (negative, digits) = match clean.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, clean.strip_prefix('+').unwrap_or(&clean)),
    };
    let (radix, digits) = match digits.get(..2) {
        Some("0x" | "0X") => (16, &digits[2..]),
        Some("0b" | "0B") => (2, &digits[2..]),
        Some("0o" | "0O") => (8, &digits[2..]),
        Some(two) if two.starts_with('0') => (8, &digits[1..]),
        _ => (10, digits),
    };
    if !digits.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    let value = i128::from_str_radix(digits, radix).ok()?;
    let value = if negative { -value } else { value };
    let fits = (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&value);
    fits.then_some(value)
}

/// A number of any kind.
pub(super) fn parse_float(text: &str) -> Option<f64> {
    match text {
        ".nan" | ".NaN" | ".NAN" => return Some(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Some(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Some(f64::NEG_INFINITY),
        _ => {}
    }
    if let Some(int) = parse_int(text) {
        return Some(int as f64);
    }
    let numeric = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e' | 'E' | '_');
    if !text.chars().all(numeric) || !text.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    text.replace('_', "").parse().ok()
}

/// The tag Go's decoder names in errors.
pub(super) fn tag_of(text: &str) -> &'static str {
    if parse_bool(text).is_some() {
        "!!bool"
    } else if parse_int(text).is_some() {
        "!!int"
    } else if parse_float(text).is_some() {
        "!!float"
    } else {
        "!!str"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_mean_what_they_mean_to_go() {
        let check = |text: &str, tag: &str, number: Option<f64>| {
            assert_eq!((tag_of(text), parse_float(text)), (tag, number), "{text}");
        };
        check("1_000", "!!int", Some(1000.0));
        check("0755", "!!int", Some(493.0));
        check("0", "!!int", Some(0.0));
        check("-0x10", "!!int", Some(-16.0));
        check("18446744073709551615", "!!int", Some(18_446_744_073_709_551_615.0));
        check("18446744073709551616", "!!float", Some(18_446_744_073_709_551_616.0));
        check("1.50", "!!float", Some(1.5));
        check("1e3", "!!float", Some(1000.0));
        check("-.inf", "!!float", Some(f64::NEG_INFINITY));
        check("089", "!!float", Some(89.0));
        check("on", "!!bool", None);
        check("1m", "!!str", None);
        check("--1", "!!str", None);
        check("é1", "!!str", None);
        check("e", "!!str", None);
        check("0x", "!!str", None);
    }
}
