//! Random patterns in Go's syntax, each with the same in the syntax of the crate `regex`, or with
//! something that Go refuses.
//!
//! The two spellings come from the same choices, not from each other: what reads Go's is compared
//! with something that never saw it.

use crate::Rng;

/// Deepest nesting of groups.
const DEPTH_MAX: usize = 4;

/// Makes choices: a generator of numbers, or the bytes of a fuzzer's input.
pub trait Choose {
    /// A number below `end`, which is not 0.
    fn below(&mut self, end: usize) -> usize;

    /// One of the elements; panics where there are none.
    fn one<'e, T>(&mut self, from: &'e [T]) -> &'e T {
        &from[self.below(from.len())]
    }
}

impl Choose for Rng {
    fn below(&mut self, end: usize) -> usize {
        self.index(end)
    }
}

/// A pattern.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GoPattern {
    /// As Go reads it.
    pub go: String,
    /// As the crate `regex` reads it; of no use where Go refuses the pattern.
    pub plain: String,
    /// Groups, the whole match not counted.
    pub groups: usize,
    /// Go refuses it.
    pub is_refused: bool,
}

/// What ends with one character in both spellings, to which a number of times may be added.
const ATOMS: &[(&str, &str)] = &[
    ("a", "a"),
    ("b", "b"),
    ("1", "1"),
    ("-", "-"),
    (" ", " "),
    ("_", "_"),
    ("é", "é"),
    ("K", "K"),
    (":", ":"),
    ("\"", "\""),
    (",", ","),
    ("=", "="),
    ("<", "<"),
    ("&", "&"),
    ("~", "~"),
    ("#", r"\#"),
    (".", "."),
    (r"\.", r"\."),
    (r"\d", "[0-9]"),
    (r"\D", "[^0-9]"),
    (r"\w", "[0-9A-Za-z_]"),
    (r"\W", "[^0-9A-Za-z_]"),
    (r"\s", r"[\t\n\f\r ]"),
    (r"\S", r"[^\t\n\f\r ]"),
    (r"\pL", r"\pL"),
    (r"\PL", r"\PL"),
    (r"\p{Greek}", r"\p{Greek}"),
    (r"\p{^Lu}", r"\P{Lu}"),
    (r"\P{^Lu}", r"\p{Lu}"),
    ("[ab1]", "[ab1]"),
    ("[^ab\"]", "[^ab\"]"),
    ("[a-z0-9]", "[a-z0-9]"),
    ("[[a]", r"[\[a]"),
    ("[a&&b]", r"[a\&b]"),
    ("[~~a]", r"[\~a]"),
    ("[]a]", r"[\]a]"),
    ("[^]a]", r"[^\]a]"),
    ("[a-]", r"[a\-]"),
    ("[-a]", r"[\-a]"),
    (r"[\d.]", "[0-9.]"),
    (r"[^\s:]", r"[^\t\n\f\r :]"),
    (r"[\w-]", r"[0-9A-Za-z_\-]"),
    (r"[\pLé]", r"[\pLé]"),
    (r"[^\D]", "[0-9]"),
    ("[[:alpha:]]", "[A-Za-z]"),
    ("[[:^digit:]]", "[^0-9]"),
    ("[[:word:]-]", r"[0-9A-Za-z_\-]"),
    ("[[:print:]]", "[ -~]"),
    ("[[:space:]]", r"[\t\n\v\f\r ]"),
    ("[[:punct:][:upper:]]", "[!-/:-@\\[-`{-~A-Z]"),
    (r"[\x41\-\]]", r"[A\-\]]"),
    ("{:", r"\{:"),
    ("{1:", r"\{1:"),
    ("{,2}", r"\{,2\}"),
    ("{x}", r"\{x\}"),
    ("}", r"\}"),
    ("]", r"\]"),
    (r"\<", "<"),
    (r"\_", "_"),
    (r"\-", "-"),
    (r"\141", "a"),
    (r"\007", r"\x07"),
    (r"\x61", "a"),
    (r"\x{e9}", "é"),
    (r"\t", r"\t"),
    (r"\a", r"\x07"),
    (r"\v", r"\x0b"),
    (r"\Qa\E", "a"),
];

/// What is no character in both spellings, or has its times already.
const PIECES: &[(&str, &str)] = &[
    (r"\Qa.b*\E", r"a\.b\*"),
    (r"\Q\E", ""),
    ("(?i)", "(?i)"),
    ("(?s)", "(?s)"),
    ("(?m)", "(?m)"),
    ("(?U)", "(?U)"),
    ("(?i-s)", "(?i-s)"),
    ("^", "^"),
    ("$", "$"),
    (r"\A", r"\A"),
    (r"\z", r"\z"),
    (r"\b", r"(?-u:\b)"),
    ("(?:200|404)", "(?:200|404)"),
    (r"\d+\.\d+", r"[0-9]+\.[0-9]+"),
    ("(?:a|ab)(?:c|bcd)?", "(?:a|ab)(?:c|bcd)?"),
    ("^*", "(?:^)*"),
    ("$?", "(?:$)?"),
];

const TIMES: &[&str] = &[
    "", "", "", "", "", "*", "+", "?", "*?", "+?", "??", "{2}", "{0,2}", "{1,3}?", "{2,}", "{0}",
    "{1}", "{0,1}",
];

const OPENINGS: &[(&str, &str)] = &[
    ("(", "("),
    ("(?:", "(?:"),
    ("(?P<name>", "("),
    ("(?<n_1>", "("),
    ("(?P<n>", "("),
    ("(?i:", "(?i:"),
    ("(?s-i:", "(?s-i:"),
    ("(?U:", "(?U:"),
    ("(?mi:", "(?mi:"),
];

/// What Go refuses, wherever it stands.
const REFUSED: &[&str] = &[
    "a**",
    "a*+",
    "a{2}{3}",
    "a{1001}",
    "a{3,2}",
    "(?x)",
    "(?",
    "(?P<>a)",
    "(?P<1-a>b)",
    "(?Pn)",
    ")",
    "(",
    "[b-a]",
    r"\8",
    r"\1x",
    r"\C",
    r"\y",
    r"\Z",
    r"\p{Foo}",
    r"\xZZ",
    r"\x{110000}",
    "[[:foo:]]",
    "(?=a)",
    "(?!a)",
    "(?<=a)",
    r"\u0061",
    "(*a)",
    "|+",
    "(a{500}){3}",
];

/// A pattern of choices. Of sixteen one is refused.
pub fn go_pattern(choose: &mut impl Choose) -> GoPattern {
    let mut pattern = GoPattern::default();
    alternatives(choose, &mut pattern, 0);
    if choose.below(16) == 1 {
        pattern.go.push_str(choose.one::<&str>(REFUSED));
        pattern.is_refused = true;
        if choose.below(2) == 0 {
            alternatives(choose, &mut pattern, DEPTH_MAX);
        }
    }
    pattern
}

fn alternatives(choose: &mut impl Choose, pattern: &mut GoPattern, depth: usize) {
    let others = [0, 0, 0, 1, 2][choose.below(5)];
    for at in 0..=others {
        if at > 0 {
            add(pattern, ("|", "|"));
        }
        for _ in 0..choose.below(5) {
            part(choose, pattern, depth);
        }
    }
}

fn part(choose: &mut impl Choose, pattern: &mut GoPattern, depth: usize) {
    match choose.below(if depth < DEPTH_MAX { 12 } else { 9 }) {
        0 => add(pattern, *choose.one(PIECES)),
        1..=8 => {
            add(pattern, *choose.one(ATOMS));
            let times = *choose.one(TIMES);
            add(pattern, (times, times));
        }
        _ => {
            let opening = *choose.one(OPENINGS);
            add(pattern, opening);
            pattern.groups += usize::from(opening.1 == "(");
            alternatives(choose, pattern, depth + 1);
            let times = *choose.one(TIMES);
            add(pattern, (")", ")"));
            add(pattern, (times, times));
        }
    }
}

fn add(pattern: &mut GoPattern, (go, plain): (&str, &str)) {
    pattern.go.push_str(go);
    pattern.plain.push_str(plain);
}

/// Pieces of lines on which such patterns match now and then.
const TEXTS: &[&str] = &[
    "a", "b", "ab", "1", "200", "12", "-", "_", " ", "é", "É", "K", "\u{212a}", ":", "\"", ",",
    "=", "<", "&", "~", "[", "]", "{", "}", "{1", "x", "A", "B", "α", ".", "1.5", "abcd", "a.b*",
    "\t", "\u{b}", "\u{7}", "#",
];

/// A line for such a pattern, without an end.
pub fn line(choose: &mut impl Choose) -> String {
    (0..choose.below(12)).map(|_| *choose.one(TEXTS)).collect()
}
