//! The accept loop: connections in, requests to the router, an orderly end.

mod framing;
mod io;
mod request;
mod state;
mod table;
mod target;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;

use crate::protect::Guard;
use crate::{Error, Listener, WebOptions};
use io::WatchedIo;
use request::Handler;
use state::ConnState;
use table::{Table, Ticket};
use target::EscapedIo;

/// Pause after the system refused to hand over a connection, say for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Bytes of a request line with its headers.
const HEADER_BYTES_MAX: usize = 64 << 10;
/// Concurrent requests of one HTTP/2 connection.
const H2_STREAMS_MAX: u32 = 100;

/// First byte of a TLS connection.
const TLS_HANDSHAKE: u8 = 0x16;
/// What someone gets who speaks plain HTTP where TLS is spoken.
const NOT_HTTPS: &[u8] =
    b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

/// Who asks; in the extensions of every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The client's address; none on Unix sockets.
    pub address: Option<SocketAddr>,
    /// Whether the connection is encrypted.
    pub is_tls: bool,
}

/// What all connections share.
struct Server {
    options: WebOptions,
    handler: Handler,
    guard: Option<Arc<Guard>>,
    builder: auto::Builder<TokioExecutor>,
}

/// Serves `router` on all listeners until `shutdown` ends, then lets requests in flight finish.
pub async fn serve(
    listeners: Vec<Listener>,
    router: Router,
    options: WebOptions,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), Error> {
    let source = options.protection.clone();
    let guard = source.map(Guard::new).transpose().map_err(Error::config)?.map(Arc::new);
    let table = Table::new(&options);
    // The body limit is enforced for every handler, not only where axum's extractors are used.
    let router = router.layer(DefaultBodyLimit::disable());
    let handler = Handler::new(router, guard.clone(), &options);
    let drain_deadline = options.drain_deadline;
    let server = Arc::new(Server { builder: builder(), handler, guard, options });
    let (end, ending) = watch::channel(false);
    let mut accepting = JoinSet::new();
    for listener in listeners {
        accepting.spawn(accept(listener, Arc::clone(&server), Arc::clone(&table), ending.clone()));
    }
    drop(ending);
    shutdown.await;
    end.send_replace(true);
    let drained = async { while accepting.join_next().await.is_some() {} };
    if timeout(drain_deadline, drained).await.is_err() {
        tracing::warn!("Requests were still in flight at the end");
    }
    Ok(())
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // The deadlines are our own: hyper's would end idle connections, too.
    builder
        .http1()
        // As Go writes them: scripts are known to look for names in this form only.
        .title_case_headers(true)
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_buf_size(HEADER_BYTES_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(H2_STREAMS_MAX)
        .max_header_list_size(HEADER_BYTES_MAX as u32);
    builder
}

/// Takes connections of one listener until the end, then waits for those that are open.
async fn accept(
    listener: Listener,
    server: Arc<Server>,
    table: Arc<Table>,
    mut ending: watch::Receiver<bool>,
) {
    let mut open = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            _ = ending.wait_for(|end| *end) => break,
            Some(_) = open.join_next() => continue,
            accepted = take(&listener) => accepted,
        };
        let socket = match accepted {
            Ok(socket) => socket,
            Err(error) => {
                tracing::warn!(err = %error, "Cannot take a connection");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let state = ConnState::new();
        let Some(ticket) = table.enter(&state) else { continue };
        let (server, ending) = (Arc::clone(&server), ending.clone());
        open.spawn(async move {
            match socket {
                Socket::Tcp(socket, address) => {
                    server.connection(socket, Some(address), state, ticket, ending).await;
                }
                Socket::Unix(socket) => {
                    server.connection(socket, None, state, ticket, ending).await;
                }
            }
        });
    }
    drop(listener);
    while open.join_next().await.is_some() {}
}

enum Socket {
    Tcp(tokio::net::TcpStream, SocketAddr),
    Unix(tokio::net::UnixStream),
}

async fn take(listener: &Listener) -> std::io::Result<Socket> {
    match listener {
        Listener::Tcp(listener) => {
            let (socket, address) = listener.accept().await?;
            // Without it small frames wait for acknowledgements: 40 ms for every HTTP/2 answer.
            socket.set_nodelay(true)?;
            Ok(Socket::Tcp(socket, address))
        }
        Listener::Unix(listener) => Ok(Socket::Unix(listener.accept().await?.0)),
    }
}

impl Server {
    async fn connection<S>(
        &self,
        socket: S,
        address: Option<SocketAddr>,
        state: Arc<ConnState>,
        ticket: Ticket,
        ending: watch::Receiver<bool>,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut io = WatchedIo::new(socket, Arc::clone(&state));
        let Some(guard) = &self.guard else {
            let peer = Peer { address, is_tls: false };
            return self.converse(io, peer, &state, &ticket, ending).await;
        };
        let tls = match guard.current() {
            Ok(now) => now.tls.clone(),
            // Without the file nobody knows whether to encrypt: Go, too, fails the handshake.
            Err(problem) => return tracing::error!(err = %problem, "Cannot take a connection"),
        };
        let Some(tls) = tls else {
            let peer = Peer { address, is_tls: false };
            return self.converse(io, peer, &state, &ticket, ending).await;
        };
        let handshake = async {
            if io.peek().await.ok()?? != TLS_HANDSHAKE {
                let _ = io.write_all(NOT_HTTPS).await;
                let _ = io.shutdown().await;
                return None;
            }
            TlsAcceptor::from(tls).accept(io).await.ok()
        };
        let encrypted = tokio::select! {
            encrypted = timeout(self.options.header_deadline, handshake) => encrypted,
            () = state.evicted() => return,
        };
        if let Ok(Some(io)) = encrypted {
            let peer = Peer { address, is_tls: true };
            self.converse(io, peer, &state, &ticket, ending).await;
        }
    }

    /// Answers requests until the client, a deadline, an eviction or the end stops it.
    async fn converse<S>(
        &self,
        io: S,
        peer: Peer,
        state: &Arc<ConnState>,
        ticket: &Ticket,
        mut ending: watch::Receiver<bool>,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = service_fn(|request: hyper::Request<hyper::body::Incoming>| {
            let is_h2 = request.version() == hyper::Version::HTTP_2;
            self.handler.call(request, peer, ticket.place, state.begin(is_h2))
        });
        let mut connection =
            pin!(self.builder.serve_connection(TokioIo::new(EscapedIo::new(io)), service));
        let mut is_ending = false;
        loop {
            tokio::select! {
                outcome = connection.as_mut() => {
                    if let Err(error) = outcome {
                        tracing::debug!(err = %error, "Connection ended");
                    }
                    return;
                }
                () = self.overdue(state) => return,
                () = state.evicted() => return,
                _ = ending.wait_for(|end| *end), if !is_ending => {
                    is_ending = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }

    /// Ends when the connection has missed a deadline.
    async fn overdue(&self, state: &ConnState) {
        loop {
            let now = Instant::now();
            let deadline = state.deadline(&self.options);
            if deadline.is_some_and(|deadline| deadline <= now) {
                return;
            }
            // The deadline moves while we sleep, and may come nearer.
            let look_again = now + self.options.header_deadline;
            sleep_until(deadline.map_or(look_again, |deadline| deadline.min(look_again))).await;
        }
    }
}
