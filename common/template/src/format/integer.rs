//! Integers by the verbs `%d %x %o %b %c %q %U`.

use super::{Spec, text};

/// Appends an integer; false when the verb does not fit.
pub(crate) fn format(out: &mut String, value: i64, verb: char, spec: &Spec) -> bool {
    let magnitude = value.unsigned_abs();
    let (prefix, mut digits) = match verb {
        'v' | 'd' => ("", magnitude.to_string()),
        'x' => ("0x", format!("{magnitude:x}")),
        'X' => ("0X", format!("{magnitude:X}")),
        'o' => ("0", format!("{magnitude:o}")),
        'O' => ("0o", format!("{magnitude:o}")),
        'b' => ("0b", format!("{magnitude:b}")),
        'c' => {
            spec.pad(out, character(value).encode_utf8(&mut [0; 4]));
            return true;
        }
        'q' => {
            spec.pad(out, &text::quote_char(character(value), spec.plus));
            return true;
        }
        'U' => {
            // Negative numbers are seen as the large ones that they would be without a sign.
            let digits = spec.precision.unwrap_or(4).max(4);
            spec.pad(out, &format!("U+{:0>digits$X}", value as u64));
            return true;
        }
        _ => return false,
    };
    if let Some(precision) = spec.precision {
        // Nothing at all is printed for a zero with precision zero.
        if precision == 0 && value == 0 {
            spec.pad(out, "");
            return true;
        }
        digits = format!("{digits:0>precision$}");
    }
    let mut sign = spec.sign(value < 0).to_owned();
    if (spec.sharp && verb != 'v') || verb == 'O' {
        sign.push_str(prefix);
    }
    let spec = Spec { zero: spec.zero && spec.precision.is_none(), ..*spec };
    spec.pad_number(out, &sign, &digits, true);
    true
}

fn character(value: i64) -> char {
    u32::try_from(value).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)
}
