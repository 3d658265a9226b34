//! Bytes in the queues of UDP sockets: `/proc/net/udp` and `udp6`.

use std::io;

use common_instrument::{CollectError, Collector, Family, Samples};

use super::Entry;
use crate::parse::{ParseError, hex, lines, words};
use crate::source::KernelFile;

pub(super) const ENTRY: Entry = Entry {
    name: "udp_queues",
    about: "Bytes in the send and receive queues of UDP sockets.",
    on_by_default: true,
    may_block: false,
    flags: &[],
    build: |context| {
        let path = |name: &str| context.roots().proc(name);
        let file = |name: &str| KernelFile::of_lines(path(name), LINE_BYTES_MAX);
        Ok(Box::new(UdpQueues { files: [("v4", file("net/udp")), ("v6", file("net/udp6"))] }))
    },
};

const QUEUES: Family = Family::gauge(
    "node_udp_queues",
    "Number of allocated memory in the kernel for UDP datagrams in bytes.",
);

/// A line of `udp6` has 171 bytes.
const LINE_BYTES_MAX: usize = 256;

struct UdpQueues {
    files: [(&'static str, KernelFile); 2],
}

/// The sums of both queues, in bytes; the first line is the heading.
fn parse(text: &[u8]) -> Result<(u64, u64), ParseError> {
    let (mut sending, mut receiving) = (0u64, 0u64);
    for (number, line) in lines(text).skip(1) {
        let queues = words(line).nth(4).unwrap_or_default();
        let colon = queues.iter().position(|&byte| byte == b':');
        let parsed = colon.and_then(|at| Some((hex(&queues[..at])?, hex(&queues[at + 1..])?)));
        let expected = "tx_queue:rx_queue in hexadecimal";
        let (tx, rx) = parsed.ok_or_else(|| ParseError::new(number, expected, queues))?;
        sending = sending.saturating_add(tx);
        receiving = receiving.saturating_add(rx);
    }
    Ok((sending, receiving))
}

impl Collector for UdpQueues {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let mut found = false;
        for (version, file) in &self.files {
            let text = match file.read() {
                Ok(text) => text,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(file.failed(error)),
            };
            found = true;
            let (sending, receiving) = parse(&text).map_err(|error| file.failed(error))?;
            samples.push(&QUEUES, &[("queue", "tx"), ("ip", version)], sending as f64);
            samples.push(&QUEUES, &[("queue", "rx"), ("ip", version)], receiving as f64);
        }
        if found { Ok(()) } else { Err(CollectError::Absent("net/udp".to_owned())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_are_added_up() {
        fn check(lines: &[&str], expected: Result<(u64, u64), &str>) {
            let text = format!("  sl  local_address rem_address\n{}", lines.join("\n"));
            let found = parse(text.as_bytes()).map_err(|error| error.to_string());
            assert_eq!(found, expected.map_err(str::to_owned));
        }
        check(&[], Ok((0, 0)));
        check(&["0: 0:16 0:0 0A 00000015:00000001 0:0", "1: 0:17 0:0 0A 1:2 0:0"], Ok((22, 3)));
        let expected = "line 2: expected tx_queue:rx_queue in hexadecimal, found \"15\"";
        check(&["0: 0:16 0:0 0A 15"], Err(expected));
    }
}
