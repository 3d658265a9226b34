//! Request targets with bytes that belong escaped, escaped before the HTTP library sees them.
//!
//! `GET /api/v1/query?query=up{job="x"}` is not what RFC 3986 allows, but what people type and Go
//! accepts; the library refuses it. Only the target of a request line is changed, so it must be
//! known exactly where requests end: [`Targets`] follows their framing, and lets all bytes pass
//! for the rest of the connection as soon as anything in it is unusual.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::HEADER_BYTES_MAX;
use super::framing::{Body, Chunks, body_of};

/// A client's connection whose request targets are escaped on the way in.
pub(super) struct EscapedIo<S> {
    socket: S,
    targets: Targets,
    /// What was read, became longer and had no room, from `taken` on.
    waiting: Vec<u8>,
    taken: usize,
}

impl<S> EscapedIo<S> {
    pub(super) fn new(socket: S) -> EscapedIo<S> {
        EscapedIo { socket, targets: Targets::default(), waiting: Vec::new(), taken: 0 }
    }

    /// Hands over what waits, as far as there is room.
    fn give(&mut self, buffer: &mut ReadBuf<'_>) {
        let waiting = &self.waiting[self.taken..];
        let fits = waiting.len().min(buffer.remaining());
        buffer.put_slice(&waiting[..fits]);
        self.taken += fits;
        if self.taken == self.waiting.len() {
            (self.waiting, self.taken) = (Vec::new(), 0);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for EscapedIo<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.waiting.is_empty() {
            let before = buffer.filled().len();
            std::task::ready!(Pin::new(&mut self.socket).poll_read(context, buffer))?;
            let Some(escaped) = self.targets.pass(&buffer.filled()[before..]) else {
                return Poll::Ready(Ok(()));
            };
            buffer.set_filled(before);
            self.waiting = escaped;
        }
        self.give(buffer);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for EscapedIo<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }
}

/// Where in the sequence of requests the next byte stands.
enum Place {
    Head(Head),
    /// A body with so many bytes to come.
    Sized(u64),
    Chunked(Chunks),
    /// Not followed any more.
    Lost,
}

/// Follows the requests of one connection.
struct Targets(Place);

impl Default for Targets {
    fn default() -> Targets {
        Targets(Place::Head(Head::default()))
    }
}

/// The beginning of a request, up to the empty line.
#[derive(Default)]
struct Head {
    /// All bytes so far, escaped; the blank lines that may come before are left out.
    bytes: Vec<u8>,
    /// Where the current line begins.
    line: usize,
    /// Spaces of the request line: the target stands behind the first.
    spaces: usize,
}

impl Targets {
    /// What to hand on instead of `bytes`, where that differs.
    fn pass(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut escaped: Option<Vec<u8>> = None;
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let next;
            let passed = match &mut self.0 {
                Place::Lost => {
                    next = None;
                    rest.len()
                }
                Place::Sized(left) => {
                    let passed = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    *left -= passed as u64;
                    next = (*left == 0).then(|| Place::Head(Head::default()));
                    passed
                }
                Place::Chunked(chunks) => {
                    let (passed, over) = chunks.pass(rest);
                    next = match over {
                        Ok(true) => Some(Place::Head(Head::default())),
                        Ok(false) => None,
                        Err(_) => Some(Place::Lost),
                    };
                    passed
                }
                Place::Head(head) => {
                    let byte = rest[0];
                    if head.is_in_target() && belongs_escaped(byte) {
                        let out = escaped.get_or_insert_with(|| bytes[..at].to_vec());
                        let code = hex(byte);
                        out.extend_from_slice(&code);
                        head.bytes.extend_from_slice(&code);
                        at += 1;
                        self.lose_long_head();
                        continue;
                    }
                    next = head.push(byte);
                    1
                }
            };
            if let Some(out) = &mut escaped {
                out.extend_from_slice(&rest[..passed]);
            }
            at += passed;
            if let Some(next) = next {
                self.0 = next;
            }
            self.lose_long_head();
        }
        escaped
    }

    /// A head that the library refuses for its size needs no following.
    fn lose_long_head(&mut self) {
        if matches!(&self.0, Place::Head(head) if head.bytes.len() > HEADER_BYTES_MAX) {
            self.0 = Place::Lost;
        }
    }
}

impl Head {
    fn is_in_target(&self) -> bool {
        self.line == 0 && self.spaces == 1
    }

    /// Takes one byte that stays as it is; what comes next when the head ends with it.
    fn push(&mut self, byte: u8) -> Option<Place> {
        if self.bytes.is_empty() && matches!(byte, b'\r' | b'\n') {
            return None;
        }
        self.bytes.push(byte);
        self.spaces += usize::from(self.line == 0 && byte == b' ');
        if byte != b'\n' {
            return None;
        }
        let is_blank = matches!(&self.bytes[self.line..], b"\n" | b"\r\n");
        self.line = self.bytes.len();
        is_blank.then(|| match body_of(&self.bytes) {
            Some(Body::Sized(0)) => Place::Head(Head::default()),
            Some(Body::Sized(length)) => Place::Sized(length),
            Some(Body::Chunked) => Place::Chunked(Chunks::default()),
            None => Place::Lost,
        })
    }
}

/// Printable bytes that RFC 3986 does not allow in a target, and `#`, which begins no fragment here.
fn belongs_escaped(byte: u8) -> bool {
    matches!(
        byte,
        b'"' | b'#' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | 0x80..=0xff
    )
}

fn hex(byte: u8) -> [u8; 3] {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    [b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Passes `sent` in pieces of every size, and compares what comes out.
    fn check(sent: &[u8], wanted: &[u8]) {
        for size in 1..=sent.len() {
            let mut targets = Targets::default();
            let pieces = sent.chunks(size);
            let got: Vec<u8> =
                pieces.flat_map(|piece| targets.pass(piece).unwrap_or(piece.to_vec())).collect();
            let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
            assert_eq!(text(&got), text(wanted), "pieces of {size}");
        }
    }

    const ODD: &str = "GET /a?q=up{j=\"x\"}|^`<>\\#\u{e9} HTTP/1.1\r\nA: {\"}\r\n";
    const CLEAN: &str =
        "GET /a?q=up%7Bj=%22x%22%7D%7C%5E%60%3C%3E%5C%23%C3%A9 HTTP/1.1\r\nA: {\"}\r\n";

    #[test]
    fn targets_of_all_requests_are_escaped_and_nothing_else() {
        let rest_of_heads = [
            "\r\n",
            "Content-Length: 0\r\n\r\n",
            // A body that looks like a request.
            "Content-Length: 23\r\n\r\nGET /{\"}\" HTTP/1.1\r\n\r\n{",
            "content-length: 3\r\nContent-Length:  3\r\n\r\n{ }",
            "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "Transfer-Encoding: Chunked\r\n\r\n5;x=\"{\"\r\n{ \n\r\n\r\n0A \r\nGET /{ {} \r\n000\r\nT: {\r\n\r\n",
        ];
        for first in rest_of_heads {
            for second in rest_of_heads {
                for between in ["", "\r\n", "\n\r\n"] {
                    let written = |head| format!("{head}{first}{between}{head}{second}{head}\r\n");
                    check(written(ODD).as_bytes(), written(CLEAN).as_bytes());
                }
            }
        }
        check(b"POST * HTTP/1.0\nHost: {\n\nGET {", b"POST * HTTP/1.0\nHost: {\n\nGET %7B");
        check(b"{ /{\xff{ {", b"{ /%7B%FF%7B {");
    }

    #[test]
    fn what_is_unusual_is_let_pass() {
        for head in [
            "Content-Length: x\r\n",
            "Content-Length: +1\r\n",
            "Content-Length: 1, 1\r\n",
            "Content-Length: 1\r\nContent-Length: 2\r\n",
            "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding : chunked\r\n",
            "No colon\r\n",
            " folded: x\r\n",
        ] {
            let text = format!("POST / HTTP/1.1\r\n{head}\r\nGET /{{ HTTP/1.1\r\n\r\n");
            check(text.as_bytes(), text.as_bytes());
        }
        for text in [
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n GET {",
            "CONNECT a:1 HTTP/1.1\r\n\r\nGET /{ HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\nGET /{ HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\nGET /{ HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\n\nGET /{ HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{{\r\n0\r\n\r\nGET /{",
        ] {
            check(text.as_bytes(), text.as_bytes());
        }
    }

    #[test]
    fn a_head_beyond_the_limit_is_not_kept() {
        let mut targets = Targets::default();
        let line = [b"GET /".as_slice(), &[b'{'; HEADER_BYTES_MAX]].concat();
        let passed = targets.pass(&line).unwrap();
        assert!(passed.len() < 5 + HEADER_BYTES_MAX + 2 * (HEADER_BYTES_MAX / 3 + 1));
        assert!(matches!(targets.0, Place::Lost));
    }
}
