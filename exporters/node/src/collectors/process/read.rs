//! Reads processes and their threads, and tells their groups what is new.

use std::fmt::Write;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, statat};

use super::counts::{Counts, NONVOLUNTARY, READ, VOLUNTARY, WRITTEN};
use super::files::{Status, parse_io, parse_limit, parse_smaps, parse_status};
use super::group::Group;
use super::table::{Process, Task};
use crate::beneath::{Buffers, open_directory, open_root};
use crate::pids::{Stat, pids_in};

/// `fstatfs` type of proc. `linux/magic.h`
const PROC_TYPE: u64 = 0x9fa0;

/// A limit is read again after so many scrapes: hardly anybody changes those of running processes.
const LIMIT_SCRAPES: u64 = 8;

/// What is read besides what is cheap.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// Families of threads by name.
    pub(super) threads: bool,
    /// Proportional shares of memory.
    pub(super) shares: bool,
    /// Where in the kernel threads wait.
    pub(super) waiting: bool,
}

/// What could not be told.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Failures {
    /// Processes of which nothing could be read though they were there.
    pub(super) whole: u64,
    /// Processes of which not all could be read.
    pub(super) partial: u64,
    /// Names of threads and groups that found no place.
    pub(super) left_out: u64,
}

/// Buffers that stay from scrape to scrape.
#[derive(Default)]
pub(super) struct Scratch {
    pub(super) buffers: Buffers,
    path: String,
    tids: Vec<u32>,
}

/// One scrape's view of procfs.
pub(super) struct Reader<'a> {
    proc: OwnedFd,
    /// Whether sizes of directories may be numbers of files.
    is_live: bool,
    pub(super) scratch: &'a mut Scratch,
    pub(super) wanted: Wanted,
    pub(super) page_bytes: u64,
    /// Number of the scrape.
    pub(super) round: u64,
    pub(super) failures: Failures,
}

/// A process that went away is none that could not be read.
fn is_gone(error: &io::Error) -> bool {
    let gone =
        [rustix::io::Errno::NOENT, rustix::io::Errno::SRCH].map(|errno| errno.raw_os_error());
    error.raw_os_error().is_some_and(|code| gone.contains(&code))
}

impl<'a> Reader<'a> {
    /// Opens procfs and lists the processes.
    pub(super) fn open(
        procfs: &Path,
        scratch: &'a mut Scratch,
        (wanted, page_bytes, round): (Wanted, u64, u64),
        pids: &mut Vec<u32>,
    ) -> io::Result<Reader<'a>> {
        let proc = open_root(procfs)?;
        pids_in(&proc, &mut scratch.buffers, pids)?;
        let is_live = rustix::fs::fstatfs(&proc)
            .is_ok_and(|system| u64::try_from(system.f_type).unwrap_or(0) == PROC_TYPE);
        let failures = Failures::default();
        Ok(Reader { proc, is_live, scratch, wanted, page_bytes, round, failures })
    }

    /// A file of a process.
    pub(super) fn file(&mut self, pid: u32, name: &str) -> io::Result<&[u8]> {
        let Scratch { buffers, path, .. } = &mut *self.scratch;
        buffers.read(&self.proc, named(path, pid, name))
    }

    /// The target of a link of a process.
    pub(super) fn link(&mut self, pid: u32, name: &str) -> Option<String> {
        let path = named(&mut self.scratch.path, pid, name);
        let target = rustix::fs::readlinkat(&self.proc, path, Vec::new()).ok()?;
        Some(String::from_utf8_lossy(target.as_bytes()).into_owned())
    }

    /// `stat`; `None` if the process is gone, or cannot be read, which is counted.
    pub(super) fn stat(&mut self, pid: u32) -> Option<Stat<'_>> {
        match self.scratch.buffers.read(&self.proc, named(&mut self.scratch.path, pid, "stat")) {
            Ok(content) => {
                let stat = Stat::parse(content).ok();
                self.failures.whole += u64::from(stat.is_none());
                stat
            }
            Err(error) => {
                self.failures.whole += u64::from(!is_gone(&error));
                None
            }
        }
    }

    /// Reads the rest of a process, and tells its group.
    pub(super) fn tell(
        &mut self,
        pid: u32,
        stat: &Stat<'_>,
        process: &mut Process,
        group: &mut Group,
    ) {
        let status = match self.file(pid, "status") {
            Ok(content) => parse_status(content),
            Err(error) => {
                self.failures.whole += u64::from(!is_gone(&error));
                return;
            }
        };
        let mut complete = true;
        let [read, written] = match self.file(pid, "io").ok().and_then(parse_io) {
            Some(bytes) => bytes,
            None => {
                // Whom it acts for can change, and with that whether it may be read.
                complete = false;
                [process.counts.0[READ], process.counts.0[WRITTEN]]
            }
        };
        let counts = Counts([
            stat.user,
            stat.system,
            read,
            written,
            stat.major_faults,
            stat.minor_faults,
            0,
            0,
        ]);
        group.counts.add(&process.more(&counts));
        process.counts = counts;
        let now = &mut group.now;
        now.processes += 1;
        now.threads += stat.threads;
        now.resident += stat.resident_pages * self.page_bytes;
        now.virtual_size += stat.virtual_bytes;
        now.swapped += status.swap_bytes;
        now.oldest_start = Some(now.oldest_start.map_or(stat.start, |start| start.min(stat.start)));
        group.in_state(stat.state);
        if !stat.is_kernel_thread() && stat.state != b'Z' {
            complete &= self.tell_files(pid, process, group);
            complete &= !self.wanted.shares || self.tell_shares(pid, group);
        }
        if self.wanted.waiting {
            let mut left_out = 0;
            match self.file(pid, "wchan") {
                Ok(place) => group.waits(place, &mut left_out),
                Err(_) => complete = false,
            }
            self.failures.left_out += left_out;
        }
        complete &= self.tell_threads(pid, stat, &status, process, group);
        process.is_new = false;
        self.failures.partial += u64::from(!complete);
    }

    /// Files that are open, and how many may be.
    fn tell_files(&mut self, pid: u32, process: &mut Process, group: &mut Group) -> bool {
        if process.files_max.is_none()
            || (self.round + u64::from(pid)).is_multiple_of(LIMIT_SCRAPES)
        {
            let limit = self.file(pid, "limits").ok().and_then(parse_limit);
            process.files_max = limit.or(process.files_max);
        }
        let Some(open) = self.open_files(pid) else { return false };
        group.now.files += open;
        if let Some(max) = process.files_max.filter(|max| *max > 0.0) {
            group.now.worst_files_ratio = group.now.worst_files_ratio.max(open as f64 / max);
        }
        process.files_max.is_some()
    }

    fn open_files(&mut self, pid: u32) -> Option<u64> {
        let path = named(&mut self.scratch.path, pid, "fd");
        if self.is_live {
            // Since Linux 6.2 the size of the directory is the number of files in it.
            let size = statat(&self.proc, path, AtFlags::empty()).ok()?.st_size;
            if let Some(count) = u64::try_from(size).ok().filter(|count| *count > 0) {
                return Some(count);
            }
        }
        let directory = open_directory(&self.proc, path).ok()?;
        let mut count = 0;
        self.scratch.buffers.list(&directory, |_, _| count += 1).ok()?;
        Some(count)
    }

    fn tell_shares(&mut self, pid: u32, group: &mut Group) -> bool {
        let Ok(content) = self.file(pid, "smaps_rollup") else { return false };
        for (sum, share) in group.now.shares.iter_mut().zip(parse_smaps(content)) {
            *sum += share;
        }
        true
    }

    /// Context switches are counted by thread, so that all threads must be asked.
    fn tell_threads(
        &mut self,
        pid: u32,
        stat: &Stat<'_>,
        status: &Status,
        process: &mut Process,
        group: &mut Group,
    ) -> bool {
        if stat.threads <= 1 {
            let mut counts = process.counts;
            [counts.0[VOLUNTARY], counts.0[NONVOLUNTARY]] = status.switches;
            group.counts.add(&process.task(pid, self.round, counts).switches());
            process.tasks.retain(|task| task.tid == pid);
            return true;
        }
        let directory = open_directory(&self.proc, named(&mut self.scratch.path, pid, "task"));
        let Ok(directory) = directory else { return false };
        let mut tids = std::mem::take(&mut self.scratch.tids);
        let listed = pids_in(&directory, &mut self.scratch.buffers, &mut tids).is_ok();
        for &tid in &tids {
            self.tell_thread(&directory, tid, process, group);
        }
        self.scratch.tids = tids;
        let round = self.round;
        process.tasks.retain(|task| task.round == round);
        listed
    }

    fn tell_thread(&mut self, tasks: &OwnedFd, tid: u32, process: &mut Process, group: &mut Group) {
        let round = self.round;
        let Scratch { buffers, path, .. } = &mut *self.scratch;
        let Ok(content) = buffers.read(tasks, named(path, tid, "status")) else { return };
        let status = parse_status(content);
        let mut counts = Counts::default();
        let mut name = None;
        if self.wanted.threads {
            if let Some((comm, counted)) = read_stat(tasks, tid, buffers, path) {
                (name, counts) = (Some(comm), counted);
            }
            let io = buffers.read(tasks, named(path, tid, "io")).ok().and_then(parse_io);
            [counts.0[READ], counts.0[WRITTEN]] = io.unwrap_or_default();
        }
        [counts.0[VOLUNTARY], counts.0[NONVOLUNTARY]] = status.switches;
        let more = process.task(tid, round, counts);
        group.counts.add(&more.switches());
        group.in_state(status.state);
        if let Some(name) = name {
            group.thread(&name, &more, &mut self.failures.left_out);
        }
        if self.wanted.waiting
            && let Ok(place) = buffers.read(tasks, named(path, tid, "wchan"))
        {
            group.waits(place, &mut self.failures.left_out);
        }
    }
}

/// Name and counts of a thread.
fn read_stat(
    tasks: impl AsFd,
    tid: u32,
    buffers: &mut Buffers,
    path: &mut String,
) -> Option<(String, Counts)> {
    let stat = Stat::parse(buffers.read(tasks, named(path, tid, "stat")).ok()?).ok()?;
    let faults = [stat.major_faults, stat.minor_faults];
    let counts = Counts([stat.user, stat.system, 0, 0, faults[0], faults[1], 0, 0]);
    Some((String::from_utf8_lossy(stat.comm).into_owned(), counts))
}

fn named<'p>(path: &'p mut String, pid: u32, file: &str) -> &'p str {
    path.clear();
    // Writing to a String cannot fail.
    let _ = write!(path, "{pid}/{file}");
    path
}

impl Process {
    /// How much more the process counted than at the last scrape.
    fn more(&self, counts: &Counts) -> Counts {
        if self.is_new && !self.counts_at_once {
            Counts::default()
        } else {
            counts.since(&self.counts)
        }
    }

    /// The same for one of its threads; one that is new in a known process counts at once.
    fn task(&mut self, tid: u32, round: u64, counts: Counts) -> Counts {
        let counts_at_once = !self.is_new || self.counts_at_once;
        let at = match self.tasks.binary_search_by_key(&tid, |task| task.tid) {
            Ok(at) => at,
            Err(at) => {
                let start = if counts_at_once { Counts::default() } else { counts };
                self.tasks.insert(at, Task { tid, round, counts: start });
                at
            }
        };
        let task = &mut self.tasks[at];
        // The number may have been given to another thread since.
        let is_another = counts.0[VOLUNTARY] < task.counts.0[VOLUNTARY];
        let more = if is_another { counts } else { counts.since(&task.counts) };
        (task.round, task.counts) = (round, counts);
        more
    }
}
