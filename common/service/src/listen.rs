//! Sockets that systemd opened for us: sd_listen_fds(3).

use std::io;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;

/// A listening socket from outside.
#[derive(Debug)]
pub enum Inherited {
    /// TCP.
    Tcp(TcpListener),
    /// Unix domain.
    Unix(UnixListener),
}

/// The sockets of `$LISTEN_FDS`, if they are meant for this process. An error where one is neither
/// a TCP nor a Unix stream socket.
pub fn inherited() -> io::Result<Vec<Inherited>> {
    let mut passed = listenfd::ListenFd::from_env();
    let mut sockets = Vec::new();
    for at in 0..passed.len() {
        // Taking it as the wrong type is an error and leaves it where it is.
        let tcp = passed.take_tcp_listener(at);
        let socket = match tcp {
            Ok(Some(socket)) => Some(Inherited::Tcp(socket)),
            Ok(None) => None,
            Err(_) => passed.take_unix_listener(at)?.map(Inherited::Unix),
        };
        sockets.extend(socket);
    }
    Ok(sockets)
}
