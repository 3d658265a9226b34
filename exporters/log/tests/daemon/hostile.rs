//! Lines that somebody wrote to stop the exporter: it holds little of them, counts them and goes on.

use std::fs::File;
use std::io::Write as _;

use super::Daemon;

const PROGRAM: &str = "counter lines\ncounter by_word by word\ncounter digits\n/^/ {\n  lines++\n}\n\
                       /^word (?P<word>.+)$/ {\n  by_word[$word]++\n}\n/(\\d+)$/ {\n  digits += $1\n}\n";

/// Bytes of the long line; the limit is a thousandth of it.
const LONG_BYTES: u64 = 256 << 20;

/// Far less than the line has.
const MEMORY_MAX: u64 = 96 << 20;

/// Bytes of the line that is written in full, and of a piece of it.
const WRITTEN_BYTES: usize = 1 << 30;
const WRITTEN_AT_ONCE: usize = 1 << 20;

#[test]
#[ignore = "it is fed a whole gigabyte; run it by name where that time is there"]
fn a_line_of_a_gigabyte_is_cut_in_little_memory() {
    let daemon = Daemon::start(PROGRAM, &["--max_line_length", "262144"]);
    daemon.write("first\n");
    daemon.wait_for("lines{prog=\"p.mtail\"}", "1");
    let mut log = File::options().append(true).open(daemon.path("x.log")).unwrap();
    let piece = b"word 7 ".repeat(WRITTEN_AT_ONCE / 7);
    let mut written = 0;
    while written < WRITTEN_BYTES {
        log.write_all(&piece).unwrap();
        written += piece.len();
    }
    log.write_all(b"\nword end\n").unwrap();
    daemon.wait_for("by_word{prog=\"p.mtail\",word=\"end\"}", "1");
    daemon.wait_for("lines{prog=\"p.mtail\"}", "3");
    daemon.wait_for("hearth_log_lines_cut_total", "1");
    let peak = daemon.memory_peak();
    assert!(peak < MEMORY_MAX, "{peak} bytes");
    println!("a line of {written} bytes: {} KiB at most", peak >> 10);
}

#[test]
fn hostile_lines_are_bounded_and_counted_and_stop_nobody() {
    let limits = ["--max_line_length", "262144", "--max_series_per_metric", "100"];
    let daemon = Daemon::start(PROGRAM, &limits);
    daemon.write("first\n");
    daemon.wait_for("lines{prog=\"p.mtail\"}", "1");
    // A line without an end, all NUL: a hole takes no space on the disk.
    let log = File::options().append(true).open(daemon.path("x.log")).unwrap();
    log.set_len(log.metadata().unwrap().len() + LONG_BYTES).unwrap();
    daemon.wait_for("hearth_log_lines_cut_total", "1");
    daemon.write("the end of it\n");
    daemon.write(b"nul \0\0\0 in it\n");
    daemon.write(b"word \xff\xfe\xc3\n");
    // More than a number holds: a runtime error.
    daemon.write("word 99999999999999999999999\n");
    daemon.write("\r\n\n");
    let mut many = String::new();
    for number in 0..5000 {
        many += &format!("word w{number}x\n");
    }
    daemon.write(&many);
    daemon.write("last 7\n");
    let lines = 1 + 1 + 1 + 1 + 1 + 2 + 5000 + 1;
    daemon.wait_for("lines{prog=\"p.mtail\"}", &lines.to_string());
    daemon.wait_for("mtail_lines_total", &lines.to_string());
    daemon.wait_for("digits{prog=\"p.mtail\"}", "7");
    daemon.wait_for("by_word{prog=\"p.mtail\",word=\"\u{fffd}\u{fffd}\u{fffd}\"}", "1");
    daemon.wait_for("by_word{prog=\"p.mtail\",word=\"w0x\"}", "1");
    daemon.wait_for("hearth_log_series_refused_total", &(5000 - 98).to_string());
    daemon.wait_for("hearth_log_lines_cut_total", "1");
    daemon.wait_for(
        "mtail_prog_runtime_errors_total{prog=\"p.mtail\"}",
        &(5000 - 98 + 1).to_string(),
    );
    let peak = daemon.memory_peak();
    assert!(peak < MEMORY_MAX, "{peak} bytes");
}
