//! The files of a process, as far as its group is told about them. `proc_pid(5)`

use crate::parse::{lines, unsigned, words};

const KIB: u64 = 1024;

/// What is used of `status`, which threads have as well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Status {
    /// One letter.
    pub(super) state: u8,
    /// Whom it acts for.
    pub(super) user: u32,
    pub(super) swap_bytes: u64,
    /// Context switches: because it waited, because its time was up.
    pub(super) switches: [u64; 2],
}

pub(super) fn parse_status(content: &[u8]) -> Status {
    let mut status = Status::default();
    for (_, line) in lines(content) {
        let Some(colon) = line.iter().position(|&byte| byte == b':') else { continue };
        let mut words = words(&line[colon + 1..]);
        let mut number = || words.next().and_then(unsigned).unwrap_or(0);
        match &line[..colon] {
            b"Uid" => {
                let _real = number();
                status.user = u32::try_from(number()).unwrap_or(u32::MAX);
            }
            b"State" => status.state = line[colon + 1..].trim_ascii().first().copied().unwrap_or(0),
            b"VmSwap" => status.swap_bytes = number() * KIB,
            b"voluntary_ctxt_switches" => status.switches[0] = number(),
            b"nonvoluntary_ctxt_switches" => status.switches[1] = number(),
            _ => {}
        }
    }
    status
}

/// The number behind a key and a colon.
fn value(content: &[u8], key: &[u8]) -> Option<u64> {
    let line = lines(content).find_map(|(_, line)| line.strip_prefix(key)?.strip_prefix(b":"))?;
    words(line).next().and_then(unsigned)
}

/// Bytes that were read from devices and written to them, of `io`.
pub(super) fn parse_io(content: &[u8]) -> Option<[u64; 2]> {
    Some([value(content, b"read_bytes")?, value(content, b"write_bytes")?])
}

/// Proportional shares of memory and swap space in bytes, of `smaps_rollup`.
pub(super) fn parse_smaps(content: &[u8]) -> [u64; 2] {
    [b"Pss".as_slice(), b"SwapPss"].map(|key| value(content, key).unwrap_or(0) * KIB)
}

/// How many files may be open, of `limits`; infinity if it is not limited.
pub(super) fn parse_limit(content: &[u8]) -> Option<f64> {
    let line = lines(content).find_map(|(_, line)| line.strip_prefix(b"Max open files"))?;
    match words(line).next()? {
        b"unlimited" => Some(f64::INFINITY),
        number => unsigned(number).map(|limit| limit as f64),
    }
}

/// The arguments of `cmdline`; empty for threads of the kernel.
pub(super) fn parse_arguments(content: &[u8]) -> Vec<String> {
    let end = content.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    if end == 0 {
        return Vec::new();
    }
    let text = |argument: &[u8]| String::from_utf8_lossy(argument).into_owned();
    content[..end].split(|&byte| byte == 0).map(text).collect()
}

/// The paths of `cgroup`: `0::/system.slice/x.service`.
pub(super) fn parse_cgroups(content: &[u8]) -> Vec<String> {
    let path = |line: &[u8]| {
        let path = line.splitn(3, |&byte| byte == b':').nth(2)?;
        Some(String::from_utf8_lossy(path).into_owned())
    };
    lines(content).filter_map(|(_, line)| path(line)).collect()
}

/// Numbers and names of the users in `/etc/passwd`.
pub(super) fn parse_users(content: &[u8]) -> impl Iterator<Item = (u32, String)> {
    lines(content).filter_map(|(_, line)| {
        let mut fields = line.split(|&byte| byte == b':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        let number = u32::try_from(unsigned(number)?).ok()?;
        Some((number, String::from_utf8_lossy(name).into_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_says_what_it_has() {
        let content =
            b"Name:\tx: y\nState:\tD (disk sleep)\nUid:\t0\t33\t0\t0\nVmSwap:\t      20 kB\n\
            voluntary_ctxt_switches:\t7\nnonvoluntary_ctxt_switches:\t8\n";
        let expected = Status { state: b'D', user: 33, swap_bytes: 20 * 1024, switches: [7, 8] };
        assert_eq!(parse_status(content), expected);
        assert_eq!(parse_status(b"Sta"), Status::default());
    }

    #[test]
    fn arguments_end_with_a_nul_each() {
        fn check(content: &str, expected: &[&str]) {
            assert_eq!(parse_arguments(content.as_bytes()), expected);
        }
        check("", &[]);
        check("\0\0", &[]);
        check("a\0b c\0", &["a", "b c"]);
        check("a\0\0b\0\0", &["a", "", "b"]);
        check("nginx: worker", &["nginx: worker"]);
    }

    #[test]
    fn numbers_stand_behind_their_keys() {
        assert_eq!(parse_io(b"rchar: 1\nread_bytes: 2\nwrite_bytes: 3\n"), Some([2, 3]));
        assert_eq!(parse_io(b"rchar: 1\nread_bytes: 2\n"), None);
        assert_eq!(parse_smaps(b"Rss: 9 kB\nPss:   5 kB\nSwapPss: 1 kB\n"), [5120, 1024]);
        assert_eq!(parse_limit(b"Max open files            1024    4096    files\n"), Some(1024.0));
        assert_eq!(
            parse_limit(b"Max open files  unlimited unlimited files\n"),
            Some(f64::INFINITY)
        );
        assert_eq!(parse_limit(b""), None);
        let cgroups = b"3:cpu,cpuacct:/a:b\n0::/\nx\n";
        assert_eq!(parse_cgroups(cgroups), ["/a:b", "/"]);
        let users: Vec<_> = parse_users(b"root:x:0:0::/root:/bin/sh\nbad\nw:x:33:\n").collect();
        assert_eq!(users, [(0, "root".to_owned()), (33, "w".to_owned())]);
    }
}
