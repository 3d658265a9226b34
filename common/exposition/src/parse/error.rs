//! What is wrong with a text, and where.

use std::fmt::Write;

/// Why an exposition was refused. The message is the one Prometheus gives; line and column say
/// where the offending token starts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// Words of the original.
    pub message: String,
    /// Line, from 1; 0 where the place is not known.
    pub line: usize,
    /// Byte in the line, from 1; 0 where the place is not known.
    pub column: usize,
}

/// Bytes of the input that a message quotes at most.
const QUOTE_BYTES_MAX: usize = 16 << 10;

/// As Go's `%q` writes bytes: a double-quoted string, what is not printable escaped.
pub(crate) fn go_quote(bytes: &[u8]) -> String {
    let bytes = &bytes[..bytes.len().min(QUOTE_BYTES_MAX)];
    let mut text = String::with_capacity(bytes.len() + 2);
    text.push('"');
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            push_quoted(&mut text, c);
        }
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text.push('"');
    text
}

fn push_quoted(text: &mut String, c: char) {
    let code = u32::from(c);
    let _ = match c {
        '"' => text.write_str("\\\""),
        '\\' => text.write_str("\\\\"),
        '\x07' => text.write_str("\\a"),
        '\x08' => text.write_str("\\b"),
        '\x0c' => text.write_str("\\f"),
        '\n' => text.write_str("\\n"),
        '\r' => text.write_str("\\r"),
        '\t' => text.write_str("\\t"),
        '\x0b' => text.write_str("\\v"),
        c if c.is_ascii_control() => write!(text, "\\x{code:02x}"),
        c if c.is_ascii() || is_printable(c) => text.write_char(c),
        _ if code > 0xffff => write!(text, "\\U{code:08x}"),
        _ => write!(text, "\\u{code:04x}"),
    };
}

/// Near enough to Go's `unicode.IsPrint` for messages.
fn is_printable(c: char) -> bool {
    let combining = ('\u{300}'..='\u{36f}').contains(&c);
    combining || !(c.is_whitespace() || c.is_control() || c.escape_debug().len() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_quoted_as_go_quotes_them() {
        for (bytes, wanted) in [
            (&b"a\"b\\\n\t\r\x01\x7f"[..], r#""a\"b\\\n\t\r\x01\x7f""#),
            ("é日本\u{a0}\u{feff}\u{1f600}".as_bytes(), r#""é日本\u00a0\ufeff😀""#),
            (b"\xff\xc3", r#""\xff\xc3""#),
        ] {
            assert_eq!(go_quote(bytes), wanted);
        }
    }
}
