//! Templates of replacements: `$1`, `${name}`, `$$`.

use crate::regex::Captures;

/// Appends `template` with its variables replaced.
pub(crate) fn expand(template: &str, captures: &Captures<'_>, out: &mut String) {
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        rest = after;
        if let Some((group, after)) = one_digit(rest) {
            rest = after;
            out.push_str(captures.get(group).unwrap_or_default());
        } else if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) = variable(rest) {
            rest = after;
            out.push_str(lookup(captures, name).unwrap_or_default());
        } else {
            // A dollar that begins nothing stands for itself.
            out.push('$');
        }
    }
    out.push_str(rest);
}

/// Splits the number of a group, as nearly all are written, from what follows.
fn one_digit(text: &str) -> Option<(usize, &str)> {
    let bytes = text.as_bytes();
    let digit = bytes.first().filter(|byte| byte.is_ascii_digit())?;
    let goes_on = bytes.get(1).is_some_and(|&b| b == b'_' || b.is_ascii_alphanumeric() || b >= 128);
    if goes_on { None } else { Some((usize::from(digit - b'0'), &text[1..])) }
}

/// Splits a name, in braces or as long as possible, from what follows.
fn variable(text: &str) -> Option<(&str, &str)> {
    let word = |text: &str| {
        let stop = |c: char| c != '_' && !c.is_alphabetic() && !is_decimal_digit(c);
        text.find(stop).unwrap_or(text.len())
    };
    if let Some(inner) = text.strip_prefix('{') {
        let (name, rest) = inner.split_at(word(inner));
        let rest = rest.strip_prefix('}')?;
        return (!name.is_empty()).then_some((name, rest));
    }
    let (name, rest) = text.split_at(word(text));
    (!name.is_empty()).then_some((name, rest))
}

/// Go's `unicode.IsDigit`, of which Rust has only the ASCII part and the wider `is_numeric`.
fn is_decimal_digit(c: char) -> bool {
    c.is_ascii_digit() || (!c.is_ascii() && c.is_numeric())
}

/// A name that is all digits is a number, unless it is absurdly large or starts with a zero.
fn lookup<'t>(captures: &Captures<'t>, name: &str) -> Option<&'t str> {
    let digits = name.bytes().all(|b| b.is_ascii_digit());
    let number = if digits && (name.len() == 1 || !name.starts_with('0')) {
        name.parse::<usize>().ok().filter(|&number| number < 1_000_000_000)
    } else {
        None
    };
    match number {
        Some(group) => captures.get(group),
        None => captures.name(name),
    }
}
