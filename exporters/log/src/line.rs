//! The seam between those who read logs and those who count: one line, and who takes it.

/// One line as read, without its line feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Where it comes from, as programs see it (`getfilename()`): an absolute path, `-`, or an address.
    pub source: &'a str,
    /// The bytes of the line, which need not be UTF-8.
    pub text: &'a [u8],
}

/// Takes lines in the order of each source.
pub trait LineSink {
    /// Takes one line.
    fn line(&mut self, line: Line<'_>);

    /// Takes many lines of one source at once, each with its line feed; the last one may lack it.
    /// Returns how many they were.
    fn chunk(&mut self, source: &str, lines: &[u8]) -> u64 {
        let mut count = 0;
        for text in split(lines) {
            self.line(Line { source, text });
            count += 1;
        }
        count
    }
}

/// The lines of a chunk without their ends: a line feed, and a carriage return before it.
pub fn split(chunk: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = chunk;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Some(end) = memchr::memchr(b'\n', rest) else {
            return Some(std::mem::take(&mut rest));
        };
        let line = &rest[..end];
        rest = &rest[end + 1..];
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    })
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn a_chunk_falls_into_lines_without_their_ends() {
        let check = |chunk: &str, lines: &[&str]| {
            let got: Vec<&[u8]> = split(chunk.as_bytes()).collect();
            let wanted: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
            assert_eq!(got, wanted, "{chunk:?}");
        };
        check("", &[]);
        check("a\n", &["a"]);
        check("a\nb", &["a", "b"]);
        check("a\r\n\r\n\n", &["a", "", ""]);
        check("a\r", &["a\r"]);
        check("a\rb\r\r\n", &["a\rb\r"]);
    }
}
