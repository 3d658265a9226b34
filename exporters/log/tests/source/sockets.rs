//! Sockets and pipes.

use std::fs::File;
use std::io::Write;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixStream};

use exporters_log::source::SourceOptions;

use super::{Running, following};

fn start(logs: &[String]) -> Running {
    let options = SourceOptions { logs: logs.to_vec(), ..SourceOptions::default() };
    Running::start(options, std::path::Path::new("/"))
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn every_datagram_is_a_record() {
    let port = free_port();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("dgram");
    let name = format!("udp://127.0.0.1:{port}");
    let running = start(&[name.clone(), format!("unixgram://{}", path.display())]);
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    for text in ["<13>u1", "<13>u2", "u3\n", "", "u4\nu5\n"] {
        udp.send_to(text.as_bytes(), ("127.0.0.1", port)).unwrap();
    }
    let unix = UnixDatagram::unbound().unwrap();
    unix.send_to(b"w1\0", &path).unwrap();
    unix.send_to(b"w2", &path).unwrap();
    running.expect("<u", &["<13>u1", "<13>u2", "u3", "u4", "u5"]);
    running.expect("w", &["w1", "w2"]);
    assert!(running.names().contains(&name));
    drop(running);
    assert!(!path.exists());
}

#[test]
fn connections_are_told_apart_and_their_last_lines_come() {
    let port = free_port();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("stream");
    // What an earlier life left does not matter.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let unix_name = format!("unix://{}", path.display());
    let running = start(&[format!("tcp://127.0.0.1:{port}"), unix_name.clone()]);
    let mut one = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let mut two = TcpStream::connect(("127.0.0.1", port)).unwrap();
    one.write_all(b"a1 ").unwrap();
    two.write_all(b"b1\nb").unwrap();
    one.write_all(b"a2\n").unwrap();
    running.expect("ab", &["a1 a2", "b1"]);
    drop(two);
    running.expect("ab", &["a1 a2", "b", "b1"]);
    let mut three = UnixStream::connect(&path).unwrap();
    three.write_all(b"c1\nc2").unwrap();
    drop(three);
    running.expect("c", &["c1", "c2"]);
    assert!(running.names().contains(&unix_name));
    one.write_all(b"last").unwrap();
    drop(one);
    running.expect("l", &["last"]);
    assert_eq!(running.sources.stats().connections_refused.get(), 0);
}

#[test]
fn syslog_is_taken_in_every_framing() {
    let (tcp, udp) = (free_port(), free_port());
    let logs = [format!("syslog+tcp://127.0.0.1:{tcp}"), format!("syslog+udp://127.0.0.1:{udp}")];
    let running = start(&logs);
    let mut stream = TcpStream::connect(("127.0.0.1", tcp)).unwrap();
    stream.write_all(b"<13>Oct 11 22:14:15 h a: t1\n8 <13>Ot 2").unwrap();
    stream.write_all(b"<13>1 2026-01-01T00:00:00Z h app 7 - - Ot3\n").unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(b"<34>Ou1", ("127.0.0.1", udp)).unwrap();
    running.expect(
        "O2",
        &["2026-01-01T00:00:00Z h app[7]: Ot3", "Oct 11 22:14:15 h a: t1", "Ot 2", "Ou1"],
    );
}

#[test]
fn more_connections_than_the_limit_are_refused_and_counted() {
    let port = free_port();
    let mut options = following(format!("tcp://127.0.0.1:{port}"), true);
    options.limits.connections = 2;
    let running = Running::start(options, std::path::Path::new("/"));
    let mut open: Vec<TcpStream> = Vec::new();
    for n in 0..4 {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        // The third may be closed before it has written.
        let _ = stream.write_all(format!("c{n}\n").as_bytes());
        open.push(stream);
        if n < 2 {
            running.expect("c", &["c0", "c1"][..=n]);
        }
    }
    let until = std::time::Instant::now() + super::PATIENCE;
    while running.sources.stats().connections_refused.get() < 2 && std::time::Instant::now() < until
    {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    assert_eq!(running.sources.stats().connections_refused.get(), 2);
    open.clear();
    let closed = || running.sources.stats().logs()[0].1.closes.get() >= 2;
    while !closed() && std::time::Instant::now() < until {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    let mut again = TcpStream::connect(("127.0.0.1", port)).unwrap();
    again.write_all(b"d\n").unwrap();
    running.expect("d", &["d"]);
}

#[test]
fn a_pipe_outlives_its_writers() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("f");
    let status = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(status.success());
    let running = start(&[path.display().to_string()]);
    let write = |text: &str| {
        let mut pipe = File::options().write(true).open(&path).unwrap();
        pipe.write_all(text.as_bytes()).unwrap();
    };
    write("w1\nhalf");
    running.expect("wh", &["half", "w1"]);
    write("w2\n");
    running.expect("w", &["w1", "w2"]);
    for n in 0..100 {
        write(&format!("x{n:02}\n"));
    }
    let wanted: Vec<String> = (0..100).map(|n| format!("x{n:02}")).collect();
    running.expect("x", &wanted.iter().map(String::as_str).collect::<Vec<_>>());
    let names = running.names();
    assert_eq!(names, [path.to_str().unwrap()]);
}
