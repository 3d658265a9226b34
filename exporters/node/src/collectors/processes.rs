//! How many processes and threads there are, and in which states: `/proc/PID`.

use std::fmt::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

use common_instrument::{CollectError, Collector, Family, Samples};
use parking_lot::Mutex;

use super::Entry;
use crate::beneath::{Buffers, open_directory, open_root};
use crate::parse::unsigned;
use crate::pids::{Stat, pids_in};
use crate::source::KernelFile;

pub(super) const ENTRY: Entry = Entry {
    name: "processes",
    about: "Numbers of processes and threads, and their states.",
    on_by_default: false,
    may_block: false,
    flags: &[],
    build: |context| {
        let roots = context.roots();
        Ok(Box::new(Processes {
            directory: roots.procfs.clone(),
            threads_max: KernelFile::new(roots.proc("sys/kernel/threads-max")),
            pid_max: KernelFile::new(roots.proc("sys/kernel/pid_max")),
            state: Mutex::default(),
        }))
    },
};

const THREADS: Family = Family::gauge("node_processes_threads", "Allocated threads in system");
const THREADS_MAX: Family =
    Family::gauge("node_processes_max_threads", "Limit of threads in the system");
const STATES: Family = Family::gauge("node_processes_state", "Number of processes in each state.");
const THREAD_STATES: Family =
    Family::gauge("node_processes_threads_state", "Number of threads in each state.");
const PIDS: Family = Family::gauge("node_processes_pids", "Number of PIDs");
const PID_MAX: Family = Family::gauge("node_processes_max_processes", "Number of max PIDs limit");

struct Processes {
    directory: PathBuf,
    threads_max: KernelFile,
    pid_max: KernelFile,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    buffers: Buffers,
    pids: Vec<u32>,
    tids: Vec<u32>,
    path: String,
}

/// Numbers by the letter of the state.
type ByState = [u32; 128];

struct Counts {
    pids: u32,
    threads: u64,
    states: ByState,
    thread_states: ByState,
}

impl State {
    fn count(&mut self, proc: &OwnedFd) -> Counts {
        let mut counts = Counts { pids: 0, threads: 0, states: [0; 128], thread_states: [0; 128] };
        let mut has_tasks = None;
        for &pid in &self.pids {
            let Some((state, threads)) = one(proc, &mut self.buffers, &mut self.path, pid) else {
                // It went away since the directory was read.
                continue;
            };
            counts.pids += 1;
            counts.threads += threads;
            counts.states[state] += 1;
            // Files that were copied from another machine may lack them all.
            let has_tasks = *has_tasks.get_or_insert_with(|| {
                named(&mut self.path, pid, "task");
                rustix::fs::accessat(
                    proc,
                    self.path.as_str(),
                    rustix::fs::Access::EXISTS,
                    rustix::fs::AtFlags::empty(),
                )
                .is_ok()
            });
            if !has_tasks {
                continue;
            }
            if threads <= 1 {
                // Its only thread is in the state of the process.
                counts.thread_states[state] += 1;
                continue;
            }
            named(&mut self.path, pid, "task");
            let Ok(tasks) = open_directory(proc, self.path.as_str()) else { continue };
            if pids_in(&tasks, &mut self.buffers, &mut self.tids).is_err() {
                continue;
            }
            for &tid in &self.tids {
                let state = if tid == pid {
                    Some(state)
                } else {
                    one(&tasks, &mut self.buffers, &mut self.path, tid).map(|(state, _)| state)
                };
                if let Some(state) = state {
                    counts.thread_states[state] += 1;
                }
            }
        }
        counts
    }
}

fn named(path: &mut String, pid: u32, file: &str) {
    path.clear();
    // Writing to a String cannot fail.
    let _ = write!(path, "{pid}/{file}");
}

/// State and number of threads of one process or thread.
fn one(
    directory: impl AsFd,
    buffers: &mut Buffers,
    path: &mut String,
    pid: u32,
) -> Option<(usize, u64)> {
    named(path, pid, "stat");
    let stat = Stat::parse(buffers.read(directory, path.as_str()).ok()?).ok()?;
    Some((usize::from(stat.state), stat.threads))
}

fn push_states(family: &Family, label: &str, states: &ByState, samples: &mut Samples) {
    for (letter, &count) in (0u8..).zip(states).filter(|(_, count)| **count != 0) {
        let letter = [letter];
        // Only ASCII letters are counted.
        let state = std::str::from_utf8(&letter).unwrap_or_default();
        samples.push(family, &[(label, state)], f64::from(count));
    }
}

fn push_limit(
    file: &KernelFile,
    family: &Family,
    samples: &mut Samples,
) -> Result<(), CollectError> {
    let content = file.collect()?;
    let limit = unsigned(content.trim_ascii()).ok_or_else(|| file.failed("not a number"))?;
    samples.push(family, &[], limit as f64);
    Ok(())
}

impl Collector for Processes {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let failed = |error| CollectError::failed(self.directory.display(), error);
        let mut state = self.state.lock();
        let State { buffers, pids, .. } = &mut *state;
        let proc = open_root(&self.directory).map_err(failed)?;
        pids_in(&proc, buffers, pids).map_err(failed)?;
        let counts = state.count(&proc);
        samples.push(&THREADS, &[], counts.threads as f64);
        push_limit(&self.threads_max, &THREADS_MAX, samples)?;
        push_states(&STATES, "state", &counts.states, samples);
        push_states(&THREAD_STATES, "thread_state", &counts.thread_states, samples);
        samples.push(&PIDS, &[], f64::from(counts.pids));
        push_limit(&self.pid_max, &PID_MAX, samples)
    }
}
