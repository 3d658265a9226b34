//! The processes below procfs: their numbers and their `stat` files.

use std::io;
use std::os::fd::AsFd;

use crate::beneath::Buffers;
use crate::parse::{ParseError, unsigned, words};

/// Ticks per second of the times in `stat`: `USER_HZ`, the same on all machines Linux runs on today.
pub(crate) const TICKS_PER_SECOND: f64 = 100.0;

/// `PF_KTHREAD` of `linux/sched.h`.
const IS_KERNEL_THREAD: u64 = 0x0020_0000;

/// Puts the numbers that a freshly opened directory has for names into `pids`, ascending.
pub(crate) fn pids_in(
    directory: impl AsFd,
    buffers: &mut Buffers,
    pids: &mut Vec<u32>,
) -> io::Result<()> {
    pids.clear();
    buffers.list(directory, |name, _| {
        pids.extend(unsigned(name).and_then(|pid| u32::try_from(pid).ok()));
    })?;
    pids.sort_unstable();
    Ok(())
}

/// What is used of `/proc/PID/stat`. `proc_pid_stat(5)`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat<'a> {
    /// Name of the executable, cut by the kernel, or what the process calls itself.
    pub(crate) comm: &'a [u8],
    /// One letter.
    pub(crate) state: u8,
    pub(crate) parent: u32,
    flags: u64,
    pub(crate) minor_faults: u64,
    pub(crate) major_faults: u64,
    /// Ticks in user space.
    pub(crate) user: u64,
    /// Ticks in the kernel.
    pub(crate) system: u64,
    pub(crate) threads: u64,
    /// Ticks since the machine was started.
    pub(crate) start: u64,
    pub(crate) virtual_bytes: u64,
    /// Pages.
    pub(crate) resident_pages: u64,
}

impl<'a> Stat<'a> {
    pub(crate) fn parse(content: &'a [u8]) -> Result<Stat<'a>, ParseError> {
        let wrong = |expected| ParseError::new(1, expected, content.trim_ascii());
        // The name may hold blanks and parentheses of its own.
        let open = content.iter().position(|&byte| byte == b'(');
        let close = content.iter().rposition(|&byte| byte == b')');
        let (Some(open), Some(close)) = (open, close) else {
            return Err(wrong("a name in parentheses"));
        };
        let comm = content.get(open + 1..close).ok_or_else(|| wrong("a name in parentheses"))?;
        let mut fields = words(&content[close + 1..]);
        let state = fields.next().and_then(|word| word.first().copied());
        let state = state.filter(u8::is_ascii_graphic).ok_or_else(|| wrong("a state"))?;
        let mut numbers = [0; FIELDS];
        for number in &mut numbers {
            let word = fields.next().ok_or_else(|| wrong("at least 24 fields"))?;
            // Some fields can be negative, none of those that are used.
            *number = unsigned(word).unwrap_or(0);
        }
        Ok(Stat {
            comm,
            state,
            parent: u32::try_from(numbers[0]).unwrap_or(0),
            flags: numbers[5],
            minor_faults: numbers[6],
            major_faults: numbers[8],
            user: numbers[10],
            system: numbers[11],
            threads: numbers[16],
            start: numbers[18],
            virtual_bytes: numbers[19],
            resident_pages: numbers[20],
        })
    }

    /// The numbers only, which may outlive the content.
    pub(crate) fn without_name(self) -> Stat<'static> {
        Stat { comm: b"", ..self }
    }

    /// Whether it is a thread of the kernel: without files, memory and command line.
    pub(crate) fn is_kernel_thread(&self) -> bool {
        self.flags & IS_KERNEL_THREAD != 0
    }
}

/// Fields behind the state, up to the resident pages.
const FIELDS: usize = 21;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_whatever_it_likes() {
        fn check(comm: &str) {
            let line = format!(
                "42 ({comm}) S 1 42 42 0 -1 4194560 10 11 12 13 140 150 16 17 20 0 3 0 777 8192 2 99"
            );
            let stat = Stat::parse(line.as_bytes()).unwrap();
            assert_eq!(stat.comm, comm.as_bytes());
            assert_eq!((stat.state, stat.parent, stat.threads, stat.start), (b'S', 1, 3, 777));
            assert_eq!((stat.minor_faults, stat.major_faults), (10, 12));
            assert_eq!((stat.user, stat.system), (140, 150));
            assert_eq!((stat.virtual_bytes, stat.resident_pages), (8192, 2));
            assert!(!stat.is_kernel_thread());
        }
        check("cat");
        check("");
        check(") R 1 (");
        check("a b\nc");
    }

    #[test]
    fn what_is_cut_off_is_an_error() {
        fn check(content: &str, expected: &str) {
            let error = Stat::parse(content.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
        check("", "line 1: expected a name in parentheses");
        check("1 )(", "line 1: expected a name in parentheses");
        check("1 (cat)", "line 1: expected a state");
        check("1 (cat) S 1 2", "line 1: expected at least 24 fields");
    }
}
