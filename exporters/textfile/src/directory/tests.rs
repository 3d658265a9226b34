//! What is read again, and when.

use std::fs;

use super::*;

fn reader(pattern: &Path, watch: bool) -> Reader {
    let options = TextfileOptions { watch, ..TextfileOptions::default() };
    Reader::new(&pattern.display().to_string(), Arc::new(options))
}

/// Names of families in the files, in order; errors by their reason.
fn seen(snapshot: &Snapshot) -> String {
    let mut words: Vec<String> = Vec::new();
    for file in &snapshot.files {
        match &file.outcome {
            Ok(content) => {
                let names = content.families.iter().map(|one| one.family.name().to_owned());
                words.extend(names);
            }
            Err(error) => words.push(error.reason().as_str().to_owned()),
        }
    }
    words.extend(snapshot.problems.iter().map(|one| one.reason.as_str().to_owned()));
    words.join(" ")
}

#[test]
fn nothing_is_read_again_as_long_as_nothing_changes() {
    for watch in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.prom"), "a 1\n").unwrap();
        fs::write(folder.path().join("b.prom"), "not it\n").unwrap();
        let mut reader = reader(folder.path(), watch);
        let first = reader.scan();
        assert_eq!(seen(&first), "a parse");
        for _ in 0..20 {
            assert!(Arc::ptr_eq(&first, &reader.scan()));
        }
        let is_watched = reader.directories[0].watch.is_some();
        let expected = if is_watched { 1 + 20 / (u64::from(SILENT_SCRAPES_MAX) + 1) } else { 21 };
        assert_eq!(reader.listings, expected, "watched {is_watched}");
        fs::write(folder.path().join("c.prom"), "c 1\n").unwrap();
        let second = reader.scan();
        assert_eq!(seen(&second), "a parse c");
        assert!(Arc::ptr_eq(&first.files[0], &second.files[0]), "a.prom was read again");
    }
}

/// What happens, how, and what is seen then.
type Step = (&'static str, fn(&Path), &'static str);
const STEPS: &[Step] = &[
    ("not there yet", |_| {}, "directory"),
    ("appears", |d| fs::create_dir(d).unwrap(), ""),
    ("new file", |d| fs::write(d.join("a.prom"), "a 1\n").unwrap(), "a"),
    ("rewritten in place", |d| fs::write(d.join("a.prom"), "b 1\n").unwrap(), "b"),
    ("still the same", |_| {}, "b"),
    (
        "renamed into place",
        |d| {
            fs::write(d.join("a.tmp"), "c 1\n").unwrap();
            fs::rename(d.join("a.tmp"), d.join("a.prom")).unwrap();
        },
        "c",
    ),
    ("gone", |d| fs::remove_file(d.join("a.prom")).unwrap(), ""),
    (
        "directory replaced",
        |d| {
            let other = d.with_extension("new");
            fs::create_dir(&other).unwrap();
            fs::write(other.join("x.prom"), "d 1\n").unwrap();
            fs::rename(d, d.with_extension("old")).unwrap();
            fs::rename(&other, d).unwrap();
        },
        "d",
    ),
    (
        "new file with two names",
        |d| {
            fs::write(d.with_extension("link"), "e 1\n").unwrap();
            fs::hard_link(d.with_extension("link"), d.join("y.prom")).unwrap();
        },
        "d e",
    ),
    (
        "written through another name",
        |d| fs::write(d.with_extension("link"), "f 1\nf2 1\n").unwrap(),
        "d f f2",
    ),
    (
        "links as Kubernetes makes them",
        |d| {
            for (version, text) in [("v1", "g 1\n"), ("v2", "h 1\n")] {
                fs::create_dir(d.join(version)).unwrap();
                fs::write(d.join(version).join("k.prom"), text).unwrap();
            }
            std::os::unix::fs::symlink("v1", d.join("..data")).unwrap();
            std::os::unix::fs::symlink("..data/k.prom", d.join("k.prom")).unwrap();
        },
        "g d f f2",
    ),
    (
        "another version",
        |d| {
            std::os::unix::fs::symlink("v2", d.join("..tmp")).unwrap();
            fs::rename(d.join("..tmp"), d.join("..data")).unwrap();
        },
        "h d f f2",
    ),
    ("file behind the link", |d| fs::write(d.join("v2/k.prom"), "i 1\n").unwrap(), "i d f f2"),
    ("directory gone", |d| fs::remove_dir_all(d).unwrap(), "directory"),
    (
        "and back",
        |d| {
            fs::create_dir(d).unwrap();
            fs::write(d.join("z.prom"), "z 1\n").unwrap();
        },
        "z",
    ),
];
#[test]
fn every_kind_of_change_is_seen_by_the_next_scrape() {
    for watch in [false, true] {
        for pattern in ["dir", "di?"] {
            let folder = tempfile::tempdir().unwrap();
            let directory = folder.path().join("dir");
            let mut reader = reader(&folder.path().join(pattern), watch);
            for (name, change, expected) in STEPS {
                change(&directory);
                for round in 0..2 {
                    let found = seen(&reader.scan());
                    assert_eq!(found, *expected, "{name}, watch {watch}, {pattern} {round}");
                }
            }
        }
    }
}

#[test]
fn a_watch_that_is_lost_is_no_loss() {
    let folder = tempfile::tempdir().unwrap();
    let mut reader = reader(folder.path(), true);
    reader.scan();
    let Some(watch) = reader.directories[0].watch else { return };
    reader.watch.remove(watch);
    for (at, name) in ["a", "b", "c"].into_iter().enumerate() {
        fs::write(folder.path().join(format!("{name}.prom")), format!("{name} 1\n")).unwrap();
        assert_eq!(seen(&reader.scan()).split(' ').count(), at + 1);
    }
}
