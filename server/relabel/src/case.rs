//! Small and capital letters as Go's `strings.ToLower` and `strings.ToUpper` make them: one
//! character for one, never more.

/// The text in small letters.
pub(crate) fn lower(text: &str) -> String {
    text.chars().map(lower_char).collect()
}

/// The text in capital letters.
pub(crate) fn upper(text: &str) -> String {
    text.chars().map(upper_char).collect()
}

fn lower_char(c: char) -> char {
    // The only character whose full mapping is longer than its simple one.
    if c == '\u{130}' { 'i' } else { single(c.to_lowercase(), c) }
}

fn upper_char(c: char) -> char {
    // Greek letters with a iota below have a capital of their own besides the longer mapping.
    let offset = match c {
        '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}' => 8,
        '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}' => 9,
        _ => return single(c.to_uppercase(), c),
    };
    char::from_u32(c as u32 + offset).unwrap_or(c)
}

/// The mapping where it is one character, else the character itself.
fn single(mut mapped: impl Iterator<Item = char>, c: char) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_change_one_for_one() {
        let check = |text: &str, small: &str, capital: &str| {
            assert_eq!(
                (lower(text), upper(text)),
                (small.to_owned(), capital.to_owned()),
                "{text}"
            );
        };
        check("Bar123Foo", "bar123foo", "BAR123FOO");
        check("ΑΣ", "ασ", "ΑΣ");
        check("straße", "straße", "STRAßE");
        check("İ", "i", "İ");
        check("\u{1f80}\u{1fb3}", "\u{1f80}\u{1fb3}", "\u{1f88}\u{1fbc}");
    }
}
