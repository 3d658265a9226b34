//! Lines as container runtimes write them, to lines as the program in the container wrote them.

use std::borrow::Cow;

use super::address::Format;

/// Streams of one container whose unfinished lines are held.
const STREAMS_MAX: usize = 4;

/// Takes lines of one file and gives the lines that stand in them.
#[derive(Debug)]
pub(crate) struct Decoder {
    format: Format,
    held: Vec<Held>,
    line_bytes_max: usize,
}

/// The beginning of a line of which the rest has not come yet.
#[derive(Debug)]
struct Held {
    stream: Vec<u8>,
    text: Vec<u8>,
    /// Bytes of the file since it began.
    age: usize,
    is_cut: bool,
}

/// What came of some lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Decoded {
    pub(crate) lines: u64,
    pub(crate) cut: u64,
    pub(crate) malformed: u64,
}

/// One line of a runtime.
struct Part<'a> {
    stream: &'a [u8],
    text: Cow<'a, [u8]>,
    is_last: bool,
}

#[derive(serde::Deserialize)]
struct DockerLine<'a> {
    #[serde(borrow)]
    log: Cow<'a, str>,
    #[serde(borrow, default)]
    stream: Cow<'a, str>,
}

impl Decoder {
    /// `None` if lines are to be taken as they are.
    pub(crate) fn new(format: Format, line_bytes_max: usize) -> Option<Decoder> {
        let decoder = || Decoder { format, held: Vec::new(), line_bytes_max };
        (format != Format::Plain).then(decoder)
    }

    /// The same, holding nothing.
    pub(crate) fn renewed(self) -> Option<Decoder> {
        Decoder::new(self.format, self.line_bytes_max)
    }

    /// Bytes of the file since the oldest line began that has not come whole.
    pub(crate) fn backlog(&self) -> usize {
        self.held.iter().map(|held| held.age).max().unwrap_or(0)
    }

    /// Appends the lines that are complete now, each with its line feed.
    pub(crate) fn decode(&mut self, raw: &[u8], out: &mut Vec<u8>) -> Decoded {
        let mut decoded = Decoded::default();
        for line in raw.split_inclusive(|byte| *byte == b'\n') {
            let bytes = line.len();
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            for held in &mut self.held {
                held.age += bytes;
            }
            let part = match self.format {
                Format::Docker => docker(line),
                Format::Cri => cri(line),
                Format::Plain => None,
            };
            match part {
                Some(part) => self.join(part, bytes, out, &mut decoded),
                None => {
                    decoded.malformed += 1;
                    decoded.lines += 1;
                    out.extend_from_slice(line);
                    out.push(b'\n');
                }
            }
        }
        decoded
    }

    /// The file has ended: what is held are lines.
    pub(crate) fn flush(&mut self, out: &mut Vec<u8>) -> Decoded {
        let mut decoded = Decoded::default();
        for held in self.held.drain(..) {
            decoded.lines += 1;
            decoded.cut += u64::from(held.is_cut);
            out.extend_from_slice(&held.text);
            out.push(b'\n');
        }
        decoded
    }

    fn join(&mut self, part: Part<'_>, bytes: usize, out: &mut Vec<u8>, decoded: &mut Decoded) {
        let known = self.held.iter().position(|held| held.stream == part.stream);
        if part.is_last && known.is_none() {
            let text = &part.text[..part.text.len().min(self.line_bytes_max)];
            decoded.cut += u64::from(text.len() < part.text.len());
            decoded.lines += 1;
            out.extend_from_slice(text);
            out.push(b'\n');
            return;
        }
        let at = known.unwrap_or_else(|| {
            if self.held.len() >= STREAMS_MAX {
                let more = self.flush(out);
                decoded.lines += more.lines;
                decoded.cut += more.cut;
            }
            let stream = part.stream.to_vec();
            self.held.push(Held { stream, text: Vec::new(), age: bytes, is_cut: false });
            self.held.len() - 1
        });
        let held = &mut self.held[at];
        let room = self.line_bytes_max.saturating_sub(held.text.len());
        held.is_cut |= part.text.len() > room;
        held.text.extend_from_slice(&part.text[..part.text.len().min(room)]);
        if part.is_last {
            let held = self.held.swap_remove(at);
            decoded.lines += 1;
            decoded.cut += u64::from(held.is_cut);
            out.extend_from_slice(&held.text);
            out.push(b'\n');
        }
    }
}

/// `{"log":"text\n","stream":"stdout","time":"..."}`; a text without a line feed goes on.
fn docker(line: &[u8]) -> Option<Part<'_>> {
    let parsed: DockerLine<'_> = serde_json::from_slice(line).ok()?;
    let stream: &[u8] = if parsed.stream == "stderr" { b"stderr" } else { b"stdout" };
    let is_last = parsed.log.ends_with('\n');
    let text = match parsed.log {
        Cow::Borrowed(text) => Cow::Borrowed(trimmed(text).as_bytes()),
        Cow::Owned(text) => Cow::Owned(trimmed(&text).as_bytes().to_vec()),
    };
    Some(Part { stream, text, is_last })
}

fn trimmed(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

/// `2016-10-06T00:17:09.669794202Z stdout P text`; the tags behind the stream are separated by
/// colons, the first one is `P` for a part and `F` for the last.
fn cri(line: &[u8]) -> Option<Part<'_>> {
    let mut fields = line.splitn(4, |byte| *byte == b' ');
    let (time, stream, tags) = (fields.next()?, fields.next()?, fields.next()?);
    let is_time = time.get(4) == Some(&b'-') && time.contains(&b'T');
    let is_stream = matches!(stream, b"stdout" | b"stderr");
    let is_last = match tags.split(|byte| *byte == b':').next()? {
        b"F" => true,
        b"P" => false,
        _ => return None,
    };
    let text = Cow::Borrowed(fields.next().unwrap_or_default());
    (is_time && is_stream).then_some(Part { stream, text, is_last })
}

#[cfg(test)]
mod tests {
    use super::{Decoded, Decoder};
    use crate::source::address::Format;

    fn check(format: Format, raw: &str, wanted: &str, decoded: (u64, u64, u64), flushed: &str) {
        let mut decoder = Decoder::new(format, 12).unwrap();
        let mut out = Vec::new();
        let got = decoder.decode(raw.as_bytes(), &mut out);
        let (lines, cut, malformed) = decoded;
        assert_eq!(String::from_utf8_lossy(&out), wanted, "{raw}");
        assert_eq!(got, Decoded { lines, cut, malformed }, "{raw}");
        assert_eq!(decoder.backlog() > 0, !flushed.is_empty());
        out.clear();
        decoder.flush(&mut out);
        assert_eq!(String::from_utf8_lossy(&out), flushed, "{raw}");
        assert_eq!(decoder.backlog(), 0);
    }

    #[test]
    fn parts_of_docker_lines_are_joined_by_stream() {
        let check = |raw, wanted, decoded, flushed| {
            check(Format::Docker, raw, wanted, decoded, flushed);
        };
        check(r#"{"log":"a\n","stream":"stdout","time":"t"}"#, "a\n", (1, 0, 0), "");
        check(r#"{"log":"a\"\u00e9\r\n","stream":"stdout"}"#, "a\"é\n", (1, 0, 0), "");
        check(
            concat!(
                r#"{"log":"one ","stream":"stdout","time":"t"}"#,
                "\n",
                r#"{"log":"err\n","stream":"stderr","time":"t"}"#,
                "\r\n",
                r#"{"log":"two\n","stream":"stdout","attrs":{"x":"y"},"time":"t"}"#,
                "\n",
                r#"{"log":"half","stream":"stderr"}"#,
                "\n",
            ),
            "err\none two\n",
            (2, 0, 0),
            "half\n",
        );
        check("plain\n{}\n", "plain\n{}\n", (2, 0, 2), "");
        check(r#"{"log":"0123456789abcdef\n"}"#, "0123456789ab\n", (1, 1, 0), "");
    }

    #[test]
    fn parts_of_kubernetes_lines_are_joined_by_stream() {
        let check =
            |raw, wanted, decoded, flushed| check(Format::Cri, raw, wanted, decoded, flushed);
        check("2016-10-06T00:17:09.66Z stdout F a b\n", "a b\n", (1, 0, 0), "");
        check(
            "2016-10-06T00:17:09Z stdout F \n2016-10-06T00:17:09Z stdout F\n",
            "\n\n",
            (2, 0, 0),
            "",
        );
        check(
            "2016-10-06T00:17:09Z stdout P one \n2016-10-06T00:17:09Z stderr F:x e\n2016-10-06T00:17:09+02:00 stdout F two\n2016-10-06T00:17:09Z stderr P h\n",
            "e\none two\n",
            (2, 0, 0),
            "h\n",
        );
        check(
            "no such line\nx stdout F y\n2016-10-06T stdout Q y\n",
            "no such line\nx stdout F y\n2016-10-06T stdout Q y\n",
            (3, 0, 3),
            "",
        );
        check(
            "2016-10-06T00:17:09Z stdout P 0123456789\n2016-10-06T00:17:09Z stdout F 0123456789\n",
            "012345678901\n",
            (1, 1, 0),
            "",
        );
    }

    #[test]
    fn the_backlog_is_where_the_oldest_held_line_begins() {
        let mut decoder = Decoder::new(Format::Cri, 100).unwrap();
        let mut out = Vec::new();
        let part = b"2016-10-06T00:17:09Z stdout P one\n";
        let other = b"2016-10-06T00:17:09Z stderr F e\n";
        decoder.decode(part, &mut out);
        assert_eq!(decoder.backlog(), part.len());
        decoder.decode(other, &mut out);
        assert_eq!(decoder.backlog(), part.len() + other.len());
    }
}
