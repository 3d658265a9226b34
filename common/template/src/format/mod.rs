//! Printing as Go's `fmt` prints.

mod float;
mod integer;
mod print;
mod spec;
mod text;

pub(crate) use float::format_general;
pub(crate) use print::{print, sprint, sprintln};
pub(crate) use spec::sprintf;
pub(crate) use text::quote;

/// Widest field and greatest precision; Go has the same limit.
pub(crate) const WIDTH_MAX: usize = 1_000_000;

/// Flags, width and precision of a verb.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spec {
    pub(crate) plus: bool,
    pub(crate) minus: bool,
    pub(crate) sharp: bool,
    /// `%#v`: as Go would write it in a program.
    pub(crate) syntax: bool,
    /// `%+v`: with the names of fields.
    pub(crate) names: bool,
    pub(crate) space: bool,
    pub(crate) zero: bool,
    pub(crate) width: Option<usize>,
    pub(crate) precision: Option<usize>,
}

impl Spec {
    /// Appends `text`, filled to the width with spaces, or with zeros when the flags say so.
    pub(crate) fn pad(&self, out: &mut String, text: &str) {
        let missing = self.width.unwrap_or(0).saturating_sub(text.chars().count());
        if !self.minus {
            let fill = if self.zero { '0' } else { ' ' };
            out.extend(std::iter::repeat_n(fill, missing));
        }
        out.push_str(text);
        if self.minus {
            out.extend(std::iter::repeat_n(' ', missing));
        }
    }

    /// Appends a number, filled with zeros behind its sign when the flags say so.
    pub(crate) fn pad_number(&self, out: &mut String, sign: &str, digits: &str, finite: bool) {
        let length = sign.len() + digits.len();
        let missing = self.width.unwrap_or(0).saturating_sub(length);
        if self.zero && !self.minus && finite {
            out.push_str(sign);
            out.extend(std::iter::repeat_n('0', missing));
            out.push_str(digits);
        } else {
            let spaces = Spec { zero: false, ..*self };
            spaces.pad(out, &format!("{sign}{digits}"));
        }
    }

    /// The sign of a number, with what the flags add.
    pub(crate) fn sign(&self, negative: bool) -> &'static str {
        match (negative, self.plus, self.space) {
            (true, ..) => "-",
            (false, true, _) => "+",
            (false, false, true) => " ",
            (false, false, false) => "",
        }
    }
}
