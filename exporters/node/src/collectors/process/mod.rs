//! What groups of processes use, with process-exporter's names and configuration file.

mod counts;
mod families;
mod files;
mod group;
mod namer;
mod read;
mod table;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use common_config::ProcessConfig;
use common_instrument::{CollectError, Collector, Family, Samples};
use parking_lot::Mutex;

use super::{Context, Entry};
use crate::Error;
use crate::parse::{lines, unsigned};
use crate::settings::{Flag, flag};
use crate::source::{KernelFile, read_file};

use namer::Namer;
use read::{Failures, Reader, Scratch, Wanted};
use table::{Clock, Recheck, Rules, Table};

const CONFIG: Flag = flag::text(
    "collector.process.config-file",
    "File that says which processes form which group, as process-exporter reads it. Default: \
     groups by the name of the program.",
    "",
);
const CHILDREN: Flag = flag::switch(
    "collector.process.children",
    "Count processes that fit no rule with the group of their parent.",
    true,
);
const THREADS: Flag = flag::switch(
    "collector.process.threads",
    "Report on the threads of groups by their names as well.",
    false,
);
const SMAPS: Flag = flag::switch(
    "collector.process.gather-smaps",
    "Read smaps_rollup, which has the proportional resident memory, and is slow.",
    false,
);
const WCHAN: Flag =
    flag::switch("collector.process.wchan", "Report on where in the kernel threads wait.", true);
const RECHECK: Flag = flag::switch(
    "collector.process.recheck",
    "Look at processes that fit no rule again at each scrape.",
    false,
);
const RECHECK_LIMIT: Flag = flag::duration(
    "collector.process.recheck-with-time-limit",
    "Look at processes that fit no rule again until they are so old.",
    "0s",
);
const REMOVE_EMPTY: Flag = flag::switch(
    "collector.process.remove-empty-groups",
    "Forget groups that have no processes any more.",
    false,
);
const GROUPS: Flag = flag::number(
    "collector.process.groups-max",
    "How many groups are exported; of more, those that use most memory when they are first seen.",
    "200",
);

pub(super) const ENTRY: Entry = Entry {
    name: "process",
    about: "CPU, memory, files, input and output of groups of processes.",
    on_by_default: false,
    // cmdline and smaps_rollup wait for a process that holds its own memory locked.
    may_block: true,
    flags: &[CONFIG, CHILDREN, THREADS, SMAPS, WCHAN, RECHECK, RECHECK_LIMIT, REMOVE_EMPTY, GROUPS],
    build: |context| Ok(Box::new(Collection::new(context)?)),
};

const ERRORS: Family = Family::counter(
    "namedprocess_scrape_errors",
    "general scrape errors: no proc metrics collected during a cycle",
);
const READ_ERRORS: Family = Family::counter(
    "namedprocess_scrape_procread_errors",
    "incremented each time a proc's metrics collection fails",
);
const PARTIAL_ERRORS: Family = Family::counter(
    "namedprocess_scrape_partial_errors",
    "incremented each time a tracked proc's metrics collection fails partially, e.g. unreadable \
     I/O stats",
);
const LEFT_OUT: Family = Family::counter(
    "namedprocess_left_out_total",
    "Groups, names of threads and wait channels left out of scrapes because there were too many.",
);

struct Collection {
    procfs: PathBuf,
    stat: KernelFile,
    now: fn() -> SystemTime,
    wanted: Wanted,
    rules: Rules,
    page_bytes: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    scratch: Scratch,
    pids: Vec<u32>,
    table: Table,
    /// Seconds since 1970, once it is known.
    boot: Option<u64>,
    errors: u64,
    failures: Failures,
}

fn namer(path: &str) -> Result<Namer, Error> {
    let wrong = |problem: String| Error::File { flag: CONFIG.name, problem };
    let content = read_file(Path::new(path)).map_err(|error| wrong(format!("{path}: {error}")))?;
    let text = String::from_utf8(content).map_err(|error| wrong(format!("{path}: {error}")))?;
    let config = ProcessConfig::parse(&text, path).map_err(|error| wrong(error.to_string()))?;
    for unknown in &config.unknown {
        tracing::warn!(problem = %unknown, "a key of the process groups' file means nothing");
    }
    Namer::new(config).map_err(|error| wrong(format!("{path}: {error}")))
}

impl Collection {
    fn new(context: &Context<'_>) -> Result<Collection, Error> {
        let (roots, settings) = (context.roots(), context.settings());
        let limit = settings.duration(&RECHECK_LIMIT)?;
        let recheck = match (settings.switch(&RECHECK), limit.is_zero()) {
            (_, false) => Some(Recheck::Younger(limit)),
            (true, true) => Some(Recheck::Always),
            (false, true) => None,
        };
        let groups_max = usize::try_from(settings.number(&GROUPS)?).map_err(|_| Error::Value {
            flag: GROUPS.name,
            expected: "a number that is not negative",
            found: settings.text(&GROUPS).to_owned(),
        })?;
        let namer = match settings.text(&CONFIG) {
            "" => Namer::Comm,
            path => namer(path)?,
        };
        Ok(Collection {
            procfs: roots.procfs.clone(),
            stat: KernelFile::new(roots.proc("stat")),
            now: context.options.now,
            wanted: Wanted {
                threads: settings.switch(&THREADS),
                shares: settings.switch(&SMAPS),
                waiting: settings.switch(&WCHAN),
            },
            rules: Rules {
                namer,
                children: settings.switch(&CHILDREN),
                recheck,
                groups_max,
                forgets_empty: settings.switch(&REMOVE_EMPTY),
                passwd: KernelFile::new(roots.root("/etc/passwd")),
            },
            page_bytes: rustix::param::page_size() as u64,
            state: Mutex::default(),
        })
    }

    /// When the machine was started, which the kernel says in a long file.
    fn boot(&self, known: &mut Option<u64>) -> Result<u64, CollectError> {
        if let Some(boot) = *known {
            return Ok(boot);
        }
        let content = self.stat.collect()?;
        let boot = lines(&content).find_map(|(_, line)| unsigned(line.strip_prefix(b"btime ")?));
        let boot = boot.ok_or_else(|| self.stat.failed("no line with btime"))?;
        *known = Some(boot);
        Ok(boot)
    }

    fn scrape(&self, state: &mut State) -> Result<u64, CollectError> {
        const NANOS: i128 = 1_000_000_000;
        let boot = self.boot(&mut state.boot)?;
        let now = (self.now)().duration_since(UNIX_EPOCH).unwrap_or_default();
        let clock = Clock {
            now: i128::try_from(now.as_nanos()).unwrap_or(i128::MAX),
            boot: i128::from(boot) * NANOS,
        };
        state.table.round += 1;
        let asked = (self.wanted, self.page_bytes, state.table.round);
        let mut reader = Reader::open(&self.procfs, &mut state.scratch, asked, &mut state.pids)
            .map_err(|error| CollectError::failed(self.procfs.display(), error))?;
        state.table.scrape(&state.pids, &mut reader, &self.rules, &clock);
        let found = reader.failures;
        if found.left_out > 0 && state.failures.left_out == 0 {
            let (flag, max) = (GROUPS.name, self.rules.groups_max);
            tracing::warn!(
                left_out = found.left_out,
                flag,
                max,
                "groups of processes are left out"
            );
        }
        state.failures.add(&found);
        Ok(boot)
    }
}

impl Failures {
    fn add(&mut self, more: &Failures) {
        self.whole += more.whole;
        self.partial += more.partial;
        self.left_out += more.left_out;
    }
}

impl Collector for Collection {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let state = &mut *self.state.lock();
        let outcome = self.scrape(state);
        match outcome {
            Ok(boot) => {
                for group in state.table.groups.iter() {
                    families::push(group, self.wanted, boot, samples);
                }
            }
            Err(_) => state.errors += 1,
        }
        let Failures { whole, partial, left_out } = state.failures;
        let counters = [
            (&ERRORS, state.errors),
            (&READ_ERRORS, whole),
            (&PARTIAL_ERRORS, partial),
            (&LEFT_OUT, left_out),
        ];
        for (family, count) in counters {
            samples.push(family, &[], count as f64);
        }
        outcome.map(|_| ())
    }
}
