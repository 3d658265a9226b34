//! Replicated block devices of DRBD up to 8.4: `/proc/drbd`.

use common_instrument::{CollectError, Collector, Family, Samples};

use super::Entry;
use super::diskstats::label;
use crate::parse::{ParseError, lines, number, unsigned, words};
use crate::source::KernelFile;

pub(super) const ENTRY: Entry = Entry {
    name: "drbd",
    about: "Replicated block devices of /proc/drbd, as DRBD up to 8.4 writes it.",
    on_by_default: false,
    may_block: true,
    flags: &[],
    build: |context| Ok(Box::new(Drbd { file: KernelFile::new(context.roots().proc("drbd")) })),
};

/// Sizes are in KiB.
const KIB: f64 = 1024.0;

const CONNECTED: Family =
    Family::gauge("node_drbd_connected", "Whether DRBD is connected to the peer.");

/// Key, family and factor. The original takes `nr` for bytes, though it is in KiB as well.
const NUMBERS: [(&[u8], Family, f64); 12] = [
    (
        b"ns",
        Family::counter(
            "node_drbd_network_sent_bytes_total",
            "Total number of bytes sent via the network.",
        ),
        KIB,
    ),
    (
        b"nr",
        Family::counter(
            "node_drbd_network_received_bytes_total",
            "Total number of bytes received via the network.",
        ),
        1.0,
    ),
    (
        b"dw",
        Family::counter(
            "node_drbd_disk_written_bytes_total",
            "Net data written on local hard disk; in bytes.",
        ),
        KIB,
    ),
    (
        b"dr",
        Family::counter(
            "node_drbd_disk_read_bytes_total",
            "Net data read from local hard disk; in bytes.",
        ),
        KIB,
    ),
    (
        b"al",
        Family::counter(
            "node_drbd_activitylog_writes_total",
            "Number of updates of the activity log area of the meta data.",
        ),
        1.0,
    ),
    (
        b"bm",
        Family::counter(
            "node_drbd_bitmap_writes_total",
            "Number of updates of the bitmap area of the meta data.",
        ),
        1.0,
    ),
    (
        b"lo",
        Family::gauge(
            "node_drbd_local_pending",
            "Number of open requests to the local I/O sub-system.",
        ),
        1.0,
    ),
    (
        b"pe",
        Family::gauge(
            "node_drbd_remote_pending",
            "Number of requests sent to the peer, but that have not yet been answered by the latter.",
        ),
        1.0,
    ),
    (
        b"ua",
        Family::gauge(
            "node_drbd_remote_unacknowledged",
            "Number of requests received by the peer via the network connection, but that have not yet been answered.",
        ),
        1.0,
    ),
    (
        b"ap",
        Family::gauge(
            "node_drbd_application_pending",
            "Number of block I/O requests forwarded to DRBD, but not yet answered by DRBD.",
        ),
        1.0,
    ),
    (b"ep", Family::gauge("node_drbd_epochs", "Number of Epochs currently on the fly."), 1.0),
    (
        b"oos",
        Family::gauge(
            "node_drbd_out_of_sync_bytes",
            "Amount of data known to be out of sync; in bytes.",
        ),
        KIB,
    ),
];

/// Key, family and the good state; the value is `local/remote`.
const STATES: [(&[u8], Family, &[u8]); 2] = [
    (
        b"ro",
        Family::gauge(
            "node_drbd_node_role_is_primary",
            "Whether the role of the node is in the primary state.",
        ),
        b"Primary",
    ),
    (
        b"ds",
        Family::gauge(
            "node_drbd_disk_state_is_up_to_date",
            "Whether the disk of the node is up to date.",
        ),
        b"UpToDate",
    ),
];

struct Drbd {
    file: KernelFile,
}

/// What one word of the file says.
#[derive(Debug, PartialEq)]
enum Word<'a> {
    /// What follows is of the device with this number.
    Device(u64),
    /// A value, by its place in [`NUMBERS`].
    Number(usize, f64),
    /// The local and the remote state, by their place in [`STATES`].
    States(usize, bool, Option<bool>),
    /// `Connected`, or another state of the connection.
    Connection(&'a [u8]),
    /// Versions, progress bars, flags.
    Other,
}

fn parse_word(number_of_line: usize, word: &[u8]) -> Result<Word<'_>, ParseError> {
    let mut parts = word.split(|&byte| byte == b':');
    let (Some(key), Some(value), None) = (parts.next(), parts.next(), parts.next()) else {
        return Ok(Word::Other);
    };
    if value.is_empty() {
        return Ok(unsigned(key).map_or(Word::Other, Word::Device));
    }
    if let Some(at) = NUMBERS.iter().position(|(name, ..)| *name == key) {
        let value = number(value);
        let wrong = || ParseError::new(number_of_line, "a number behind the colon", word);
        return Ok(Word::Number(at, value.ok_or_else(wrong)?));
    }
    if let Some(at) = STATES.iter().position(|(name, ..)| *name == key) {
        let mut states = value.split(|&byte| byte == b'/').map(|state| state == STATES[at].2);
        return Ok(Word::States(at, states.next().unwrap_or(false), states.next()));
    }
    Ok(if key == b"cs" { Word::Connection(value) } else { Word::Other })
}

impl Collector for Drbd {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let content = self.file.collect_or_absent()?;
        let mut device = "unknown".to_owned();
        for (number, line) in lines(&content) {
            for word in words(line) {
                match parse_word(number, word).map_err(|error| self.file.failed(error))? {
                    Word::Device(minor) => {
                        label(&mut device, format_args!("drbd{minor}"));
                    }
                    Word::Number(at, value) => {
                        let (_, family, factor) = &NUMBERS[at];
                        samples.push(family, &[("device", &device)], value * factor);
                    }
                    Word::States(at, local, remote) => {
                        for (node, good) in [("local", Some(local)), ("remote", remote)] {
                            let Some(good) = good else { continue };
                            let labels = [("device", &*device), ("node", node)];
                            samples.push(&STATES[at].1, &labels, f64::from(good));
                        }
                    }
                    Word::Connection(state) => {
                        let connected = f64::from(state == b"Connected");
                        samples.push(&CONNECTED, &[("device", &device)], connected);
                    }
                    Word::Other => {}
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_devices_values_and_states() {
        fn check(word: &str, expected: Result<Word<'_>, &str>) {
            let found = parse_word(3, word.as_bytes()).map_err(|error| error.to_string());
            assert_eq!(found, expected.map_err(str::to_owned));
        }
        check("0:", Ok(Word::Device(0)));
        check("147:", Ok(Word::Device(147)));
        check("version:", Ok(Word::Other));
        check("(api:1/proto:86-101)", Ok(Word::Other));
        check("0:12:34", Ok(Word::Other));
        check("wo:d", Ok(Word::Other));
        check("ns:17", Ok(Word::Number(0, 17.0)));
        check("oos:1", Ok(Word::Number(11, 1.0)));
        check("ns:", Ok(Word::Other));
        check("ns:x", Err("line 3: expected a number behind the colon, found \"ns:x\""));
        check("ro:Primary/Secondary", Ok(Word::States(0, true, Some(false))));
        check("ds:UpToDate", Ok(Word::States(1, true, None)));
        check("ds:Inconsistent/UpToDate", Ok(Word::States(1, false, Some(true))));
        check("cs:WFConnection", Ok(Word::Connection(b"WFConnection")));
    }
}
