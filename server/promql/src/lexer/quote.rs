//! Texts and characters as Go's `%q` and `%#U` print them, and Go string literals read back.

use std::fmt::Write;

/// `%q` of a text.
#[must_use]
pub fn go_quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        push_escaped(&mut out, c, '"');
    }
    out.push('"');
    out
}

/// `%q` of bytes that need not be UTF-8: what is not is written `\xff`.
#[must_use]
pub fn go_quote_bytes(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 2);
    out.push('"');
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            push_escaped(&mut out, c, '"');
        }
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out.push('"');
    out
}

/// `%.Nq`: the first `chars_max` characters, quoted.
#[must_use]
pub(super) fn go_quote_short(text: &str, chars_max: usize) -> String {
    let end = text.char_indices().nth(chars_max).map_or(text.len(), |(at, _)| at);
    go_quote(&text[..end])
}

/// `%q` of one character; `None` is the end of the input, which Go prints as U+FFFD.
#[must_use]
pub(super) fn go_quote_char(c: Option<char>) -> String {
    let mut out = String::from("'");
    push_escaped(&mut out, c.unwrap_or(char::REPLACEMENT_CHARACTER), '\'');
    out.push('\'');
    out
}

/// `%#U` of one character: `U+0063 'c'`.
#[must_use]
pub(super) fn go_unicode(c: char) -> String {
    if is_printable(c) {
        format!("U+{:04X} '{c}'", c as u32)
    } else {
        format!("U+{:04X}", c as u32)
    }
}

fn push_escaped(out: &mut String, c: char, quote: char) {
    match c {
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\t' => out.push_str("\\t"),
        '\r' => out.push_str("\\r"),
        '\x07' => out.push_str("\\a"),
        '\x08' => out.push_str("\\b"),
        '\x0b' => out.push_str("\\v"),
        '\x0c' => out.push_str("\\f"),
        c if c == quote => {
            out.push('\\');
            out.push(c);
        }
        c if is_printable(c) => out.push(c),
        // Writing to a String cannot fail.
        c if (c as u32) < 0x80 => drop(write!(out, "\\x{:02x}", c as u32)),
        c if (c as u32) < 0x1_0000 => drop(write!(out, "\\u{:04x}", c as u32)),
        c => drop(write!(out, "\\U{:08x}", c as u32)),
    }
}

/// Go's `unicode.IsPrint`, but for unassigned code points, which the standard library cannot tell:
/// controls, separators other than the space, and private use are not printed.
fn is_printable(c: char) -> bool {
    match c {
        ' ' => true,
        '\u{ad}' | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'.. => false,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => false,
        '\u{feff}' | '\u{fff9}'..='\u{fffb}' => false,
        c => !c.is_control() && !c.is_whitespace(),
    }
}

/// What stands between the quotes of a string token the lexer let through, as bytes: `\xff` need
/// not be UTF-8. Double and single quotes escape alike; backticks do not escape.
///
/// # Errors
/// Says what is wrong with an escape sequence; the lexer refuses all of them before.
pub fn unquote(token: &str) -> Result<Vec<u8>, &'static str> {
    const SYNTAX: &str = "invalid syntax";
    let quote = token.chars().next().ok_or(SYNTAX)?;
    let inner =
        token.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)).ok_or(SYNTAX)?;
    if quote == '`' {
        return Ok(inner.as_bytes().to_vec());
    }
    let mut out = Vec::with_capacity(inner.len());
    let mut chars = inner.chars();
    let mut utf8 = [0; 4];
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.extend_from_slice(c.encode_utf8(&mut utf8).as_bytes());
            continue;
        }
        match chars.next().ok_or(SYNTAX)? {
            'a' => out.push(0x07),
            'b' => out.push(0x08),
            'f' => out.push(0x0c),
            'n' => out.push(b'\n'),
            'r' => out.push(b'\r'),
            't' => out.push(b'\t'),
            'v' => out.push(0x0b),
            '\\' => out.push(b'\\'),
            'x' => out.push(digits(&mut chars, 0, 2, 16).and_then(byte).ok_or(SYNTAX)?),
            kind @ ('u' | 'U') => {
                let count = if kind == 'u' { 4 } else { 8 };
                let code = digits(&mut chars, 0, count, 16).ok_or(SYNTAX)?;
                let c = char::from_u32(code).ok_or(SYNTAX)?;
                out.extend_from_slice(c.encode_utf8(&mut utf8).as_bytes());
            }
            first @ '0'..='7' => {
                let first = first.to_digit(8).ok_or(SYNTAX)?;
                out.push(digits(&mut chars, first, 2, 8).and_then(byte).ok_or(SYNTAX)?);
            }
            c if c == quote => out.extend_from_slice(c.encode_utf8(&mut utf8).as_bytes()),
            _ => return Err(SYNTAX),
        }
    }
    Ok(out)
}

fn byte(code: u32) -> Option<u8> {
    u8::try_from(code).ok()
}

fn digits(chars: &mut std::str::Chars<'_>, first: u32, count: usize, radix: u32) -> Option<u32> {
    let mut code = first;
    for _ in 0..count {
        let digit = chars.next()?.to_digit(radix)?;
        code = code.checked_mul(radix)?.checked_add(digit)?;
    }
    Some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_as_go_quotes_them() {
        for (text, quoted) in [
            ("a\"b'\\", r#""a\"b'\\""#),
            ("\n\t\r\u{7}\u{8}\u{b}\u{c}\0\u{7f}", r#""\n\t\r\a\b\v\f\x00\x7f""#),
            ("é☺\u{a0}\u{ad}\u{2028}\u{e000}", r#""é☺\u00a0\u00ad\u2028\ue000""#),
            ("\u{f0000}", r#""\U000f0000""#),
        ] {
            assert_eq!(go_quote(text), quoted);
        }
        assert_eq!(go_quote_bytes(b"a\xff\xc3\xa9"), "\"a\\xff\u{e9}\"");
        assert_eq!(go_quote_short("0123456789é", 10), "\"0123456789\"");
        assert_eq!(go_quote_char(Some('\'')), r"'\''");
        assert_eq!(go_unicode('c'), "U+0063 'c'");
        assert_eq!(go_unicode('\n'), "U+000A");
    }

    #[test]
    fn string_tokens_are_unquoted_as_go_unquotes_them() {
        for (token, bytes) in [
            (r#""a\n\"'\\""#, Ok(&b"a\n\"'\\"[..])),
            (r"'\''", Ok(b"'")),
            (r"`\n`", Ok(b"\\n")),
            (r#""\x41\101\u00e9\U00010111""#, Ok("AA\u{e9}\u{10111}".as_bytes())),
            (r#""\xff""#, Ok(b"\xff")),
            (r#""\q""#, Err("invalid syntax")),
            (r#""\400""#, Err("invalid syntax")),
            (r#"""#, Err("invalid syntax")),
            ("", Err("invalid syntax")),
        ] {
            assert_eq!(unquote(token).as_deref().map_err(|e| *e), bytes, "{token}");
        }
    }
}
