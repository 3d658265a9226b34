//! Go's `unicode` and `strconv.Quote`.

use std::fmt::Write as _;
use std::sync::LazyLock;

use common_re2::CharClass;

static LETTERS: LazyLock<Option<CharClass>> = LazyLock::new(|| CharClass::named("L"));
static DIGITS: LazyLock<Option<CharClass>> = LazyLock::new(|| CharClass::named("Nd"));
/// What is shown as it is: letters, marks, numbers, punctuation and symbols.
static PRINTABLE: LazyLock<Vec<CharClass>> =
    LazyLock::new(|| ["L", "M", "N", "P", "S"].into_iter().filter_map(CharClass::named).collect());

fn holds(class: Option<&CharClass>, c: char) -> bool {
    class.is_some_and(|class| class.contains(c))
}

/// `unicode.IsLetter`.
#[must_use]
pub(crate) fn is_letter(c: char) -> bool {
    holds(LETTERS.as_ref(), c)
}

/// `unicode.IsDigit`.
#[must_use]
pub(crate) fn is_digit(c: char) -> bool {
    holds(DIGITS.as_ref(), c)
}

/// `unicode.ToLower`: one character for one, where `str::to_lowercase` may give more.
#[must_use]
pub(crate) fn lower(c: char) -> char {
    match c {
        // The only capital whose full mapping is longer than its simple one.
        '\u{130}' => 'i',
        c => c.to_lowercase().next().unwrap_or(c),
    }
}

fn push_escaped(out: &mut String, c: char, quote: char) {
    // Writing to a string cannot fail.
    let _ = match c {
        c if c == quote || c == '\\' => write!(out, "\\{c}"),
        '\x07' => write!(out, "\\a"),
        '\x08' => write!(out, "\\b"),
        '\x0c' => write!(out, "\\f"),
        '\n' => write!(out, "\\n"),
        '\r' => write!(out, "\\r"),
        '\t' => write!(out, "\\t"),
        '\x0b' => write!(out, "\\v"),
        ' ' => write!(out, " "),
        c if PRINTABLE.iter().any(|class| class.contains(c)) => write!(out, "{c}"),
        c if u32::from(c) < 0x80 => write!(out, "\\x{:02x}", u32::from(c)),
        c if u32::from(c) < 0x1_0000 => write!(out, "\\u{:04x}", u32::from(c)),
        c => write!(out, "\\U{:08x}", u32::from(c)),
    };
}

/// `%q` of a string.
#[must_use]
pub(crate) fn quote(text: &[u8]) -> String {
    let mut out = String::from("\"");
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            push_escaped(&mut out, c, '"');
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out.push('"');
    out
}

/// `%q` of a character.
#[must_use]
pub(crate) fn quote_rune(c: char) -> String {
    let mut out = String::from("'");
    push_escaped(&mut out, c, '\'');
    out.push('\'');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_as_in_go() {
        assert_eq!(quote(b"a\"\n\x01\xff\\"), r#""a\"\n\x01\xff\\""#);
        assert_eq!(quote("é\u{200b}".as_bytes()), "\"é\\u200b\"");
        assert_eq!(quote_rune('\''), r"'\''");
        assert_eq!(lower('İ'), 'i');
        assert_eq!(lower('Σ'), 'σ');
    }
}
