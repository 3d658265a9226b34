//! Calls that this host made as an NFS client: `/proc/net/rpc/nfs`.

use common_instrument::{CollectError, Collector, Family, Samples};

use super::Entry;
use crate::parse::ParseError;
use crate::rpc::{VERSION_2, VERSION_3, numbers, push_calls};
use crate::source::KernelFile;

pub(super) const ENTRY: Entry = Entry {
    name: "nfs",
    about: "Calls of the NFS client of /proc/net/rpc/nfs.",
    on_by_default: true,
    may_block: false,
    flags: &[],
    build: |context| {
        Ok(Box::new(Nfs { file: KernelFile::new(context.roots().proc("net/rpc/nfs")) }))
    },
};

const PACKETS: Family = Family::counter(
    "node_nfs_packets_total",
    "Total NFSd network packets (sent+received) by protocol type.",
);
const CONNECTIONS: Family =
    Family::counter("node_nfs_connections_total", "Total number of NFSd TCP connections.");
const CALLS: Family = Family::counter("node_nfs_rpcs_total", "Total number of RPCs performed.");
const RETRANSMISSIONS: Family =
    Family::counter("node_nfs_rpc_retransmissions_total", "Number of RPC transmissions performed.");
const REFRESHES: Family = Family::counter(
    "node_nfs_rpc_authentication_refreshes_total",
    "Number of RPC authentication refreshes performed.",
);
const REQUESTS: Family =
    Family::counter("node_nfs_requests_total", "Number of NFS procedures invoked.");

/// Procedures of NFS 4 in the order of the client's table. `fs/nfs/nfs4xdr.c`.
#[rustfmt::skip]
const VERSION_4: [&str; 59] = [
    "Null", "Read", "Write", "Commit", "Open", "OpenConfirm", "OpenNoattr", "OpenDowngrade",
    "Close", "Setattr", "FsInfo", "Renew", "SetClientID", "SetClientIDConfirm", "Lock", "Lockt",
    "Locku", "Access", "Getattr", "Lookup", "LookupRoot", "Remove", "Rename", "Link", "Symlink",
    "Create", "Pathconf", "StatFs", "ReadLink", "ReadDir", "ServerCaps", "DelegReturn", "GetACL",
    "SetACL", "FsLocations", "ReleaseLockowner", "Secinfo", "FsidPresent", "ExchangeID",
    "CreateSession", "DestroySession", "Sequence", "GetLeaseTime", "ReclaimComplete",
    "GetDeviceInfo", "LayoutGet", "LayoutCommit", "LayoutReturn", "SecinfoNoName", "TestStateID",
    "FreeStateID", "GetDeviceList", "BindConnToSession", "DestroyClientID", "Seek", "Allocate",
    "DeAllocate", "LayoutStats", "Clone",
];

struct Nfs {
    file: KernelFile,
}

/// The lines of the file; those of procedures begin with their count.
#[derive(Debug, PartialEq)]
struct Stats {
    /// Packets, those over UDP and over TCP, and TCP connections.
    net: [u64; 4],
    /// Calls, retransmissions, refreshes of credentials.
    rpc: [u64; 3],
    version_2: [u64; VERSION_2.len() + 1],
    version_3: [u64; VERSION_3.len() + 1],
    version_4: [u64; VERSION_4.len() + 1],
}

fn parse(text: &[u8]) -> Result<Stats, ParseError> {
    Ok(Stats {
        net: numbers(text, "net", 4)?,
        rpc: numbers(text, "rpc", 3)?,
        version_2: numbers(text, "proc2", VERSION_2.len() + 1)?,
        version_3: numbers(text, "proc3", VERSION_3.len() + 1)?,
        version_4: numbers(text, "proc4", 1)?,
    })
}

impl Collector for Nfs {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let stats = parse(&self.file.collect_or_absent()?);
        let stats = stats.map_err(|error| self.file.failed(error))?;
        let [_, udp, tcp, connections] = stats.net;
        samples.push(&PACKETS, &[("protocol", "udp")], udp as f64);
        samples.push(&PACKETS, &[("protocol", "tcp")], tcp as f64);
        samples.push(&CONNECTIONS, &[], connections as f64);
        for (family, value) in [&CALLS, &RETRANSMISSIONS, &REFRESHES].into_iter().zip(stats.rpc) {
            samples.push(family, &[], value as f64);
        }
        let mut push = |version, names: &[&str], values: &[u64]| {
            push_calls(samples, &REQUESTS, version, names, &values[1..]);
        };
        push("2", &VERSION_2, &stats.version_2);
        push("3", &VERSION_3, &stats.version_3);
        push("4", &VERSION_4, &stats.version_4);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_kernels_know_fewer_procedures_of_version_4_only() {
        fn check(text: &str, expected: Result<([u64; 3], u64, u64), &str>) {
            let found = parse(text.as_bytes())
                .map(|stats| (stats.rpc, stats.version_3[1], stats.version_4[2]));
            assert_eq!(found.map_err(|error| error.to_string()), expected.map_err(str::to_owned));
        }
        let version_3 = format!("proc3 22 5{}\n", " 0".repeat(21));
        check(&format!("{version_3}rpc 1 2 3\nproc4 2 0 9\n"), Ok(([1, 2, 3], 5, 9)));
        check(&format!("proc4 61{}", " 1".repeat(61)), Ok(([0; 3], 0, 1)));
        check("future 1 2\n", Ok(([0; 3], 0, 0)));
        check("proc3 3 1 2 3", Err("line 1: expected more numbers, found \"proc3 3 1 2 3\""));
        check("rpc 1 2", Err("line 1: expected more numbers, found \"rpc 1 2\""));
    }
}
