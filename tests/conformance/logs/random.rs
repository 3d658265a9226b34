//! Random log programs: what mtail accepts compiles here and counts the same, and what it refuses
//! does not compile.

use std::path::Path;
use std::process::Command;

use common_testkit::{Rng, peer};
use serde_json::Value;

use super::{number_of, one_shot, plausible, seed};

/// Programs of one run, odd ones and as many plausible ones; each one starts mtail. `HEARTH_PROGRAMS` says otherwise.
const PROGRAMS: u64 = 60;

/// A generator of numbers that goes on from its seed alone.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }

    fn pick<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }
}

const DECLARATIONS: &[&str] = &[
    "counter c0",
    "counter c1 by k",
    "gauge g0",
    "gauge g1 by a, b",
    "text t0",
    "histogram h0 buckets 1, 2, 4",
    "histogram h1 by k buckets 0.1, 1",
    "timer m0",
    "hidden gauge x0 by k",
    "const P /p(\\d+)/",
    "counter n0 as \"n-0\"",
    "gauge l0 by k limit 3",
];
const PATTERNS: &[&str] = &[
    "/a/",
    "/(\\d+) (\\S+)/",
    "/(?P<n>\\d+\\.\\d+)/",
    "/^(?P<n>[a-z]+)=(\\d+)$/",
    "// + P",
    "P",
    "/x/ + P + /y/",
    "/(a|b)?/",
    "/(?P<n>200|404)/",
];
const PLACES: &[&str] = &[
    "c0",
    "c1[$1]",
    "c1[\"x\"]",
    "g0",
    "g1[$1, $2]",
    "g1[$1][\"y\"]",
    "t0",
    "h0",
    "h1[$1]",
    "m0",
    "x0[$n]",
    "n0",
    "l0[$1]",
];
const VALUES: &[&str] = &[
    "1",
    "2.5",
    "\"s\"",
    "$1",
    "$2",
    "$n",
    "len($1)",
    "int($1)",
    "float($1)",
    "string($1)",
    "strtol($1, 16)",
    "tolower($1)",
    "timestamp()",
    "getfilename()",
    "subst(\"a\", \"b\", $1)",
    "subst(/a/, \"b\", $1)",
    "-3",
    "bool($1)",
];
const OPERATORS: &[&str] = &["+", "-", "*", "/", "%", "**", "&", "|", "^", "<<", ">>"];
const COMPARISONS: &[&str] = &["<", ">", "<=", ">=", "==", "!="];

fn value(random: &mut Random, depth: usize) -> String {
    match random.below(if depth > 2 { 6 } else { 10 }) {
        0..=4 => random.pick(VALUES).to_owned(),
        5 => random.pick(PLACES).to_owned(),
        6 | 7 => {
            let (left, right) = (value(random, depth + 1), value(random, depth + 1));
            format!("{left} {} {right}", random.pick(OPERATORS))
        }
        8 => format!("({})", value(random, depth + 1)),
        _ => format!("{}({})", random.pick(&["int", "float", "string"]), value(random, depth + 1)),
    }
}

fn test(random: &mut Random, depth: usize) -> String {
    match random.below(if depth > 2 { 7 } else { 10 }) {
        0..=3 => random.pick(PATTERNS).to_owned(),
        4 => format!("{} =~ {}", random.pick(VALUES), random.pick(PATTERNS)),
        5 | 6 => {
            let (left, right) = (value(random, 1), value(random, 1));
            format!("{left} {} {right}", random.pick(COMPARISONS))
        }
        7 => value(random, 1),
        _ => {
            // Later versions than the one compared with take a pattern on the right as well.
            let (left, right) = (test(random, depth + 1), value(random, 1));
            let (sign, comparison) = (random.pick(&["&&", "||"]), random.pick(COMPARISONS));
            format!("{left} {sign} {right} {comparison} {}", value(random, 1))
        }
    }
}

fn statement(random: &mut Random, depth: usize) -> String {
    match random.below(if depth > 2 { 6 } else { 10 }) {
        0 | 1 => format!("{}{}\n", random.pick(PLACES), random.pick(&["++", "--"])),
        2 | 3 => {
            let (place, sign) = (random.pick(PLACES), random.pick(&["=", "+="]));
            format!("{place} {sign} {}\n", value(random, 0))
        }
        4 => random
            .pick(&[
                "stop\n",
                "next\n",
                "del c1[$1]\n",
                "del x0[$n] after 1h\n",
                "settime($1)\n",
                "strptime($1, \"2006-01-02\")\n",
                "strptime($2, \"Jan _2 15:04:05\")\n",
                "del c0\n",
                "stop # note\n",
            ])
            .to_owned(),
        5 => format!("otherwise {{\n{}}}\n", random.pick(&["c0++\n", ""])),
        _ => {
            let (condition, body) = (test(random, 0), statements(random, depth + 1));
            let other = match random.below(4) {
                0 => format!(" else {{\n{}}}", statements(random, depth + 1)),
                _ => String::new(),
            };
            format!("{condition} {{\n{body}}}{other}\n")
        }
    }
}

fn statements(random: &mut Random, depth: usize) -> String {
    (0..=random.below(3)).map(|_| statement(random, depth)).collect()
}

/// A program that declares what it uses, and now and then something more.
fn program(random: &mut Random) -> String {
    let body = match random.below(4) {
        0 => {
            let (of_decorator, decorated) = (statement(random, 2), statements(random, 1));
            format!("def d {{\n/(\\d+)/ {{\n{of_decorator}next\n}}\n}}\n@d {{\n{decorated}}}\n")
        }
        _ => statements(random, 0),
    };
    let mut text = String::new();
    for declaration in DECLARATIONS {
        let name = declaration
            .split(' ')
            .find(|word| word.len() <= 2 && word.chars().all(|c| c.is_ascii_alphanumeric()));
        let is_used = name.is_some_and(|name| mentions(&body, name));
        if is_used || random.below(60) == 0 {
            text.push_str(declaration);
            text.push('\n');
        }
    }
    text + &body
}

fn mentions(body: &str, name: &str) -> bool {
    body.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == name)
}

/// Lines on which the patterns match, one after the other and together.
fn lines(random: &mut Random) -> String {
    let pieces = [
        "a",
        "b",
        "x",
        "y",
        "xy",
        "p12",
        "p7",
        "12 word",
        "3 4",
        "007 x",
        "1.50",
        "2.5 1",
        "abc=12",
        "z=0",
        "200",
        "404",
        " ",
        "-",
        "2024-05-06",
        "Jan  2 03:04:05",
        "Ab",
        "0",
        "",
    ];
    (0..20)
        .map(|_| {
            let parts: Vec<&str> = (0..=random.below(4)).map(|_| random.pick(&pieces)).collect();
            parts.join(random.pick(&["", " ", " "])) + "\n"
        })
        .collect()
}

/// What is run, and where it differs.
#[derive(Default)]
struct Compared {
    differences: Vec<String>,
    /// Programs that mtail accepts.
    accepted: u64,
}

impl Compared {
    fn add(&mut self, mtail: &Path, folder: &Path, (text, lines): (String, String)) {
        let (path, log) = (folder.join("p.mtail"), folder.join("log"));
        std::fs::write(&path, &text).unwrap();
        std::fs::write(&log, &lines).unwrap();
        let mut ours = Command::new(env!("CARGO_BIN_EXE_hearth"));
        ours.arg("log");
        let mut ours = one_shot(ours, &path, &log);
        let mut theirs = one_shot(Command::new(mtail), &path, &log);
        self.accepted += u64::from(theirs.0 == Some(0));
        if text.contains("timestamp()") {
            // A second may have passed.
            (ours.1, theirs.1) = (Value::Null, Value::Null);
        }
        if ours != theirs {
            let result = format!("ours: {ours:?}\nmtail: {theirs:?}");
            self.differences.push(format!("{text}\n{lines:?}\n{result}"));
        }
    }
}

#[test]
fn random_programs_are_refused_and_count_as_in_mtail() {
    let Some(mtail) = peer("mtail") else { return };
    let (seed, count) = (seed(), number_of("HEARTH_PROGRAMS", PROGRAMS));
    let folder = tempfile::tempdir().unwrap();
    let (mut random, mut rng) = (Random(seed), Rng::new(seed));
    let (mut odd, mut plain) = (Compared::default(), Compared::default());
    for _ in 0..count {
        odd.add(&mtail, folder.path(), (program(&mut random), lines(&mut random)));
        let written = (plausible::program(&mut rng), plausible::lines(&mut rng));
        plain.add(&mtail, folder.path(), written);
    }
    let accepted = (odd.accepted, plain.accepted);
    println!("twice {count} programs of seed {seed}: mtail accepts {accepted:?}");
    let differences = [odd.differences, plain.differences].concat();
    assert!(differences.is_empty(), "seed {seed}:\n{}", differences.join("\n"));
    assert!(accepted.0 * 50 > count && accepted.1 * 2 > count, "seed {seed}: {accepted:?}");
}
