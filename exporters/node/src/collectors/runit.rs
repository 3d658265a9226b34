//! Services that runit supervises: `SERVICE/supervise/status`, written by `runsv`.

use std::path::{Path, PathBuf};
use std::{fs, io};

use common_instrument::{CollectError, Collector, Family, Samples};

use super::Entry;
use crate::settings::{Flag, flag};
use crate::source::read_file;

pub(super) const ENTRY: Entry = Entry {
    name: "runit",
    about: "State of the services that runit supervises. Deprecated.",
    on_by_default: false,
    may_block: false,
    flags: &[DIRECTORY],
    build: |context| {
        super::warn_deprecated("runit");
        Ok(Box::new(Runit { directory: context.settings().text(&DIRECTORY).into() }))
    },
};

const DIRECTORY: Flag =
    flag::text("collector.runit.servicedir", "Path to runit service directory.", "/etc/service");

const STATE: Family = Family::gauge("node_service_state", "State of runit service.");
const DESIRED: Family =
    Family::gauge("node_service_desired_state", "Desired state of runit service.");
const CHANGED: Family = Family::gauge(
    "node_service_state_last_change_timestamp_seconds",
    "Unix timestamp of the last runit service state change.",
);
const NORMAL: Family = Family::gauge("node_service_normal_state", "Normal state of runit service.");

/// TAI64 counts from 2^62, and 10 s lay between TAI and UTC in 1970; runit ignores leap seconds.
const TAI64_OF_1970: i64 = (1 << 62) + 10;

struct Runit {
    directory: PathBuf,
}

/// What `runsv` says of one service.
#[derive(Debug, PartialEq)]
struct Status {
    /// 0 down, 1 up, 2 finishing.
    state: u8,
    /// 1 if it is wanted up.
    desired: u8,
    /// Seconds since 1970.
    changed: i64,
}

/// TAI64N time of the last change, pid (4 bytes), paused, wanted (`u` or `d`), got TERM, state. A
/// file that is still being written may be shorter; what is missing is 0.
fn parse(file: &[u8]) -> Option<Status> {
    const LENGTH: usize = 20;
    const WANTED: usize = 17;
    const STATE: usize = 19;
    if file.is_empty() {
        return None;
    }
    let mut bytes = [0; LENGTH];
    let length = file.len().min(LENGTH);
    bytes[..length].copy_from_slice(&file[..length]);
    let seconds = bytes.first_chunk().map_or(0, |first| i64::from_be_bytes(*first));
    Some(Status {
        state: bytes[STATE],
        desired: u8::from(bytes[WANTED] == b'u'),
        changed: seconds.wrapping_sub(TAI64_OF_1970),
    })
}

/// Names of directories and of links, which runit's services usually are, sorted.
fn services(directory: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if let (true, Ok(name)) =
            (kind.is_dir() || kind.is_symlink(), entry.file_name().into_string())
        {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

impl Collector for Runit {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let names = services(&self.directory)
            .map_err(|error| CollectError::failed(self.directory.display(), error))?;
        for name in names {
            let supervise = self.directory.join(&name).join("supervise");
            let file = read_file(&supervise.join("status"));
            let Some(status) = file.ok().as_deref().and_then(parse) else {
                tracing::debug!(service = %name, "Couldn't get status");
                continue;
            };
            // The original looks for `down` here and not beside `run`, where runit has it.
            let is_normally_up = !supervise.join("down").exists();
            let labels = [("service", name.as_str()), ("supervisor", "runit")];
            samples.push(&STATE, &labels, f64::from(status.state));
            samples.push(&DESIRED, &labels, f64::from(status.desired));
            samples.push(&CHANGED, &labels, status.changed as f64);
            samples.push(&NORMAL, &labels, f64::from(u8::from(is_normally_up)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_file_tells_state_wish_and_time() {
        fn check(file: &[u8], expected: Option<(u8, u8, i64)>) {
            let found = parse(file).map(|status| (status.state, status.desired, status.changed));
            assert_eq!(found, expected, "{file:?}");
        }
        let time = [0x40, 0, 0, 0, 0x65, 0x53, 0xf1, 0x0a];
        let file = |rest: [u8; 8]| [&time[..], &[0; 4], &rest].concat();
        check(&file([42, 0, 0, 0, 0, b'u', 0, 1]), Some((1, 1, 1_700_000_000)));
        check(&file([42, 0, 0, 0, 0, b'd', 1, 2]), Some((2, 0, 1_700_000_000)));
        check(&file([0, 0, 0, 0, 0, 0, 0, 0]), Some((0, 0, 1_700_000_000)));
        check(&time, Some((0, 0, 1_700_000_000)));
        check(&[0xff; 30], Some((255, 0, -1 - TAI64_OF_1970)));
        check(b"", None);
    }
}
