//! The body of an answer: decompressed, counted, and kept where something is to be matched in it.

use std::io::{self, Write};

use brotli_decompressor::DecompressorWriter;
use flate2::write::{DeflateDecoder, MultiGzDecoder};
use http_body_util::BodyExt as _;
use tokio::time::{Instant, timeout_at};

use super::exchange::Answer;
use crate::config::Compression;

/// Bytes of a body that are kept to be matched; more than that fails the probe.
pub(super) const KEPT_BYTES_MAX: usize = 32 << 20;

/// Bytes that are read of a body though nobody looks at them.
pub(super) const READ_BYTES_MAX: u64 = 4 << 30;

/// Buffer of a brotli decoder.
const BROTLI_BUFFER_BYTES: usize = 16 << 10;

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Body {
    /// Decompressed bytes.
    pub(super) count: u64,
    /// The bytes, if they were asked for.
    pub(super) kept: Vec<u8>,
    /// What kept it from being read to its end.
    pub(super) problem: Option<Problem>,
}

/// Why a body could not be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// It is not what `compression` says, which is seen at its very beginning.
    NotCompressed(String),
    /// Something later on.
    Read(String),
    /// It is larger than `body_size_limit` or a limit of ours.
    TooLarge(String),
    /// The time is up.
    Deadline,
}

/// How a body is read.
pub(super) struct Reading {
    /// How it is compressed.
    pub(super) compression: Option<Compression>,
    /// `body_size_limit`; zero for none.
    pub(super) limit: u64,
    /// Whether its bytes are wanted.
    pub(super) is_kept: bool,
    /// When it must be there.
    pub(super) deadline: Instant,
}

impl Reading {
    /// Reads everything, or as much as is allowed.
    pub(super) async fn read(&self, mut answer: Answer) -> Body {
        let incoming = answer.response.body_mut();
        let mut sink = Sink::new(self.compression, Counter::new(self.limit, self.is_kept));
        let (mut problem, mut is_first) = (None, true);
        loop {
            let frame = match timeout_at(self.deadline, incoming.frame()).await {
                Err(_) => break problem = Some(Problem::Deadline),
                Ok(None) => break,
                Ok(Some(Err(error))) => {
                    break problem = Some(Problem::Read(words(&error)));
                }
                Ok(Some(Ok(frame))) => frame,
            };
            let Ok(data) = frame.into_data() else { continue };
            if let Err(error) = sink.push(&data) {
                break problem = Some(sink.problem(&error, is_first));
            }
            is_first &= data.is_empty();
            // A bomb must not keep others from their turn.
            tokio::task::consume_budget().await;
        }
        if problem.is_none()
            && let Err(error) = sink.finish()
        {
            problem = Some(sink.problem(&error, is_first));
        }
        let counter = sink.into_counter();
        let is_nothing = matches!(problem, Some(Problem::NotCompressed(_)));
        let count = if is_nothing { 0 } else { counter.count };
        Body { count, kept: counter.kept.unwrap_or_default(), problem }
    }
}

/// hyper tells of a torn body only in words.
fn words(error: &hyper::Error) -> String {
    let text =
        std::error::Error::source(error).map_or_else(|| error.to_string(), |e| e.to_string());
    if error.is_incomplete_message() || text.contains("end of file") {
        "unexpected EOF".to_owned()
    } else {
        text
    }
}

/// Counts what is written, keeps it if wanted, and refuses what is too much.
struct Counter {
    count: u64,
    limit: u64,
    kept: Option<Vec<u8>>,
    refusal: Option<String>,
}

impl Counter {
    fn new(limit: u64, is_kept: bool) -> Counter {
        Counter { count: 0, limit, kept: is_kept.then(Vec::new), refusal: None }
    }

    fn refuse(&mut self, words: String) -> io::Error {
        self.refusal = Some(words);
        io::Error::other("too large")
    }
}

impl Write for Counter {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let count = self.count + data.len() as u64;
        if self.limit > 0 && count > self.limit {
            self.count = self.limit;
            return Err(self.refuse("http: request body too large".to_owned()));
        }
        self.count = count;
        if count > READ_BYTES_MAX {
            return Err(self.refuse(format!("body is larger than {READ_BYTES_MAX} bytes")));
        }
        if let Some(kept) = &mut self.kept {
            if kept.len() + data.len() > KEPT_BYTES_MAX {
                let words = format!("body is larger than {KEPT_BYTES_MAX} bytes and to be matched");
                return Err(self.refuse(words));
            }
            kept.extend_from_slice(data);
        }
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

enum Sink {
    Plain(Counter),
    Gzip(Box<MultiGzDecoder<Counter>>),
    Deflate(Box<DeflateDecoder<Counter>>),
    Brotli(Box<DecompressorWriter<Counter>>),
}

impl Sink {
    fn new(compression: Option<Compression>, counter: Counter) -> Sink {
        match compression {
            None | Some(Compression::Identity) => Sink::Plain(counter),
            Some(Compression::Gzip) => Sink::Gzip(Box::new(MultiGzDecoder::new(counter))),
            Some(Compression::Deflate) => Sink::Deflate(Box::new(DeflateDecoder::new(counter))),
            Some(Compression::Brotli) => {
                Sink::Brotli(Box::new(DecompressorWriter::new(counter, BROTLI_BUFFER_BYTES)))
            }
        }
    }

    fn push(&mut self, data: &[u8]) -> io::Result<()> {
        match self {
            Sink::Plain(sink) => sink.write_all(data),
            Sink::Gzip(sink) => sink.write_all(data),
            Sink::Deflate(sink) => sink.write_all(data),
            Sink::Brotli(sink) => sink.write_all(data),
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        match self {
            Sink::Plain(_) => Ok(()),
            Sink::Gzip(sink) => sink.try_finish(),
            Sink::Deflate(sink) => sink.try_finish(),
            Sink::Brotli(sink) => sink.close(),
        }
    }

    fn counter(&self) -> &Counter {
        match self {
            Sink::Plain(counter) => counter,
            Sink::Gzip(sink) => sink.get_ref(),
            Sink::Deflate(sink) => sink.get_ref(),
            Sink::Brotli(sink) => sink.get_ref(),
        }
    }

    fn into_counter(self) -> Counter {
        let empty = || Counter::new(0, false);
        match self {
            Sink::Plain(counter) => counter,
            Sink::Gzip(mut sink) => std::mem::replace(sink.get_mut(), empty()),
            Sink::Deflate(mut sink) => std::mem::replace(sink.get_mut(), empty()),
            Sink::Brotli(mut sink) => std::mem::replace(sink.get_mut(), empty()),
        }
    }

    fn problem(&self, error: &io::Error, is_first: bool) -> Problem {
        if let Some(words) = &self.counter().refusal {
            return Problem::TooLarge(words.clone());
        }
        let is_gzip = matches!(self, Sink::Gzip(_));
        if is_gzip && is_first && self.counter().count == 0 {
            return Problem::NotCompressed("gzip: invalid header".to_owned());
        }
        if error.kind() == io::ErrorKind::UnexpectedEof {
            return Problem::Read("unexpected EOF".to_owned());
        }
        Problem::Read(error.to_string())
    }
}
