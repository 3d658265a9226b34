//! Counters of tape drives: `/sys/class/scsi_tape`.

use std::io;
use std::path::PathBuf;

use common_instrument::{CollectError, Collector, Family, Samples};
use parking_lot::Mutex;

use super::Entry;
use crate::parse::unsigned;
use crate::pattern::Pattern;
use crate::settings::{Flag, flag};
use crate::source::{Attributes, names_in};

const IGNORED: Flag = flag::text(
    "collector.tapestats.ignored-devices",
    "Regexp of devices to ignore for tapestats.",
    "^$",
);

pub(super) const ENTRY: Entry = Entry {
    name: "tapestats",
    about: "Counters of tape drives of /sys/class/scsi_tape.",
    on_by_default: true,
    may_block: false,
    flags: &[IGNORED],
    build: |context| {
        Ok(Box::new(Tapestats {
            directory: context.roots().sys("class/scsi_tape"),
            ignored: context.settings().pattern(&IGNORED)?,
            attributes: Mutex::new(Attributes::new()),
        }))
    },
};

/// Times are in ns.
const NS: f64 = 0.000_000_001;

/// File, family and factor. `Documentation/scsi/st.rst`, "Sysfs and Statistics for Tape Devices".
const FILES: [(&str, Family, f64); 10] = [
    (
        "in_flight",
        Family::gauge(
            "node_tape_io_now",
            "The number of I/Os currently outstanding to this device.",
        ),
        1.0,
    ),
    (
        "io_ns",
        Family::counter(
            "node_tape_io_time_seconds_total",
            "The amount of time spent waiting for all I/O to complete (including read and write). \
             This includes tape movement commands such as seeking between file or set marks and \
             implicit tape movement such as when rewind on close tape devices are used.",
        ),
        NS,
    ),
    (
        "other_cnt",
        Family::counter(
            "node_tape_io_others_total",
            "The number of I/Os issued to the tape drive other than read or write commands. The \
             time taken to complete these commands uses the following calculation \
             io_time_seconds_total-read_time_seconds_total-write_time_seconds_total",
        ),
        1.0,
    ),
    (
        "read_byte_cnt",
        Family::counter(
            "node_tape_read_bytes_total",
            "The number of bytes read from the tape drive.",
        ),
        1.0,
    ),
    (
        "read_cnt",
        Family::counter(
            "node_tape_reads_completed_total",
            "The number of read requests issued to the tape drive.",
        ),
        1.0,
    ),
    (
        "read_ns",
        Family::counter(
            "node_tape_read_time_seconds_total",
            "The amount of time spent waiting for read requests to complete.",
        ),
        NS,
    ),
    (
        "resid_cnt",
        Family::counter(
            "node_tape_residual_total",
            "The number of times during a read or write we found the residual amount to be \
             non-zero. This should mean that a program is issuing a read larger thean the block \
             size on tape. For write not all data made it to tape.",
        ),
        1.0,
    ),
    (
        "write_byte_cnt",
        Family::counter(
            "node_tape_written_bytes_total",
            "The number of bytes written to the tape drive.",
        ),
        1.0,
    ),
    (
        "write_cnt",
        Family::counter(
            "node_tape_writes_completed_total",
            "The number of write requests issued to the tape drive.",
        ),
        1.0,
    ),
    (
        "write_ns",
        Family::counter(
            "node_tape_write_time_seconds_total",
            "The amount of time spent waiting for write requests to complete.",
        ),
        NS,
    ),
];

struct Tapestats {
    directory: PathBuf,
    ignored: Pattern,
    attributes: Mutex<Attributes>,
}

/// Whether this is a drive itself (`st0`) and not another way of opening it (`nst0`, `st0a`).
fn is_drive(name: &str) -> bool {
    name.strip_prefix("st").is_some_and(|number| unsigned(number.as_bytes()).is_some())
}

impl Collector for Tapestats {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let names = names_in(&self.directory).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => CollectError::Absent(self.directory.display().to_string()),
            _ => CollectError::failed(self.directory.display(), error),
        })?;
        let mut attributes = self.attributes.lock();
        let mut outcome = Ok(());
        for name in names.iter().filter(|name| is_drive(name) && !self.ignored.is_match(name)) {
            let stats = self.directory.join(name).join("stats");
            for (file, family, factor) in &FILES {
                let path = stats.join(file);
                match attributes.read(&path).map(unsigned) {
                    Ok(Some(value)) => {
                        samples.push(family, &[("device", name)], value as f64 * factor);
                    }
                    Ok(None) => outcome = Err(CollectError::failed(path.display(), "no number")),
                    // The drive went away since the directory was read.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => outcome = Err(CollectError::failed(path.display(), error)),
                }
            }
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_drives_themselves_count() {
        fn check(name: &str, expected: bool) {
            assert_eq!(is_drive(name), expected, "{name}");
        }
        check("st0", true);
        check("st12", true);
        check("nst0", false);
        check("st0a", false);
        check("st", false);
    }
}
