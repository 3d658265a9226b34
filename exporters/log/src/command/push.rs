//! Sends the metrics to collectd, graphite and statsd every now and then.

use std::io::{self, Write};
use std::net::{TcpStream, ToSocketAddrs, UdpSocket};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use common_service::flags::Matches;
use common_service::process::hostname;
use parking_lot::Mutex;

use crate::engine::Engine;
use crate::source::Ledger;
use crate::store::output::{PushFormat, pushed};

/// Bytes that are written at a time.
const WRITE_BYTES: usize = 64 << 10;

/// Where metrics go.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    Tcp(String),
    Udp(String),
    Unix(PathBuf),
}

/// One collector that is sent the metrics, and what was sent.
#[derive(Debug)]
pub(super) struct Receiver {
    /// As in the names of its counters.
    pub(super) name: &'static str,
    format: PushFormat,
    target: Target,
    prefix: String,
    /// Series that were to be sent.
    pub(super) total: AtomicU64,
    /// Series that were sent.
    pub(super) success: AtomicU64,
}

/// Everybody who is sent the metrics.
#[derive(Debug)]
pub(super) struct Push {
    pub(super) receivers: Vec<Receiver>,
    pub(super) interval: Duration,
    deadline: Duration,
    host: String,
}

impl Push {
    pub(super) fn new(matches: &Matches) -> Push {
        let flag = |name: &str| Some(matches.str(name).to_owned()).filter(|text| !text.is_empty());
        let receiver = |name, format, target, prefix: &str| Receiver {
            name,
            format,
            target,
            prefix: matches.str(prefix).to_owned(),
            total: AtomicU64::new(0),
            success: AtomicU64::new(0),
        };
        let mut receivers = Vec::new();
        if let Some(path) = flag("collectd_socketpath") {
            let target = Target::Unix(path.into());
            receivers.push(receiver("collectd", PushFormat::Collectd, target, "collectd_prefix"));
        }
        if let Some(address) = flag("graphite_host_port") {
            let target = Target::Tcp(address);
            receivers.push(receiver("graphite", PushFormat::Graphite, target, "graphite_prefix"));
        }
        if let Some(address) = flag("statsd_hostport") {
            let target = Target::Udp(address);
            receivers.push(receiver("statsd", PushFormat::Statsd, target, "statsd_prefix"));
        }
        let interval = match u64::try_from(matches.int("metric_push_interval_seconds")) {
            Ok(0) | Err(_) => matches.duration("metric_push_interval"),
            Ok(seconds) => Duration::from_secs(seconds),
        };
        let deadline = matches.duration("metric_push_write_deadline");
        Push { receivers, interval, deadline, host: hostname() }
    }

    /// Sends everything to everybody, once. What was sent counts as seen: reading goes on behind it
    /// in the next life.
    pub(super) fn push(&self, engine: &Mutex<Engine>, ledger: &Ledger) {
        let texts: Vec<Vec<String>> = ledger.commit(|| {
            let engine = engine.lock();
            let texts = self.receivers.iter().map(|to| {
                let interval_s = self.interval.as_secs();
                pushed(engine.store(), to.format, &self.host, &to.prefix, interval_s)
            });
            texts.collect()
        });
        for (receiver, texts) in self.receivers.iter().zip(texts) {
            receiver.total.fetch_add(texts.len() as u64, Ordering::Relaxed);
            let (sent, result) = send(&receiver.target, &texts, self.deadline);
            receiver.success.fetch_add(sent, Ordering::Relaxed);
            if let Err(error) = result {
                let (to, of) = (receiver.name, texts.len());
                tracing::warn!(to, %error, sent, of, "Metrics were not pushed");
            }
        }
    }
}

/// How many texts were sent, and why not all.
fn send(target: &Target, texts: &[String], deadline: Duration) -> (u64, io::Result<()>) {
    let until = Instant::now() + deadline;
    match target {
        Target::Udp(address) => send_datagrams(address, texts),
        Target::Tcp(address) => match connect(address, deadline) {
            Ok(mut stream) => send_stream(&mut stream, texts, until, TcpStream::set_write_timeout),
            Err(error) => (0, Err(error)),
        },
        Target::Unix(path) => match UnixStream::connect(path) {
            Ok(mut stream) => send_stream(&mut stream, texts, until, UnixStream::set_write_timeout),
            Err(error) => (0, Err(error)),
        },
    }
}

fn connect(address: &str, deadline: Duration) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, deadline.max(Duration::from_millis(1))) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn send_stream<S: Write>(
    stream: &mut S,
    texts: &[String],
    until: Instant,
    set_timeout: impl Fn(&S, Option<Duration>) -> io::Result<()>,
) -> (u64, io::Result<()>) {
    let mut sent = 0;
    let mut rest = texts;
    while !rest.is_empty() {
        let mut bytes = 0;
        let fits = |text: &&String| {
            bytes += text.len();
            bytes <= WRITE_BYTES
        };
        let count = rest.iter().take_while(fits).count().max(1);
        let (now, later) = rest.split_at(count);
        let left = until.saturating_duration_since(Instant::now());
        let written = if left.is_zero() {
            Err(io::ErrorKind::TimedOut.into())
        } else {
            set_timeout(stream, Some(left)).and_then(|()| stream.write_all(now.concat().as_bytes()))
        };
        if let Err(error) = written {
            return (sent, Err(error));
        }
        sent += count as u64;
        rest = later;
    }
    (sent, stream.flush())
}

fn send_datagrams(address: &str, texts: &[String]) -> (u64, io::Result<()>) {
    let socket = match datagram_socket(address) {
        Ok(socket) => socket,
        Err(error) => return (0, Err(error)),
    };
    let mut sent = 0;
    let mut result = Ok(());
    for text in texts {
        match socket.send(text.as_bytes()) {
            Ok(_) => sent += 1,
            // One that is refused, or too long, does not keep back the others.
            Err(error) => result = Err(error),
        }
    }
    (sent, result)
}

fn datagram_socket(address: &str) -> io::Result<UdpSocket> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in address.to_socket_addrs()? {
        let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        match UdpSocket::bind(any).and_then(|socket| socket.connect(address).map(|()| socket)) {
            Ok(socket) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    Err(last)
}
