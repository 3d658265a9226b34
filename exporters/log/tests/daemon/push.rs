//! Metrics that are sent to collectd, graphite and statsd; the texts are those of mtail 3.2.24.

use std::io::Read;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::net::UnixListener;

use super::Daemon;

const PROGRAM: &str = "counter lines\ncounter by_code by code, host\ngauge g by x as \"g-x\"\ntimer t\n\
    text words by w\nhistogram h buckets 1, 2, 4 by k\nhidden counter hid\n\
    /^(?P<n>\\d+) (?P<f>[\\d.]+\\d) (?P<w>.+)$/ {\n  lines++\n  hid++\n  by_code[$n][$w]++\n  g[$w] = $f\n  \
    t = $f\n  words[$w] = $w\n  h[$w] = $f\n}\n";

/// Series that are sent: all but the text and the hidden one.
const SERIES: usize = 5;

/// What stands instead of times in what was sent.
fn without_times(text: &str, host: &str) -> Vec<String> {
    let is_time = |word: &str| word.len() == 10 && word.bytes().all(|byte| byte.is_ascii_digit());
    let word = |word: &str| match word.split_once(':') {
        _ if is_time(word) => "T".to_owned(),
        Some((time, value)) if is_time(time) => format!("T:{value}"),
        _ => word.replace(host, "HOST"),
    };
    let line = |line: &str| line.split(' ').map(word).collect::<Vec<_>>().join(" ");
    let mut lines: Vec<String> = text.lines().map(line).collect();
    lines.sort();
    lines
}

#[test]
fn metrics_are_pushed_in_the_words_of_the_original() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("collectd");
    let collectd = UnixListener::bind(&path).unwrap();
    let graphite = TcpListener::bind("127.0.0.1:0").unwrap();
    let statsd = UdpSocket::bind("127.0.0.1:0").unwrap();
    statsd.set_read_timeout(Some(super::PATIENCE)).unwrap();
    let (tcp, udp) = (graphite.local_addr().unwrap(), statsd.local_addr().unwrap());
    let (tcp, udp) = (tcp.to_string(), udp.to_string());
    let args = [
        ["--collectd_socketpath", path.to_str().unwrap()],
        ["--collectd_prefix", "cp-"],
        ["--graphite_host_port", &tcp],
        ["--graphite_prefix", "gp."],
        ["--statsd_hostport", &udp],
        ["--statsd_prefix", "sp."],
        ["--metric_push_interval", "1s"],
    ];
    let daemon = Daemon::start(PROGRAM, args.as_flattened());
    daemon.write("200 1.5 a.b\n200 9.25 a.b\n");
    daemon.wait_for("lines{prog=\"p.mtail\"}", "2");
    // What was on its way before that is passed over.
    let is_late = |text: &str| text.contains("9.25");
    let read = |mut stream: Box<dyn Read>| {
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    };
    let host = rustix::system::uname().nodename().to_str().unwrap().to_owned();
    let texts = std::iter::repeat_with(|| read(Box::new(collectd.accept().unwrap().0)));
    let text = texts.take(100).find(|text| is_late(text)).unwrap();
    let wanted = [
        "PUTVAL \"HOST/cp-mtail-p.mtail/counter-by_code-code-200-host-a.b\" interval=1 T:2",
        "PUTVAL \"HOST/cp-mtail-p.mtail/counter-lines\" interval=1 T:2",
        "PUTVAL \"HOST/cp-mtail-p.mtail/gauge-g-x-x-a.b\" interval=1 T:9.25",
        "PUTVAL \"HOST/cp-mtail-p.mtail/gauge-t\" interval=1 T:9.25",
        "PUTVAL \"HOST/cp-mtail-p.mtail/histogram-h-k-a.b\" interval=1 T:10.75",
    ];
    assert_eq!(without_times(&text, &host), wanted);
    let texts = std::iter::repeat_with(|| read(Box::new(graphite.accept().unwrap().0)));
    let text = texts.take(100).find(|text| is_late(text)).unwrap();
    let wanted = [
        "gp.p.mtail.by_code.code.200.host.a_b 2 T",
        "gp.p.mtail.g-x.x.a_b 9.25 T",
        "gp.p.mtail.h.k.a_b 10.75 T",
        "gp.p.mtail.h.k.a_b.bin_1 0 T",
        "gp.p.mtail.h.k.a_b.bin_2 1 T",
        "gp.p.mtail.h.k.a_b.bin_4 0 T",
        "gp.p.mtail.h.k.a_b.bin_inf 1 T",
        "gp.p.mtail.h.k.a_b.count 2 T",
        "gp.p.mtail.lines 2 T",
        "gp.p.mtail.t 9.25 T",
    ];
    assert_eq!(without_times(&text, &host), wanted);
    let receive = || {
        let mut buffer = [0; 1500];
        let got = statsd.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..got]).into_owned()
    };
    let mut texts: Vec<String> =
        std::iter::repeat_with(receive).skip_while(|text| !is_late(text)).take(SERIES).collect();
    texts.sort();
    let wanted = [
        "sp.p.mtail.by_code.code.200.host.a_b:2|c",
        "sp.p.mtail.g-x.x.a_b:9.25|g",
        "sp.p.mtail.h.k.a_b:10.75|",
        "sp.p.mtail.lines:2|c",
        "sp.p.mtail.t:9.25|ms",
    ];
    assert_eq!(texts, wanted);
}
