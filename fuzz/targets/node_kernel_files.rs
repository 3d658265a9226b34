//! Every collector of the node exporter over a small host, one of whose files holds anything.
#![no_main]

use std::collections::BTreeSet;
use std::fs;
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use common_instrument::{Collector, Samples};
use exporters_node::{COLLECTORS, NodeExporter, NodeOptions, Roots};
use jiff::tz::TimeZone;
use libfuzzer_sys::fuzz_target;
use rustix::fs::inotify;

/// Where the files of the small host lie.
const HOST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../exporters/node/tests/host");

/// A copy of the small host, and which collector opens which of its files.
struct Lab {
    host: tempfile::TempDir,
    reads: Vec<(&'static str, PathBuf)>,
}

static LAB: LazyLock<Lab> = LazyLock::new(|| {
    let in_memory = Path::new("/dev/shm");
    let parent = if in_memory.is_dir() { in_memory.to_owned() } else { std::env::temp_dir() };
    let host = tempfile::tempdir_in(parent).expect("a directory for the host");
    copy(Path::new(HOST), host.path());
    let mut reads = Vec::new();
    for entry in COLLECTORS {
        reads.extend(files_of(host.path(), entry.name).into_iter().map(|file| (entry.name, file)));
    }
    assert!(reads.len() > COLLECTORS.len(), "collectors read files: {reads:?}");
    Lab { host, reads }
});

fuzz_target!(|input: &[u8]| {
    let Some((choice, content)) = input.split_first_chunk::<2>() else { return };
    let lab = &*LAB;
    let (collector, file) = &lab.reads[usize::from(u16::from_le_bytes(*choice)) % lab.reads.len()];
    let before = fs::read(file).expect("a file of the host");
    fs::write(file, content).expect("the file can be written");
    scrape(lab.host.path(), collector);
    fs::write(file, before).expect("the file can be restored");
});

fn scrape(host: &Path, collector: &str) {
    let mut options = NodeOptions::new(now, TimeZone::UTC);
    options.roots = Roots {
        procfs: host.join("proc"),
        sysfs: host.join("sys"),
        rootfs: host.join("root"),
        udev_data: host.join("udev"),
    };
    options.enabled = vec![collector.to_owned()];
    for (flag, value) in [
        // What is fuzzed are files, not this machine.
        ("collector.netdev.netlink", "false"),
        ("collector.arp.netlink", "false"),
        ("collector.cpu.info", "true"),
        ("collector.stat.softirq", "true"),
        ("collector.bcache.priorityStats", "true"),
    ] {
        options.settings.set(flag, value);
    }
    let exporter = NodeExporter::new(options).expect("the flags are good");
    let mut samples = Samples::default();
    // Twice: what is remembered must fit what is read next.
    for _ in 0..2 {
        samples.clear();
        exporter.collect(&mut samples).expect("failures are samples");
        samples.seal();
    }
}

fn now() -> SystemTime {
    UNIX_EPOCH
}

/// The files that a collector opens in a scrape.
fn files_of(host: &Path, collector: &str) -> BTreeSet<PathBuf> {
    let watcher = inotify::init(inotify::CreateFlags::NONBLOCK).expect("inotify");
    let mut folders = Vec::new();
    watch(&watcher, host, &mut folders);
    scrape(host, collector);
    let mut buffer = [MaybeUninit::uninit(); 64 << 10];
    let mut events = inotify::Reader::new(&watcher, &mut buffer);
    let mut found = BTreeSet::new();
    while let Ok(event) = events.next() {
        let folder = folders.iter().find(|(id, _)| *id == event.wd());
        if let (Some((_, folder)), Some(name)) = (folder, event.file_name()) {
            let file = folder.join(name.to_string_lossy().as_ref());
            found.extend(file.is_file().then_some(file));
        }
    }
    found
}

fn watch(watcher: &impl std::os::fd::AsFd, folder: &Path, folders: &mut Vec<(i32, PathBuf)>) {
    let id = inotify::add_watch(watcher, folder, inotify::WatchFlags::OPEN).expect("a watch");
    folders.push((id, folder.to_owned()));
    for entry in fs::read_dir(folder).expect("a folder of the host") {
        let entry = entry.expect("an entry");
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            watch(watcher, &entry.path(), folders);
        }
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("a folder of the host") {
        let entry = entry.expect("an entry");
        let (kind, target) = (entry.file_type().expect("its kind"), to.join(entry.file_name()));
        if kind.is_dir() {
            fs::create_dir(&target).expect("a folder");
            copy(&entry.path(), &target);
        } else if kind.is_symlink() {
            let link = fs::read_link(entry.path()).expect("a link");
            std::os::unix::fs::symlink(link, target).expect("a link");
        } else {
            fs::copy(entry.path(), target).expect("a file");
        }
    }
}
