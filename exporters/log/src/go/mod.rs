//! What programs expect of Go's standard library: numbers, quotes, letters, JSON and times.

mod duration;
pub(crate) mod json;
mod number;
mod text;
pub(crate) mod time;

pub(crate) use duration::{parse_duration, show_duration};
pub(crate) use number::{
    NumberError, format_g, mod_float, parse_float, parse_int, pow_float, to_int64, write_g,
};
pub(crate) use text::{is_digit, is_letter, lower, quote, quote_rune};
