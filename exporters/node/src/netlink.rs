//! Dumps of the kernel's routing tables over a netlink socket. `man 7 netlink`, `man 7 rtnetlink`.

use std::io;
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

/// A dump of all links.
pub(crate) const GET_LINK: u16 = 18;
/// A dump of all addresses.
pub(crate) const GET_ADDRESS: u16 = 22;
/// A dump of all neighbours.
pub(crate) const GET_NEIGHBOUR: u16 = 30;

/// Any address family, and IPv4.
pub(crate) const FAMILY_ANY: u8 = 0;
/// See [`FAMILY_ANY`].
pub(crate) const FAMILY_IPV4: u8 = 2;

const MESSAGE_ERROR: u16 = 2;
const MESSAGE_DONE: u16 = 3;
const FLAGS_REQUEST_DUMP: u16 = 0x1 | 0x300;
/// `struct nlmsghdr`.
const HEADER_BYTES: usize = 16;
/// The largest of the structures that follow it in requests: `struct ifinfomsg`.
const REQUEST_BYTES: usize = HEADER_BYTES + 16;
/// The kernel fills at most 32 KiB at once, and less unless it sees larger buffers.
const BUFFER_BYTES: usize = 32 << 10;

/// A socket that stays open between dumps.
pub(crate) struct Netlink {
    socket: Option<OwnedFd>,
    buffer: Vec<u8>,
    sequence: u32,
}

impl Netlink {
    /// Opens nothing yet.
    pub(crate) fn new() -> Netlink {
        Netlink { socket: None, buffer: Vec::new(), sequence: 0 }
    }

    /// Calls `each` with every message of a dump, header removed.
    pub(crate) fn dump(
        &mut self,
        (kind, family): (u16, u8),
        mut each: impl FnMut(&[u8]),
    ) -> io::Result<()> {
        let socket = match self.socket.take() {
            Some(socket) => socket,
            None => open()?,
        };
        self.buffer.resize(BUFFER_BYTES, 0);
        self.sequence = self.sequence.wrapping_add(1);
        rustix::net::send(&socket, &request(kind, family, self.sequence), SendFlags::empty())?;
        loop {
            let (length, whole) =
                rustix::net::recv(&socket, &mut self.buffer[..], RecvFlags::TRUNC)?;
            if whole > self.buffer.len() {
                return Err(io::Error::other("netlink message was cut off"));
            }
            if is_end(&self.buffer[..length], self.sequence, &mut each)? {
                // After an error the socket may still hold messages and is not kept.
                self.socket = Some(socket);
                return Ok(());
            }
        }
    }
}

fn open() -> io::Result<OwnedFd> {
    let family = AddressFamily::NETLINK;
    let socket = rustix::net::socket_with(family, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    Ok(socket)
}

/// A request for a dump: `nlmsghdr` and an otherwise empty `ifinfomsg`, which begins with the family
/// like all structures that may stand there.
fn request(kind: u16, family: u8, sequence: u32) -> [u8; REQUEST_BYTES] {
    let mut request = [0; REQUEST_BYTES];
    request[0..4].copy_from_slice(&(REQUEST_BYTES as u32).to_ne_bytes());
    request[4..6].copy_from_slice(&kind.to_ne_bytes());
    request[6..8].copy_from_slice(&FLAGS_REQUEST_DUMP.to_ne_bytes());
    request[8..12].copy_from_slice(&sequence.to_ne_bytes());
    request[HEADER_BYTES] = family;
    request
}

/// Walks through the messages of one datagram; says whether the dump ends with it.
fn is_end(datagram: &[u8], sequence: u32, each: &mut impl FnMut(&[u8])) -> io::Result<bool> {
    let mut rest = datagram;
    while let (Some(length), Some(kind), Some(found)) =
        (u32_at(rest, 0), u16_at(rest, 4), u32_at(rest, 8))
    {
        let length = length as usize;
        let Some(body) = rest.get(HEADER_BYTES..length) else {
            return Err(io::Error::other("netlink message of a wrong length"));
        };
        match kind {
            // A leftover of an earlier dump.
            _ if found != sequence => {}
            MESSAGE_DONE => return Ok(true),
            MESSAGE_ERROR => {
                let code = u32_at(body, 0).unwrap_or(0).cast_signed();
                return Err(io::Error::from_raw_os_error(code.saturating_neg()));
            }
            _ => each(body),
        }
        rest = rest.get(aligned(length)..).unwrap_or_default();
    }
    Ok(false)
}

/// The attributes of a message, behind its fixed part of `skip` bytes: type and value.
pub(crate) fn attributes(message: &[u8], skip: usize) -> impl Iterator<Item = (u16, &[u8])> {
    const NESTED_AND_BYTE_ORDER: u16 = 0xc000;
    let mut rest = message.get(skip..).unwrap_or_default();
    std::iter::from_fn(move || {
        let (length, kind) = (u16_at(rest, 0)? as usize, u16_at(rest, 2)?);
        let value = rest.get(4..length)?;
        rest = rest.get(aligned(length)..).unwrap_or_default();
        Some((kind & !NESTED_AND_BYTE_ORDER, value))
    })
}

/// A text without its final zero byte.
pub(crate) fn text(value: &[u8]) -> std::borrow::Cow<'_, str> {
    crate::parse::text(value.strip_suffix(&[0]).unwrap_or(value))
}

/// A number of the host's byte order.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// A number of the host's byte order.
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn aligned(length: usize) -> usize {
    (length + 3) & !3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u16, sequence: u32, body: &[u8]) -> Vec<u8> {
        let mut message = ((HEADER_BYTES + body.len()) as u32).to_ne_bytes().to_vec();
        message.extend(kind.to_ne_bytes());
        message.extend([0; 2]);
        message.extend(sequence.to_ne_bytes());
        message.extend([0; 4]);
        message.extend(body);
        message.resize(aligned(message.len()), 0);
        message
    }

    #[test]
    fn a_dump_ends_with_done_or_an_error() {
        fn check(messages: &[Vec<u8>], expected: Result<(bool, &[&[u8]]), &str>) {
            let mut bodies = Vec::new();
            let found = is_end(&messages.concat(), 7, &mut |body| bodies.push(body.to_vec()));
            let found = found.map(|end| (end, bodies)).map_err(|error| error.to_string());
            let expected =
                expected.map(|(end, all)| (end, all.iter().map(|b| b.to_vec()).collect()));
            assert_eq!(found, expected.map_err(str::to_owned));
        }
        let done = || message(MESSAGE_DONE, 7, &[]);
        check(&[], Ok((false, &[])));
        check(&[message(16, 7, b"abc"), message(16, 7, b"")], Ok((false, &[b"abc", b""])));
        check(&[message(16, 7, b"abc"), done()], Ok((true, &[b"abc"])));
        check(&[message(16, 6, b"old"), message(MESSAGE_DONE, 6, &[])], Ok((false, &[])));
        let refused = message(MESSAGE_ERROR, 7, &(-1i32).to_ne_bytes());
        check(&[refused], Err("Operation not permitted (os error 1)"));
        let mut long = done();
        long[0] = 255;
        check(&[long], Err("netlink message of a wrong length"));
    }

    #[test]
    fn attributes_are_padded_and_never_read_beyond_the_message() {
        fn check(bytes: &[u8], expected: &[(u16, &[u8])]) {
            assert_eq!(attributes(bytes, 1).collect::<Vec<_>>(), expected);
        }
        let [five, eight] = [5u16.to_ne_bytes(), 8u16.to_ne_bytes()];
        let three = 3u16.to_ne_bytes();
        let all = [&[9][..], &five, &three, b"x\0\0\0", &eight, &three, b"abcd"].concat();
        check(&all, &[(3, b"x"), (3, b"abcd")]);
        check(&all[..all.len() - 1], &[(3, b"x")]);
        check(&[9], &[]);
        check(&[], &[]);
        check(&[9, 0, 0, 0, 0], &[]);
    }

    #[test]
    fn the_kernel_lists_the_loopback_device_twice_over_one_socket() {
        let mut netlink = Netlink::new();
        for _ in 0..2 {
            let mut names = Vec::new();
            netlink
                .dump((GET_LINK, FAMILY_ANY), |message| {
                    let name = attributes(message, 16).find(|(kind, _)| *kind == 3);
                    names.extend(name.map(|(_, name)| text(name).into_owned()));
                })
                .unwrap();
            assert!(names.iter().any(|name| name == "lo"), "{names:?}");
        }
    }
}
