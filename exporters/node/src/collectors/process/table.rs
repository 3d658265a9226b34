//! Which processes there are and to which group each belongs: decided when it is first seen.

use std::collections::HashMap;
use std::time::Duration;

use super::counts::Counts;
use super::files::{parse_arguments, parse_cgroups, parse_status, parse_users};
use super::group::Groups;
use super::namer::{Namer, Subject};
use super::read::Reader;
use crate::pids::{Stat, TICKS_PER_SECOND};
use crate::source::KernelFile;

/// Longest way up to an ancestor that has a group.
const ANCESTORS_MAX: usize = 1000;

/// One process.
#[derive(Debug, Default)]
pub(super) struct Process {
    /// Ticks since the machine was started: numbers of processes are given again.
    start: u64,
    parent: u32,
    /// Scrape at which it was seen last.
    round: u64,
    group: Membership,
    /// Whether it appeared between two scrapes, so that all it counted is new.
    pub(super) counts_at_once: bool,
    /// Whether it was not read before.
    pub(super) is_new: bool,
    /// As read last; without context switches.
    pub(super) counts: Counts,
    /// How many files it may open.
    pub(super) files_max: Option<f64>,
    /// Its threads by number.
    pub(super) tasks: Vec<Task>,
}

/// One thread.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) tid: u32,
    pub(super) round: u64,
    pub(super) counts: Counts,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Membership {
    /// To be decided, now or at the next scrape.
    #[default]
    Open,
    /// It fits a rule, but there are as many groups as may be: to be decided again.
    Crowded,
    None,
    Member(usize),
}

/// How members are found.
pub(super) struct Rules {
    pub(super) namer: Namer,
    /// Whether what fits no rule goes to the group of its parent.
    pub(super) children: bool,
    /// How long processes that fit no rule are looked at again; `None` for ever.
    pub(super) recheck: Option<Recheck>,
    pub(super) groups_max: usize,
    pub(super) forgets_empty: bool,
    /// `/etc/passwd`.
    pub(super) passwd: KernelFile,
}

/// Whether processes without a group are looked at again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recheck {
    Always,
    /// As long as they are younger.
    Younger(Duration),
}

/// Time of the scrape and of the machine's start, in nanoseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    pub(super) now: i128,
    pub(super) boot: i128,
}

impl Clock {
    fn start(&self, ticks: u64) -> i128 {
        const TICK_NANOS: i128 = (1e9 / TICKS_PER_SECOND) as i128;
        self.boot + i128::from(ticks) * TICK_NANOS
    }
}

/// All processes and groups.
#[derive(Default)]
pub(super) struct Table {
    processes: HashMap<u32, Process>,
    pub(super) groups: Groups,
    users: HashMap<u32, String>,
    /// Scrapes so far.
    pub(super) round: u64,
}

/// A process whose group is to be found.
struct Candidate {
    pid: u32,
    name: String,
    resident_pages: u64,
}

impl Table {
    /// Reads all processes and tells their groups.
    pub(super) fn scrape(
        &mut self,
        pids: &[u32],
        reader: &mut Reader<'_>,
        rules: &Rules,
        clock: &Clock,
    ) {
        self.groups.begin();
        let mut open = Vec::new();
        for &pid in pids {
            self.visit(pid, reader, &mut open);
        }
        let mut users_read = false;
        let mut candidates = Vec::new();
        for &pid in &open {
            if let Some(candidate) = self.candidate(pid, reader, rules, clock, &mut users_read) {
                candidates.push(candidate);
            }
        }
        self.place(candidates, reader, rules.groups_max);
        if rules.children {
            open.iter().for_each(|&pid| self.adopt(pid));
        }
        for &pid in &open {
            self.settle(pid, reader, rules, clock);
        }
        let round = self.round;
        self.processes.retain(|_, process| process.round == round);
        self.groups.end(rules.forgets_empty);
    }

    /// Reads a process that is known; others go to `open`.
    fn visit(&mut self, pid: u32, reader: &mut Reader<'_>, open: &mut Vec<u32>) {
        let Some(stat) = reader.stat(pid).map(Stat::without_name) else { return };
        let process = self.processes.entry(pid).or_default();
        let is_another = process.round == 0 || process.start != stat.start;
        if is_another {
            *process = Process {
                start: stat.start,
                counts_at_once: self.round > 1,
                is_new: true,
                ..Process::default()
            };
        }
        process.round = self.round;
        process.parent = stat.parent;
        match process.group {
            Membership::Open | Membership::Crowded => {
                process.group = Membership::Open;
                open.push(pid);
            }
            Membership::None => {}
            Membership::Member(at) => {
                if let Some(group) = self.groups.get_mut(at) {
                    group.members += 1;
                    reader.tell(pid, &stat, process, group);
                }
            }
        }
    }

    /// The name of the group that the rules give a process.
    fn candidate(
        &mut self,
        pid: u32,
        reader: &mut Reader<'_>,
        rules: &Rules,
        clock: &Clock,
        users_read: &mut bool,
    ) -> Option<Candidate> {
        let arguments = parse_arguments(reader.file(pid, "cmdline").ok()?);
        let user = parse_status(reader.file(pid, "status").ok()?).user;
        let cgroups = reader.file(pid, "cgroup").map(parse_cgroups).unwrap_or_default();
        let directory = reader.link(pid, "cwd").unwrap_or_default();
        let stat = reader.stat(pid)?;
        let comm = String::from_utf8_lossy(stat.comm).into_owned();
        let (start, resident_pages) = (clock.start(stat.start), stat.resident_pages);
        let user = self.user(user, rules, users_read);
        let subject = Subject { comm, arguments, user, directory, cgroups, pid, start };
        let name = rules.namer.name(&subject)?;
        Some(Candidate { pid, name, resident_pages })
    }

    /// The name of a user, or the number if it has none.
    fn user(&mut self, number: u32, rules: &Rules, users_read: &mut bool) -> String {
        if !self.users.contains_key(&number) && !*users_read {
            *users_read = true;
            if let Ok(content) = rules.passwd.read() {
                self.users = parse_users(&content).collect();
            }
        }
        self.users.get(&number).cloned().unwrap_or_else(|| number.to_string())
    }

    /// Gives candidates their groups. Where there is no room for all, those groups get it that
    /// use most memory.
    fn place(&mut self, candidates: Vec<Candidate>, reader: &mut Reader<'_>, groups_max: usize) {
        let mut fresh: HashMap<String, (u64, Vec<u32>)> = HashMap::new();
        for Candidate { pid, name, resident_pages } in candidates {
            match self.groups.find(&name) {
                Some(at) => self.join(pid, at),
                None => {
                    let (pages, pids) = fresh.entry(name).or_default();
                    *pages += resident_pages;
                    pids.push(pid);
                }
            }
        }
        let mut fresh: Vec<(String, (u64, Vec<u32>))> = fresh.into_iter().collect();
        fresh.sort_by(|(a, (a_pages, _)), (b, (b_pages, _))| b_pages.cmp(a_pages).then(a.cmp(b)));
        for (name, (_, pids)) in fresh {
            match self.groups.create(&name, groups_max) {
                Some(at) => pids.into_iter().for_each(|pid| self.join(pid, at)),
                None => {
                    reader.failures.left_out += 1;
                    pids.into_iter().for_each(|pid| self.set(pid, Membership::Crowded));
                }
            }
        }
    }

    fn set(&mut self, pid: u32, group: Membership) {
        if let Some(process) = self.processes.get_mut(&pid) {
            process.group = group;
        }
    }

    fn join(&mut self, pid: u32, at: usize) {
        self.set(pid, Membership::Member(at));
        if let Some(group) = self.groups.get_mut(at) {
            group.members += 1;
        }
    }

    /// Puts a process that fits no rule into the group of its nearest ancestor that has one.
    fn adopt(&mut self, pid: u32) {
        let Some(process) = self.processes.get(&pid) else { return };
        if process.group != Membership::Open {
            return;
        }
        let mut parent = process.parent;
        for _ in 0..ANCESTORS_MAX {
            let Some(process) = self.processes.get(&parent) else { return };
            match process.group {
                Membership::Open => parent = process.parent,
                Membership::None | Membership::Crowded => return,
                Membership::Member(at) => return self.join(pid, at),
            }
        }
    }

    /// Reads a process that has got its group; one without is not looked at again, unless asked for.
    fn settle(&mut self, pid: u32, reader: &mut Reader<'_>, rules: &Rules, clock: &Clock) {
        let Some(process) = self.processes.get_mut(&pid) else { return };
        let Membership::Member(at) = process.group else {
            let again = match rules.recheck {
                None => false,
                Some(Recheck::Always) => true,
                Some(Recheck::Younger(age)) => {
                    let age = i128::try_from(age.as_nanos()).unwrap_or(i128::MAX);
                    clock.start(process.start).saturating_add(age) > clock.now
                }
            };
            if !again && process.group == Membership::Open {
                process.group = Membership::None;
            }
            return;
        };
        let Some(group) = self.groups.get_mut(at) else { return };
        if let Some(stat) = reader.stat(pid).map(Stat::without_name) {
            reader.tell(pid, &stat, process, group);
        }
    }
}
