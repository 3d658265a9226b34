//! Where we listen: addresses as Go writes them, Unix sockets, sockets from outside.

use std::fmt;
use std::io;
use std::net::{Ipv6Addr, SocketAddr, ToSocketAddrs as _};
use std::path::Path;

use tokio::net::{TcpListener, TcpSocket, UnixListener};

use crate::Error;

/// Connections that the kernel keeps for us while we are busy.
const BACKLOG: u32 = 1024;

/// A socket that takes connections.
#[derive(Debug)]
pub enum Listener {
    /// TCP.
    Tcp(TcpListener),
    /// Unix domain.
    Unix(UnixListener),
}

impl Listener {
    /// Opens `address`: `:9100` (all addresses, IPv6 and IPv4), `127.0.0.1:9100`, `[::1]:9100`,
    /// `localhost:9100`, or `unix:/path`. Must be called in a tokio runtime.
    pub fn bind(address: &str) -> Result<Listener, Error> {
        if let Some(path) = address.strip_prefix("unix:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return bind_unix(Path::new(path)).map_err(|e| Error::listen(address, &e));
        }
        bind_tcp(address).map(Listener::Tcp)
    }

    /// Opens all addresses, or none.
    pub fn bind_all<T: AsRef<str>>(addresses: &[T]) -> Result<Vec<Listener>, Error> {
        addresses.iter().map(|address| Listener::bind(address.as_ref())).collect()
    }

    /// Takes over a TCP socket from outside.
    pub fn from_tcp(socket: std::net::TcpListener) -> Result<Listener, Error> {
        let adopt = |socket: std::net::TcpListener| {
            socket.set_nonblocking(true)?;
            TcpListener::from_std(socket)
        };
        adopt(socket).map(Listener::Tcp).map_err(|e| Error::listen("inherited socket", &e))
    }

    /// Takes over a Unix socket from outside.
    pub fn from_unix(socket: std::os::unix::net::UnixListener) -> Result<Listener, Error> {
        let adopt = |socket: std::os::unix::net::UnixListener| {
            socket.set_nonblocking(true)?;
            UnixListener::from_std(socket)
        };
        adopt(socket).map(Listener::Unix).map_err(|e| Error::listen("inherited socket", &e))
    }

    /// The TCP address, with the port that was chosen for port 0.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        match self {
            Listener::Tcp(socket) => socket.local_addr().ok(),
            Listener::Unix(_) => None,
        }
    }
}

/// As Go logs it: `[::]:9100`, or the path.
impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Listener::Tcp(socket) => match socket.local_addr() {
                Ok(address) => write!(f, "{address}"),
                Err(_) => f.write_str("unknown"),
            },
            Listener::Unix(socket) => {
                let address = socket.local_addr();
                let path = address.as_ref().ok().and_then(|a| a.as_pathname());
                write!(f, "{}", path.unwrap_or(Path::new("unnamed")).display())
            }
        }
    }
}

fn bind_tcp(address: &str) -> Result<TcpListener, Error> {
    let Some((host, port)) = address.rsplit_once(':') else {
        let problem = format!("listen tcp: address {address}: missing port in address");
        return Err(Error::Listen { problem });
    };
    let fail = |e: io::Error| Error::listen(address, &e);
    if host.is_empty() {
        let port = port.parse().map_err(|_| Error::Listen {
            problem: format!("listen tcp: lookup tcp/{port}: unknown port"),
        })?;
        // A machine without IPv6 has only the other one.
        return listen_on((Ipv6Addr::UNSPECIFIED, port).into())
            .or_else(|_| listen_on(([0, 0, 0, 0], port).into()))
            .map_err(fail);
    }
    let found = address.to_socket_addrs().map_err(fail)?;
    // A name may have addresses of both kinds; Go takes IPv4 first.
    let (v4, v6): (Vec<SocketAddr>, Vec<SocketAddr>) = found.partition(SocketAddr::is_ipv4);
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for candidate in v4.into_iter().chain(v6) {
        match listen_on(candidate) {
            Ok(socket) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    Err(fail(last))
}

fn listen_on(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// A socket file that nobody answers on any more is taken away first.
fn bind_unix(path: &Path) -> io::Result<Listener> {
    use std::os::unix::fs::FileTypeExt as _;
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|m| m.file_type().is_socket());
    if is_socket && std::os::unix::net::UnixStream::connect(path).is_err() {
        std::fs::remove_file(path)?;
    }
    UnixListener::bind(path).map(Listener::Unix)
}
