//! Questions to the kernel over netlink sockets, answered in lists of messages. `man 7 netlink`,
//! `man 7 rtnetlink`.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::net::netlink::SOCK_DIAG;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType};

mod generic;
mod retry;

pub(crate) use generic::Generic;
pub(crate) use retry::Retry;

/// A dump of all links.
pub(crate) const GET_LINK: u16 = 18;
/// A dump of all addresses.
pub(crate) const GET_ADDRESS: u16 = 22;
/// A dump of all routes.
pub(crate) const GET_ROUTE: u16 = 26;
/// A dump of all neighbours.
pub(crate) const GET_NEIGHBOUR: u16 = 30;
/// A dump of all queueing disciplines.
pub(crate) const GET_QDISC: u16 = 38;
/// A dump of all sockets of one family and protocol.
pub(crate) const GET_SOCKET: u16 = 20;

/// Any address family, and IPv4.
pub(crate) const FAMILY_ANY: u8 = 0;
/// See [`FAMILY_ANY`].
pub(crate) const FAMILY_IPV4: u8 = 2;

/// How long an answer may take: the kernel gives it at once, unless a driver holds a lock.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);

/// The most that is kept of one dump: the links of 40,000 devices.
const KEPT_BYTES_MAX: usize = 64 << 20;

const MESSAGE_NOTHING: u16 = 1;
const MESSAGE_ERROR: u16 = 2;
const MESSAGE_DONE: u16 = 3;
const REQUEST: u16 = 0x1;
const ACKNOWLEDGE: u16 = 0x4;
const DUMP: u16 = 0x300;
/// `struct nlmsghdr`.
const HEADER_BYTES: usize = 16;
/// The kernel fills at most 32 KiB at once, and less unless it sees larger buffers.
const BUFFER_BYTES: usize = 32 << 10;

/// A socket that stays open between questions.
pub(crate) struct Netlink {
    protocol: Option<Protocol>,
    socket: Option<OwnedFd>,
    buffer: Vec<u8>,
    kept: Vec<u8>,
    sequence: u32,
}

impl Netlink {
    /// A socket for the tables of links, addresses, neighbours, routes and queues. Opens nothing yet.
    pub(crate) fn route() -> Netlink {
        Netlink::new(None)
    }

    /// A socket for the list of sockets.
    pub(crate) fn sockets() -> Netlink {
        Netlink::new(Some(SOCK_DIAG))
    }

    /// A socket that the kernel refuses to open, as a sandbox would.
    #[cfg(test)]
    pub(crate) fn refused() -> Netlink {
        const NO_SUCH_PROTOCOL: u32 = 255;
        Netlink::new(std::num::NonZeroU32::new(NO_SUCH_PROTOCOL).map(Protocol::from_raw))
    }

    fn new(protocol: Option<Protocol>) -> Netlink {
        let (buffer, kept) = (Vec::new(), Vec::new());
        Netlink { protocol, socket: None, buffer, kept, sequence: 0 }
    }

    /// Calls `each` with every message of a dump, header removed. `body` is the fixed part of the
    /// request, say `struct ifinfomsg`.
    pub(crate) fn dump(
        &mut self,
        (kind, body): (u16, &[u8]),
        each: impl FnMut(&[u8]),
    ) -> io::Result<()> {
        self.exchange((kind, DUMP, body), each)
    }

    /// As [`Netlink::dump`], but gives the messages only when the last one has come: for those who
    /// turn to another source when something fails half-way.
    pub(crate) fn dump_whole<'a>(
        &'a mut self,
        request: (u16, &[u8]),
    ) -> io::Result<impl Iterator<Item = &'a [u8]> + use<'a>> {
        let mut kept = std::mem::take(&mut self.kept);
        kept.clear();
        let mut is_cut = false;
        let outcome = self.dump(request, |message| {
            is_cut |= kept.len() + message.len() > KEPT_BYTES_MAX;
            if !is_cut {
                kept.extend((message.len() as u32).to_ne_bytes());
                kept.extend(message);
            }
        });
        self.kept = kept;
        outcome?;
        if is_cut {
            let problem = format!("an answer over netlink of more than {KEPT_BYTES_MAX} bytes");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, problem));
        }
        let mut rest = &self.kept[..];
        Ok(std::iter::from_fn(move || {
            let (length, after) = rest.split_first_chunk::<4>()?;
            let (message, after) = after.split_at_checked(u32::from_ne_bytes(*length) as usize)?;
            rest = after;
            Some(message)
        }))
    }

    /// Calls `each` with the one message that answers a question which is not for a dump.
    fn ask(&mut self, (kind, body): (u16, &[u8]), each: impl FnMut(&[u8])) -> io::Result<()> {
        self.exchange((kind, ACKNOWLEDGE, body), each)
    }

    fn exchange(
        &mut self,
        (kind, flags, body): (u16, u16, &[u8]),
        mut each: impl FnMut(&[u8]),
    ) -> io::Result<()> {
        let socket = match self.socket.take() {
            Some(socket) => socket,
            None => open(self.protocol)?,
        };
        self.buffer.resize(BUFFER_BYTES, 0);
        self.sequence = self.sequence.wrapping_add(1);
        let request = request((kind, REQUEST | flags, self.sequence), body);
        rustix::net::send(&socket, &request, SendFlags::empty())?;
        loop {
            let (length, whole) =
                rustix::net::recv(&socket, &mut self.buffer[..], RecvFlags::TRUNC).map_err(late)?;
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

fn open(protocol: Option<Protocol>) -> io::Result<OwnedFd> {
    let family = AddressFamily::NETLINK;
    let socket = rustix::net::socket_with(family, SocketType::RAW, SocketFlags::CLOEXEC, protocol)?;
    set_socket_timeout(&socket, Timeout::Recv, Some(ANSWER_TIMEOUT))?;
    Ok(socket)
}

/// Names the error of a timeout, which is that of a socket that does not block.
fn late(error: rustix::io::Errno) -> io::Error {
    if error == rustix::io::Errno::AGAIN {
        let problem = format!("no answer over netlink within {ANSWER_TIMEOUT:?}");
        return io::Error::new(io::ErrorKind::TimedOut, problem);
    }
    error.into()
}

/// A request: `nlmsghdr` and what stands behind it.
fn request((kind, flags, sequence): (u16, u16, u32), body: &[u8]) -> Vec<u8> {
    let length = (HEADER_BYTES + body.len()) as u32;
    let mut request = Vec::with_capacity(length as usize);
    request.extend(length.to_ne_bytes());
    request.extend(kind.to_ne_bytes());
    request.extend(flags.to_ne_bytes());
    request.extend(sequence.to_ne_bytes());
    request.extend([0; 4]);
    request.extend(body);
    request
}

/// The fixed part of requests to the routing tables: it begins with the family, is otherwise empty,
/// and may be longer than the structure that the kernel expects.
pub(crate) fn of_family(family: u8) -> [u8; 20] {
    let mut body = [0; 20];
    body[0] = family;
    body
}

/// Walks through the messages of one datagram; says whether the answer ends with it.
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
            // A leftover of an earlier question.
            _ if found != sequence => {}
            MESSAGE_NOTHING => {}
            // Both hold an error number below zero, or zero if all went well.
            MESSAGE_DONE | MESSAGE_ERROR => {
                let code = u32_at(body, 0).unwrap_or(0).cast_signed();
                if code < 0 {
                    return Err(io::Error::from_raw_os_error(code.saturating_neg()));
                }
                return Ok(true);
            }
            _ => each(body),
        }
        rest = rest.get(aligned(length)..).unwrap_or_default();
    }
    Ok(false)
}

/// One attribute for a request, padded.
pub(crate) fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut bytes = ((4 + value.len()) as u16).to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(aligned(bytes.len()), 0);
    bytes
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
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
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
        for kind in [MESSAGE_ERROR, MESSAGE_DONE] {
            let refused = message(kind, 7, &(-1i32).to_ne_bytes());
            check(&[refused], Err("Operation not permitted (os error 1)"));
            check(&[message(kind, 7, &[0; 4])], Ok((true, &[])));
        }
        check(&[message(MESSAGE_NOTHING, 7, b"")], Ok((false, &[])));
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
        fn names<'a>(messages: impl Iterator<Item = &'a [u8]>) -> Vec<String> {
            let name = |message| attributes(message, 16).find(|(kind, _)| *kind == 3);
            messages.filter_map(name).map(|(_, name)| text(name).into_owned()).collect()
        }
        let mut netlink = Netlink::route();
        for _ in 0..2 {
            let request = (GET_LINK, &of_family(FAMILY_ANY)[..]);
            let mut one_by_one = Vec::new();
            netlink
                .dump(request, |message| one_by_one.extend(names(std::iter::once(message))))
                .unwrap();
            assert!(one_by_one.iter().any(|name| name == "lo"), "{one_by_one:?}");
            assert_eq!(names(netlink.dump_whole(request).unwrap()), one_by_one);
        }
    }

    #[test]
    fn no_answer_is_waited_for_without_end() {
        let socket = open(None).unwrap();
        let timeout = rustix::net::sockopt::socket_timeout(&socket, Timeout::Recv).unwrap();
        assert_eq!(timeout, Some(ANSWER_TIMEOUT));
        assert_eq!(late(rustix::io::Errno::AGAIN).kind(), io::ErrorKind::TimedOut);
        assert_eq!(late(rustix::io::Errno::PERM).kind(), io::ErrorKind::PermissionDenied);
    }

    #[test]
    fn a_socket_that_is_refused_is_an_error() {
        assert!(Netlink::refused().dump((GET_LINK, &of_family(FAMILY_ANY)), |_| {}).is_err());
    }

    #[test]
    fn a_question_that_the_kernel_does_not_know_is_an_error_and_the_next_one_works() {
        let mut netlink = Netlink::route();
        assert!(netlink.dump((1000, &[0; 20]), |_| {}).is_err());
        netlink.dump((GET_LINK, &of_family(FAMILY_ANY)), |_| {}).unwrap();
    }
}
