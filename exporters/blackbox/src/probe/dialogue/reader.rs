//! Lines and bytes from a connection.

use std::fmt;
use std::io;

use tokio::io::AsyncReadExt as _;
use tokio::time::{Instant, timeout_at};

use crate::probe::stream::Stream;
use crate::probe::{Reason, reason_of};

/// Longest line; as that of Go's scanner.
const LINE_BYTES_MAX: usize = 64 << 10;

/// Bytes of all lines of one connection; a server that floods ends the probe.
const READ_BYTES_MAX: usize = 64 << 20;

/// Bytes of one read.
const READ_BYTES: usize = 8 << 10;

/// A connection with what was read of it and not yet used.
pub(super) struct Reader {
    stream: Box<dyn Stream>,
    buffer: Vec<u8>,
    read: usize,
    is_ended: bool,
}

/// Why there is no line.
#[derive(Debug)]
pub(super) enum ReadError {
    Io(io::Error),
    Late,
    LineTooLong,
    Flood,
}

impl ReadError {
    pub(super) fn reason(&self) -> Reason {
        match self {
            ReadError::Io(error) => reason_of(error),
            ReadError::Late => "timeout",
            ReadError::LineTooLong | ReadError::Flood => "too_large",
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Io(error) => error.fmt(f),
            ReadError::Late => f.write_str("i/o timeout"),
            ReadError::LineTooLong => f.write_str("bufio.Scanner: token too long"),
            ReadError::Flood => write!(f, "more than {READ_BYTES_MAX} bytes were sent"),
        }
    }
}

impl Reader {
    pub(super) fn new(stream: Box<dyn Stream>) -> Reader {
        Reader { stream, buffer: Vec::new(), read: 0, is_ended: false }
    }

    pub(super) fn stream(&mut self) -> &mut Box<dyn Stream> {
        &mut self.stream
    }

    pub(super) fn into_stream(self) -> Box<dyn Stream> {
        self.stream
    }

    /// The next line without its end; the last one need not have one. Nothing at the end.
    pub(super) async fn line(&mut self, until: Instant) -> Result<Option<Vec<u8>>, ReadError> {
        let mut searched = 0;
        loop {
            let found = self.buffer[searched..].iter().position(|byte| *byte == b'\n');
            if let Some(end) = found.map(|at| searched + at) {
                let mut line: Vec<u8> = self.buffer.drain(..=end).collect();
                line.pop();
                return Ok(Some(without_return(line)));
            }
            searched = self.buffer.len();
            if self.is_ended {
                let line = std::mem::take(&mut self.buffer);
                return Ok((!line.is_empty()).then(|| without_return(line)));
            }
            if searched >= LINE_BYTES_MAX {
                return Err(ReadError::LineTooLong);
            }
            self.more(until).await?;
        }
    }

    /// As many bytes, or as many as come before the end.
    pub(super) async fn exactly(
        &mut self,
        count: usize,
        until: Instant,
    ) -> Result<Vec<u8>, ReadError> {
        while self.buffer.len() < count && !self.is_ended {
            self.more(until).await?;
        }
        let count = count.min(self.buffer.len());
        Ok(self.buffer.drain(..count).collect())
    }

    async fn more(&mut self, until: Instant) -> Result<(), ReadError> {
        if self.read > READ_BYTES_MAX {
            return Err(ReadError::Flood);
        }
        let mut chunk = [0; READ_BYTES];
        let reading = timeout_at(until, self.stream.read(&mut chunk)).await;
        let count = reading.map_err(|_| ReadError::Late)?.map_err(ReadError::Io)?;
        self.buffer.extend_from_slice(&chunk[..count]);
        self.read += count;
        self.is_ended = count == 0;
        Ok(())
    }
}

fn without_return(mut line: Vec<u8>) -> Vec<u8> {
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    line
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::AsyncWriteExt as _;

    use super::*;

    #[tokio::test]
    async fn lines_end_with_line_feeds_or_with_the_connection() {
        let (ours, mut theirs) = tokio::io::duplex(1 << 20);
        let mut reader = Reader::new(Box::new(ours));
        theirs.write_all(b"one\r\ntwo\n\nABCrest").await.unwrap();
        drop(theirs);
        let until = Instant::now() + Duration::from_secs(10);
        for wanted in [&b"one"[..], b"two", b""] {
            assert_eq!(reader.line(until).await.unwrap().as_deref(), Some(wanted));
        }
        assert_eq!(reader.exactly(3, until).await.unwrap(), b"ABC");
        assert_eq!(reader.line(until).await.unwrap().as_deref(), Some(&b"rest"[..]));
        assert_eq!(reader.line(until).await.unwrap(), None);
        assert_eq!(reader.exactly(3, until).await.unwrap(), b"");
    }

    #[tokio::test]
    async fn a_line_without_end_and_a_flood_are_refused() {
        let (ours, mut theirs) = tokio::io::duplex(1 << 20);
        let mut reader = Reader::new(Box::new(ours));
        theirs.write_all(&vec![b'x'; 80 << 10]).await.unwrap();
        let until = Instant::now() + Duration::from_secs(10);
        assert!(matches!(reader.line(until).await, Err(ReadError::LineTooLong)));
        let (ours, mut theirs) = tokio::io::duplex(1 << 16);
        let mut reader = Reader::new(Box::new(ours));
        tokio::spawn(
            async move { while theirs.write_all(&b"banner\n".repeat(1000)).await.is_ok() {} },
        );
        let flood = loop {
            match reader.line(until).await {
                Ok(Some(line)) => assert_eq!(line, b"banner"),
                other => break other,
            }
        };
        assert!(matches!(flood, Err(ReadError::Flood)), "{flood:?}");
    }
}
