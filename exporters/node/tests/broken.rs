//! Hosts without files, and with files full of nonsense: collectors fail, and nothing else happens.

use std::fs;
use std::path::Path;

use common_testkit::Rng;
use exporters_node::COLLECTORS;

use crate::support::{options, scrape};

/// Collectors that succeed on a host where nothing is to be seen.
#[rustfmt::skip]
const CONTENT_WITH_NOTHING: &[&str] = &[
    "lnstat",
    "drm",
    "edac",
    "bcache",
    "btrfs",
    "cpu_vulnerabilities",
    "meminfo_numa",
    "selinux",
    "sockstat",
    "sysctl",
    "textfile",
    "thermal_zone",
    "time",
    "xfs",
];
/// Those that ask the running kernel instead of reading files.
#[rustfmt::skip]
const WITHOUT_FILES: &[&str] = &[
    "network_route",
    "qdisc",
    "tcpstat",
    "perf",
    "timex",
    "uname",
    "wifi",
];

#[test]
fn a_host_without_files_gives_failures_and_nothing_else() {
    let empty = tempfile::tempdir().unwrap();
    for entry in COLLECTORS.iter().filter(|entry| !WITHOUT_FILES.contains(&entry.name)) {
        let text = scrape(options(empty.path(), entry.name));
        let success = u8::from(CONTENT_WITH_NOTHING.contains(&entry.name));
        let line = format!("success{{collector=\"{}\"}} {success}\n", entry.name);
        assert!(text.contains(&line), "{text}");
    }
}

#[test]
fn damaged_files_never_panic() {
    let damaged = tempfile::tempdir().unwrap();
    let mut rng = Rng::new(20);
    for round in 0..8 {
        let (from, to) = (Path::new("tests/host"), damaged.path().join(round.to_string()));
        copy_damaged(from, &to, &mut rng);
        for entry in COLLECTORS {
            let text = scrape(options(&to, entry.name));
            assert!(text.contains("node_scrape_collector_success"), "{}", entry.name);
        }
    }
}

/// Copies a tree, and in each file cuts, repeats or overwrites something.
fn copy_damaged(from: &Path, to: &Path, rng: &mut Rng) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(entry.path()).unwrap(), target).unwrap();
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            copy_damaged(&entry.path(), &target, rng);
            continue;
        }
        let mut bytes = fs::read(entry.path()).unwrap();
        if !bytes.is_empty() {
            let at = rng.below(bytes.len() as u64) as usize;
            match rng.below(4) {
                0 => bytes.truncate(at),
                1 => bytes[at] = rng.below(256) as u8,
                2 => bytes.extend_from_within(at..),
                _ => bytes[at..].fill(b'9'),
            }
        }
        fs::write(target, bytes).unwrap();
    }
}
