//! The text of `/proc/PID/mountstats`: `fs/proc_namespace.c` and `fs/nfs/super.c` of the kernel.

use super::families::{BYTES, EVENTS, OPERATIONS};
use crate::parse::{ParseError, lines, unsigned, words};

/// Numbers of an `xprt:` line that are read: those of TCP.
pub(super) const TRANSPORT_NUMBERS: usize = 13;

/// One connection to a server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Transport<'a> {
    /// `tcp`, `udp` or `rdma`.
    pub(super) protocol: &'a [u8],
    /// In the order of TCP; what a protocol or an older kernel lacks is 0.
    pub(super) numbers: [u64; TRANSPORT_NUMBERS],
}

/// What NFS tells of one of its mounts.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Mount<'a> {
    /// Place in the table of mounts, from 0.
    pub(super) index: usize,
    /// What is mounted, as the kernel escapes it.
    pub(super) device: &'a [u8],
    /// Where, as the kernel escapes it.
    pub(super) point: &'a [u8],
    /// `nfs` or `nfs4`.
    pub(super) kind: &'a [u8],
    /// Seconds since it was mounted.
    pub(super) age: u64,
    pub(super) bytes: [u64; BYTES.len()],
    pub(super) events: [u64; EVENTS.len()],
    pub(super) transports: Vec<Transport<'a>>,
    /// Names and numbers.
    pub(super) operations: Vec<(&'a [u8], [u64; OPERATIONS.len()])>,
    /// Whether the line of headings of the operations has come.
    pub(super) has_headings: bool,
}

/// The NFS mounts that have statistics.
pub(super) fn parse(text: &[u8]) -> Result<Vec<Mount<'_>>, ParseError> {
    let mut mounts = Vec::new();
    let mut index = 0;
    let mut open: Option<Mount<'_>> = None;
    for (number, line) in lines(text) {
        if line.starts_with(b"device ") || line.starts_with(b"no device ") {
            mounts.extend(open.take());
            open = begin(index, line);
            index += 1;
        } else if let Some(mount) = &mut open {
            mount.read(line).map_err(|expected| ParseError::new(number, expected, line))?;
        }
    }
    mounts.extend(open);
    Ok(mounts)
}

/// `device EXPORT mounted on POINT with fstype nfs4 statvers=1.1`; `None` if no statistics follow.
fn begin(index: usize, line: &[u8]) -> Option<Mount<'_>> {
    let mut words = words(line);
    let mut next = || words.next();
    let (b"device", device, b"mounted", b"on", point, b"with", b"fstype", kind) =
        (next()?, next()?, next()?, next()?, next()?, next()?, next()?, next()?)
    else {
        return None;
    };
    let has_statistics = next()?.starts_with(b"statvers=") && matches!(kind, b"nfs" | b"nfs4");
    has_statistics.then(|| Mount { index, device, point, kind, ..Mount::default() })
}

impl<'a> Mount<'a> {
    /// One more line; the error is what should have stood there.
    fn read(&mut self, line: &'a [u8]) -> Result<(), &'static str> {
        let mut words = words(line);
        match words.next() {
            Some(name) if self.has_headings => {
                let mut numbers = [0; OPERATIONS.len()];
                fill(&mut numbers, words, "an operation and its 8 numbers")?;
                self.operations.push((name.strip_suffix(b":").unwrap_or(name), numbers));
            }
            Some(b"per-op") => self.has_headings = true,
            Some(b"age:") => {
                let age = words.next().and_then(unsigned);
                self.age = age.ok_or("an age in seconds")?;
            }
            Some(b"bytes:") => fill(&mut self.bytes, words, "8 numbers of bytes")?,
            Some(b"events:") => fill(&mut self.events, words, "27 numbers of events")?,
            Some(b"xprt:") => self.transports.extend(transport(words)?),
            _ => {}
        }
        Ok(())
    }
}

/// A transport, or `None` if it is neither TCP, UDP nor RDMA.
fn transport<'a>(
    mut words: impl Iterator<Item = &'a [u8]>,
) -> Result<Option<Transport<'a>>, &'static str> {
    const EXPECTED: &str = "a transport and its numbers";
    /// Numbers that every kernel has; the last three came with version 1.1 of the statistics.
    const OLD: usize = 10;
    let protocol = words.next().unwrap_or_default();
    let mut numbers = [0; TRANSPORT_NUMBERS];
    match protocol {
        b"tcp" => {
            fill(&mut numbers[..OLD], words.by_ref(), EXPECTED)?;
            fill_if_there(&mut numbers[OLD..], words)?;
        }
        b"udp" => {
            fill(&mut numbers[..2], words.by_ref(), EXPECTED)?;
            // Without connections it has no number of them, no time to connect and none idle.
            fill(&mut numbers[5..OLD], words.by_ref(), EXPECTED)?;
            fill_if_there(&mut numbers[OLD..], words)?;
        }
        // What follows the first ten is of RDMA alone.
        b"rdma" => fill(&mut numbers[..OLD], words, EXPECTED)?,
        _ => return Ok(None),
    }
    Ok(Some(Transport { protocol, numbers }))
}

/// Reads as many numbers as there are values; what follows is left.
fn fill<'a>(
    values: &mut [u64],
    mut words: impl Iterator<Item = &'a [u8]>,
    expected: &'static str,
) -> Result<(), &'static str> {
    for value in values {
        *value = words.next().and_then(unsigned).ok_or(expected)?;
    }
    Ok(())
}

/// As [`fill`], but there may be fewer.
fn fill_if_there<'a>(
    values: &mut [u64],
    words: impl Iterator<Item = &'a [u8]>,
) -> Result<(), &'static str> {
    for (value, word) in values.iter_mut().zip(words) {
        *value = unsigned(word).ok_or("a number")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_nfs_has_statistics_but_every_mount_counts() {
        fn check(text: &str, expected: &[(usize, &str, &str, &str)]) {
            let found = parse(text.as_bytes()).unwrap();
            let found: Vec<_> =
                found.iter().map(|one| (one.index, one.device, one.point, one.kind)).collect();
            let bytes = str::as_bytes;
            let expected: Vec<_> =
                expected.iter().map(|(i, d, p, k)| (*i, bytes(d), bytes(p), bytes(k))).collect();
            assert_eq!(found, expected);
        }
        check("", &[]);
        check("device a:/b mounted on /c with fstype nfs\n", &[]);
        check(
            "device a:/b mounted on /c with fstype nfs statvers=1.1",
            &[(0, "a:/b", "/c", "nfs")],
        );
        check(
            "device proc mounted on /proc with fstype proc\n\
             no device mounted on / with fstype rootfs\n\
             device s:/x mounted on /a\\040b with fstype nfs4 statvers=1.1\n\tage:\t3\n\n\
             device x mounted on /y with fstype other statvers=9\n\tage:\tx\n\
             device s:/x mounted on /d with fstype nfs4 statvers=1.0\n",
            &[(2, "s:/x", "/a\\040b", "nfs4"), (4, "s:/x", "/d", "nfs4")],
        );
    }

    #[test]
    fn lines_of_a_mount_are_known_by_their_first_word() {
        fn check(lines: &str, expected: Result<fn(&mut Mount<'static>), &str>) {
            let text = format!("device a:/b mounted on /c with fstype nfs statvers=1.1\n{lines}");
            let expected = expected.map(|change| {
                let (device, point, kind) = (&b"a:/b"[..], &b"/c"[..], &b"nfs"[..]);
                let mut mount = Mount { device, point, kind, ..Mount::default() };
                change(&mut mount);
                vec![mount]
            });
            let found = parse(text.as_bytes()).map_err(|error| error.expected);
            assert_eq!(found, expected);
        }
        check("\tage:\t77\n\topts:\trw,x=y\n\tnew:\tz\n", Ok(|mount| mount.age = 77));
        check("bytes: 1 2 3 4 5 6 7 8", Ok(|mount| mount.bytes = [1, 2, 3, 4, 5, 6, 7, 8]));
        check(
            "per-op statistics\n  READ: 1 2 3 4 5 6 7 8 9\n  age: 1 1 1 1 1 1 1 1\n\n",
            Ok(|mount| {
                mount.has_headings = true;
                mount.operations = vec![(b"READ", [1, 2, 3, 4, 5, 6, 7, 8]), (b"age", [1; 8])];
            }),
        );
        check("bytes: 1 2", Err("8 numbers of bytes"));
        check("events: 1 2", Err("27 numbers of events"));
        check("age: x", Err("an age in seconds"));
        check("per-op statistics\n READ: 1 2 x", Err("an operation and its 8 numbers"));
        check("xprt: tcp 1 2 3", Err("a transport and its numbers"));
    }

    #[test]
    fn transports_have_the_numbers_of_tcp() {
        fn check(line: &str, expected: Result<Option<[u64; 13]>, &str>) {
            let found = transport(words(line.as_bytes())).map(|found| found.map(|one| one.numbers));
            assert_eq!(found, expected);
        }
        let tcp = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13];
        check("tcp 1 2 3 4 5 6 7 8 9 10 11 12 13 14", Ok(Some(tcp)));
        check("tcp 1 2 3 4 5 6 7 8 9 10", Ok(Some([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0, 0, 0])));
        check("rdma 1 2 3 4 5 6 7 8 9 10 11", Ok(Some([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0, 0, 0])));
        let udp = [1, 2, 0, 0, 0, 6, 7, 8, 9, 10, 11, 12, 13];
        check("udp 1 2 6 7 8 9 10 11 12 13", Ok(Some(udp)));
        check("udp 1 2 6 7 8 9 10", Ok(Some([1, 2, 0, 0, 0, 6, 7, 8, 9, 10, 0, 0, 0])));
        check("local 1 2", Ok(None));
        check("udp 1 2 6", Err("a transport and its numbers"));
        check("tcp 1 2 3 4 5 6 7 8 9 10 x", Err("a number"));
    }
}
