//! What this host serves as an NFS server: `/proc/net/rpc/nfsd`.

use common_instrument::{CollectError, Collector, Family, Samples};

use super::Entry;
use crate::parse::ParseError;
use crate::rpc::{VERSION_2, VERSION_3, numbers, push_calls};
use crate::source::KernelFile;

pub(super) const ENTRY: Entry = Entry {
    name: "nfsd",
    about: "Requests, threads and caches of the NFS server of /proc/net/rpc/nfsd.",
    on_by_default: true,
    may_block: false,
    flags: &[],
    build: |context| {
        Ok(Box::new(Nfsd { file: KernelFile::new(context.roots().proc("net/rpc/nfsd")) }))
    },
};

const REPLY_CACHE: [Family; 3] = [
    Family::counter(
        "node_nfsd_reply_cache_hits_total",
        "Total number of NFSd Reply Cache hits (client lost server response).",
    ),
    Family::counter(
        "node_nfsd_reply_cache_misses_total",
        "Total number of NFSd Reply Cache an operation that requires caching (idempotent).",
    ),
    Family::counter(
        "node_nfsd_reply_cache_nocache_total",
        "Total number of NFSd Reply Cache non-idempotent operations (rename/delete/…).",
    ),
];
const STALE: Family = Family::counter(
    "node_nfsd_file_handles_stale_total",
    "Total number of NFSd stale file handles",
);
const DISK: [Family; 2] = [
    Family::counter("node_nfsd_disk_bytes_read_total", "Total NFSd bytes read."),
    Family::counter("node_nfsd_disk_bytes_written_total", "Total NFSd bytes written."),
];
const THREADS: Family = Family::gauge(
    "node_nfsd_server_threads",
    "Total number of NFSd kernel threads that are running.",
);
const READ_AHEAD_SIZE: Family = Family::gauge(
    "node_nfsd_read_ahead_cache_size_blocks",
    "How large the read ahead cache is in blocks.",
);
const READ_AHEAD_MISSES: Family = Family::counter(
    "node_nfsd_read_ahead_cache_not_found_total",
    "Total number of NFSd read ahead cache not found.",
);
const PACKETS: Family = Family::counter(
    "node_nfsd_packets_total",
    "Total NFSd network packets (sent+received) by protocol type.",
);
const CONNECTIONS: Family =
    Family::counter("node_nfsd_connections_total", "Total number of NFSd TCP connections.");
const ERRORS: Family =
    Family::counter("node_nfsd_rpc_errors_total", "Total number of NFSd RPC errors by error type.");
const CALLS: Family = Family::counter("node_nfsd_server_rpcs_total", "Total number of NFSd RPCs.");
const REQUESTS: Family = Family::counter(
    "node_nfsd_requests_total",
    "Total number NFSd Requests by method and protocol.",
);

/// Operations of NFS 4 in the order of their numbers, of which the first three are not used. The
/// original leaves out two more, and those of NFS 4.1 and 4.2. RFC 7530, section 16.
#[rustfmt::skip]
const VERSION_4: [&str; 40] = [
    "", "", "", "Access", "Close", "Commit", "Create", "DelegPurge", "DelegReturn", "GetAttr",
    "GetFH", "Link", "Lock", "Lockt", "Locku", "Lookup", "LookupRoot", "Nverify", "Open",
    "OpenAttr", "OpenConfirm", "OpenDgrd", "PutFH", "", "", "Read", "ReadDir", "ReadLink",
    "Remove", "Rename", "Renew", "RestoreFH", "SaveFH", "SecInfo", "SetAttr", "SetClientID",
    "SetClientIDConfirm", "Verify", "Write", "RelLockOwner",
];

struct Nfsd {
    file: KernelFile,
}

/// The lines of the file; those of procedures begin with their count. `fs/nfsd/stats.c`.
#[derive(Debug, PartialEq)]
struct Stats {
    /// Hits, misses, replies that are not to be cached.
    reply_cache: [u64; 3],
    /// Stale ones; what follows is no longer used.
    file_handles: [u64; 1],
    /// Bytes read and written.
    disk: [u64; 2],
    threads: [u64; 1],
    /// Size, ten counts by depth, misses.
    read_ahead: [u64; 12],
    /// Packets, those over UDP and over TCP, and TCP connections.
    net: [u64; 4],
    /// Calls, all bad ones, those of bad format, authentication and client.
    rpc: [u64; 5],
    version_2: [u64; VERSION_2.len() + 1],
    version_3: [u64; VERSION_3.len() + 1],
    version_4: [u64; VERSION_4.len() + 1],
    /// Attributes asked back from holders of write delegations.
    delegations: [u64; 1],
}

fn parse(text: &[u8]) -> Result<Stats, ParseError> {
    Ok(Stats {
        reply_cache: numbers(text, "rc", 3)?,
        file_handles: numbers(text, "fh", 1)?,
        disk: numbers(text, "io", 2)?,
        threads: numbers(text, "th", 1)?,
        read_ahead: numbers(text, "ra", 12)?,
        net: numbers(text, "net", 4)?,
        rpc: numbers(text, "rpc", 5)?,
        version_2: numbers(text, "proc2", VERSION_2.len() + 1)?,
        version_3: numbers(text, "proc3", VERSION_3.len() + 1)?,
        // The last one is younger.
        version_4: numbers(text, "proc4ops", VERSION_4.len())?,
        delegations: numbers(text, "wdeleg_getattr", 1)?,
    })
}

impl Stats {
    fn push(&self, samples: &mut Samples) {
        for (family, value) in REPLY_CACHE.iter().zip(self.reply_cache) {
            samples.push(family, &[], value as f64);
        }
        for (family, value) in DISK.iter().zip(self.disk) {
            samples.push(family, &[], value as f64);
        }
        let [_, udp, tcp, connections] = self.net;
        let [size, .., misses] = self.read_ahead;
        let [calls, _, format, authentication, client] = self.rpc;
        for (family, value) in [
            (&STALE, self.file_handles[0]),
            (&THREADS, self.threads[0]),
            (&READ_AHEAD_SIZE, size),
            (&READ_AHEAD_MISSES, misses),
            (&CONNECTIONS, connections),
            (&CALLS, calls),
        ] {
            samples.push(family, &[], value as f64);
        }
        for (protocol, packets) in [("udp", udp), ("tcp", tcp)] {
            samples.push(&PACKETS, &[("proto", protocol)], packets as f64);
        }
        for (error, count) in [("fmt", format), ("auth", authentication), ("cInt", client)] {
            samples.push(&ERRORS, &[("error", error)], count as f64);
        }
    }

    fn push_requests(&self, samples: &mut Samples) {
        let mut push = |version, names: &[&str], counts: &[u64]| {
            push_calls(samples, &REQUESTS, version, names, counts);
        };
        // The procedure that does nothing is left out here, but not of the client.
        push("2", &VERSION_2[1..], &self.version_2[2..]);
        push("3", &VERSION_3[1..], &self.version_3[2..]);
        push("4", &VERSION_4, &self.version_4[1..]);
        push("4", &["WdelegGetattr"], &self.delegations);
    }
}

impl Collector for Nfsd {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let stats = parse(&self.file.collect_or_absent()?);
        let stats = stats.map_err(|error| self.file.failed(error))?;
        stats.push(samples);
        stats.push_requests(samples);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_differ_in_lines_and_operations() {
        /// Threads, calls of NFS 2, the last operation of NFS 4, delegations.
        fn check(text: &str, expected: Result<[u64; 4], &str>) {
            let found = parse(text.as_bytes()).map(|stats| {
                let ([threads], [delegations]) = (stats.threads, stats.delegations);
                [threads, stats.version_2[1], stats.version_4[40], delegations]
            });
            assert_eq!(found.map_err(|error| error.to_string()), expected.map_err(str::to_owned));
        }
        let operations = |count: usize| format!("proc4ops {count}{}\n", " 4".repeat(count));
        check(&format!("th 8 0 0.000 0.000\n{}", operations(39)), Ok([8, 0, 0, 0]));
        check(&format!("{}wdeleg_getattr 15\n", operations(76)), Ok([0, 0, 4, 15]));
        check(&format!("proc2 18{}\nnew 1\n", " 2".repeat(18)), Ok([0, 2, 0, 0]));
        check("rc 0 6", Err("line 1: expected more numbers, found \"rc 0 6\""));
        check("th x", Err("line 1: expected a number, found \"x\""));
    }
}
