//! Sockets, named pipes and standard input: one thread waits for all of them.

use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::net::{TcpListener, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use rustix::event::{PollFd, PollFlags, poll};

use super::address::{Endpoint, Framing};
use super::inbox::{Batch, Outbox, Wake};
use super::lines::{Fed, Lines};
use super::options::SourceLimits;
use super::reading::Source;
use super::shard::shard_of;
use super::stats::Stats;
use super::syslog::{self, Messages};

/// Bytes that are read of a stream at a time; no datagram is longer.
const READ_BYTES: usize = 256 << 10;

/// Datagrams that are read of one socket before others have their turn.
const DATAGRAMS_A_TURN: usize = 256;

/// What the kernel is asked to hold of datagrams that were not read yet.
const RECEIVE_BYTES: usize = 8 << 20;

/// Connections that are accepted before others have their turn.
const ACCEPTS_A_TURN: usize = 64;

/// Pipes that were found and wait to be opened.
#[derive(Debug)]
pub(crate) struct Pipes {
    found: Mutex<HashSet<PathBuf>>,
    wake: Wake,
}

impl Pipes {
    pub(crate) fn new(wake: Wake) -> Pipes {
        Pipes { found: Mutex::default(), wake }
    }

    pub(crate) fn add(&self, path: &Path) {
        if self.found.lock().insert(path.to_owned()) {
            self.wake.wake();
        }
    }
}

/// Something to read from.
enum Input {
    TcpListener(TcpListener, Framing),
    UnixListener(UnixListener, PathBuf, Framing),
    Stream(Box<dyn Descriptor>, Framer),
    Udp(UdpSocket, Framing),
    Unixgram(UnixDatagram, PathBuf, Framing),
    Pipe(File, PathBuf, Framer),
}

/// A stream of bytes that can be waited for.
trait Descriptor: Read + AsFd + Send {}
impl<T: Read + AsFd + Send> Descriptor for T {}

/// Cuts a stream into lines.
enum Framer {
    Lines(Lines),
    Syslog(Messages),
}

impl Framer {
    fn new(framing: Framing, line_bytes_max: usize) -> Framer {
        match framing {
            Framing::Lines => Framer::Lines(Lines::new(line_bytes_max)),
            Framing::Syslog => Framer::Syslog(Messages::new(line_bytes_max)),
        }
    }

    fn feed(&mut self, data: &[u8], out: &mut Vec<u8>) -> Fed {
        match self {
            Framer::Lines(lines) => lines.feed(data, &mut |chunk| out.extend_from_slice(chunk)),
            Framer::Syslog(messages) => messages.feed(data, out),
        }
    }

    fn flush(&mut self, out: &mut Vec<u8>) -> Fed {
        match self {
            Framer::Lines(lines) => lines.flush(&mut |chunk| {
                out.extend_from_slice(chunk);
                out.push(b'\n');
            }),
            Framer::Syslog(messages) => messages.flush(out),
        }
    }
}

/// What came of reading.
enum After {
    Stays,
    Ended,
    Accepted(Vec<Box<dyn Descriptor>>),
}

/// All inputs.
pub(crate) struct Streams {
    inputs: HashMap<u64, (Input, Source)>,
    next_key: u64,
    connections: usize,
    outboxes: Vec<Outbox>,
    stats: Arc<Stats>,
    limits: SourceLimits,
    pipes: Arc<Pipes>,
    stop: Arc<AtomicBool>,
    buffer: Vec<u8>,
}

impl Streams {
    pub(crate) fn new(
        outboxes: Vec<Outbox>,
        stats: Arc<Stats>,
        limits: SourceLimits,
        pipes: Arc<Pipes>,
        stop: Arc<AtomicBool>,
    ) -> Streams {
        let buffer = vec![0; READ_BYTES];
        let (inputs, next_key, connections) = (HashMap::new(), 0, 0);
        Streams { inputs, next_key, connections, outboxes, stats, limits, pipes, stop, buffer }
    }

    /// Listens on a stream socket.
    pub(crate) fn listen(&mut self, name: &str, at: &Endpoint, framing: Framing) -> io::Result<()> {
        let input = match at {
            Endpoint::Inet(address) => {
                let listener = TcpListener::bind(any_host(address))?;
                listener.set_nonblocking(true)?;
                Input::TcpListener(listener, framing)
            }
            Endpoint::Unix(path) => {
                clear_socket(path, || UnixStream::connect(path).is_ok());
                let listener = UnixListener::bind(path)?;
                listener.set_nonblocking(true)?;
                Input::UnixListener(listener, path.clone(), framing)
            }
        };
        self.add(name, input);
        Ok(())
    }

    /// Takes datagrams.
    pub(crate) fn receive(
        &mut self,
        name: &str,
        at: &Endpoint,
        framing: Framing,
    ) -> io::Result<()> {
        let input = match at {
            Endpoint::Inet(address) => {
                let socket = UdpSocket::bind(any_host(address))?;
                socket.set_nonblocking(true)?;
                // The kernel gives what it allows.
                let _ = rustix::net::sockopt::set_socket_recv_buffer_size(&socket, RECEIVE_BYTES);
                Input::Udp(socket, framing)
            }
            Endpoint::Unix(path) => {
                let is_used = || UnixDatagram::unbound().is_ok_and(|s| s.connect(path).is_ok());
                clear_socket(path, is_used);
                let socket = UnixDatagram::bind(path)?;
                socket.set_nonblocking(true)?;
                let _ = rustix::net::sockopt::set_socket_recv_buffer_size(&socket, RECEIVE_BYTES);
                Input::Unixgram(socket, path.clone(), framing)
            }
        };
        self.add(name, input);
        Ok(())
    }

    /// Reads standard input. It stays blocking, as others have it too: it is read only when the
    /// kernel says that something is there.
    pub(crate) fn stdin(&mut self) {
        let framer = Framer::new(Framing::Lines, self.limits.line_bytes);
        self.add("-", Input::Stream(Box::new(StdinFile(io::stdin())), framer));
    }

    fn add(&mut self, name: &str, input: Input) {
        let source = Source { name: name.into(), counters: self.stats.log(name) };
        source.counters.opens.add(1);
        self.insert(input, source);
    }

    fn insert(&mut self, input: Input, source: Source) {
        self.next_key += 1;
        self.inputs.insert(self.next_key, (input, source));
    }

    /// Works until the end is asked for; then what is unfinished is given on.
    pub(crate) fn run(mut self) {
        while !self.stop.load(Ordering::Acquire) {
            for key in self.ready() {
                self.read(key);
            }
            let found: Vec<PathBuf> = self.pipes.found.lock().iter().cloned().collect();
            for path in found {
                self.open_pipe(&path);
            }
        }
        for (_, (input, source)) in std::mem::take(&mut self.inputs) {
            self.close(input, &source);
        }
    }

    /// Waits, and says who has something.
    fn ready(&self) -> Vec<u64> {
        let mut fds = vec![PollFd::from_borrowed_fd(self.pipes.wake.fd(), PollFlags::IN)];
        let mut keys = Vec::with_capacity(self.inputs.len());
        for (key, (input, _)) in &self.inputs {
            fds.push(PollFd::from_borrowed_fd(input.fd(), PollFlags::IN));
            keys.push(*key);
        }
        // What fails here is an interruption; the loop comes back.
        let _ = poll(&mut fds, None);
        self.pipes.wake.clear();
        let ready = fds[1..].iter().zip(keys).filter(|(fd, _)| !fd.revents().is_empty());
        ready.map(|(_, key)| key).collect()
    }

    fn read(&mut self, key: u64) {
        let Some((mut input, source)) = self.inputs.remove(&key) else { return };
        let mut out = Vec::new();
        let (after, fed) = input.read(&mut self.buffer, &mut out);
        self.give(&source, out, fed);
        match after {
            Ok(After::Stays) => {
                self.inputs.insert(key, (input, source));
            }
            Ok(After::Accepted(streams)) => {
                let framing = input.framing();
                self.inputs.insert(key, (input, source.clone()));
                for stream in streams {
                    self.accept(stream, framing, &source);
                }
            }
            Ok(After::Ended) => self.end(input, source),
            Err(error) => {
                source.counters.errors.add(1);
                tracing::debug!(source = %source.name, %error, "stream");
                self.end(input, source);
            }
        }
    }

    fn accept(&mut self, stream: Box<dyn Descriptor>, framing: Framing, source: &Source) {
        if self.connections >= self.limits.connections {
            self.stats.connections_refused.add(1);
            return;
        }
        self.connections += 1;
        source.counters.opens.add(1);
        let framer = Framer::new(framing, self.limits.line_bytes);
        self.insert(Input::Stream(stream, framer), source.clone());
    }

    fn end(&mut self, input: Input, source: Source) {
        // A pipe is opened again before it is closed: a writer never finds it without a reader.
        if let Input::Pipe(_, path, _) = &input
            && let Ok(fresh) = open_pipe(path)
        {
            let framer = Framer::new(Framing::Lines, self.limits.line_bytes);
            self.insert(Input::Pipe(fresh, path.clone(), framer), source.clone());
        } else if let Input::Pipe(_, path, _) = &input {
            self.pipes.found.lock().remove(path);
        } else if source.name.as_ref() != "-" && matches!(input, Input::Stream(..)) {
            self.connections -= 1;
        }
        self.close(input, &source);
    }

    /// Gives on what is unfinished.
    fn close(&self, mut input: Input, source: &Source) {
        source.counters.closes.add(1);
        let mut out = Vec::new();
        if let Input::Stream(_, framer) | Input::Pipe(_, _, framer) = &mut input {
            let fed = framer.flush(&mut out);
            self.give(source, out, fed);
        }
        if let Input::UnixListener(_, path, _) | Input::Unixgram(_, path, _) = &input {
            let _ = std::fs::remove_file(path);
        }
    }

    fn open_pipe(&mut self, path: &Path) {
        let is_open = |(input, _): &(Input, Source)| match input {
            Input::Pipe(_, open, _) => open == path,
            _ => false,
        };
        if self.inputs.values().any(is_open) {
            return;
        }
        let name = path.to_string_lossy();
        match open_pipe(path) {
            Ok(file) => {
                let framer = Framer::new(Framing::Lines, self.limits.line_bytes);
                self.add(&name, Input::Pipe(file, path.to_owned(), framer));
            }
            Err(error) => {
                tracing::warn!(%name, %error, "pipe cannot be opened; tried again");
                self.stats.log(&name).errors.add(1);
                self.pipes.found.lock().remove(path);
            }
        }
    }

    fn give(&self, source: &Source, lines: Vec<u8>, fed: Fed) {
        self.stats.lines_cut.add(fed.cut);
        if lines.is_empty() {
            return;
        }
        self.stats.bytes.add(lines.len() as u64);
        let shard = shard_of(source.name.as_bytes(), self.outboxes.len());
        self.outboxes[shard].send(Batch {
            source: source.clone(),
            lines,
            count: fed.lines,
            journal: None,
        });
    }
}

impl Input {
    fn fd(&self) -> BorrowedFd<'_> {
        match self {
            Input::TcpListener(listener, _) => listener.as_fd(),
            Input::UnixListener(listener, ..) => listener.as_fd(),
            Input::Stream(stream, _) => stream.as_fd(),
            Input::Udp(socket, _) => socket.as_fd(),
            Input::Unixgram(socket, ..) => socket.as_fd(),
            Input::Pipe(file, ..) => file.as_fd(),
        }
    }

    fn framing(&self) -> Framing {
        match self {
            Input::TcpListener(_, framing)
            | Input::UnixListener(_, _, framing)
            | Input::Udp(_, framing)
            | Input::Unixgram(_, _, framing) => *framing,
            Input::Stream(..) | Input::Pipe(..) => Framing::Lines,
        }
    }

    fn read(&mut self, buffer: &mut [u8], out: &mut Vec<u8>) -> (io::Result<After>, Fed) {
        let framing = self.framing();
        match self {
            Input::TcpListener(listener, _) => {
                (accept_all(|| Ok(boxed(listener.accept()?.0))), Fed::default())
            }
            Input::UnixListener(listener, ..) => {
                (accept_all(|| Ok(boxed(listener.accept()?.0))), Fed::default())
            }
            Input::Stream(stream, framer) => read_stream(stream, framer, buffer, out),
            Input::Pipe(file, _, framer) => read_stream(file, framer, buffer, out),
            Input::Udp(socket, _) => {
                read_datagrams(|buffer| Ok(socket.recv_from(buffer)?.0), framing, buffer, out)
            }
            Input::Unixgram(socket, ..) => {
                read_datagrams(|buffer| socket.recv(buffer), framing, buffer, out)
            }
        }
    }
}

fn boxed(stream: impl Descriptor + 'static) -> Box<dyn Descriptor> {
    Box::new(stream)
}

fn accept_all(mut accept: impl FnMut() -> io::Result<Box<dyn Descriptor>>) -> io::Result<After> {
    let mut accepted = Vec::new();
    while accepted.len() < ACCEPTS_A_TURN {
        match accept() {
            Ok(stream) => accepted.push(stream),
            // A listener stays, whatever is wrong with one connection; it is asked again when the
            // kernel says so, which for want of descriptors is at once: hence the pause.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => {
                tracing::debug!(%error, "accept");
                std::thread::sleep(std::time::Duration::from_millis(10));
                break;
            }
        }
    }
    Ok(After::Accepted(accepted))
}

/// Reads once: more is there when the kernel says so.
fn read_stream(
    stream: &mut dyn Read,
    framer: &mut Framer,
    buffer: &mut [u8],
    out: &mut Vec<u8>,
) -> (io::Result<After>, Fed) {
    match stream.read(buffer) {
        Ok(0) => (Ok(After::Ended), Fed::default()),
        Ok(got) => {
            let fed = framer.feed(&buffer[..got], out);
            (Ok(After::Stays), fed)
        }
        Err(error) if is_passing(&error) => (Ok(After::Stays), Fed::default()),
        Err(error) => (Err(error), Fed::default()),
    }
}

fn read_datagrams(
    mut receive: impl FnMut(&mut [u8]) -> io::Result<usize>,
    framing: Framing,
    buffer: &mut [u8],
    out: &mut Vec<u8>,
) -> (io::Result<After>, Fed) {
    let mut fed = Fed::default();
    for _ in 0..DATAGRAMS_A_TURN {
        match receive(buffer) {
            Ok(got) => {
                let before = out.len();
                datagram(&buffer[..got], framing, out);
                fed.lines += memchr::memchr_iter(b'\n', &out[before..]).count() as u64;
                fed.cut += u64::from(got == buffer.len());
            }
            // Also what earlier sends of others left behind; the socket stays.
            Err(_) => break,
        }
    }
    (Ok(After::Stays), fed)
}

/// One datagram is one record; line feeds inside of it separate lines, as in the original.
fn datagram(data: &[u8], framing: Framing, out: &mut Vec<u8>) {
    if framing == Framing::Syslog {
        if !data.is_empty() {
            syslog::render(data, out);
        }
        return;
    }
    let end = data.iter().rposition(|byte| !b"\n\0".contains(byte)).map_or(0, |last| last + 1);
    if end > 0 {
        out.extend_from_slice(&data[..end]);
        out.push(b'\n');
    }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

fn open_pipe(path: &Path) -> io::Result<File> {
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(nonblocking).open(path)?;
    if file.metadata()?.file_type().is_fifo() {
        return Ok(file);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "not a pipe any more"))
}

/// `:514` is every address, both families if the host has them.
fn any_host(address: &str) -> String {
    match address.strip_prefix(':') {
        None => address.into(),
        Some(port) if Path::new("/proc/net/if_inet6").exists() => format!("[::]:{port}"),
        Some(port) => format!("0.0.0.0:{port}"),
    }
}

/// Removes the socket that an earlier life left.
fn clear_socket(path: &Path, is_used: impl FnOnce() -> bool) {
    let is_socket = std::fs::metadata(path).is_ok_and(|found| found.file_type().is_socket());
    if is_socket && !is_used() {
        let _ = std::fs::remove_file(path);
    }
}

/// Standard input without the buffer of the standard library.
struct StdinFile(io::Stdin);

impl Read for StdinFile {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(&self.0, into)?)
    }
}

impl AsFd for StdinFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
