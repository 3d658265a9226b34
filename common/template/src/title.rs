//! Words with a capital first letter.

/// The first letter of every word in upper case and, with `lower`, the others in lower case. A
/// word may have apostrophes and dots inside, and underscores anywhere.
pub(crate) fn title(text: &str, lower: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut in_word, mut capital_done) = (false, false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let next_is_word = chars.peek().is_some_and(|c| is_word(*c));
        let inside = in_word && next_is_word && is_inside(c);
        if !is_word(c) && !inside {
            (in_word, capital_done) = (false, false);
            out.push(c);
            continue;
        }
        in_word = true;
        if capital_done && !lower {
            out.push(c);
        } else if capital_done {
            out.extend(c.to_lowercase());
        } else if c.is_lowercase() || c.is_uppercase() {
            capital_done = true;
            out.extend(c.to_uppercase());
        } else {
            out.push(c);
        }
    }
    out
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn is_inside(c: char) -> bool {
    matches!(c, '\'' | '.' | ':' | '\u{b7}' | '\u{2019}')
}
