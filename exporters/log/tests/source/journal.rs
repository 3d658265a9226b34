//! The journal of systemd, from a file that `systemd-journal-remote` 252 wrote from entries of our own.

use std::io::Read;
use std::path::Path;

use exporters_log::source::{SourceOptions, Start};

use super::Running;

/// Eight entries: compact, keyed hashes, long values compressed with zstd.
const JOURNAL: &[u8] = include_bytes!("../data/box.journal.gz");

/// The journal under another identifier, as journald begins a new file.
fn journal(id: u8) -> Vec<u8> {
    let mut journal = Vec::new();
    flate2::read::GzDecoder::new(JOURNAL).read_to_end(&mut journal).unwrap();
    journal[24] = id;
    journal
}

/// Complete before it can be seen.
fn put(directory: &Path, name: &str, id: u8) {
    let machine = directory.join("0123456789abcdef0123456789abcdef");
    std::fs::create_dir_all(&machine).unwrap();
    std::fs::write(directory.join("new"), journal(id)).unwrap();
    std::fs::rename(directory.join("new"), machine.join(name)).unwrap();
}

fn options(directory: &Path, start: Start) -> SourceOptions {
    SourceOptions {
        logs: vec![format!("journal://{}", directory.join("journal").display())],
        poll_interval: std::time::Duration::from_millis(10),
        positions: Some(directory.join("positions")),
        start,
        ..SourceOptions::default()
    }
}

/// Lines without their times, which are shown in the zone of this machine.
fn lines(running: &Running) -> Vec<String> {
    let mut lines: Vec<String> =
        running.lines("JD").iter().map(|line| line[15..].to_owned()).collect();
    lines.sort_unstable();
    lines
}

fn wait_for(running: &Running, done: impl Fn(&[String]) -> bool) -> Vec<String> {
    let until = std::time::Instant::now() + super::PATIENCE;
    loop {
        let lines = lines(running);
        if done(&lines) || std::time::Instant::now() > until {
            return lines;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

#[test]
fn entries_become_lines_and_are_counted_in_one_life() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let journals = directory.join("journal");
    let running = Running::start(options(directory, Start::Beginning), directory);
    // The journal may come later.
    put(&journals, "system.journal", 1);
    let got = wait_for(&running, |lines| lines.len() >= 8);
    let long = format!(" box sshd[103]: long {}", "x".repeat(5000));
    let mut wanted = vec![
        " box sshd[100]: message 0",
        " box sshd[101]: message 1",
        " box sshd[102]: two lines",
        long.as_str(),
        " box kernel: oom",
        " - prog: bare",
        " box sshd[106]: message 6",
        " box sshd[107]: message 7",
    ];
    wanted.sort_unstable();
    assert_eq!(got, wanted);
    running.sources.ledger().commit(|| ());
    running.sources.stop();
    let next = Running::start(options(directory, Start::Beginning), directory);
    // What comes after it shows that it was looked at, and passed over.
    put(&journals, "user-1000.journal", 2);
    assert_eq!(wait_for(&next, |lines| lines.len() >= 8), wanted);
}

#[test]
fn a_journal_is_followed_over_its_rotation() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let journals = directory.join("journal");
    put(&journals, "system.journal", 1);
    // What was there at the start is not read, under whatever name.
    let running = Running::start(options(directory, Start::End), directory);
    let machine = journals.join("0123456789abcdef0123456789abcdef");
    std::fs::rename(machine.join("system.journal"), machine.join("system@1.journal")).unwrap();
    put(&journals, "system.journal", 2);
    let once = wait_for(&running, |lines| lines.len() >= 8);
    assert!(once.len() == 8 && once.iter().all(|line| !line.ends_with("x2")), "{once:?}");
    // The same file again, and one more.
    std::fs::rename(machine.join("system.journal"), machine.join("system@2.journal~")).unwrap();
    put(&journals, "system.journal", 3);
    let twice = wait_for(&running, |lines| lines.iter().all(|line| line.ends_with(" x2")));
    assert!(twice.len() == 8 && twice.iter().all(|line| line.ends_with(" x2")), "{twice:?}");
}
