//! Whether the local time server is sane: one SNTP query (RFC 5905) each time.

mod packet;

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{IpAddr, Ipv6Addr, ToSocketAddrs, UdpSocket};
use std::time::{Duration, SystemTime};

use common_instrument::{CollectError, Collector, Family, Samples};
use parking_lot::Mutex;

use self::packet::{DAY, Nanos, REQUEST_BYTES, Reply, SECOND, Timestamp};
use super::Entry;
use crate::Error;
use crate::settings::{Flag, Settings, flag};

pub(super) const ENTRY: Entry = Entry {
    name: "ntp",
    about: "Offset, distance and sanity of the local NTP server. Deprecated.",
    on_by_default: false,
    may_block: true,
    flags: &[SERVER, PORT, VERSION, IS_LOCAL, TTL, MAX_DISTANCE, TOLERANCE],
    build: |context| {
        let ntp = Ntp::new(context.settings(), context.options.now)?;
        super::warn_deprecated("ntp");
        Ok(Box::new(ntp))
    },
};

const SERVER: Flag =
    flag::text("collector.ntp.server", "NTP server to use for ntp collector", "127.0.0.1");
const PORT: Flag =
    flag::number("collector.ntp.server-port", "UDP port number to connect to on NTP server", "123");
const VERSION: Flag = flag::number("collector.ntp.protocol-version", "NTP protocol version", "4");
const IS_LOCAL: Flag = flag::switch(
    "collector.ntp.server-is-local",
    "Certify that collector.ntp.server address is not a public ntp server",
    false,
);
const TTL: Flag =
    flag::number("collector.ntp.ip-ttl", "IP TTL to use while sending NTP query", "1");
const MAX_DISTANCE: Flag = flag::duration(
    "collector.ntp.max-distance",
    "Max accumulated distance to the root",
    "3.46608s",
);
const TOLERANCE: Flag = flag::duration(
    "collector.ntp.local-offset-tolerance",
    "Offset between local clock and local ntpd time to tolerate",
    "1ms",
);

const STRATUM: Family = Family::gauge("node_ntp_stratum", "NTPD stratum.");
const LEAP: Family = Family::gauge("node_ntp_leap", "NTPD leap second indicator, 2 bits.");
const RTT: Family = Family::gauge("node_ntp_rtt_seconds", "RTT to NTPD.");
const OFFSET: Family =
    Family::gauge("node_ntp_offset_seconds", "ClockOffset between NTP and local clock.");
const REFERENCE: Family =
    Family::gauge("node_ntp_reference_timestamp_seconds", "NTPD ReferenceTime, UNIX timestamp.");
const ROOT_DELAY: Family = Family::gauge("node_ntp_root_delay_seconds", "NTPD RootDelay.");
const ROOT_DISPERSION: Family =
    Family::gauge("node_ntp_root_dispersion_seconds", "NTPD RootDispersion.");
const SANITY: Family = Family::gauge(
    "node_ntp_sanity",
    "NTPD sanity according to RFC5905 heuristics and configured limits.",
);

/// How long the server may take; that of `ntpdate`.
const TIMEOUT: Duration = Duration::from_secs(1);
/// Longest datagram that is looked at.
const DATAGRAM_BYTES_MAX: usize = 8192;

struct Ntp {
    /// Host and port.
    server: String,
    version: u8,
    /// 0 leaves the system's.
    ttl: u32,
    max_distance: Nanos,
    tolerance: Nanos,
    now: fn() -> SystemTime,
    /// The midnight of the last leap second that was announced: servers drop the announcement right
    /// after it, but may smear the second over the day.
    leap_midnight: Mutex<Option<Nanos>>,
}

impl Ntp {
    fn new(settings: &Settings, now: fn() -> SystemTime) -> Result<Ntp, Error> {
        let wrong = |flag: &Flag, expected| Error::Value {
            flag: flag.name,
            expected,
            found: settings.text(flag).to_owned(),
        };
        let server = settings.text(&SERVER);
        if !settings.switch(&IS_LOCAL) && !is_loopback(server) {
            return Err(wrong(&SERVER, "the IP address of a local NTP server"));
        }
        let version = u8::try_from(settings.number(&VERSION)?).ok();
        let version = version.filter(|version| (2..=4).contains(version));
        let version = version.ok_or_else(|| wrong(&VERSION, "2, 3 or 4"))?;
        let port = u16::try_from(settings.number(&PORT)?).ok().filter(|&port| port > 0);
        let port = port.ok_or_else(|| wrong(&PORT, "a port from 1 to 65535"))?;
        let server = with_port(server, port);
        let server = server.ok_or_else(|| wrong(&SERVER, "HOST, HOST:PORT or [HOST]:PORT"))?;
        let ttl = u32::try_from(settings.number(&TTL)?);
        Ok(Ntp {
            server,
            version,
            ttl: ttl.map_err(|_| wrong(&TTL, "a number from 0 to 255"))?,
            max_distance: settings.duration(&MAX_DISTANCE)?.as_nanos() as Nanos,
            tolerance: settings.duration(&TOLERANCE)?.as_nanos() as Nanos,
            now,
            leap_midnight: Mutex::new(None),
        })
    }

    /// The server's answer with the times at which it was asked and answered.
    fn query(&self) -> io::Result<Reply> {
        let address = self.server.to_socket_addrs()?.next();
        let address = address.ok_or_else(|| io::Error::other("no address"))?;
        let any: IpAddr =
            if address.is_ipv4() { [0, 0, 0, 0].into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let socket = UdpSocket::bind((any, 0))?;
        socket.connect(address)?;
        if self.ttl != 0 {
            socket.set_ttl(self.ttl)?;
        }
        socket.set_read_timeout(Some(TIMEOUT))?;
        // A number that nobody can guess stands for the time of sending: answers that do not repeat
        // it are not from this server.
        let nonce = RandomState::new().hash_one(self.version);
        let request: [u8; REQUEST_BYTES] = packet::request(self.version, nonce);
        let sent = Timestamp::from_time((self.now)());
        socket.send(&request)?;
        let mut buffer = [0; DATAGRAM_BYTES_MAX];
        let length = socket.recv(&mut buffer)?;
        let received = Timestamp::from_time((self.now)());
        packet::parse(&buffer[..length], nonce, sent, received).map_err(io::Error::other)
    }

    /// Whether the clock of this host may be trusted, by the rules of RFC 5905 and the flags.
    fn is_sane(&self, reply: &Reply) -> bool {
        let mut midnight = self.leap_midnight.lock();
        if reply.announces_leap() {
            *midnight = Some(reply.time - reply.time.rem_euclid(DAY) + DAY);
        }
        let is_near = |midnight: Nanos| (reply.time - midnight).abs() < DAY;
        let smear = if midnight.is_some_and(is_near) { SECOND } else { 0 };
        reply.is_valid()
            && reply.root_distance() <= self.max_distance
            && reply.min_error <= self.tolerance.saturating_add(smear)
    }
}

/// Whether a text is an address of the loopback device.
fn is_loopback(server: &str) -> bool {
    server.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

/// An address with its port: that of the flag unless it has one itself.
fn with_port(address: &str, port: u16) -> Option<String> {
    if let Some(rest) = address.strip_prefix('[') {
        return match rest.split_once(']')?.1 {
            "" => Some(format!("{address}:{port}")),
            after if after.starts_with(':') => Some(address.to_owned()),
            _ => None,
        };
    }
    match address.bytes().filter(|&byte| byte == b':').count() {
        _ if address.is_empty() => None,
        0 => Some(format!("{address}:{port}")),
        1 => Some(address.to_owned()),
        _ => Some(format!("[{address}]:{port}")),
    }
}

fn seconds(nanos: Nanos) -> f64 {
    nanos as f64 / SECOND as f64
}

impl Collector for Ntp {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let reply = self.query().map_err(|error| {
            CollectError::Failed(format!("couldn't get SNTP reply: {}: {error}", self.server))
        })?;
        samples.push(&STRATUM, &[], f64::from(reply.stratum));
        samples.push(&LEAP, &[], f64::from(reply.leap));
        samples.push(&RTT, &[], seconds(reply.rtt));
        samples.push(&OFFSET, &[], seconds(reply.offset));
        // What lies before 1970 is no time of a living clock.
        samples.push(&REFERENCE, &[], seconds(reply.reference.max(0)));
        samples.push(&ROOT_DELAY, &[], seconds(reply.root_delay));
        samples.push(&ROOT_DISPERSION, &[], seconds(reply.root_dispersion));
        samples.push(&SANITY, &[], f64::from(u8::from(self.is_sane(&reply))));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_added_where_there_is_none() {
        fn check(address: &str, expected: Option<&str>) {
            assert_eq!(with_port(address, 123).as_deref(), expected);
        }
        check("127.0.0.1", Some("127.0.0.1:123"));
        check("127.0.0.1:99", Some("127.0.0.1:99"));
        check("::1", Some("[::1]:123"));
        check("[::1]", Some("[::1]:123"));
        check("[::1]:99", Some("[::1]:99"));
        check("[::1]x", None);
        check("[::1", None);
        check("", None);
        check("time.example", Some("time.example:123"));
    }

    #[test]
    fn flags_that_make_no_sense_are_refused() {
        fn check(flags: &[(&str, &str)], is_fine: bool) {
            let mut settings = Settings::default();
            for (flag, value) in flags {
                settings.set(&format!("collector.ntp.{flag}"), value);
            }
            assert_eq!(
                Ntp::new(&settings, || SystemTime::UNIX_EPOCH).is_ok(),
                is_fine,
                "{flags:?}"
            );
        }
        check(&[], true);
        check(&[("server", "::1")], true);
        check(&[("server", "::ffff:127.0.0.1")], true);
        check(&[("server", "192.0.2.1")], false);
        check(&[("server", "localhost")], false);
        check(&[("server", "localhost"), ("server-is-local", "true")], true);
        check(&[("server-port", "0")], false);
        check(&[("server-port", "65536")], false);
        check(&[("protocol-version", "1")], false);
        check(&[("protocol-version", "5")], false);
        check(&[("ip-ttl", "-1")], false);
    }
}
