//! `tsdb`: blocks made by either program, looked at by both.

use std::fmt::Write as _;
use std::path::Path;

use crate::{Run, ours, theirs};

/// Several blocks' worth of samples: a few series, one with late samples, one with odd values.
fn document() -> String {
    let mut text = "# HELP m A gauge.\n# TYPE m gauge\n".to_owned();
    for series in 0..5 {
        for step in 0..1500 {
            let (value, time) = (f64::from(series * step) / 7.0, 1_700_000_000 + step * 15);
            writeln!(text, "m{{s=\"{series}\",q=\"a\\\"b\"}} {value} {time}").unwrap();
        }
    }
    text.push_str("# TYPE c counter\nc_total 1 1700000000\nc_total 7 1699999999\n");
    text.push_str(
        "c_total 2.5e+10 1700009000\n# TYPE n gauge\nn NaN 1700000000.5\nn -0 1700000001\n",
    );
    text.push_str("# EOF\n");
    text
}

/// The table without the names of the blocks, which are drawn, and their sizes: our indexes are a
/// little smaller.
fn unnamed(run: &Run) -> String {
    let line = |line: &str| {
        let columns: Vec<&str> = line.split("  ").filter(|column| !column.is_empty()).collect();
        format!("{}\n", columns[1..columns.len() - 1].join("  "))
    };
    run.out.lines().map(line).collect()
}

#[test]
fn blocks_of_an_openmetrics_file_are_those_that_promtool_makes() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("in.txt"), document()).unwrap();
    let import = |to| ["tsdb", "create-blocks-from", "openmetrics", "--label=x=y", "in.txt", to];
    let made = ours(folder, &import("ours"));
    assert_eq!((made.code, made.out.lines().count()), (Some(0), 5), "{}{}", made.out, made.err);
    let Some(promtool) = common_testkit::peer("promtool") else { return };
    let peers = theirs(&promtool, folder, &import("theirs"));
    assert_eq!(unnamed(&made), unnamed(&peers));
    for data in ["ours", "theirs"] {
        // Without this folder the original refuses to look.
        std::fs::create_dir(folder.join(data).join("wal")).unwrap();
        for args in [
            &["tsdb", "list", data][..],
            &["tsdb", "list", "-r", data],
            &["tsdb", "dump", data],
            &["tsdb", "dump", "--match={s=\"1\"}", "--match=m{s=~\"[12]\"}", data],
            &["tsdb", "dump", "--min-time=1700000100000", "--max-time=1700000130000", data],
            &["tsdb", "dump-openmetrics", data],
            &["tsdb", "dump", "--match={", data],
            &["tsdb", "dump", "nowhere"],
        ] {
            let (a, b) = (ours(folder, args), theirs(&promtool, folder, args));
            assert_eq!((a.code, a.out, a.err), (b.code, b.out, b.err), "{args:?}");
        }
    }
    let dump = |data| ours(folder, &["tsdb", "dump", data]).out;
    assert_eq!(dump("ours"), dump("theirs"));
}

#[test]
fn a_text_that_is_no_openmetrics_makes_no_blocks() {
    let folder = tempfile::tempdir().unwrap();
    let folder: &Path = folder.path();
    for (text, code) in
        [("a 1\n# EOF\n", 1), ("a 1 5\n", 1), ("a{ 1 5\n# EOF\n", 1), ("# EOF\n", 0), ("", 1)]
    {
        std::fs::write(folder.join("in.txt"), text).unwrap();
        let args = ["tsdb", "create-blocks-from", "openmetrics", "in.txt", "out"];
        let run = ours(folder, &args);
        assert_eq!((run.code, run.out.as_str()), (Some(code), ""), "{text:?}: {}", run.err);
        if let Some(promtool) = common_testkit::peer("promtool") {
            let peer = theirs(&promtool, folder, &args);
            assert_eq!((run.code, run.out), (peer.code, peer.out), "{text:?}");
        }
    }
}
