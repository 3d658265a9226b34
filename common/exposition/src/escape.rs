//! What becomes of names outside the classic alphabet for readers that know no other.

use std::borrow::Cow;
use std::fmt::Write;

use common_model::is_legacy_metric_name;

/// The escaping schemes that `escaping=` in an Accept header can name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Escaping {
    /// Everything outside the alphabet becomes `_`.
    #[default]
    Underscores,
    /// `.` becomes `_dot_`, `_` becomes `__`, everything else outside the alphabet `__`.
    Dots,
    /// `U__`, then every foreign character as its code point: `_2e_`; `_` becomes `__`.
    Values,
    /// Names stay, in quotes.
    AllowUtf8,
}

impl Escaping {
    /// The scheme's name in headers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Escaping::Underscores => "underscores",
            Escaping::Dots => "dots",
            Escaping::Values => "values",
            Escaping::AllowUtf8 => "allow-utf-8",
        }
    }

    /// The scheme with this name in headers.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Escaping> {
        [Escaping::Underscores, Escaping::Dots, Escaping::Values, Escaping::AllowUtf8]
            .into_iter()
            .find(|scheme| scheme.as_str() == name)
    }
}

/// A metric's or label's name as `scheme` writes it; classic names stay as they are.
#[must_use]
pub fn escape_name(name: &str, scheme: Escaping) -> Cow<'_, str> {
    if scheme == Escaping::AllowUtf8 || name.is_empty() || is_legacy_metric_name(name) {
        return Cow::Borrowed(name);
    }
    let mut text = String::with_capacity(name.len() + 8);
    if scheme == Escaping::Values {
        text.push_str("U__");
    }
    for (at, c) in name.char_indices() {
        let fits =
            c.is_ascii_alphabetic() || c == '_' || c == ':' || (at > 0 && c.is_ascii_digit());
        match (scheme, c) {
            (Escaping::Dots | Escaping::Values, '_') => text.push_str("__"),
            (Escaping::Dots, '.') => text.push_str("_dot_"),
            (_, c) if fits => text.push(c),
            (Escaping::Dots, _) => text.push_str("__"),
            // Writing to a String cannot fail.
            (Escaping::Values, c) => _ = write!(text, "_{:x}_", u32::from(c)),
            (Escaping::Underscores | Escaping::AllowUtf8, _) => text.push('_'),
        }
    }
    Cow::Owned(text)
}
