//! Files that grow, are renamed, cut, copied, deleted and made again.

use std::os::unix::fs::symlink;
use std::path::Path;

use exporters_log::source::Start;

use super::{Running, append, following};

/// Runs a story in an own directory twice: told by the kernel, and by polling alone.
fn both(story: impl Fn(&Path, bool)) {
    for watch in [true, false] {
        let directory = tempfile::tempdir().unwrap();
        story(directory.path(), watch);
    }
}

fn logs(directory: &Path) -> String {
    format!("{}/*.log", directory.display())
}

#[test]
fn an_existing_file_begins_at_its_end_and_its_last_line_is_held() {
    both(|directory, watch| {
        let log = directory.join("x.log");
        append(&log, "old\n");
        let running = Running::start(following(logs(directory), watch), directory);
        append(&log, "n1\npart");
        running.expect("np", &["n1"]);
        append(&log, "ial\r\n");
        running.expect("np", &["n1", "partial"]);
        running.expect("o", &[]);
        assert_eq!(running.names(), [log.to_str().unwrap()]);
    });
}

#[test]
fn an_existing_file_is_read_from_its_beginning_if_that_is_wanted() {
    both(|directory, watch| {
        append(directory.join("x.log"), "old\n");
        let mut options = following(logs(directory), watch);
        options.start = Start::Beginning;
        Running::start(options, directory).expect("o", &["old"]);
    });
}

#[test]
fn a_file_that_appears_is_read_from_its_beginning() {
    both(|directory, watch| {
        let pattern = format!("{}/**/*.log", directory.display());
        let running = Running::start(following(pattern, watch), directory);
        append(directory.join("y.log"), "y1\ny2\n");
        running.expect("y", &["y1", "y2"]);
        append(directory.join("y.log"), "y3\n");
        running.expect("y", &["y1", "y2", "y3"]);
        std::fs::create_dir_all(directory.join("a/b")).unwrap();
        append(directory.join("a/b/z.log"), "z1\n");
        running.expect("z", &["z1"]);
    });
}

#[test]
fn a_renamed_file_is_read_to_its_end_before_and_after_the_next_one_is_there() {
    both(|directory, watch| {
        let (log, old) = (directory.join("x.log"), directory.join("x.log.1"));
        append(&log, "a1\n");
        let running = Running::start(following(logs(directory), watch), directory);
        append(&log, "a2\n");
        std::fs::rename(&log, &old).unwrap();
        append(&old, "a3\n");
        append(&log, "r1\n");
        running.expect("ar", &["a2", "a3", "r1"]);
        append(&old, "late\n");
        running.expect("l", &["late"]);
        // Even its unfinished last line comes.
        append(&log, "tail");
        std::fs::rename(&log, directory.join("x.log.2")).unwrap();
        append(&log, "u1\n");
        running.expect("tu", &["tail", "u1"]);
        let stats = running.sources.stats().logs();
        assert_eq!((stats.len(), stats[0].1.rotations.get(), stats[0].1.lines.get()), (1, 2, 6));
    });
}

#[test]
fn generations_that_came_and_went_between_two_looks_are_read_in_their_order() {
    both(|directory, watch| {
        let log = directory.join("x.log");
        append(&log, "");
        // Rotated long ago: not read.
        append(directory.join("x.log.9"), "z\n");
        // The kernel's time stamps are coarse; this one shall be older than the start.
        std::thread::sleep(std::time::Duration::from_millis(30));
        let running = Running::start(following(logs(directory), watch), directory);
        for generation in 1..=5 {
            append(&log, format!("g{generation}\n"));
            for n in (1..=4).rev() {
                let _ = std::fs::rename(
                    directory.join(format!("x.log.{n}")),
                    directory.join(format!("x.log.{}", n + 1)),
                );
            }
            std::fs::rename(&log, directory.join("x.log.1")).unwrap();
        }
        append(&log, "g6\n");
        running.expect("gz", &["g1", "g2", "g3", "g4", "g5", "g6"]);
    });
}

#[test]
fn a_truncated_file_is_read_anew_whatever_its_size_is_then() {
    both(|directory, watch| {
        let log = directory.join("x.log");
        append(&log, "");
        let running = Running::start(following(logs(directory), watch), directory);
        append(&log, "r2\n");
        running.expect("r", &["r2"]);
        std::fs::write(&log, "c1\n").unwrap();
        running.expect("c", &["c1"]);
        std::fs::write(&log, "q\n").unwrap();
        running.expect("q", &["q"]);
        std::fs::write(&log, "longer1\nk2\n").unwrap();
        running.expect("lkn", &["k2", "longer1"]);
        append(&log, "half");
        running.expect("h", &[]);
        std::fs::write(&log, "z\n").unwrap();
        running.expect("z", &["z"]);
    });
}

#[test]
fn what_was_not_read_before_a_truncation_is_read_from_the_copy() {
    both(|directory, watch| {
        let log = directory.join("x.log");
        append(&log, "a1\n");
        let everything = format!("{}/*", directory.display());
        let running = Running::start(following(everything, watch), directory);
        append(&log, "a2\n");
        running.expect("a", &["a2"]);
        // Copied and cut at once: nobody can have read a3 in between, nor may a1 or a2 come again.
        append(&log, "a3\nb");
        std::fs::copy(&log, directory.join("x.log.1")).unwrap();
        std::fs::write(&log, "n1\n").unwrap();
        running.expect("an", &["a2", "a3", "n1"]);
        append(&log, "n2\n");
        running.expect("abn", &["a2", "a3", "b", "n1", "n2"]);
    });
}

#[test]
fn a_writer_that_keeps_its_place_leaves_a_hole_and_not_a_line_of_zeros() {
    both(|directory, watch| {
        use std::os::unix::fs::FileExt;
        let log = directory.join("x.log");
        append(&log, "");
        let running = Running::start(following(logs(directory), watch), directory);
        let writer = std::fs::File::options().write(true).open(&log).unwrap();
        writer.write_all_at(&[b'a'; 9000], 0).unwrap();
        writer.write_all_at(b"\n", 9000).unwrap();
        running.expect("a", &["a".repeat(9000).as_str()]);
        writer.set_len(0).unwrap();
        writer.write_all_at(b"b1\n", 9001).unwrap();
        running.expect("b\0", &["b1"]);
    });
}

#[test]
fn a_deleted_file_that_comes_again_is_read_from_its_beginning() {
    both(|directory, watch| {
        let log = directory.join("x.log");
        append(&log, "o1\n");
        let running = Running::start(following(logs(directory), watch), directory);
        append(&log, "o2\nend");
        std::fs::remove_file(&log).unwrap();
        running.expect("oe", &["end", "o2"]);
        append(&log, "d1\n");
        running.expect("d", &["d1"]);
    });
}

#[test]
fn a_link_that_is_turned_to_another_file_is_followed() {
    both(|directory, watch| {
        let (log, next) = (directory.join("current.log"), directory.join("next"));
        append(directory.join("one"), "o1\n");
        symlink("one", &log).unwrap();
        let running = Running::start(following(logs(directory), watch), directory);
        append(directory.join("one"), "o2\n");
        running.expect("o", &["o2"]);
        append(directory.join("two"), "t1\n");
        symlink("two", &next).unwrap();
        std::fs::rename(&next, &log).unwrap();
        running.expect("t", &["t1"]);
        append(directory.join("one"), "o3\n");
        append(directory.join("two"), "t2\n");
        running.expect("ot", &["o2", "o3", "t1", "t2"]);
        assert_eq!(running.names(), [log.to_str().unwrap()]);
    });
}

#[test]
fn a_file_with_two_names_is_read_once() {
    both(|directory, watch| {
        append(directory.join("a.log"), "");
        std::fs::hard_link(directory.join("a.log"), directory.join("b.log")).unwrap();
        let running = Running::start(following(logs(directory), watch), directory);
        append(directory.join("a.log"), "x\n");
        append(directory.join("c.log"), "y\n");
        running.expect("xy", &["x", "y"]);
    });
}

#[test]
fn a_rotated_file_that_the_pattern_matches_too_is_read_once() {
    both(|directory, watch| {
        let pattern = format!("{}/*", directory.display());
        let log = directory.join("x.log");
        append(&log, "");
        let running = Running::start(following(pattern, watch), directory);
        for generation in 1..=3 {
            append(&log, format!("g{generation}\n"));
            running.expect("g", &["g1", "g2", "g3"][..generation]);
            std::fs::rename(&log, directory.join(format!("x.log.{generation}"))).unwrap();
            append(&log, "");
        }
        append(directory.join("x.log.1"), "late\n");
        append(directory.join("y"), "end\n");
        running.expect("gl", &["g1", "g2", "g3", "late"]);
        running.expect("e", &["end"]);
    });
}

#[test]
fn ignored_names_packed_files_and_directories_are_left_out() {
    both(|directory, watch| {
        let mut options = following(format!("{}/*", directory.display()), watch);
        options.ignore = Some(std::sync::Arc::new(|name: &[u8]| name.starts_with(b"no")));
        let running = Running::start(options, directory);
        append(directory.join("no.log"), "a\n");
        append(directory.join("old.gz"), "a\n");
        std::fs::create_dir(directory.join("sub")).unwrap();
        append(directory.join("yes.log"), "b\n");
        running.expect("ab", &["b"]);
    });
}

#[test]
fn container_logs_come_as_their_programs_wrote_them() {
    both(|directory, watch| {
        let log = directory.join("c.log");
        append(&log, "");
        let running =
            Running::start(following(format!("cri://{}", logs(directory)), watch), directory);
        append(&log, "2026-01-01T00:00:00Z stdout P one \n");
        append(&log, "2026-01-01T00:00:00Z stderr F err\n2026-01-01T00:00:00Z stdout F two\n");
        running.expect("oe", &["err", "one two"]);
    });
}
