//! Messages over an open WebSocket. RFC 6455 section 5.

use std::{fmt, io};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::probe::stream::Stream;
use crate::probe::{Reason, random, reason_of};

/// Bytes of one message; larger ones end the probe.
const MESSAGE_BYTES_MAX: usize = 4 << 20;

/// Frames of one message: empty ones would never end otherwise.
const FRAMES_MAX: usize = 10_000;

/// Bytes of the frames between messages.
const CONTROL_BYTES_MAX: usize = 125;

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// The first bits of a frame.
const LAST: u8 = 0x80;
const RESERVED: u8 = 0x70;
const MASKED: u8 = 0x80;

/// The code of an end that nobody need worry about.
const NORMAL: u16 = 1000;

/// Why there is no message.
#[derive(Debug)]
pub(super) enum FrameError {
    Io(io::Error),
    Closed(Option<u16>, String),
    Wrong(&'static str),
    TooLarge,
}

impl FrameError {
    pub(super) fn reason(&self) -> Reason {
        match self {
            FrameError::Io(error) => reason_of(error),
            FrameError::Closed(..) => "closed",
            FrameError::Wrong(_) => "bad_message",
            FrameError::TooLarge => "too_large",
        }
    }
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FrameError::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                f.write_str("websocket: close 1006 (abnormal closure): unexpected EOF")
            }
            FrameError::Io(error) => error.fmt(f),
            FrameError::Closed(Some(code), text) if text.is_empty() => {
                write!(f, "websocket: close {code}")
            }
            FrameError::Closed(Some(code), text) => write!(f, "websocket: close {code}: {text}"),
            FrameError::Closed(None, _) => f.write_str("websocket: close 1005 (no status)"),
            FrameError::Wrong(what) => write!(f, "websocket: {what}"),
            FrameError::TooLarge => {
                write!(f, "websocket: read limit of {MESSAGE_BYTES_MAX} bytes exceeded")
            }
        }
    }
}

impl From<io::Error> for FrameError {
    fn from(error: io::Error) -> FrameError {
        FrameError::Io(error)
    }
}

/// An upgraded connection.
pub(super) struct Socket {
    reader: io::Cursor<Vec<u8>>,
    stream: Box<dyn Stream>,
}

struct Frame {
    kind: u8,
    is_last: bool,
    payload: Vec<u8>,
}

impl Socket {
    /// `begun` came along with the upgrade.
    pub(super) fn new(stream: Box<dyn Stream>, begun: &[u8]) -> Socket {
        Socket { reader: io::Cursor::new(begun.to_vec()), stream }
    }

    /// The next text or binary message; what comes between is answered.
    pub(super) async fn message(&mut self) -> Result<Vec<u8>, FrameError> {
        let mut message: Option<Vec<u8>> = None;
        for _ in 0..FRAMES_MAX {
            let room = MESSAGE_BYTES_MAX - message.as_ref().map_or(0, Vec::len);
            let frame = self.frame(room).await?;
            match (frame.kind, message.as_mut()) {
                (PING, _) => self.write(PONG, &frame.payload).await?,
                (PONG, _) => {}
                (CLOSE, _) => {
                    let (code, text) = match frame.payload.split_first_chunk::<2>() {
                        Some((code, text)) => (Some(u16::from_be_bytes(*code)), text),
                        None => (None, &[][..]),
                    };
                    let text = String::from_utf8_lossy(text).into_owned();
                    return Err(FrameError::Closed(code, text));
                }
                (TEXT | BINARY, None) if frame.is_last => return Ok(frame.payload),
                (TEXT | BINARY, None) => message = Some(frame.payload),
                (CONTINUATION, Some(begun)) => {
                    begun.extend_from_slice(&frame.payload);
                    if frame.is_last {
                        return Ok(message.unwrap_or_default());
                    }
                }
                (CONTINUATION, None) => return Err(FrameError::Wrong("continuation of nothing")),
                (TEXT | BINARY, Some(_)) => {
                    return Err(FrameError::Wrong("data before FIN"));
                }
                _ => return Err(FrameError::Wrong("bad opcode")),
            }
        }
        Err(FrameError::TooLarge)
    }

    /// Sends a text.
    pub(super) async fn send(&mut self, text: &[u8]) -> Result<(), FrameError> {
        self.write(TEXT, text).await
    }

    /// Says that we are done.
    pub(super) async fn close(&mut self) -> Result<(), FrameError> {
        self.write(CLOSE, &NORMAL.to_be_bytes()).await
    }

    async fn frame(&mut self, room: usize) -> Result<Frame, FrameError> {
        let [first, second] = self.bytes::<2>().await?;
        if first & RESERVED != 0 {
            return Err(FrameError::Wrong("RSV bits set"));
        }
        if second & MASKED != 0 {
            return Err(FrameError::Wrong("bad MASK"));
        }
        let (kind, is_last) = (first & 0x0f, first & LAST != 0);
        let length = match second {
            126 => u64::from(u16::from_be_bytes(self.bytes().await?)),
            127 => u64::from_be_bytes(self.bytes().await?),
            short => u64::from(short),
        };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if kind >= CLOSE && (!is_last || length > CONTROL_BYTES_MAX) {
            return Err(FrameError::Wrong("control frame too long or in pieces"));
        }
        if kind < CLOSE && length > room {
            return Err(FrameError::TooLarge);
        }
        // Memory is taken as bytes come, not as they are announced.
        let mut payload = Vec::new();
        let begun = (&mut self.reader).take(length as u64).read_to_end(&mut payload).await?;
        let missing = (length - begun) as u64;
        (&mut self.stream).take(missing).read_to_end(&mut payload).await?;
        if payload.len() < length {
            return Err(FrameError::Io(io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(Frame { kind, is_last, payload })
    }

    async fn bytes<const N: usize>(&mut self) -> Result<[u8; N], FrameError> {
        let mut bytes = [0; N];
        for byte in &mut bytes {
            *byte = match self.reader.read_u8().await {
                Ok(byte) => byte,
                Err(_) => self.stream.read_u8().await?,
            };
        }
        Ok(bytes)
    }

    async fn write(&mut self, kind: u8, payload: &[u8]) -> Result<(), FrameError> {
        let mut frame = vec![LAST | kind];
        match payload.len() {
            length @ 0..126 => frame.push(MASKED | length as u8),
            length @ 126..=0xffff => {
                frame.push(MASKED | 126);
                frame.extend((length as u16).to_be_bytes());
            }
            length => {
                frame.push(MASKED | 127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        let mask = (random::word() as u32).to_be_bytes();
        frame.extend(mask);
        frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        self.stream.write_all(&frame).await?;
        self.stream.flush().await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the first message in these bytes is, half of which came with the upgrade.
    async fn first(bytes: &[u8]) -> Result<Vec<u8>, &'static str> {
        let (ours, mut theirs) = tokio::io::duplex(1 << 16);
        let (begun, rest) = bytes.split_at(bytes.len() / 2);
        theirs.write_all(rest).await.unwrap();
        let mut socket = Socket::new(Box::new(ours), begun);
        // Pongs must not fail, the end must come: our side stays open, theirs is shut down.
        theirs.shutdown().await.unwrap();
        socket.message().await.map_err(|error| error.reason())
    }

    #[tokio::test]
    async fn messages_are_put_together_from_their_frames() {
        assert_eq!(first(b"\x81\x02ok").await.unwrap(), b"ok");
        assert_eq!(first(b"\x82\x02\0\x01").await.unwrap(), b"\0\x01");
        assert_eq!(first(b"\x01\x01a\x89\x01x\x00\x01b\x80\x01c").await.unwrap(), b"abc");
        let long = [&b"\x81\x7e\x01\x00"[..], &[b'x'; 256]].concat();
        assert_eq!(first(&long).await.unwrap().len(), 256);
        assert_eq!(first(b"\x8a\x00\x81\x00").await.unwrap(), b"");
    }

    #[tokio::test]
    async fn what_is_no_message_is_refused() {
        assert_eq!(first(b"\x88\x02\x03\xe8").await, Err("closed"));
        assert_eq!(first(b"\x88\x00").await, Err("closed"));
        assert_eq!(first(b"\x81\x05ab").await, Err("closed"));
        assert_eq!(first(b"\xc1\x01a").await, Err("bad_message"));
        assert_eq!(first(b"\x81\x81\0\0\0\0a").await, Err("bad_message"));
        assert_eq!(first(b"\x80\x01a").await, Err("bad_message"));
        assert_eq!(first(b"\x01\x01a\x81\x01b").await, Err("bad_message"));
        assert_eq!(first(b"\x83\x01a").await, Err("bad_message"));
        assert_eq!(first(b"\x09\x00").await, Err("bad_message"));
        assert_eq!(first(b"\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff").await, Err("too_large"));
        let empty = [&b"\x01\x00"[..], &b"\x00\x00".repeat(FRAMES_MAX)].concat();
        assert_eq!(first(&empty).await, Err("too_large"));
    }

    #[tokio::test]
    async fn what_is_sent_is_masked() {
        for length in [0, 5, 125, 126, 70_000] {
            let (ours, mut theirs) = tokio::io::duplex(1 << 20);
            let text = vec![b'x'; length];
            Socket::new(Box::new(ours), &[]).send(&text).await.unwrap();
            let mut sent = Vec::new();
            theirs.read_to_end(&mut sent).await.unwrap();
            let head = match length {
                0..126 => 2,
                126..65_536 => 4,
                _ => 10,
            };
            assert_eq!(sent.len(), head + 4 + length);
            assert!(sent[1] & MASKED != 0);
            let (mask, body) = sent[head..].split_at(4);
            assert!(body.iter().zip(mask.iter().cycle()).all(|(byte, mask)| byte ^ mask == b'x'));
        }
    }
}
