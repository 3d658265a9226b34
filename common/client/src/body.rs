//! An answer's body into a buffer, decompressed on the way, never more than is allowed.

use std::io::{self, Write};

use flate2::write::MultiGzDecoder;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use crate::error::Cause;

/// Reads everything; gives the number of bytes that came over the wire.
pub(crate) async fn read(
    mut body: Incoming,
    is_gzip: bool,
    (decoded_max, encoded_max): (usize, usize),
    out: &mut Vec<u8>,
) -> Result<usize, Cause> {
    let mut sink = if is_gzip {
        Sink::Gzip(Box::new(MultiGzDecoder::new(Limited {
            out,
            left: decoded_max,
            is_full: false,
        })))
    } else {
        Sink::Plain(Limited { out, left: decoded_max, is_full: false })
    };
    let mut encoded = 0usize;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|e| body_error(&e))?;
        let Ok(data) = frame.into_data() else { continue };
        encoded = encoded.saturating_add(data.len());
        if encoded > encoded_max {
            return Err(Cause::BodyTooLarge);
        }
        sink.push(&data)?;
    }
    sink.finish()?;
    Ok(encoded)
}

fn body_error(error: &hyper::Error) -> Cause {
    if error.is_incomplete_message() || error.is_body_write_aborted() {
        return Cause::UnexpectedEof;
    }
    let text = error.to_string();
    // hyper tells of a torn body only in words.
    if text.contains("end of file") || text.contains("body") {
        Cause::UnexpectedEof
    } else {
        Cause::Protocol(text)
    }
}

enum Sink<'a> {
    Plain(Limited<'a>),
    Gzip(Box<MultiGzDecoder<Limited<'a>>>),
}

impl Sink<'_> {
    fn push(&mut self, data: &[u8]) -> Result<(), Cause> {
        let (outcome, is_full) = match self {
            Sink::Plain(sink) => (sink.write_all(data), sink.is_full),
            Sink::Gzip(decoder) => {
                let outcome = decoder.write_all(data);
                (outcome, decoder.get_ref().is_full)
            }
        };
        outcome.map_err(|e| encoding_error(&e, is_full))
    }

    fn finish(&mut self) -> Result<(), Cause> {
        match self {
            Sink::Plain(_) => Ok(()),
            Sink::Gzip(decoder) => {
                let outcome = decoder.try_finish();
                outcome.map_err(|e| encoding_error(&e, decoder.get_ref().is_full))
            }
        }
    }
}

fn encoding_error(error: &io::Error, is_full: bool) -> Cause {
    match error.kind() {
        _ if is_full => Cause::BodyTooLarge,
        io::ErrorKind::UnexpectedEof => Cause::UnexpectedEof,
        io::ErrorKind::InvalidInput if error.to_string().contains("header") => {
            Cause::Encoding("gzip: invalid header".to_owned())
        }
        _ => Cause::Encoding(format!("gzip: {error}")),
    }
}

/// A buffer that refuses to grow beyond a limit.
struct Limited<'a> {
    out: &'a mut Vec<u8>,
    left: usize,
    is_full: bool,
}

impl Write for Limited<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if data.len() > self.left {
            self.is_full = true;
            return Err(io::Error::other("too large"));
        }
        self.left -= data.len();
        self.out.extend_from_slice(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
