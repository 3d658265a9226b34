//! The socket of one ping: without privileges where the system allows it, raw elsewhere.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsRawFd as _;

use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt,
};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::unix::AsyncFd;

use super::packet::{Echo, ipv4_header, without_ipv4_header};
use crate::config::IcmpModule;
use crate::probe::ProbeLog;

/// Largest packet.
const PACKET_BYTES_MAX: usize = 65_536;

/// Hops of a packet with a header of our own where the module leaves them to the system.
const TTL_DEFAULT: u8 = 64;

/// An open socket to one host.
pub(super) struct EchoSocket {
    fd: AsyncFd<Socket>,
    to: SocketAddr,
    is_raw: bool,
    /// Source and hops for headers that we write.
    own_header: Option<(Ipv4Addr, u8)>,
}

impl EchoSocket {
    /// Opens a socket as the module wants it.
    pub(super) fn open(
        to: SocketAddr,
        source: Option<IpAddr>,
        icmp: &IcmpModule,
        log: &mut ProbeLog,
    ) -> io::Result<EchoSocket> {
        let is_v4 = to.is_ipv4();
        let (domain, protocol) =
            if is_v4 { (Domain::IPV4, Protocol::ICMPV4) } else { (Domain::IPV6, Protocol::ICMPV6) };
        let has_own_header = is_v4 && icmp.dont_fragment;
        let mut socket = None;
        if !has_own_header {
            match Socket::new(domain, Type::DGRAM, Some(protocol)) {
                Ok(open) => socket = Some(open),
                Err(error) => {
                    let message =
                        "Unable to do unprivileged listen on socket, will attempt privileged";
                    log.debug(message, &[("err", &error)]);
                }
            }
        }
        let is_raw = socket.is_none();
        let socket = match socket {
            Some(socket) => socket,
            None => Socket::new(domain, Type::RAW, Some(protocol))?,
        };
        let any: IpAddr =
            if is_v4 { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        socket.bind(&SocketAddr::new(source.unwrap_or(any), 0).into())?;
        let hops = u32::from(icmp.ttl);
        let mut own_header = None;
        if has_own_header {
            socket.set_header_included_v4(true)?;
            let from = match source {
                Some(IpAddr::V4(from)) => from,
                _ => Ipv4Addr::UNSPECIFIED,
            };
            own_header = Some((from, if hops > 0 { icmp.ttl } else { TTL_DEFAULT }));
        } else if is_v4 {
            if hops > 0 {
                socket.set_ttl_v4(hops)?;
            }
            setsockopt(&socket, sockopt::Ipv4RecvTtl, &true)?;
        } else {
            if hops > 0 {
                socket.set_unicast_hops_v6(hops)?;
            }
            setsockopt(&socket, sockopt::Ipv6RecvHopLimit, &true)?;
        }
        socket.set_nonblocking(true)?;
        #[expect(
            deprecated,
            reason = "what took its place is unsafe; nobody closes this socket while it is watched"
        )]
        let fd = AsyncFd::new(socket)?;
        Ok(EchoSocket { fd, to, is_raw, own_header })
    }

    /// Sends the request.
    pub(super) async fn send(&self, echo: &Echo) -> io::Result<()> {
        let mut packet = echo.request(self.to.is_ipv4());
        if let (Some((from, ttl)), IpAddr::V4(to)) = (self.own_header, self.to.ip()) {
            packet = ipv4_header(&packet, from, to, ttl);
        }
        let to = self.to.into();
        loop {
            let mut ready = self.fd.writable().await?;
            if let Ok(sent) = ready.try_io(|fd| fd.get_ref().send_to(&packet, &to)) {
                return sent.map(drop);
            }
        }
    }

    /// Waits for the reply; gives the hops that it had left, where they are known. Everything else
    /// that comes, and much comes to a raw socket, is passed over.
    pub(super) async fn reply(&self, echo: &Echo) -> io::Result<Option<u8>> {
        let mut buffer = vec![0; PACKET_BYTES_MAX];
        loop {
            let mut ready = self.fd.readable().await?;
            let Ok(received) = ready.try_io(|fd| receive(fd.get_ref(), &mut buffer)) else {
                continue;
            };
            let (count, from, mut hops) = received?;
            let is_v4 = self.to.is_ipv4();
            let mut message = &buffer[..count];
            if is_v4 && self.is_raw {
                let Some((inner, ttl)) = without_ipv4_header(message) else { continue };
                (message, hops) = (inner, Some(ttl));
            }
            let is_target = from.is_none_or(|from| from == self.to.ip());
            if is_target && echo.is_answered_by(message, is_v4, self.is_raw) {
                return Ok(hops);
            }
        }
    }
}

/// One packet: its bytes, where it came from, the hops it had left.
fn receive(socket: &Socket, buffer: &mut [u8]) -> io::Result<(usize, Option<IpAddr>, Option<u8>)> {
    let mut control = nix::cmsg_space!(i32, i32);
    let mut pieces = [IoSliceMut::new(buffer)];
    let received = recvmsg::<SockaddrStorage>(
        socket.as_raw_fd(),
        &mut pieces,
        Some(&mut control),
        MsgFlags::empty(),
    )?;
    let mut hops = None;
    for message in received.cmsgs()? {
        match message {
            ControlMessageOwned::Ipv4Ttl(ttl) | ControlMessageOwned::Ipv6HopLimit(ttl) => {
                hops = u8::try_from(ttl).ok();
            }
            _ => {}
        }
    }
    let from = received.address.and_then(|address| {
        let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
        v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
    });
    Ok((received.bytes, from, hops))
}
