//! Where the body of an HTTP/1 request ends, by the rules of the library that reads it later.
//!
//! Stricter than RFC 9112 on purpose: who follows a connection beside its reader must never be of
//! another opinion than the reader, so whatever could be read in two ways is not read at all.

/// Header lines of a request; the library refuses more.
const HEADERS_MAX: usize = 100;
/// Bytes in the line before a chunk, and in a line behind the last one.
const CHUNK_LINE_BYTES_MAX: usize = 16 << 10;
/// Digits of a chunk's size.
const CHUNK_DIGITS_MAX: usize = 15;

/// How the length of a body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    Sized(u64),
    Chunked,
}

/// The framing that a complete head announces; `None` where it is unusual.
pub(super) fn body_of(head: &[u8]) -> Option<Body> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    if request.parse(head) != Ok(httparse::Status::Complete(head.len())) {
        return None;
    }
    if request.method == Some("CONNECT") {
        return None;
    }
    let values = |name: &'static str| {
        let headers = request.headers.iter();
        headers.filter(move |h| h.name.eq_ignore_ascii_case(name)).map(|h| h.value.trim_ascii())
    };
    let mut codings = values("transfer-encoding");
    let mut lengths = values("content-length");
    match (codings.next(), lengths.next()) {
        (None, None) => Some(Body::Sized(0)),
        (None, Some(length)) => {
            let length = number(length)?;
            lengths.all(|other| number(other) == Some(length)).then_some(Body::Sized(length))
        }
        (Some(coding), None) => {
            let is_plain = coding.eq_ignore_ascii_case(b"chunked") && request.version == Some(1);
            (is_plain && codings.next().is_none()).then_some(Body::Chunked)
        }
        (Some(_), Some(_)) => None,
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    // `parse` alone would take a sign.
    let is_number = digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok().filter(|_| is_number)?.parse().ok()
}

/// Something in the chunks is unusual.
pub(super) struct Unusual;

/// The place in a chunked body.
#[derive(Default)]
pub(super) struct Chunks {
    state: State,
    /// Bytes of the chunk to come.
    left: u64,
    line: Vec<u8>,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum State {
    /// In the line that tells a chunk's size.
    #[default]
    Size,
    Data,
    /// In the line end behind a chunk.
    AfterData,
    Trailer,
}

impl Chunks {
    /// How many of the bytes belong to the body, at least one, and whether it ends with them.
    pub(super) fn pass(&mut self, bytes: &[u8]) -> (usize, Result<bool, Unusual>) {
        if self.state == State::Data {
            let passed = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
            self.left -= passed as u64;
            if self.left == 0 {
                self.state = State::AfterData;
            }
            return (passed, Ok(false));
        }
        for (at, &byte) in bytes.iter().enumerate() {
            self.line.push(byte);
            if byte == b'\n' {
                return (at + 1, self.end_line());
            }
            if self.line.len() > CHUNK_LINE_BYTES_MAX {
                return (at + 1, Err(Unusual));
            }
        }
        (bytes.len(), Ok(false))
    }

    fn end_line(&mut self) -> Result<bool, Unusual> {
        let line = std::mem::take(&mut self.line);
        let line = line.strip_suffix(b"\r\n").ok_or(Unusual)?;
        match self.state {
            State::Size => {
                self.left = size(line).ok_or(Unusual)?;
                self.state = if self.left == 0 { State::Trailer } else { State::Data };
            }
            State::AfterData if line.is_empty() => self.state = State::Size,
            State::Trailer => return Ok(line.is_empty()),
            State::AfterData | State::Data => return Err(Unusual),
        }
        Ok(false)
    }
}

/// The size before extensions, `1a;name=value`.
fn size(line: &[u8]) -> Option<u64> {
    let digits = line.split(|&byte| byte == b';').next()?.trim_ascii_end();
    let is_size = digits.iter().all(u8::is_ascii_hexdigit) && digits.len() <= CHUNK_DIGITS_MAX;
    u64::from_str_radix(std::str::from_utf8(digits).ok().filter(|_| is_size)?, 16).ok()
}
