//! Hostile input: bounded memory, counted, and what comes behind it is read.

use std::io::Write;

use super::{Running, append, following};

#[test]
fn a_line_beyond_the_limit_is_cut_and_counted() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("x.log");
    append(&log, "");
    let mut options = following(log.to_str().unwrap(), true);
    options.limits.line_bytes = 1000;
    let running = Running::start(options, directory.path());
    let mut file = std::fs::File::options().append(true).open(&log).unwrap();
    let block = vec![b'x'; 1 << 20];
    for _ in 0..64 {
        file.write_all(&block).unwrap();
    }
    file.write_all(b"\nshort\n").unwrap();
    running.expect("xs", &["short", "x".repeat(1000).as_str()]);
    assert_eq!(running.sources.stats().lines_cut.get(), 1);
}

#[test]
fn zeros_and_invalid_utf8_pass_and_stop_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("x.log");
    append(&log, "");
    let running = Running::start(following(log.to_str().unwrap(), true), directory.path());
    append(&log, b"a\0b\nbad\xff\xfe\n\xf0\x9f\n\nok\n");
    running.expect("abo\u{fffd}", &["a\0b", "bad\u{fffd}\u{fffd}", "ok", "\u{fffd}"]);
    assert_eq!(running.sources.stats().logs()[0].1.lines.get(), 5);
}

#[test]
fn more_files_than_the_limit_are_refused_and_counted() {
    let directory = tempfile::tempdir().unwrap();
    for n in 0..20 {
        append(directory.path().join(format!("{n}.log")), "");
    }
    let mut options = following(format!("{}/*.log", directory.path().display()), true);
    options.limits.files = 4;
    let running = Running::start(options, directory.path());
    for n in 0..20 {
        append(directory.path().join(format!("{n}.log")), format!("l{n:02}\n"));
    }
    // Two shards, each with half of the limit.
    let until = std::time::Instant::now() + super::PATIENCE;
    while running.lines("l").len() < 4 && std::time::Instant::now() < until {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    assert_eq!(running.lines("l").len(), 4);
    assert!(running.sources.stats().files_refused.get() >= 16);
}

#[test]
fn a_file_that_may_not_be_read_is_read_once_it_may() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("x.log");
    append(&log, "old\n");
    let mode = |mode| std::fs::set_permissions(&log, PermissionsExt::from_mode(mode)).unwrap();
    mode(0);
    if std::fs::File::open(&log).is_ok() {
        println!("skipped: this user may read everything");
        return;
    }
    let running = Running::start(following(log.to_str().unwrap(), true), directory.path());
    mode(0o600);
    append(&log, "new\n");
    running.expect("on", &["new"]);
    assert!(running.sources.stats().logs()[0].1.errors.get() > 0);
}
