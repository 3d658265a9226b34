//! A long OpenMetrics text in pieces of whole lines, so that little of it is in memory at a time.

use std::io::Read;

/// A piece is about so long; a longer line makes it longer.
const PIECE_BYTES: usize = 1 << 20;
/// A line beyond this many bytes is refused.
const LINE_BYTES_MAX: usize = 64 << 20;

const END: &[u8] = b"# EOF\n";
const TYPE: &[u8] = b"# TYPE ";

/// Pieces of a text. Each is a text of its own: it begins with the type that holds there, and the
/// end mark is only missing from the last one if it is missing from the text.
pub(super) struct Pieces<R> {
    from: R,
    /// The piece, and behind `used` what belongs to the next one.
    buffer: Vec<u8>,
    rest: Vec<u8>,
    kind: Vec<u8>,
    is_over: bool,
}

impl<R: Read> Pieces<R> {
    pub(super) fn new(from: R) -> Pieces<R> {
        Pieces { from, buffer: Vec::new(), rest: Vec::new(), kind: Vec::new(), is_over: false }
    }

    /// The next piece; `None` when there is no more.
    pub(super) fn next(&mut self) -> Result<Option<&[u8]>, String> {
        if self.is_over {
            return Ok(None);
        }
        self.buffer.clear();
        self.buffer.extend_from_slice(&self.kind);
        let begin = self.buffer.len();
        self.buffer.append(&mut self.rest);
        loop {
            let wanted = PIECE_BYTES as u64;
            let read = (&mut self.from).take(wanted).read_to_end(&mut self.buffer);
            let read = read.map_err(|error| format!("read: {error}"))?;
            if read == 0 {
                self.is_over = true;
                return Ok(Some(&self.buffer));
            }
            if let Some(end) = memchr::memrchr(b'\n', &self.buffer[begin..]) {
                self.rest.extend_from_slice(&self.buffer[begin + end + 1..]);
                self.buffer.truncate(begin + end + 1);
                break;
            }
            if self.buffer.len() > LINE_BYTES_MAX {
                return Err(format!("a line has more than {LINE_BYTES_MAX} bytes"));
            }
        }
        self.remember_kind(begin);
        // A text that is over says so itself, and must say nothing behind it.
        if !(self.buffer.ends_with(END) && self.rest.is_empty()) {
            self.buffer.extend_from_slice(END);
        } else if self.is_at_end()? {
            self.is_over = true;
        } else {
            self.buffer.extend_from_slice(END);
        }
        Ok(Some(&self.buffer))
    }

    /// Whether nothing follows; what does is kept.
    fn is_at_end(&mut self) -> Result<bool, String> {
        let mut byte = [0];
        let read = self.from.read(&mut byte).map_err(|error| format!("read: {error}"))?;
        self.rest.extend_from_slice(&byte[..read]);
        Ok(read == 0)
    }

    /// Finds the last line that declares a type.
    fn remember_kind(&mut self, begin: usize) {
        let text = &self.buffer[begin..];
        let mut end = text.len();
        while let Some(at) = memchr::memmem::rfind(&text[..end], TYPE) {
            if at == 0 || text[at - 1] == b'\n' {
                let line = text[at..].split_inclusive(|byte| *byte == b'\n').next();
                self.kind = line.unwrap_or_default().to_vec();
                return;
            }
            end = at;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_say_their_type_and_end_as_a_whole_text_does() {
        let mut text = b"# TYPE a histogram\n".to_vec();
        while text.len() < 2 * PIECE_BYTES {
            text.extend_from_slice(b"a_bucket{le=\"1\"} 1 1\n");
        }
        for (end, last) in [(&b"# EOF\n"[..], &b"1 1\n# EOF\n"[..]), (b"", b"1 1\n"), (b"b", b"b")]
        {
            let whole = [&text, end].concat();
            let mut pieces = Pieces::new(&whole[..]);
            let (mut lines, mut final_piece) = (0, Vec::new());
            while let Some(piece) = pieces.next().unwrap() {
                assert!(piece.starts_with(b"# TYPE a histogram\n"));
                lines += memchr::memmem::find_iter(piece, b"a_bucket").count();
                final_piece = piece.to_vec();
            }
            assert_eq!(lines, (text.len() - 19) / 21);
            let tail = &final_piece[final_piece.len() - last.len().min(final_piece.len())..];
            assert!(tail == last || final_piece == b"# TYPE a histogram\n", "{end:?}");
        }
    }
}
