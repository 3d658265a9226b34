//! Lives of the exporter that follow each other: every line is counted in one of them.

use std::path::{Path, PathBuf};

use exporters_log::source::SourceOptions;

use super::{Running, append, following};

/// A directory with one log, and the file of positions elsewhere.
struct Place {
    logs: tempfile::TempDir,
    state: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        Place { logs: tempfile::tempdir().unwrap(), state: tempfile::tempdir().unwrap() }
    }

    fn log(&self, name: &str) -> PathBuf {
        self.logs.path().join(name)
    }

    fn options(&self) -> SourceOptions {
        let mut options = following(format!("{}/*.log", self.logs.path().display()), true);
        options.positions = Some(self.state.path().join("positions.json"));
        options
    }

    fn start(&self) -> Running {
        Running::start(self.options(), self.logs.path())
    }

    /// A life that reads these lines, is asked for them, reads more, and dies.
    fn first_life(&self, scraped: &str, unseen: &str) {
        let log = self.log("x.log");
        append(&log, "");
        let running = self.start();
        append(&log, scraped);
        let wanted: Vec<&str> = scraped.lines().collect();
        let all = "abcdefghijklmnopqrstuvwxyz";
        running.expect(all, &wanted);
        running.sources.ledger().commit(|| ());
        append(&log, unseen);
        let mut more: Vec<&str> = wanted.iter().copied().chain(unseen.lines()).collect();
        more.sort_unstable();
        running.expect(all, &more);
        // Nothing is saved at the end: what was not scraped belongs to the next life.
        running.sources.stop();
    }

    /// What the next life reads, beside the end that is written to be sure that it has read it.
    fn next_life(&self, wanted: &[&str]) {
        let running = self.start();
        append(self.log("x.log"), "~end\n");
        running.expect("~", &["~end"]);
        running.expect("abcdefghijklmnopqrstuvwxyz", wanted);
    }
}

fn rename(from: impl AsRef<Path>, to: impl AsRef<Path>) {
    std::fs::rename(from, to).unwrap();
}

#[test]
fn a_life_goes_on_where_the_last_scrape_of_the_one_before_was() {
    let place = Place::new();
    place.first_life("a1\na2\n", "b1\n");
    append(place.log("x.log"), "c1\n");
    place.next_life(&["b1", "c1"]);
}

#[test]
fn what_was_written_in_between_to_renamed_new_and_packed_files_is_read() {
    let place = Place::new();
    place.first_life("a1\n", "b1\n");
    append(place.log("x.log"), "b2\n");
    rename(place.log("x.log"), place.log("x.log.1"));
    append(place.log("x.log"), "c1\n");
    rename(place.log("x.log.1"), place.log("x.log.2"));
    rename(place.log("x.log"), place.log("x.log.1"));
    let gzip = std::process::Command::new("gzip").arg(place.log("x.log.2")).status().unwrap();
    assert!(gzip.success());
    append(place.log("x.log"), "d1\n");
    append(place.log("y.log"), "e1\n");
    place.next_life(&["b1", "b2", "c1", "d1", "e1"]);
}

#[test]
fn what_was_cut_in_between_is_read_from_the_copy() {
    let place = Place::new();
    place.first_life("a1\n", "b1\n");
    append(place.log("x.log"), "b2\n");
    std::fs::copy(place.log("x.log"), place.log("x.log.1")).unwrap();
    std::fs::write(place.log("x.log"), "c1\n").unwrap();
    place.next_life(&["b1", "b2", "c1"]);
}

#[test]
fn a_copy_of_what_is_still_there_is_not_read() {
    let place = Place::new();
    place.first_life("a1\n", "b1\n");
    std::fs::copy(place.log("x.log"), place.log("x.log.1")).unwrap();
    place.next_life(&["b1"]);
}

#[test]
fn a_deleted_log_leaves_nothing_and_a_new_one_is_read() {
    let place = Place::new();
    place.first_life("a1\n", "b1\n");
    std::fs::remove_file(place.log("x.log")).unwrap();
    append(place.log("x.log"), "c1\n");
    place.next_life(&["c1"]);
}

#[test]
fn the_path_may_name_nothing_when_the_next_life_begins() {
    let place = Place::new();
    place.first_life("a1\n", "b1\n");
    rename(place.log("x.log"), place.log("x.log.1"));
    place.next_life(&["b1"]);
}

#[test]
fn an_unfinished_line_is_finished_in_the_next_life() {
    let place = Place::new();
    let log = place.log("x.log");
    append(&log, "");
    let running = place.start();
    append(&log, "a1\npart");
    running.expect("ap", &["a1"]);
    running.sources.ledger().commit(|| ());
    running.sources.stop();
    append(&log, "ial\n");
    place.next_life(&["partial"]);
}

#[test]
fn lives_without_a_scrape_lose_nothing() {
    let place = Place::new();
    append(place.log("x.log"), "old\n");
    place.start().sources.stop();
    append(place.log("x.log"), "a1\n");
    place.start().sources.stop();
    append(place.log("x.log"), "a2\n");
    place.next_life(&["a1", "a2"]);
}

#[test]
fn damaged_positions_are_as_none() {
    let place = Place::new();
    place.first_life("a1\n", "b1\n");
    std::fs::write(place.state.path().join("positions.json"), "{").unwrap();
    place.next_life(&[]);
}
