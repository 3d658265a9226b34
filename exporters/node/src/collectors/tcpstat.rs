//! TCP sockets by state, and the bytes in their queues: the kernel's list of sockets, over netlink or
//! from `/proc/net/tcp`. `man 7 sock_diag`.

use std::io;
use std::time::Instant;

use common_instrument::{CollectError, Collector, Family, Samples};
use parking_lot::Mutex;

use super::Entry;
use crate::netlink::{GET_SOCKET, Netlink, Retry, u32_at};
use crate::parse::{ParseError, hex, lines, words};
use crate::source::KernelFile;

pub(super) const ENTRY: Entry = Entry {
    name: "tcpstat",
    about: "TCP sockets by state.",
    on_by_default: false,
    may_block: false,
    flags: &[],
    build: |context| {
        let files = ["net/tcp", "net/tcp6"].map(|file| KernelFile::new(context.roots().proc(file)));
        let netlink = Mutex::new((Netlink::sockets(), Retry::new("tcpstat")));
        Ok(Box::new(Tcpstat { files, netlink }))
    },
};

const STATES: Family = Family::gauge("node_tcp_connection_states", "Number of connection states.");

/// The states of `net/tcp_states.h`; number 0 is none.
const NAMES: [&str; 12] = [
    "unknown",
    "established",
    "syn_sent",
    "syn_recv",
    "fin_wait1",
    "fin_wait2",
    "time_wait",
    "close",
    "close_wait",
    "last_ack",
    "listen",
    "closing",
];

const FAMILY_IPV4: u8 = 2;
const FAMILY_IPV6: u8 = 10;

struct Tcpstat {
    /// Of IPv4 and IPv6.
    files: [KernelFile; 2],
    netlink: Mutex<(Netlink, Retry)>,
}

#[derive(Debug, Default, PartialEq)]
struct Counts {
    by_state: [u64; NAMES.len()],
    received_bytes: u64,
    sent_bytes: u64,
}

/// `struct inet_diag_req_v2`: all TCP sockets of a family, without further details.
fn request(family: u8) -> [u8; 56] {
    const PROTOCOL_TCP: u8 = 6;
    const ALL_STATES: u32 = 0xfff;
    let mut request = [0; 56];
    request[0] = family;
    request[1] = PROTOCOL_TCP;
    request[4..8].copy_from_slice(&ALL_STATES.to_ne_bytes());
    request
}

impl Counts {
    /// `struct inet_diag_msg`.
    fn add(&mut self, message: &[u8]) {
        let (Some(state), Some(received), Some(sent)) =
            (message.get(1), u32_at(message, 56), u32_at(message, 60))
        else {
            return;
        };
        self.count((*state).into(), received.into(), sent.into());
    }

    fn count(&mut self, state: u64, received: u64, sent: u64) {
        let state = usize::try_from(state).ok().filter(|state| *state < NAMES.len());
        self.by_state[state.unwrap_or(0)] += 1;
        self.received_bytes += received;
        self.sent_bytes += sent;
    }

    /// Lines of `/proc/net/tcp` behind the heading: number, address, peer, state, sent:received.
    fn add_file(&mut self, content: &[u8]) -> Result<(), ParseError> {
        for (number, line) in lines(content).skip(1) {
            let mut words = words(line).skip(3);
            let state = words.next().and_then(hex);
            let mut queues = words.next().unwrap_or_default().splitn(2, |&byte| byte == b':');
            let mut queue = || queues.next().and_then(hex);
            let (Some(state), Some(sent), Some(received)) = (state, queue(), queue()) else {
                return Err(ParseError::new(number, "a state and two queues", line));
            };
            self.count(state, received, sent);
        }
        Ok(())
    }

    /// States without sockets are left out.
    fn push(&self, samples: &mut Samples) {
        for (name, count) in NAMES.iter().zip(self.by_state).filter(|(_, count)| *count != 0) {
            samples.push(&STATES, &[("state", name)], count as f64);
        }
        if self.by_state != [0; NAMES.len()] {
            let queues =
                [("rx_queued_bytes", self.received_bytes), ("tx_queued_bytes", self.sent_bytes)];
            for (name, bytes) in queues {
                samples.push(&STATES, &[("state", name)], bytes as f64);
            }
        }
    }
}

/// All sockets, over netlink.
fn ask(netlink: &mut Netlink) -> io::Result<Counts> {
    let mut counts = Counts::default();
    for family in [FAMILY_IPV4, FAMILY_IPV6] {
        // A kernel without IPv6 has no handler for it.
        let outcome = netlink.dump((GET_SOCKET, &request(family)), |message| counts.add(message));
        match outcome {
            Err(error) if family == FAMILY_IPV6 && error.kind() == io::ErrorKind::NotFound => {}
            outcome => outcome?,
        }
    }
    Ok(counts)
}

impl Tcpstat {
    /// The same from files; there is none of IPv6 if the kernel does not have it. Listening sockets
    /// show no limit of their queue there.
    fn read(&self) -> Result<Counts, CollectError> {
        let [ipv4, ipv6] = &self.files;
        let mut counts = Counts::default();
        counts.add_file(&ipv4.collect()?).map_err(|error| ipv4.failed(error))?;
        match ipv6.read() {
            Ok(content) => counts.add_file(&content).map_err(|error| ipv6.failed(error))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(ipv6.failed(error)),
        }
        Ok(counts)
    }
}

impl Collector for Tcpstat {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let (netlink, retry) = &mut *self.netlink.lock();
        match retry.attempt(Instant::now(), || ask(netlink)) {
            Some(counts) => counts.push(samples),
            // Sandboxes forbid netlink sockets.
            None => self.read()?.push(samples),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sockets by state, and the bytes received and sent.
    type Sums<'a> = (&'a [(usize, u64)], u64, u64);

    #[test]
    fn sockets_are_counted_by_state_and_their_queues_added_up() {
        fn check(messages: &[(u8, u32, u32)], expected: Sums<'_>) {
            let mut counts = Counts::default();
            for (state, received, sent) in messages {
                let mut message = vec![0; 72];
                message[1] = *state;
                message[56..60].copy_from_slice(&received.to_ne_bytes());
                message[60..64].copy_from_slice(&sent.to_ne_bytes());
                counts.add(&message);
                counts.add(&message[..60]);
            }
            let mut by_state = [0; NAMES.len()];
            expected.0.iter().for_each(|(state, count)| by_state[*state] = *count);
            let (received_bytes, sent_bytes) = (expected.1, expected.2);
            assert_eq!(counts, Counts { by_state, received_bytes, sent_bytes });
        }
        check(&[], (&[], 0, 0));
        check(&[(1, 5, 7), (10, 0, 128), (1, 1, 0)], (&[(1, 2), (10, 1)], 6, 135));
        check(&[(12, 0, 0), (255, 0, 0), (0, 0, 0), (11, 0, 0)], (&[(0, 3), (11, 1)], 0, 0));
    }

    #[test]
    fn files_tell_the_same() {
        fn check(lines: &[&str], expected: Result<Sums<'_>, &str>) {
            let text = format!("  sl  local_address rem_address   st\n{}", lines.join("\n"));
            let mut counts = Counts::default();
            let outcome = counts.add_file(text.as_bytes());
            let found = outcome.map(|()| counts).map_err(|error| error.to_string());
            let expected = expected.map(|(states, received_bytes, sent_bytes)| {
                let mut by_state = [0; NAMES.len()];
                states.iter().for_each(|(state, count)| by_state[*state] = *count);
                Counts { by_state, received_bytes, sent_bytes }
            });
            assert_eq!(found, expected.map_err(str::to_owned));
        }
        let listening = " 0: 0100007F:46A0 00000000:0000 0A 00000000:00000003 00:00000000 0 0";
        let connected = " 1: 0100007F:46A0 0100007F:D431 01 00001388:00000010 01:00000019 0 0";
        check(&[], Ok((&[], 0, 0)));
        check(&[listening, connected], Ok((&[(1, 1), (10, 1)], 19, 5000)));
        let problem = "line 2: expected a state and two queues, found \"0: a b 0A 12\"";
        check(&["0: a b 0A 12"], Err(problem));
    }

    #[test]
    fn a_listening_socket_of_this_process_is_counted_by_both_sources() {
        let _listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let files = ["tcp", "tcp6"].map(|name| KernelFile::new(format!("/proc/net/{name}").into()));
        let netlink = Mutex::new((Netlink::refused(), Retry::new("tcpstat")));
        let tcpstat = Tcpstat { files, netlink };
        for counts in [ask(&mut Netlink::sockets()).unwrap(), tcpstat.read().unwrap()] {
            assert!(counts.by_state[10] > 0, "{counts:?}");
        }
        let mut samples = Samples::default();
        tcpstat.collect(&mut samples).unwrap();
        assert!(samples.len() >= 3);
    }
}
