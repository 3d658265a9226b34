//! Directories and what is served of them.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use common_exposition::{Format, encode};
use common_instrument::{Collector, Family, Samples, SharedFamily};
use exporters_textfile::{TextfileCollector, TextfileOptions};
use tempfile::TempDir;

const ERROR: &str = "node_textfile_scrape_error";

pub(crate) fn options(directories: &[&Path]) -> TextfileOptions {
    TextfileOptions {
        directories: directories.iter().map(|path| path.display().to_string()).collect(),
        ..TextfileOptions::default()
    }
}

/// The exposition of what the collector adds to these samples.
pub(crate) fn scrape_into(collector: &TextfileCollector, samples: &mut Samples) -> String {
    collector.collect(samples).unwrap();
    samples.seal();
    assert!(samples.rejected().is_empty(), "{:?}", samples.rejected());
    let mut out = Vec::new();
    encode(samples, Format::default(), &mut out);
    String::from_utf8(out).unwrap()
}

pub(crate) fn scrape(collector: &TextfileCollector) -> String {
    scrape_into(collector, &mut Samples::default())
}

/// Sample lines of everything but modification times.
fn lines(collector: &TextfileCollector) -> Vec<String> {
    let text = scrape(collector);
    let wanted = |line: &&str| !line.starts_with('#') && !line.starts_with("node_textfile_mtime");
    text.lines().filter(wanted).map(str::to_owned).collect()
}

fn check(files: &[(&str, &str)], wanted: &[&str]) {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let collector = TextfileCollector::new(options(&[folder.path()]));
    for round in ["first", "cached"] {
        assert_eq!(lines(&collector), wanted, "{round} scrape of {files:?}");
    }
}

#[test]
fn samples_are_served_and_what_is_wrong_sets_the_error() {
    for (files, wanted) in [
        (&[("a.prom", "b 2\na 1\n"), ("a.txt", "c 3\n")][..], &["a 1", "b 2", "error 0"][..]),
        // Windows, and editors that end no line.
        (
            &[("a.prom", "\u{feff}a 1\r\n# TYPE b gauge\r\nb{x=\"1\"} 2 \r\n\r\nc 3")],
            &["a 1", "b{x=\"1\"} 2", "c 3", "error 0"],
        ),
        // One bad file hides no other.
        (&[("a.prom", "a 1\nthis is not it\n"), ("b.prom", "b 2\n")], &["b 2", "error 1"]),
        (&[("a.prom", "a 1 1700000000000\n"), ("b.prom", "b 2\n")], &["b 2", "error 1"]),
        // What comes first wins, and the rest is told.
        (&[("a.prom", "m{x=\"1\"} 1\nm{x=\"1\"} 2\nn 1\n")], &["m{x=\"1\"} 1", "n 1", "error 1"]),
        (&[("a.prom", "m 1\n"), ("b.prom", "m 2\nn 1\n")], &["m 1", "n 1", "error 1"]),
        (
            &[("a.prom", "# TYPE m gauge\nm 1\n"), ("b.prom", "# TYPE m counter\nm{x=\"1\"} 2\n")],
            &["m 1", "error 1"],
        ),
        (
            &[
                ("a.prom", "# HELP m one\nm 1\n"),
                ("b.prom", "# HELP m two\nm{x=\"1\"} 2\n"),
                ("c.prom", "# HELP m one\nm{x=\"2\"} 3\n"),
            ],
            &["m 1", "m{x=\"2\"} 3", "error 1"],
        ),
        // Help in one of two files serves both.
        (
            &[("a.prom", "m{x=\"1\"} 1\n"), ("b.prom", "# HELP m two\nm{x=\"2\"} 2\n")],
            &["m{x=\"1\"} 1", "m{x=\"2\"} 2", "error 0"],
        ),
        // Nobody else speaks for the collector.
        (&[("a.prom", "node_textfile_scrape_error 7\nm 1\n")], &["m 1", "error 1"]),
        // Labels are filled within a file, not across files.
        (
            &[("a.prom", "m{a=\"1\"} 1\nm{b=\"1\"} 2\n"), ("b.prom", "m 3\n")],
            &["m 3", "m{a=\"\",b=\"1\"} 2", "m{a=\"1\",b=\"\"} 1", "error 0"],
        ),
        // Histograms are put in order and completed, and fractions of counts are kept.
        (
            &[(
                "a.prom",
                "# TYPE h histogram\nh_bucket{le=\"2\"} 3\nh_bucket{le=\"1\"} 1.5\nh_count 4\n",
            )],
            &[
                "h_bucket{le=\"1\"} 1.5",
                "h_bucket{le=\"2\"} 3",
                "h_bucket{le=\"+Inf\"} 4",
                "h_sum 0",
                "h_count 4",
                "error 0",
            ],
        ),
        (&[], &["error 0"]),
    ] {
        let wanted: Vec<String> = wanted.iter().map(|line| line.replace("error", ERROR)).collect();
        // The error stands where its name sorts: behind everything these files hold but `s...`.
        check(files, &wanted.iter().map(String::as_str).collect::<Vec<_>>());
    }
}

#[test]
fn only_regular_files_are_read_and_nothing_hangs() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("a.prom"), "a 1\n").unwrap();
    let collector = TextfileCollector::new(options(&[folder.path()]));
    assert_eq!(lines(&collector), ["a 1".to_owned(), format!("{ERROR} 0")]);

    fs::create_dir(path("dir.prom")).unwrap();
    assert_eq!(lines(&collector), ["a 1".to_owned(), format!("{ERROR} 1")]);
    fs::remove_dir(path("dir.prom")).unwrap();

    assert!(Command::new("mkfifo").arg(path("pipe.prom")).status().unwrap().success());
    assert_eq!(lines(&collector), ["a 1".to_owned(), format!("{ERROR} 1")]);
    fs::remove_file(path("pipe.prom")).unwrap();

    std::os::unix::fs::symlink(path("nowhere"), path("link.prom")).unwrap();
    assert_eq!(lines(&collector), ["a 1".to_owned(), format!("{ERROR} 1")]);
    fs::write(path("nowhere"), "b 2\n").unwrap();
    assert_eq!(lines(&collector), ["a 1".to_owned(), "b 2".to_owned(), format!("{ERROR} 0")]);
    fs::remove_file(path("link.prom")).unwrap();

    let socket = std::os::unix::net::UnixListener::bind(path("s.prom")).unwrap();
    assert_eq!(lines(&collector), ["a 1".to_owned(), format!("{ERROR} 1")]);
    drop(socket);
}

#[test]
fn changes_are_seen_and_files_that_go_take_their_series_along() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("a.prom");
    let collector = TextfileCollector::new(options(&[folder.path()]));
    for (text, wanted) in [("m 1\n", "m 1"), ("m 22\n", "m 22"), ("m{x=\"y\"} 3\n", "m{x=\"y\"} 3")]
    {
        // The way scripts should do it: write aside, rename into place.
        fs::write(folder.path().join("a.tmp"), text).unwrap();
        fs::rename(folder.path().join("a.tmp"), &file).unwrap();
        assert_eq!(lines(&collector), [wanted.to_owned(), format!("{ERROR} 0")]);
    }
    let modified = fs::metadata(&file).unwrap().modified().unwrap();
    let seconds = modified.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as f64;
    let mtime = format!(
        "node_textfile_mtime_seconds{{file=\"{}\"}} {}",
        file.display(),
        common_model::format_float(seconds)
    );
    assert!(scrape(&collector).contains(&mtime));
    fs::remove_file(&file).unwrap();
    assert_eq!(lines(&collector), [format!("{ERROR} 0")]);
}

#[test]
fn patterns_name_several_directories_and_missing_ones_are_errors() {
    let folder = TempDir::new().unwrap();
    for (name, text) in [("x1", "a 1\n"), ("x2", "b 2\n"), ("y", "c 3\n")] {
        fs::create_dir(folder.path().join(name)).unwrap();
        fs::write(folder.path().join(name).join("f.prom"), text).unwrap();
    }
    let collector = TextfileCollector::new(options(&[&folder.path().join("x*")]));
    assert_eq!(lines(&collector), ["a 1".to_owned(), "b 2".to_owned(), format!("{ERROR} 0")]);
    let collector = TextfileCollector::new(options(&[&folder.path().join("z*")]));
    assert_eq!(lines(&collector), [format!("{ERROR} 1")]);
    let collector = TextfileCollector::new(options(&[Path::new("")]));
    assert_eq!(lines(&collector), [format!("{ERROR} 0")]);
}

#[test]
fn limits_are_kept_told_and_counted() {
    fn check((limit, count): (&str, u32), change: fn(&mut TextfileOptions), served: &[&str]) {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("a.prom"), "a 1\nb 2\nc 3\n").unwrap();
        fs::write(folder.path().join("z.prom"), "z 1\n").unwrap();
        let mut options = options(&[folder.path()]);
        change(&mut options);
        let collector = TextfileCollector::new(options);
        let mut wanted: Vec<String> = served.iter().map(|&line| line.to_owned()).collect();
        wanted.push(format!("node_textfile_refused_total{{limit=\"{limit}\"}} {count}"));
        wanted.push(format!("{ERROR} 1"));
        for _ in 0..3 {
            let mut found = lines(&collector);
            wanted.sort();
            found.sort();
            assert_eq!(found, wanted);
        }
    }
    check(("file_bytes", 1), |options| options.file_bytes_max = 11, &["z 1"]);
    check(("file_samples", 1), |options| options.file_samples_max = 2, &["z 1"]);
    check(("files", 1), |options| options.files_max = 1, &["a 1", "b 2", "c 3"]);
    // Each file is told once.
    check(("series", 2), |options| options.series_max = 2, &["a 1", "b 2"]);
}

#[test]
fn bad_files_are_exported_with_the_reason_where_that_is_asked_for() {
    let folder = TempDir::new().unwrap();
    for (name, text) in [
        ("a.prom", "m{x=\"1\"} 1\nm{x=\"1\"} 2\nm{x=\"1\"} 3\n"),
        ("b.prom", "not it\n"),
        ("c.prom", "# TYPE m counter\nm 1\nnode_textfile_file_error 7\n"),
        ("d.prom", "ok 1\n"),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let missing = folder.path().join("missing");
    let options = options(&[folder.path(), &missing]);
    let collector = TextfileCollector::new(TextfileOptions { file_errors: true, ..options });
    let prefix = format!("{}/", folder.path().display());
    let found: Vec<String> =
        lines(&collector).into_iter().map(|line| line.replace(&prefix, "")).collect();
    assert_eq!(
        found,
        [
            "m{x=\"1\"} 1",
            "node_textfile_file_error{file=\"a.prom\",reason=\"duplicate\"} 2",
            "node_textfile_file_error{file=\"b.prom\",reason=\"parse\"} 1",
            "node_textfile_file_error{file=\"c.prom\",reason=\"reserved\"} 1",
            "node_textfile_file_error{file=\"c.prom\",reason=\"type\"} 1",
            "node_textfile_file_error{file=\"missing\",reason=\"directory\"} 1",
            &format!("{ERROR} 1"),
            "ok 1",
        ]
    );
}

/// What a scrape serves when a collector of the exporter came before.
fn with_built_in(collector: &TextfileCollector) -> Vec<String> {
    const BUILT_IN: Family = Family::gauge("node_load1", "1m load average.");
    let mut samples = Samples::default();
    samples.push(&BUILT_IN, &[], 0.5);
    let text = scrape_into(collector, &mut samples);
    let wanted = |line: &&str| line.contains("node_load1") || line.starts_with(ERROR);
    text.lines().filter(wanted).map(str::to_owned).collect()
}

#[test]
fn a_built_in_metric_wins_over_every_file() {
    for (text, served, error) in [
        ("# HELP node_load1 x\n# TYPE node_load1 gauge\nnode_load1 99\n", &[][..], 1),
        ("# TYPE node_load1 gauge\nnode_load1{a=\"\"} 99\n", &[], 1),
        ("# TYPE node_load1 counter\nnode_load1{extra=\"1\"} 99\n", &[], 1),
        ("node_load1{extra=\"1\"} 99\n", &[], 1),
        // Series that the collector has not, of the right type, are welcome.
        (
            "# HELP node_load1 x\n# TYPE node_load1 gauge\nnode_load1{extra=\"1\"} 99\n",
            &["node_load1{extra=\"1\"} 99"],
            0,
        ),
    ] {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("a.prom"), text).unwrap();
        let collector = TextfileCollector::new(options(&[folder.path()]));
        let head =
            ["# HELP node_load1 1m load average.", "# TYPE node_load1 gauge", "node_load1 0.5"];
        let error = format!("{ERROR} {error}");
        let wanted: Vec<&str> =
            head.iter().chain(served).copied().chain([error.as_str()]).collect();
        for _ in 0..2 {
            assert_eq!(with_built_in(&collector), wanted, "{text}");
        }
    }
}

#[test]
fn files_that_two_patterns_name_count_once() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("a.prom"), "a 1\n").unwrap();
    let collector = TextfileCollector::new(options(&[folder.path(), folder.path()]));
    assert_eq!(lines(&collector), ["a 1".to_owned(), format!("{ERROR} 0")]);
}

#[test]
fn one_changed_file_changes_only_what_it_has_to_do_with() {
    let folder = TempDir::new().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("a.prom", "m{x=\"1\"} 1\na 1\n");
    write("b.prom", "m{x=\"2\"} 1\n");
    write("c.prom", "c 1\nn{x=\"1\"} 1\n");
    write("d.prom", "n{x=\"2\"} 1\n");
    let collector = TextfileCollector::new(options(&[folder.path()]));
    /// Which families are there, and where they are.
    fn places(collector: &TextfileCollector) -> Vec<(String, *const SharedFamily)> {
        let mut samples = Samples::default();
        collector.collect(&mut samples).unwrap();
        let shared = samples.families().filter_map(|family| family.shared().map(Arc::as_ptr));
        let families = samples.families().filter(|family| family.shared().is_some());
        families.map(|family| family.name().to_owned()).zip(shared.collect::<Vec<_>>()).collect()
    }
    let before = places(&collector);
    assert_eq!(before, places(&collector));
    write("d.prom", "n{x=\"2\"} 22\n");
    let after = places(&collector);
    let differ: Vec<&str> = before
        .iter()
        .zip(&after)
        .filter(|(before, after)| before.1 != after.1)
        .map(|(before, _)| before.0.as_str())
        .collect();
    assert_eq!(differ, ["n", "node_textfile_mtime_seconds"]);
    assert!(lines(&collector).contains(&"n{x=\"2\"} 22".to_owned()));
}
