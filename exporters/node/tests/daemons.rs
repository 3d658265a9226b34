//! Collectors that ask a daemon: fake ones on the loopback device, well and badly behaved.

use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::thread;

use common_testkit::golden;
use exporters_node::NodeOptions;

use crate::support::{options, scrape};

/// Waits for one request and answers it, then closes.
fn serve_once(mut stream: impl Read + Write, answer: &str) {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"</methodCall>") && stream.read(&mut byte).is_ok_and(|n| n == 1) {
        request.push(byte[0]);
    }
    let request = String::from_utf8(request).unwrap();
    assert!(request.starts_with("POST /RPC2 HTTP/1."), "{request}");
    assert!(request.contains("<methodName>supervisor.getAllProcessInfo</methodName>"));
    stream.write_all(answer.as_bytes()).unwrap();
}

fn supervisord(url: &str) -> NodeOptions {
    let mut options = options(Path::new("tests/host"), "supervisord");
    options.settings.set("collector.supervisord.url", url);
    options
}

fn page(body: &str) -> String {
    format!(
        "HTTP/1.0 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// What supervisord 4 says of three processes.
fn processes() -> String {
    let member = |name: &str, kind: &str, value: &str| {
        format!(
            "<member>\n<name>{name}</name>\n<value><{kind}>{value}</{kind}></value>\n</member>\n"
        )
    };
    let process = |name: &str, group: &str, (state, start, exit): (&str, &str, &str)| {
        let members = [
            member("name", "string", name),
            member("group", "string", group),
            member("start", "int", start),
            member("stop", "int", "0"),
            member("now", "int", "1794999999"),
            member("state", "int", state),
            member("statename", "string", "any"),
            member("spawnerr", "string", ""),
            member("exitstatus", "int", exit),
            member("logfile", "string", "/var/log/a&amp;b.log"),
            member("pid", "int", "812"),
        ];
        format!("<value><struct>\n{}</struct></value>\n", members.concat())
    };
    let all = [
        process("web:00", "web", ("20", "1794990000", "0")),
        process("a &lt;b&gt;", "batch", ("100", "1794980000", "3")),
        process("mail", "mail", ("200", "0", "0")),
    ];
    format!(
        "<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n<value><array><data>\n{}</data>\
         </array></value>\n</param>\n</params>\n</methodResponse>\n",
        all.concat()
    )
}

#[test]
fn supervisord_is_asked_over_http_and_over_a_unix_socket() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/RPC2", listener.local_addr().unwrap());
    let server =
        thread::spawn(move || serve_once(listener.accept().unwrap().0, &page(&processes())));
    golden("tests/golden/supervisord.txt", &scrape(supervisord(&url)));
    server.join().unwrap();

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("supervisor.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let server =
        thread::spawn(move || serve_once(listener.accept().unwrap().0, &page(&processes())));
    let url = format!("unix://{}", path.display());
    golden("tests/golden/supervisord.txt", &scrape(supervisord(&url)));
    server.join().unwrap();
}

#[test]
fn a_supervisord_that_answers_badly_is_a_failure() {
    fn check(answer: &str) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/RPC2", listener.local_addr().unwrap());
        let answer = answer.to_owned();
        let server = thread::spawn(move || serve_once(listener.accept().unwrap().0, &answer));
        let text = scrape(supervisord(&url));
        assert!(text.contains("success{collector=\"supervisord\"} 0\n"), "{text}");
        assert!(!text.contains("node_supervisord"), "{text}");
        server.join().unwrap();
    }
    check("HTTP/1.0 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
    check(&page("<html>"));
    check(&page(
        "<methodResponse><params><param><value>1</value></param></params></methodResponse>",
    ));
    check("");
}

/// When the test's clock stands, in NTP's 32.32 bits.
const NOW: u64 = (1_795_000_000 + 2_208_988_800) << 32 | 1 << 30;

/// One answer of an NTP server, `offset` ahead of the test's clock (32.32 bits).
struct Answer {
    /// Leap indicator, version and mode.
    first: u8,
    stratum: u8,
    offset: u64,
    reference: u64,
}

/// Answers one query on a port of its own, which it returns.
fn ntp_server(answer: Answer) -> (u16, thread::JoinHandle<u8>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        let mut query = [0; 64];
        let (length, client) = socket.recv_from(&mut query).unwrap();
        assert_eq!(length, 48);
        let mut packet = vec![answer.first, answer.stratum, 6, 0xe8];
        // Root delay 1/16 s, root dispersion 1/32 s, reference 127.0.0.1.
        packet.extend([0, 0, 0x10, 0, 0, 0, 0x08, 0, 127, 0, 0, 1]);
        packet.extend(answer.reference.to_be_bytes());
        packet.extend(&query[40..48]);
        packet.extend((NOW + answer.offset).to_be_bytes());
        packet.extend((NOW + answer.offset).to_be_bytes());
        socket.send_to(&packet, client).unwrap();
        query[0]
    });
    (port, server)
}

fn ntp(port: u16) -> NodeOptions {
    let mut options = options(Path::new("tests/host"), "ntp");
    options.settings.set("collector.ntp.server-port", &port.to_string());
    options
}

#[test]
fn an_ntp_server_is_asked_and_judged() {
    let answer = Answer { first: 0x24, stratum: 2, offset: 1 << 22, reference: NOW - (5 << 32) };
    let (port, server) = ntp_server(answer);
    golden("tests/golden/ntp.txt", &scrape(ntp(port)));
    assert_eq!(server.join().unwrap(), 0x23, "version 4, client");
}

#[test]
fn sanity_depends_on_the_limits_of_the_flags() {
    fn check(answer: Answer, flags: &[(&str, &str)], sanity: &str) {
        let (port, server) = ntp_server(answer);
        let mut options = ntp(port);
        flags.iter().for_each(|(flag, value)| options.settings.set(flag, value));
        let text = scrape(options);
        assert!(text.contains(&format!("\nnode_ntp_sanity {sanity}\n")), "{text}");
        server.join().unwrap();
    }
    let answer = |first, offset| Answer { first, stratum: 2, offset, reference: NOW };
    let tolerance = ("collector.ntp.local-offset-tolerance", "10ms");
    // About 4 ms, and half a second.
    let (small, large) = (1 << 24, 1 << 31);
    check(answer(0x24, 0), &[], "1");
    check(answer(0x24, small), &[], "0");
    check(answer(0x24, small), &[tolerance], "1");
    check(answer(0x24, large), &[tolerance], "0");
    // A leap second may be smeared over the day.
    check(answer(0x64, large), &[tolerance], "1");
    check(answer(0xa4, large), &[tolerance], "1");
    check(answer(0xe4, 0), &[], "0");
    check(answer(0x24, 0), &[("collector.ntp.max-distance", "62ms")], "0");
    check(answer(0x24, 0), &[("collector.ntp.max-distance", "63ms")], "1");
}

#[test]
fn a_silent_or_lying_ntp_server_is_a_failure() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let broadcast = Answer { first: 0x25, stratum: 2, offset: 0, reference: NOW };
    let (lying, server) = ntp_server(broadcast);
    for port in [silent.local_addr().unwrap().port(), lying] {
        let text = scrape(ntp(port));
        assert!(text.contains("success{collector=\"ntp\"} 0\n"), "{text}");
        assert!(!text.contains("node_ntp"), "{text}");
    }
    server.join().unwrap();
}
