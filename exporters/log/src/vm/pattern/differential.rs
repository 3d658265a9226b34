//! The matcher that backtracks against the automata: random patterns over random texts.

use common_re2::Syntax;
use common_testkit::Rng;
use regex_automata::Input;

use super::run::{self, NOWHERE, Outcome, Room, Text};
use super::{Pattern, literal};
use crate::engine::PLAIN;

/// Patterns that are compared in one run.
const PATTERNS: u64 = 300;

/// Texts for each of them.
const TEXTS: u64 = 12;

const ATOMS: &[&str] = &[
    "a",
    "b",
    "ab",
    "\"",
    " ",
    "1",
    "é",
    ".",
    r"\d",
    r"\w",
    r"\S",
    r"\s",
    "[^\"]",
    "[ab]",
    "[^a]",
    "[a-zé]",
    r"\pL",
    "(?i:a)",
    "(?s:.)",
    "12",
    r"\[",
    "[[:print:]]",
];
const ENDS: &[&str] = &["", "", "", "", "*", "+", "?", "{2}", "{1,3}", "{0,2}", "*?", "+?", "??"];
const LOOKS: &[&str] = &["^", "$", r"\b", r"\B", r"(?m:^)", r"(?m:$)"];

fn pattern(random: &mut Rng, depth: usize) -> String {
    let mut text = String::new();
    for _ in 0..=random.index(4) {
        let part = match random.index(if depth > 3 { 8 } else { 12 }) {
            0 => (*random.pick(LOOKS)).to_owned(),
            1..=7 => (*random.pick(ATOMS)).to_owned(),
            8 => format!("({})", pattern(random, depth + 1)),
            9 => format!("(?:{})", pattern(random, depth + 1)),
            10 => format!("({}|{})", pattern(random, depth + 1), pattern(random, depth + 1)),
            _ => format!("(?:{}|{}|)", pattern(random, depth + 1), pattern(random, depth + 1)),
        };
        text.push_str(&part);
        if part.len() > 1 || !LOOKS.contains(&part.as_str()) {
            text.push_str(random.pick::<&str>(ENDS));
        }
    }
    text
}

fn text(random: &mut Rng) -> String {
    let pieces = ["a", "b", "ab", "aab", "\"", " ", "1", "12", "[", "x", "A", "é", "日", "\n"];
    // Of the plain ones alone every other time.
    let pieces = &pieces[..*random.pick(&[11, 14])];
    let longest = *random.pick(&[14, 14, 14, 70]);
    (0..random.index(longest)).map(|_| *random.pick(pieces)).collect()
}

fn check(seed: u64, count: u64) {
    let mut random = Rng::new(seed);
    let (mut planned, mut found) = (0, 0);
    for _ in 0..count {
        let source = pattern(&mut random, 0);
        let Ok(syntax) = Syntax::parse(&source) else { continue };
        let mut pattern = Pattern::new(&source, &syntax);
        for group in 0..=syntax.names.len() {
            pattern.want(group);
        }
        if pattern.settle().is_err() {
            continue;
        }
        planned += u64::from(pattern.plan.is_some());
        for _ in 0..TEXTS {
            let text = text(&mut random);
            found += u64::from(compare(seed, &pattern, &text));
        }
    }
    assert!(planned * 2 > count, "seed {seed}: only {planned} patterns of {count} are planned");
    assert!(found > count, "seed {seed}: only {found} matches");
}

/// Whether the pattern matches; panics where the two matchers do not agree.
fn compare(seed: u64, pattern: &Pattern, text: &str) -> bool {
    let engine = pattern.engine().unwrap();
    let mut wanted = vec![None; pattern.wanted.len() * 2];
    let matches = engine.search_slots(&Input::new(text), &mut wanted).is_some();
    let source = &pattern.text;
    if let (true, Some(required)) = (matches, literal::required(&pattern.hir)) {
        let bytes = text.as_bytes();
        let held = required.iter().any(|part| memchr::memmem::find(bytes, part).is_some());
        assert!(held, "seed {seed}: {source:?} matches {text:?} without any of {required:?}");
    }
    let Some(plan) = &pattern.plan else { return matches };
    let mut places = vec![NOWHERE; wanted.len()];
    let (prefix, mut room) = (pattern.prefix.as_ref(), Room::default());
    let is_plain = text.bytes().all(|byte| PLAIN.contains(&byte));
    let subject = Text { bytes: text.as_bytes(), is_plain };
    let outcome = run::search(plan, subject, prefix, &mut places, &mut room, true);
    if outcome == Outcome::GaveUp {
        return matches;
    }
    assert_eq!(outcome == Outcome::Found, matches, "seed {seed}: {source:?} in {text:?}");
    if matches {
        let wanted: Vec<Option<usize>> =
            wanted.iter().map(|slot| slot.map(|place| place.get())).collect();
        let places: Vec<Option<usize>> =
            places.iter().map(|&place| (place != NOWHERE).then_some(place as usize)).collect();
        assert_eq!(places, wanted, "seed {seed}: groups of {source:?} in {text:?}");
    }
    matches
}

#[test]
fn random_patterns_match_as_the_automata_do() {
    for seed in [1, 2, 3] {
        check(seed, PATTERNS);
    }
}

#[test]
fn a_pattern_that_takes_too_many_steps_is_left_to_an_automaton() {
    let source = "(a|a|aa)*b";
    let mut pattern = Pattern::new(source, &Syntax::parse(source).unwrap());
    pattern.settle().unwrap();
    let text = "a".repeat(5000);
    let mut room = Room::default();
    let plan = pattern.plan.as_ref().unwrap();
    let subject = Text { bytes: text.as_bytes(), is_plain: true };
    let outcome = run::search(plan, subject, None, &mut [], &mut room, true);
    assert_eq!(outcome, Outcome::GaveUp);
    assert!(!pattern.search(subject, &mut super::Slots::default()));
}
