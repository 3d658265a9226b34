//! Go's `encoding/json`: the texts and numbers that it writes.

use std::fmt::Write as _;

/// Appends a string with the escapes of Go, which keep HTML safe.
pub(crate) fn string(out: &mut String, text: &[u8]) {
    out.push('"');
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            // Writing to a string cannot fail.
            let _ = match c {
                '"' => write!(out, "\\\""),
                '\\' => write!(out, "\\\\"),
                '\n' => write!(out, "\\n"),
                '\r' => write!(out, "\\r"),
                '\t' => write!(out, "\\t"),
                '\x08' => write!(out, "\\b"),
                '\x0c' => write!(out, "\\f"),
                '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..'\x20' => {
                    write!(out, "\\u{:04x}", u32::from(c))
                }
                c => write!(out, "{c}"),
            };
        }
        for _ in chunk.invalid() {
            out.push_str("\\ufffd");
        }
    }
    out.push('"');
}

/// Appends a number; `None` for those that JSON has not.
pub(crate) fn float(out: &mut String, value: f64) -> Option<()> {
    if !value.is_finite() {
        return None;
    }
    let magnitude = value.abs();
    if magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude) {
        let text = format!("{value:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let sign = if exponent.starts_with('-') { "" } else { "+" };
        let _ = write!(out, "{digits}e{sign}{exponent}");
    } else {
        let _ = write!(out, "{value}");
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_numbers_are_those_of_go() {
        let mut out = String::new();
        string(&mut out, b"<a>\"\n\x01\xff\xe2\x82");
        assert_eq!(out, r#""\u003ca\u003e\"\n\u0001\ufffd\ufffd\ufffd""#);
        for (value, expected) in [(1.5, "1.5"), (1e21, "1e+21"), (1e-7, "1e-7"), (-0.0, "-0")] {
            let mut out = String::new();
            float(&mut out, value).unwrap();
            assert_eq!(out, expected);
        }
        assert!(float(&mut String::new(), f64::NAN).is_none());
    }
}
