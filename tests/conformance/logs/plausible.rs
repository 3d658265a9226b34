//! Random log programs as people write them, so that nearly all of them compile, and lines that they
//! match.

use common_testkit::Rng;

const DECLARATIONS: &str = "counter total\ncounter by_word by word\ngauge last by word, number\n\
    gauge number\ngauge ratio\ntext word\nhistogram sizes by word buckets 1, 5, 20\n\
    timer took\nhidden gauge before by word\ncounter few by word limit 3\n";

/// Each has a number and a word.
const PATTERNS: &[&str] = &[
    r"(?P<n>-?\d+) (?P<w>\w+)",
    r"(?P<w>[a-z]+)=(?P<n>\d+)",
    r"^(?P<n>\d+)(?P<w>.*)$",
    r"(?P<w>\S+)\s+(?P<n>\d{2,})",
    r#""(?P<w>[^"]*)" (?P<n>\d+)"#,
    r"^(?P<w>x|y|)(?P<n>\d*)",
];

const PIECES: &[&str] = &[
    "12",
    "7",
    "-5",
    "007",
    "a",
    "b",
    "xy",
    "word",
    "k=3",
    "z=10",
    " ",
    " ",
    "\"q r\" 9",
    "x",
    "0",
    "99999999999",
    "é",
    "_",
    "=",
    "Ab 40",
    "20 c",
];

/// A program.
pub(super) fn program(random: &mut Rng) -> String {
    let mut body = String::new();
    for _ in 0..=random.index(2) {
        let pattern = *random.pick(PATTERNS);
        body += &format!("/{pattern}/ {{\n{}}}", block(random, 0));
        body += &other(random, 0);
    }
    if random.chance(1, 4) {
        let pattern = *random.pick(PATTERNS);
        let before = format!("def on {{\n/{pattern}/ {{\n{}next\n}}\n}}\n", statement(random, 2));
        body = format!("{before}{body}@on {{\n{}}}\n", block(random, 1));
    }
    // What is declared is used.
    let is_used = |line: &&str| {
        let name = line.split(' ').find(|word| !KINDS.contains(word)).unwrap_or("");
        body.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| word == name)
    };
    let declared = DECLARATIONS.lines().filter(is_used).map(|line| format!("{line}\n"));
    declared.collect::<String>() + &body
}

const KINDS: &[&str] = &["counter", "gauge", "text", "histogram", "timer", "hidden"];

/// Lines for it.
pub(super) fn lines(random: &mut Rng) -> String {
    (0..20)
        .map(|_| {
            let line: String = (0..=random.index(5)).map(|_| *random.pick(PIECES)).collect();
            line + "\n"
        })
        .collect()
}

fn block(random: &mut Rng, depth: usize) -> String {
    (0..=random.index(3)).map(|_| statement(random, depth)).collect()
}

fn other(random: &mut Rng, depth: usize) -> String {
    match random.index(5) {
        // There, groups are those of a pattern that has not matched.
        0 => format!(" else {{\n{}}}\n", random.pick(&["total++\n", "by_word[\"none\"]++\n"])),
        1 => format!("\notherwise {{\ntotal += {}\n}}\n", depth + 2),
        _ => "\n".to_owned(),
    }
}

fn statement(random: &mut Rng, depth: usize) -> String {
    let int = int(random, 0);
    match random.index(if depth > 2 { 14 } else { 19 }) {
        0 => "total++\n".to_owned(),
        1 => "by_word[$w]++\n".to_owned(),
        2 => format!("by_word[{}] += {int}\n", text(random)),
        3 => format!("number = {int}\n"),
        4 => format!("number += {int}\n"),
        5 => format!("ratio = {int} / 4.0\n"),
        6 => format!("word = {}\n", text(random)),
        7 => "by_word[word]++\n".to_owned(),
        8 => "sizes[$w] = $n\n".to_owned(),
        9 => format!("last[$w, $n] = {int}\n"),
        10 => "took = $n\n".to_owned(),
        11 => format!("before[$w] = {int}\n"),
        12 => "del before[$w]\n".to_owned(),
        13 => "few[$w]++\n".to_owned(),
        14 => "before[$w] > 3 {\nby_word[\"grown\"]++\n}\n".to_owned(),
        15 => (*random.pick(&["stop\n", "settime($n)\n", "number--\n", "total = total + 1\n"]))
            .to_owned(),
        _ => {
            let (condition, inner) = (condition(random, 0), block(random, depth + 1));
            format!("{condition} {{\n{inner}}}{}", other(random, depth))
        }
    }
}

fn int(random: &mut Rng, depth: usize) -> String {
    match random.index(if depth > 2 { 5 } else { 8 }) {
        0 | 1 => "$n".to_owned(),
        2 => random.pick(&["0", "1", "3", "-2", "100"]).to_string(),
        3 => "len($w)".to_owned(),
        4 => random.pick(&["strtol(\"1f\", 16)", "len(word)", "int(\"12\")"]).to_string(),
        5 => format!("({})", int(random, depth + 1)),
        _ => {
            let operator =
                *random.pick(&["+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>", "**"]);
            format!("{} {operator} {}", int(random, depth + 1), int(random, depth + 1))
        }
    }
}

fn text(random: &mut Rng) -> String {
    let texts = [
        "$w",
        "\"x\"",
        "tolower($w)",
        "$w + \"-\"",
        "string($n)",
        "subst(\"a\", \"bb\", $w)",
        "subst(/[0-9]+/, \"N\", $w)",
        "word",
        "$0",
    ];
    (*random.pick(&texts)).to_owned()
}

fn condition(random: &mut Rng, depth: usize) -> String {
    match random.index(if depth > 1 { 5 } else { 7 }) {
        0 => {
            let sign = *random.pick(&["<", ">", "<=", ">=", "==", "!="]);
            format!("{} {sign} {}", int(random, 1), int(random, 1))
        }
        1 => {
            format!("$w {} \"{}\"", random.pick(&["==", "!=", "<"]), random.pick(&["a", "xy", ""]))
        }
        2 => format!("{} =~ /{}/", text(random), random.pick(&["^x", "b", "[0-9]$", "a|w"])),
        3 => format!("$w !~ /{}/", random.pick(&["^x", "b", "."])),
        4 => format!("/{}/", random.pick(&["b", "^\\d", "(\\w)$", "="])),
        _ => {
            // A pattern stands on the left only.
            let (left, right) = (condition(random, depth + 1), format!("$n > {}", random.index(9)));
            format!("{left} {} {right}", random.pick(&["&&", "||"]))
        }
    }
}
