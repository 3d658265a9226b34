//! Strings by the verbs `%s %q %x`, and quoting.

use super::Spec;
use std::fmt::Write;

/// Appends a string; false when the verb does not fit.
pub(crate) fn format(out: &mut String, text: &str, verb: char, spec: &Spec) -> bool {
    let cut = || -> &str {
        let Some(precision) = spec.precision else { return text };
        text.char_indices().nth(precision).map_or(text, |(at, _)| &text[..at])
    };
    match verb {
        'v' if spec.syntax => spec.pad(out, &quote(text)),
        'v' | 's' => spec.pad(out, cut()),
        'q' => {
            let text = cut();
            let quoted = if spec.sharp && can_backquote(text) {
                format!("`{text}`")
            } else {
                quote_with(text, spec.plus)
            };
            spec.pad(out, &quoted);
        }
        'x' => spec.pad(out, &hexadecimal(text, spec, false)),
        'X' => spec.pad(out, &hexadecimal(text, spec, true)),
        _ => return false,
    }
    true
}

fn hexadecimal(text: &str, spec: &Spec, upper: bool) -> String {
    let bytes = &text.as_bytes()[..spec.precision.unwrap_or(usize::MAX).min(text.len())];
    let mut out = String::with_capacity(2 * bytes.len());
    let prefix = match (spec.sharp, upper) {
        (false, _) => "",
        (true, false) => "0x",
        (true, true) => "0X",
    };
    for (i, byte) in bytes.iter().enumerate() {
        if i > 0 && spec.space {
            out.push(' ');
        }
        if i == 0 || spec.space {
            out.push_str(prefix);
        }
        // Writing to a String cannot fail.
        let _ = if upper { write!(out, "{byte:02X}") } else { write!(out, "{byte:02x}") };
    }
    out
}

fn can_backquote(text: &str) -> bool {
    text.chars().all(|c| c != '`' && c != '\u{7f}' && c != '\u{feff}' && (c >= ' ' || c == '\t'))
}

/// `strconv.Quote`
pub(crate) fn quote(text: &str) -> String {
    quote_with(text, false)
}

fn quote_with(text: &str, ascii: bool) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        push_escaped(&mut out, c, '"', ascii);
    }
    out.push('"');
    out
}

/// `strconv.QuoteRune`
pub(crate) fn quote_char(c: char, ascii: bool) -> String {
    let mut out = String::from("'");
    push_escaped(&mut out, c, '\'', ascii);
    out.push('\'');
    out
}

fn push_escaped(out: &mut String, c: char, quote: char, ascii: bool) {
    let code_point = u32::from(c);
    match c {
        c if c == quote || c == '\\' => {
            out.push('\\');
            out.push(c);
        }
        '\x07' => out.push_str("\\a"),
        '\x08' => out.push_str("\\b"),
        '\x0c' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\x0b' => out.push_str("\\v"),
        // Writing to a String cannot fail.
        c if code_point < 0x20 || code_point == 0x7f => {
            let _ = write!(out, "\\x{:02x}", u32::from(c));
        }
        c if c.is_ascii() || (!ascii && is_printable(c)) => out.push(c),
        _ if code_point < 0x1_0000 => {
            let _ = write!(out, "\\u{code_point:04x}");
        }
        _ => {
            let _ = write!(out, "\\U{code_point:08x}");
        }
    }
}

/// Go's `unicode.IsPrint` beyond ASCII, by way of what Rust escapes when it prints for debugging.
fn is_printable(c: char) -> bool {
    !c.is_control() && !c.is_whitespace() && c.escape_debug().count() == 1
}
