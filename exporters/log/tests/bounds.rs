//! Nothing that a program or a line holds makes the exporter fall over.

use std::io::Write as _;

use exporters_log::store::Store;
use exporters_log::{CompileOptions, Line, LineSink as _, compile};

use crate::support::{engine_with, feed, load, run, samples};

#[test]
fn series_beyond_the_limit_are_refused_and_counted() {
    let (mut engine, _) = engine_with(Store::new(2, true));
    load(&mut engine, "p", "counter a by l\n/(.+)/ {\n  a[$1]++\n}\n").unwrap();
    feed(&mut engine, &["x", "y", "z", "x", "w"]);
    assert_eq!(samples(&engine), ["a{l=\"x\"} 2", "a{l=\"y\"} 1"]);
    assert_eq!(engine.store().refused_total(), 2);
    assert_eq!(engine.programs()[0].runtime_errors_total(), 2);
}

#[test]
fn a_metric_with_a_limit_drops_its_oldest_series() {
    let (mut engine, hand) = engine_with(Store::default());
    load(&mut engine, "p", "counter a by l limit 2\n/(.+)/ {\n  a[$1]++\n}\n").unwrap();
    for line in ["x", "y", "x", "z"] {
        hand.turn(1_000_000_000);
        feed(&mut engine, &[line]);
    }
    assert_eq!(samples(&engine), ["a{l=\"x\"} 2", "a{l=\"z\"} 1"]);
}

#[test]
fn hidden_metrics_expire_like_others() {
    let (mut engine, hand) = engine_with(Store::default());
    let program =
        "hidden gauge h by l\ncounter a\n/(.+)/ {\n  h[$1] = 1\n  del h[$1] after 1h\n  a++\n}\n";
    load(&mut engine, "p", program).unwrap();
    feed(&mut engine, &["x", "y"]);
    assert_eq!(engine.store().series_count(), 3);
    hand.turn(3_700_000_000_000);
    feed(&mut engine, &["y"]);
    engine.collect_garbage();
    assert_eq!(engine.store().series_count(), 2);
}

#[test]
fn a_changed_program_keeps_what_it_counted() {
    let (mut engine, _) = engine_with(Store::default());
    load(&mut engine, "p", "counter a by l\n/(.+)/ {\n  a[$1]++\n}\n").unwrap();
    feed(&mut engine, &["x"]);
    load(&mut engine, "p", "# moved\ncounter a by l\n/(.+)/ {\n  a[$1] += 10\n}\n").unwrap();
    feed(&mut engine, &["x"]);
    assert_eq!(samples(&engine), ["a{l=\"x\"} 11"]);
    load(&mut engine, "p", "counter a by l, m\n/(.)(.+)/ {\n  a[$1, $2]++\n}\n").unwrap();
    feed(&mut engine, &["xy"]);
    assert_eq!(samples(&engine), ["a{l=\"x\",m=\"y\"} 1"]);
}

#[test]
fn programs_of_one_name_and_two_kinds_do_not_live_together() {
    let (mut engine, _) = engine_with(Store::default());
    load(&mut engine, "p", "counter a\n/x/ {\n  a++\n}\n").unwrap();
    let refused = load(&mut engine, "q", "gauge a\n/x/ {\n  a = 1\n}\n").unwrap_err();
    assert_eq!(refused, "metric a has different kind Gauge to existing Counter");
}

#[test]
fn deep_and_huge_programs_are_refused() {
    fn check(program: &str, expected: &str) {
        let refused = run(program, &[]).unwrap_err();
        assert!(refused.contains(expected), "{refused:.200}");
    }
    let parentheses = format!("gauge g\ng = {}1{}\n", "(".repeat(500), ")".repeat(500));
    check(&parentheses, "nested deeper than 200 levels");
    let blocks = format!("{}{}", "/x/ {\n".repeat(150), "}\n".repeat(150));
    check(&blocks, "Expression exceeded maximum recursion depth of 100");
    let sum = format!("gauge g\ng = 1{}\n", " + $1".repeat(50_000));
    check(&sum, "Expression exceeded maximum recursion depth of 100");
    // Every decorator writes out the one before it twice.
    let mut tree = String::from("counter a\ndef d0 {\n  /x/ {\n    next\n  }\n}\n");
    for level in 1..40 {
        let below = level - 1;
        tree.push_str(&format!(
            "def d{level} {{\n  @d{below} {{\n    a++\n  }}\n  @d{below} {{\n    a++\n  }}\n  /x/ {{\n    \
             next\n  }}\n}}\n"
        ));
    }
    tree.push_str("@d39 {\n  a++\n}\n");
    check(&tree, "program has more than 1048576 instructions");
    check(&"# comment\n".repeat(200_000), "program is longer than 1048576 bytes");
}

#[test]
fn hostile_lines_are_counted_like_others() {
    let (mut engine, _) = engine_with(Store::default());
    let program = "counter a\ncounter b by l\n/^(.{0,3})/ {\n  a++\n  b[$1]++\n}\n";
    load(&mut engine, "p", program).unwrap();
    let long = vec![b'x'; 4 << 20];
    for text in [b"\0\0".as_slice(), b"\xff\xfe\xe2\x82", &long, b""] {
        engine.line(Line { source: "/log", text });
    }
    let expected = [
        "a 4",
        "b{l=\"\"} 1",
        "b{l=\"\0\0\"} 1",
        "b{l=\"xxx\"} 1",
        "b{l=\"\u{fffd}\u{fffd}\u{fffd}\"} 1",
    ];
    assert_eq!(samples(&engine), expected);
}

#[test]
fn a_text_that_grows_without_end_ends_the_program_for_the_line() {
    let mut program = String::from("text t\n/(.+)/ {\n  t = $1\n");
    program.push_str(&"  t = subst(\"\", t, t)\n".repeat(20));
    program.push_str("}\n");
    let (_, errors) = run(&program, &["xxxxxxxxxx"]).unwrap();
    assert_eq!(errors, 1);
}

/// Numbers that look random, for a seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

/// Names the seed where a test fails.
struct Told(u64);

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            drop(writeln!(std::io::stderr(), "seed {}", self.0));
        }
    }
}

#[test]
fn no_text_makes_the_compiler_panic() {
    const WORDS: &[&str] = &[
        "counter",
        "gauge",
        "a",
        "b",
        " ",
        "\n",
        "{",
        "}",
        "/",
        "(\\d+)",
        "$1",
        "$x",
        "(?P<x>.)",
        "++",
        "+=",
        "=",
        "by",
        "[",
        "]",
        ",",
        "(",
        ")",
        "\"s\"",
        "5",
        "1.5",
        "1h",
        "def",
        "@a",
        "next",
        "del",
        "after",
        "const",
        "+",
        "&&",
        "=~",
        "otherwise",
        "else",
        "stop",
        "hidden",
        "histogram",
        "buckets",
        "len",
        "subst",
        "strptime",
        "~",
        "#",
        "<<",
        "begin",
    ];
    for seed in 0..3000 {
        let mut random = Random(seed);
        let length = random.below(60);
        let text: String = (0..length).map(|_| WORDS[random.below(WORDS.len())]).collect();
        let _told = Told(seed);
        if let Ok(object) = compile(text.as_bytes(), CompileOptions::default(), &mut |_, _| {}) {
            let (mut engine, _) = engine_with(Store::default());
            if engine.load("p", object).is_ok() {
                feed(&mut engine, &["", "5", "x 5", "\u{fffd}"]);
            }
        }
    }
}
