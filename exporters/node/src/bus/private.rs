//! systemd's own socket, `/run/systemd/private`. Its answers name a sender that only a bus could
//! have given it, for which zbus refuses them: that name is made one that it accepts.

use std::io;
use std::path::Path;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use zbus::connection::Builder;
use zbus::connection::socket::{ReadHalf, Split, WriteHalf};
use zbus::export::async_trait::async_trait;
use zbus::{Connection, Guid};

/// Longest message, by D-Bus' specification.
const MESSAGE_BYTES_MAX: usize = 128 << 20;
/// Longest line of the greeting.
const LINE_BYTES_MAX: u64 = 1024;
/// The part of a message that says how long the rest is.
const START_BYTES: usize = 16;
/// The field of a header that names the sender: its number, its type, its length, the name. A
/// unique name begins with a colon.
const SENDER: &[u8] = b"\x07\x01s\x00\x18\x00\x00\x00org.freedesktop.systemd1\x00";
const SENDER_NAME_AT: usize = 8;

/// Opens a connection without a bus.
pub(super) async fn connect(path: &Path) -> zbus::Result<Connection> {
    let (read, mut write) =
        UnixStream::connect(path).await.map_err(zbus::Error::from)?.into_split();
    let mut read = BufReader::new(read);
    authenticate(&mut read, &mut write).await?;
    let read = Messages { read, message: Vec::new(), at: 0 };
    let socket: Split<Box<dyn ReadHalf>, Box<dyn WriteHalf>> =
        Split::new(Box::new(read), Box::new(Writer(write)));
    Builder::authenticated_socket(socket, Guid::generate()).p2p().build().await
}

/// The greeting: who we are, which the kernel vouches for.
async fn authenticate(
    read: &mut BufReader<OwnedReadHalf>,
    write: &mut OwnedWriteHalf,
) -> io::Result<()> {
    let user = rustix::process::geteuid().as_raw().to_string();
    let user: String = user.bytes().map(|digit| format!("{digit:02x}")).collect();
    write.write_all(format!("\0AUTH EXTERNAL {user}\r\n").as_bytes()).await?;
    let mut line = String::new();
    read.take(LINE_BYTES_MAX).read_line(&mut line).await?;
    if !line.starts_with("OK ") {
        return Err(io::Error::other(format!("refused: {:?}", line.trim_end())));
    }
    write.write_all(b"BEGIN\r\n").await
}

/// Whole messages, handed on in whatever pieces are asked for.
#[derive(Debug)]
struct Messages {
    read: BufReader<OwnedReadHalf>,
    message: Vec<u8>,
    at: usize,
}

#[async_trait]
impl ReadHalf for Messages {
    async fn recvmsg(
        &mut self,
        buffer: &mut [u8],
    ) -> io::Result<(usize, Vec<std::os::fd::OwnedFd>)> {
        if self.at == self.message.len() {
            self.at = 0;
            self.message.clear();
            self.message.resize(START_BYTES, 0);
            self.read.read_exact(&mut self.message).await?;
            let (header, whole) = lengths(&self.message)
                .ok_or_else(|| io::Error::other("a message that is too long"))?;
            self.message.resize(whole, 0);
            self.read.read_exact(&mut self.message[START_BYTES..]).await?;
            correct_sender(&mut self.message[START_BYTES..header]);
        }
        let rest = &self.message[self.at..];
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        self.at += length;
        Ok((length, Vec::new()))
    }
}

#[derive(Debug)]
struct Writer(OwnedWriteHalf);

#[async_trait]
impl WriteHalf for Writer {
    async fn sendmsg(
        &mut self,
        buffer: &[u8],
        _: &[std::os::fd::BorrowedFd<'_>],
    ) -> io::Result<usize> {
        self.0.write(buffer).await
    }

    async fn close(&mut self) -> io::Result<()> {
        self.0.shutdown().await
    }
}

/// The lengths of a message's header and of all of it, from its start; `None` if it is too long.
fn lengths(start: &[u8]) -> Option<(usize, usize)> {
    let number = |at: usize| {
        let bytes = *start.get(at..)?.first_chunk()?;
        let is_little = start.first() == Some(&b'l');
        let number = if is_little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) };
        usize::try_from(number).ok()
    };
    let (body, fields) = (number(4)?, number(12)?);
    let header = START_BYTES.checked_add(fields)?.checked_next_multiple_of(8)?;
    let whole = header.checked_add(body).filter(|&whole| whole <= MESSAGE_BYTES_MAX)?;
    Some((header, whole))
}

/// `org.freedesktop.systemd1` becomes `:rg.freedesktop.systemd1` where it is the sender.
fn correct_sender(fields: &mut [u8]) {
    if let Some(at) = fields.windows(SENDER.len()).position(|window| window == SENDER) {
        fields[at + SENDER_NAME_AT] = b':';
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_of_a_message_tells_its_length() {
        fn check(order: u8, (body, fields): ([u8; 4], [u8; 4]), expected: Option<(usize, usize)>) {
            let start = [&[order, 2, 1, 1][..], &body, &[0; 4], &fields].concat();
            assert_eq!(lengths(&start), expected);
        }
        check(b'l', ([5, 0, 0, 0], [9, 0, 0, 0]), Some((32, 37)));
        check(b'B', ([0, 0, 0, 5], [0, 0, 0, 8]), Some((24, 29)));
        check(b'l', ([0; 4], [0; 4]), Some((16, 16)));
        check(b'l', ([0xff; 4], [0xff; 4]), None);
        assert_eq!(lengths(b"l"), None);
    }

    #[test]
    fn only_the_sender_is_corrected() {
        fn check(fields: &[u8], expected: &[u8]) {
            let mut fields = fields.to_vec();
            correct_sender(&mut fields);
            assert_eq!(fields, expected);
        }
        let corrected = b"\x07\x01s\x00\x18\x00\x00\x00:rg.freedesktop.systemd1\x00";
        check(
            &[b"\x05\x01u\0\0\0\0\x01", SENDER].concat(),
            &[b"\x05\x01u\0\0\0\0\x01", &corrected[..]].concat(),
        );
        let destination = [b"\x06", &SENDER[1..]].concat();
        check(&destination, &destination);
        check(b"", b"");
    }
}
