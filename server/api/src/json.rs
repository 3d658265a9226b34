//! JSON as Prometheus writes it: values as strings, times as seconds with up to three decimals.

use std::io::Write;

use common_model::{Labels, TimestampMs, format_float_fixed};

use crate::number::{push_value, push_whole};
use crate::pieces::PIECE_BYTES;

/// Appends JSON to a byte buffer. Commas are the caller's business, except in [`Json::list`].
#[derive(Debug, Default)]
pub(crate) struct Json {
    /// What is written now.
    pub(crate) bytes: Vec<u8>,
    /// What was written before it.
    full: Vec<Vec<u8>>,
}

impl Json {
    /// Puts what is written aside where it is long enough for a piece, so that a long text is never
    /// copied into a longer buffer. Not to be asked of a text whose bytes somebody else takes.
    pub(crate) fn cut(&mut self) {
        if self.bytes.len() >= PIECE_BYTES {
            let next = Vec::with_capacity(PIECE_BYTES + PIECE_BYTES / 16);
            self.full.push(std::mem::replace(&mut self.bytes, next));
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.full.is_empty()
    }

    /// Puts another text behind this one.
    pub(crate) fn append(&mut self, other: Json) {
        self.full.push(std::mem::take(&mut self.bytes));
        self.full.extend(other.full);
        self.bytes = other.bytes;
    }

    /// Everything that was written.
    pub(crate) fn into_pieces(mut self) -> Vec<Vec<u8>> {
        self.full.push(self.bytes);
        self.full
    }

    pub(crate) fn raw(&mut self, text: &str) -> &mut Json {
        self.bytes.extend_from_slice(text.as_bytes());
        self
    }

    /// A string, escaped as Go's encoder does: control characters, quotes, backslashes, what is
    /// markup in HTML, U+2028 and U+2029.
    pub(crate) fn string(&mut self, text: &str) -> &mut Json {
        self.escaped(text, |c| match c {
            '<' => Some("\\u003c"),
            '>' => Some("\\u003e"),
            '&' => Some("\\u0026"),
            '\u{2028}' => Some("\\u2028"),
            '\u{2029}' => Some("\\u2029"),
            _ => None,
        })
    }

    /// A string as it stands in labels, which the original writes without regard to HTML.
    pub(crate) fn plain_string(&mut self, text: &str) -> &mut Json {
        self.escaped(text, |_| None)
    }

    fn escaped(&mut self, text: &str, special: impl Fn(char) -> Option<&'static str>) -> &mut Json {
        self.bytes.push(b'"');
        // U+2028 and U+2029 begin with the last of these.
        let odd =
            |byte: u8| byte < 0x20 || matches!(byte, b'"' | b'\\' | b'<' | b'>' | b'&' | 0xe2);
        // Without a branch for each byte: nearly all texts are plain.
        if !text.bytes().fold(false, |any, byte| any | odd(byte)) {
            self.bytes.extend_from_slice(text.as_bytes());
            self.bytes.push(b'"');
            return self;
        }
        let mut plain_from = 0;
        for (at, c) in text.char_indices() {
            let short = match c {
                '"' => "\\\"",
                '\\' => "\\\\",
                '\n' => "\\n",
                '\r' => "\\r",
                '\t' => "\\t",
                c if (c as u32) < 0x20 => "",
                c => match special(c) {
                    Some(short) => short,
                    None => continue,
                },
            };
            self.bytes.extend_from_slice(&text.as_bytes()[plain_from..at]);
            if short.is_empty() {
                // Writing to a Vec cannot fail.
                let _ = write!(self.bytes, "\\u{:04x}", c as u32);
            } else {
                self.raw(short);
            }
            plain_from = at + c.len_utf8();
        }
        self.bytes.extend_from_slice(&text.as_bytes()[plain_from..]);
        self.bytes.push(b'"');
        self
    }

    /// `"name":`
    pub(crate) fn key(&mut self, name: &str) -> &mut Json {
        self.string(name).raw(":")
    }

    /// `[a,b]`
    pub(crate) fn list<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        mut item: impl FnMut(&mut Json, T),
    ) -> &mut Json {
        self.raw("[");
        for (i, value) in items.into_iter().enumerate() {
            if i > 0 {
                self.raw(",");
            }
            item(self, value);
        }
        self.raw("]")
    }

    /// `["a","b"]`
    pub(crate) fn strings<S: AsRef<str>>(
        &mut self,
        items: impl IntoIterator<Item = S>,
    ) -> &mut Json {
        self.list(items, |json, item| {
            json.string(item.as_ref());
        })
    }

    /// `{"a":"1"}`
    pub(crate) fn labels(&mut self, labels: &Labels) -> &mut Json {
        self.raw("{");
        for (i, (name, value)) in labels.iter().enumerate() {
            if i > 0 {
                self.raw(",");
            }
            self.plain_string(name).raw(":").plain_string(value);
        }
        self.raw("}")
    }

    /// Seconds with at most three decimals: `1435781430.781`.
    pub(crate) fn time(&mut self, at: TimestampMs) -> &mut Json {
        let (seconds, milliseconds) = (at.unsigned_abs() / 1000, at.unsigned_abs() % 1000);
        if at < 0 {
            self.raw("-");
        }
        push_whole(&mut self.bytes, seconds);
        if milliseconds > 0 {
            // Writing to a Vec cannot fail.
            let _ = write!(self.bytes, ".{milliseconds:03}");
        }
        self
    }

    /// A sample's value: a string, so that NaN and infinities can be said. Very large and very
    /// small ones have an exponent.
    pub(crate) fn value(&mut self, value: f64) -> &mut Json {
        self.bytes.push(b'"');
        push_value(&mut self.bytes, value);
        self.bytes.push(b'"');
        self
    }

    /// `[1435781430.5,"1"]` of a scalar: neither exponents nor zeros at the end.
    pub(crate) fn scalar(&mut self, at: TimestampMs, value: f64) -> &mut Json {
        self.raw("[")
            .number(at as f64 / 1000.0)
            .raw(",\"")
            .raw(&format_float_fixed(value))
            .raw("\"]")
    }

    /// `[1435781430.781,"1"]`
    pub(crate) fn point(&mut self, at: TimestampMs, value: f64) -> &mut Json {
        self.raw("[").time(at).raw(",").value(value).raw("]")
    }

    /// The same, where the text up to the value is known: `[1435781430.781,"`.
    pub(crate) fn point_at(&mut self, before: &[u8], value: f64) -> &mut Json {
        self.bytes.extend_from_slice(before);
        push_value(&mut self.bytes, value);
        self.raw("\"]")
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&mut self, value: bool) -> &mut Json {
        self.raw(if value { "true" } else { "false" })
    }

    /// A plain number.
    pub(crate) fn number(&mut self, number: impl std::fmt::Display) -> &mut Json {
        // Writing to a Vec cannot fail.
        let _ = write!(self.bytes, "{number}");
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_the_originals_form() {
        let mut json = Json::default();
        json.raw("{").key("a\"\n\u{1}").point(-1_500, f64::NAN).raw(",");
        json.key("t").time(1_435_781_430_001).raw("}");
        let text = String::from_utf8(json.bytes).unwrap();
        assert_eq!(text, "{\"a\\\"\\n\\u0001\":[-1.500,\"NaN\"],\"t\":1435781430.001}");
    }

    #[test]
    fn markup_is_escaped_but_in_labels() {
        let mut json = Json::default();
        json.string("<a>&\u{2028}").labels(&Labels::from_pairs([("a<", "b&\u{2028}")]));
        let text = String::from_utf8(json.bytes).unwrap();
        assert_eq!(text, "\"\\u003ca\\u003e\\u0026\\u2028\"{\"a<\":\"b&\u{2028}\"}");
    }

    #[test]
    fn values_have_an_exponent_where_the_original_gives_them_one() {
        let check = |value: f64, expected: &str| {
            let mut json = Json::default();
            json.value(value);
            assert_eq!(String::from_utf8(json.bytes).unwrap(), format!("\"{expected}\""));
        };
        check(0.0, "0");
        check(-0.0, "-0");
        check(0.000001, "0.000001");
        check(0.0000012, "0.0000012");
        check(-1e-7, "-1e-07");
        check(1e-300, "1e-300");
        check(5e-324, "5e-324");
        check(123_456_789_012_345_680_000.0, "123456789012345680000");
        check(1e21, "1e+21");
        check(f64::MAX, "1.7976931348623157e+308");
        check(f64::INFINITY, "+Inf");
        check(f64::NEG_INFINITY, "-Inf");
        check(f64::NAN, "NaN");
    }

    #[test]
    fn scalars_never_have_an_exponent() {
        let mut json = Json::default();
        json.scalar(0, 1e21);
        assert_eq!(String::from_utf8(json.bytes).unwrap(), "[0,\"1000000000000000000000\"]");
    }
}
