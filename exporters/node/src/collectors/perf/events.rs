//! What can be counted, by the names that flags have for it. Numbers are those of
//! `linux/perf_event.h`.

use std::path::PathBuf;

use common_instrument::Family;

use crate::Roots;
use crate::named::Named;
use crate::parse::{lines, text, unsigned, words};
use crate::source::read_file;

/// Something that the processor or the kernel counts.
#[derive(Debug)]
pub(super) struct Event {
    /// Name in flags.
    pub(super) name: &'static str,
    pub(super) family: Family,
    /// `enum perf_type_id`.
    pub(super) kind: u32,
    /// Which event of its kind.
    pub(super) config: u64,
}

const fn hardware(
    name: &'static str,
    config: u64,
    family: &'static str,
    help: &'static str,
) -> Event {
    Event { name, family: Family::counter(family, help), kind: 0, config }
}

const fn software(
    name: &'static str,
    config: u64,
    family: &'static str,
    help: &'static str,
) -> Event {
    Event { name, family: Family::counter(family, help), kind: 1, config }
}

const fn cache(
    name: &'static str,
    (id, operation, result): (u64, u64, u64),
    family: &'static str,
    help: &'static str,
) -> Event {
    let config = id | operation << 8 | result << 16;
    Event { name, family: Family::counter(family, help), kind: 3, config }
}

const L1D: u64 = 0;
const L1I: u64 = 1;
const LL: u64 = 2;
const DTLB: u64 = 3;
const ITLB: u64 = 4;
const BPU: u64 = 5;
const READ: u64 = 0;
const WRITE: u64 = 1;
const ACCESS: u64 = 0;
const MISS: u64 = 1;

/// `enum perf_hw_id`.
#[rustfmt::skip]
pub(super) const HARDWARE: &[Event] = &[
    hardware("CpuCycles", 0, "node_perf_cpucycles_total", "Number of CPU cycles (frequency scaled)"),
    hardware("CpuInstr", 1, "node_perf_instructions_total", "Number of CPU instructions"),
    hardware("CacheRef", 2, "node_perf_cache_refs_total", "Number of cache references (non frequency scaled)"),
    hardware("CacheMisses", 3, "node_perf_cache_misses_total", "Number of cache misses"),
    hardware("BranchInstr", 4, "node_perf_branch_instructions_total", "Number of CPU branch instructions"),
    hardware("BranchMisses", 5, "node_perf_branch_misses_total", "Number of CPU branch misses"),
    hardware("StalledCyclesFrontend", 7, "node_perf_stalled_cycles_frontend_total", "Number of stalled frontend CPU cycles"),
    hardware("StalledCyclesBackend", 8, "node_perf_stalled_cycles_backend_total", "Number of stalled backend CPU cycles"),
    hardware("RefCpuCycles", 9, "node_perf_ref_cpucycles_total", "Number of CPU cycles"),
];

/// `enum perf_sw_ids`.
#[rustfmt::skip]
pub(super) const SOFTWARE: &[Event] = &[
    software("PageFault", 2, "node_perf_page_faults_total", "Number of page faults"),
    software("ContextSwitch", 3, "node_perf_context_switches_total", "Number of context switches"),
    software("CpuMigration", 4, "node_perf_cpu_migrations_total", "Number of CPU process migrations"),
    software("MinorFault", 5, "node_perf_minor_faults_total", "Number of minor page faults"),
    software("MajorFault", 6, "node_perf_major_faults_total", "Number of major page faults"),
];

/// Which cache, what is done, and with what success.
#[rustfmt::skip]
pub(super) const CACHE: &[Event] = &[
    cache("L1DataReadHit", (L1D, READ, ACCESS), "node_perf_cache_l1d_read_hits_total",
        "Number L1 data cache read hits"),
    cache("L1DataReadMiss", (L1D, READ, MISS), "node_perf_cache_l1d_read_misses_total",
        "Number L1 data cache read misses"),
    cache("L1DataWriteHit", (L1D, WRITE, ACCESS), "node_perf_cache_l1d_write_hits_total",
        "Number L1 data cache write hits"),
    cache("L1InstrReadMiss", (L1I, READ, MISS), "node_perf_cache_l1_instr_read_misses_total",
        "Number instruction L1 instruction read misses"),
    cache("LLReadHit", (LL, READ, ACCESS), "node_perf_cache_ll_read_hits_total",
        "Number last level read hits"),
    cache("LLReadMiss", (LL, READ, MISS), "node_perf_cache_ll_read_misses_total",
        "Number last level read misses"),
    cache("LLWriteHit", (LL, WRITE, ACCESS), "node_perf_cache_ll_write_hits_total",
        "Number last level write hits"),
    cache("LLWriteMiss", (LL, WRITE, MISS), "node_perf_cache_ll_write_misses_total",
        "Number last level write misses"),
    cache("DataTLBReadHit", (DTLB, READ, ACCESS), "node_perf_cache_tlb_data_read_hits_total",
        "Number of data TLB read hits"),
    cache("DataTLBReadMiss", (DTLB, READ, MISS), "node_perf_cache_tlb_data_read_misses_total",
        "Number of data TLB read misses"),
    cache("DataTLBWriteHit", (DTLB, WRITE, ACCESS), "node_perf_cache_tlb_data_write_hits_total",
        "Number of data TLB write hits"),
    cache("DataTLBWriteMiss", (DTLB, WRITE, MISS), "node_perf_cache_tlb_data_write_misses_total",
        "Number of data TLB write misses"),
    cache("InstrTLBReadHit", (ITLB, READ, ACCESS), "node_perf_cache_tlb_instr_read_hits_total",
        "Number instruction TLB read hits"),
    cache("InstrTLBReadMiss", (ITLB, READ, MISS), "node_perf_cache_tlb_instr_read_misses_total",
        "Number instruction TLB read misses"),
    cache("BPUReadHit", (BPU, READ, ACCESS), "node_perf_cache_bpu_read_hits_total",
        "Number BPU read hits"),
    cache("BPUReadMiss", (BPU, READ, MISS), "node_perf_cache_bpu_read_misses_total",
        "Number BPU read misses"),
];

/// The events that a flag names; all of them if it names none that exists.
pub(super) fn select(
    events: &'static [Event],
    names: &[String],
) -> impl Iterator<Item = &'static Event> {
    let is_named = |event: &Event| names.iter().any(|name| name == event.name);
    let all = !events.iter().any(is_named);
    events.iter().filter(move |event| all || is_named(event))
}

/// A place in the kernel's code whose passing is counted.
#[derive(Debug)]
pub(super) struct Tracepoint {
    pub(super) named: Named,
    /// Its number in this kernel.
    pub(super) id: u64,
}

impl Tracepoint {
    /// Looks up `SUBSYSTEM:EVENT` in tracefs.
    pub(super) fn find(roots: &Roots, name: &str) -> Result<Tracepoint, String> {
        let named = metric(name).ok_or_else(|| name.to_owned())?;
        let mounts =
            read_file(&roots.proc("mounts")).map_err(|error| format!("{name}: {error}"))?;
        let tracefs = tracefs(&mounts).ok_or_else(|| format!("{name}: no tracefs is mounted"))?;
        let path = tracefs.join("events").join(name.replace(':', "/")).join("id");
        let id = read_file(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let id =
            unsigned(id.trim_ascii()).ok_or_else(|| format!("{}: no number", path.display()))?;
        Ok(Tracepoint { named, id })
    }
}

/// The metric of a tracepoint; `None` if it is not `SUBSYSTEM:EVENT`.
fn metric(name: &str) -> Option<Named> {
    let (subsystem, event) = name.split_once(':')?;
    let is_name = |text: &str| {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        !text.is_empty() && text.bytes().all(is_allowed)
    };
    (is_name(subsystem) && is_name(event)).then(|| Named {
        name: format!("node_perf_{subsystem}_{event}"),
        help: format!("Perf tracepoint {name}"),
    })
}

/// Where `/proc/mounts` says that tracefs is.
fn tracefs(mounts: &[u8]) -> Option<PathBuf> {
    lines(mounts).find_map(|(_, line)| {
        let mut words = words(line).skip(1);
        let place = words.next()?;
        (words.next()? == b"tracefs").then(|| text(place).into_owned().into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_selects_events_unless_it_names_none() {
        fn check(names: &[&str], expected: &[&str]) {
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            let found: Vec<&str> = select(SOFTWARE, &names).map(|event| event.name).collect();
            assert_eq!(found, expected, "{names:?}");
        }
        let all = ["PageFault", "ContextSwitch", "CpuMigration", "MinorFault", "MajorFault"];
        check(&[], &all);
        check(&["MajorFault", "PageFault", "nope"], &["PageFault", "MajorFault"]);
        check(&["nope"], &all);
    }

    #[test]
    fn no_event_stands_twice() {
        let all = || [HARDWARE, SOFTWARE, CACHE].into_iter().flatten();
        for event in all() {
            let is_alike = |other: &&Event| {
                other.family.name == event.family.name
                    || (other.kind, other.config) == (event.kind, event.config)
            };
            assert_eq!(all().filter(is_alike).count(), 1, "{event:?}");
        }
        assert_eq!(all().count(), 30);
    }

    #[test]
    fn a_tracepoint_has_two_names() {
        fn check(name: &str, expected: Option<&str>) {
            assert_eq!(metric(name).map(|named| named.name).as_deref(), expected);
        }
        check("sched:sched_switch", Some("node_perf_sched_sched_switch"));
        check("sched", None);
        check("sched:", None);
        check("a:b:c", None);
        check("../a:b", None);
    }

    #[test]
    fn tracefs_is_where_it_is_mounted() {
        let mounts = b"proc /proc proc rw 0 0\nnone /t tracefs rw 0 0\nnone /u tracefs rw 0 0\n";
        assert_eq!(tracefs(mounts), Some("/t".into()));
        assert_eq!(tracefs(b"tracefs /t proc\n\n"), None);
    }
}
