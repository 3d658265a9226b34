//! TCP sockets by state, and the bytes in their queues: the kernel's list of sockets.
//! `man 7 sock_diag`.

use std::io;
use std::path::PathBuf;

use common_instrument::{CollectError, Collector, Family, Samples};
use parking_lot::Mutex;

use super::Entry;
use crate::netlink::{GET_SOCKET, Netlink, u32_at};

pub(super) const ENTRY: Entry = Entry {
    name: "tcpstat",
    about: "TCP sockets by state.",
    on_by_default: false,
    may_block: false,
    flags: &[],
    build: |context| {
        Ok(Box::new(Tcpstat {
            ipv6: context.roots().proc("net/tcp6"),
            netlink: Mutex::new(Netlink::sockets()),
        }))
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
    /// There only if the kernel has IPv6.
    ipv6: PathBuf,
    netlink: Mutex<Netlink>,
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
        let state = usize::from(*state);
        self.by_state[if state < NAMES.len() { state } else { 0 }] += 1;
        self.received_bytes += u64::from(received);
        self.sent_bytes += u64::from(sent);
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

impl Tcpstat {
    fn count(&self) -> io::Result<Counts> {
        let netlink = &mut *self.netlink.lock();
        let mut counts = Counts::default();
        netlink.dump((GET_SOCKET, &request(FAMILY_IPV4)), |message| counts.add(message))?;
        if self.ipv6.exists() {
            netlink.dump((GET_SOCKET, &request(FAMILY_IPV6)), |message| counts.add(message))?;
        }
        Ok(counts)
    }
}

impl Collector for Tcpstat {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let counts = self.count().map_err(|error| CollectError::failed("netlink", error))?;
        counts.push(samples);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_are_counted_by_state_and_their_queues_added_up() {
        fn check(messages: &[(u8, u32, u32)], expected: (&[(usize, u64)], u64, u64)) {
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
    fn a_listening_socket_of_this_process_is_counted() {
        let _listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let netlink = Mutex::new(Netlink::sockets());
        let counts = Tcpstat { ipv6: "/proc/net/tcp6".into(), netlink }.count().unwrap();
        assert!(counts.by_state[10] > 0, "{counts:?}");
    }
}
