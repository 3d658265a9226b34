//! Patterns that need no automaton: literals with gaps between them, and alternations of such.

use regex_syntax::hir::{Class, ClassUnicode, Hir, HirKind, Look, Repetition};
use std::collections::HashSet;

/// Most alternatives that are compared one by one or by hash.
const ALTERNATIVES_MAX: usize = 256;
/// Most bytes of all alternatives together.
const BYTES_MAX: usize = 64 << 10;
/// Most copies of a part that is repeated a fixed number of times.
const COPIES_MAX: u32 = 64;
/// Up to here a set is searched from its beginning, above by hash.
const LINEAR_MAX: usize = 8;

/// A part of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// This text.
    Literal(String),
    /// Any text of at least so many characters.
    Gap(usize),
}

/// Literals with gaps between them; matches a whole text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Glob(Vec<Part>);

/// What decides over a text instead of an automaton.
#[derive(Debug)]
pub(crate) struct Shortcut {
    /// Letters are compared without case; literals are then in lower case and ASCII.
    fold_case: bool,
    /// Alternatives without gaps, in order of the pattern.
    literals: Vec<String>,
    /// The same for look-up, when there are many.
    hashed: HashSet<String>,
    /// Alternatives with gaps.
    globs: Vec<Glob>,
}

impl Shortcut {
    /// The shortcut for an anchored pattern, where there is one.
    pub(crate) fn new(hir: &Hir) -> Option<Shortcut> {
        let HirKind::Concat(subs) = hir.kind() else { return None };
        // `a)|(b` is not anchored on both sides even with anchors around it.
        let anchored = matches!(subs.first().map(Hir::kind), Some(HirKind::Look(Look::Start)))
            && matches!(subs.last().map(Hir::kind), Some(HirKind::Look(Look::End)));
        if !anchored {
            return None;
        }
        let exact = Mode { fold_case: false, start: true, end: true };
        let (fold_case, globs) = match expand(hir, exact) {
            Some(globs) => (false, globs),
            None => (true, expand(hir, Mode { fold_case: true, ..exact })?),
        };
        let mut shortcut =
            Shortcut { fold_case, literals: Vec::new(), hashed: HashSet::new(), globs: Vec::new() };
        let mut seen = HashSet::new();
        for glob in globs {
            match glob.0.as_slice() {
                [] => shortcut.add_literal(String::new(), &mut seen),
                [Part::Literal(text)] => shortcut.add_literal(text.clone(), &mut seen),
                _ => {
                    if !shortcut.globs.contains(&glob) {
                        shortcut.globs.push(glob);
                    }
                }
            }
        }
        if shortcut.literals.len() > LINEAR_MAX {
            shortcut.hashed = seen;
        }
        Some(shortcut)
    }

    /// The shortcut for a list of literals, `a|b\\.c|d`, perhaps in parentheses, found without a
    /// syntax tree.
    pub(crate) fn of_literals(pattern: &str) -> Option<Shortcut> {
        let inner = pattern.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
        let mut shortcut = Shortcut {
            fold_case: false,
            literals: Vec::new(),
            hashed: HashSet::new(),
            globs: Vec::new(),
        };
        let (mut seen, mut text) = (HashSet::new(), String::new());
        let mut chars = inner.unwrap_or(pattern).chars();
        while let Some(c) = chars.next() {
            match c {
                '|' => shortcut.add_literal(std::mem::take(&mut text), &mut seen),
                '\\' => text.push(chars.next().filter(char::is_ascii_punctuation)?),
                '.' | '+' | '*' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '^' | '$' => {
                    return None;
                }
                c => text.push(c),
            }
        }
        shortcut.add_literal(text, &mut seen);
        if shortcut.literals.len() > LINEAR_MAX {
            shortcut.hashed = seen;
        }
        Some(shortcut)
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        let literals = self.literals.iter().map(|text| 2 * (text.len() + size_of::<String>()));
        literals.sum::<usize>() + self.globs.iter().map(Glob::bytes).sum::<usize>()
    }

    fn add_literal(&mut self, text: String, seen: &mut HashSet<String>) {
        if seen.insert(text.clone()) {
            self.literals.push(text);
        }
    }

    /// The literals, when the pattern is nothing else.
    pub(crate) fn set(&self) -> Option<&[String]> {
        (!self.fold_case && self.globs.is_empty()).then_some(&self.literals)
    }

    /// What every match starts with.
    pub(crate) fn prefix(&self) -> &str {
        if self.fold_case {
            return "";
        }
        let literals = self.literals.iter().map(String::as_str);
        let globs = self.globs.iter().map(|glob| match glob.0.first() {
            Some(Part::Literal(text)) => text.as_str(),
            _ => "",
        });
        literals.chain(globs).reduce(common_prefix).unwrap_or("")
    }

    pub(crate) fn is_match(&self, text: &str) -> bool {
        if self.fold_case { self.is_match_exact(&fold(text)) } else { self.is_match_exact(text) }
    }

    fn is_match_exact(&self, text: &str) -> bool {
        let literal = if self.hashed.is_empty() {
            self.literals.iter().any(|literal| literal == text)
        } else {
            self.hashed.contains(text)
        };
        literal || self.globs.iter().any(|glob| glob.is_match(text))
    }
}

fn common_prefix<'t>(a: &'t str, b: &'t str) -> &'t str {
    let length = a.chars().zip(b.chars()).take_while(|(a, b)| a == b);
    &a[..length.map(|(c, _)| c.len_utf8()).sum()]
}

/// The text in lower case as far as ASCII letters are concerned: two letters beyond ASCII fold
/// to ASCII ones, the Kelvin sign and the long s.
fn fold(text: &str) -> String {
    let fold_char = |c| match c {
        '\u{212A}' => 'k',
        '\u{17F}' => 's',
        c => c.to_ascii_lowercase(),
    };
    text.chars().map(fold_char).collect()
}

impl Glob {
    fn literal(text: &str) -> Glob {
        Glob(if text.is_empty() { Vec::new() } else { vec![Part::Literal(text.to_owned())] })
    }

    fn bytes(&self) -> usize {
        let bytes = |part: &Part| match part {
            Part::Literal(text) => text.len(),
            Part::Gap(_) => 1,
        };
        self.0.iter().map(bytes).sum()
    }

    /// This followed by `next`; neighbours of one kind become one.
    fn join(&self, next: &Glob) -> Glob {
        let mut parts = self.0.clone();
        for part in &next.0 {
            match (parts.last_mut(), part) {
                (Some(Part::Literal(text)), Part::Literal(more)) => text.push_str(more),
                (Some(Part::Gap(least)), Part::Gap(more)) => *least = least.saturating_add(*more),
                _ => parts.push(part.clone()),
            }
        }
        Glob(parts)
    }

    /// Each literal is sought as far left as its gap allows; the last one must end the text.
    fn is_match(&self, text: &str) -> bool {
        let mut parts = self.0.as_slice();
        let mut rest = text;
        if let [Part::Literal(first), tail @ ..] = parts {
            let Some(after) = rest.strip_prefix(first.as_str()) else { return false };
            (rest, parts) = (after, tail);
            if parts.is_empty() {
                return rest.is_empty();
            }
        }
        if let [head @ .., Part::Literal(last)] = parts {
            let Some(before) = rest.strip_suffix(last.as_str()) else { return false };
            (rest, parts) = (before, head);
        }
        // What is left begins and ends with a gap, or is nothing at all.
        for part in parts {
            match part {
                Part::Gap(least) => {
                    let Some(after) = skip_chars(rest, *least) else { return false };
                    rest = after;
                }
                Part::Literal(text) => {
                    let Some(at) = rest.find(text.as_str()) else { return false };
                    rest = &rest[at + text.len()..];
                }
            }
        }
        !parts.is_empty() || rest.is_empty()
    }
}

fn skip_chars(text: &str, count: usize) -> Option<&str> {
    let mut chars = text.chars();
    for _ in 0..count {
        chars.next()?;
    }
    Some(chars.as_str())
}

/// How a node is read.
#[derive(Clone, Copy)]
struct Mode {
    fold_case: bool,
    /// The node stands at the start of the text.
    start: bool,
    /// It stands at the end.
    end: bool,
}

/// The alternatives of a node, unless it needs an automaton or they are too many.
fn expand(hir: &Hir, mode: Mode) -> Option<Vec<Glob>> {
    match hir.kind() {
        HirKind::Empty => Some(vec![Glob::default()]),
        HirKind::Look(Look::Start) if mode.start => Some(vec![Glob::default()]),
        HirKind::Look(Look::End) if mode.end => Some(vec![Glob::default()]),
        HirKind::Look(_) => None,
        HirKind::Literal(literal) => {
            let text = std::str::from_utf8(&literal.0).ok()?;
            if mode.fold_case && text.bytes().any(|b| b.is_ascii_alphabetic() || !b.is_ascii()) {
                return None;
            }
            Some(vec![Glob::literal(text)])
        }
        HirKind::Class(Class::Unicode(class)) => expand_class(class, mode.fold_case),
        HirKind::Class(Class::Bytes(class)) => {
            expand_class(&class.to_unicode_class()?, mode.fold_case)
        }
        HirKind::Capture(capture) => expand(&capture.sub, mode),
        HirKind::Repetition(repetition) => expand_repetition(repetition, mode),
        HirKind::Concat(subs) => expand_concat(subs, mode),
        HirKind::Alternation(subs) => {
            let mut globs = Vec::new();
            for sub in subs {
                globs.extend(expand(sub, mode)?);
                check_size(&globs)?;
            }
            Some(globs)
        }
    }
}

fn expand_class(class: &ClassUnicode, fold_case: bool) -> Option<Vec<Glob>> {
    let count: usize = class.iter().map(regex_syntax::hir::ClassUnicodeRange::len).sum();
    if count > ALTERNATIVES_MAX {
        return None;
    }
    let chars = class.iter().flat_map(|range| range.start()..=range.end());
    let glob = |c: char| Glob::literal(c.encode_utf8(&mut [0; 4]));
    if !fold_case {
        return Some(chars.map(glob).collect());
    }
    let mut closed = class.clone();
    closed.case_fold_simple();
    if closed != *class {
        return None;
    }
    let mut globs = Vec::new();
    for c in chars {
        match c {
            // These two come with the letters that they fold to.
            '\u{212A}' | '\u{17F}' | 'A'..='Z' => {}
            c if c.is_ascii() => globs.push(glob(c)),
            _ => return None,
        }
    }
    Some(globs)
}

fn expand_repetition(repetition: &Repetition, mode: Mode) -> Option<Vec<Glob>> {
    let Repetition { min, max, ref sub, .. } = *repetition;
    let Some(max) = max else {
        return is_any_char(sub).then(|| vec![Glob(vec![Part::Gap(min as usize)])]);
    };
    if max > COPIES_MAX {
        return None;
    }
    let once = expand(sub, Mode { start: false, end: false, ..mode })?;
    let mut copies = vec![Glob::default()];
    let mut all = Vec::new();
    for count in 0..=max {
        if count >= min {
            all.extend_from_slice(&copies);
            check_size(&all)?;
        }
        if count < max {
            copies = product(&copies, &once)?;
        }
    }
    Some(all)
}

fn expand_concat(subs: &[Hir], mode: Mode) -> Option<Vec<Glob>> {
    let is = |sub: &Hir, look| matches!(sub.kind(), HirKind::Look(l) if *l == look);
    let first = subs.iter().take_while(|sub| is(sub, Look::Start)).count();
    let last = subs.len() - subs.iter().rev().take_while(|sub| is(sub, Look::End)).count();
    let mut globs = vec![Glob::default()];
    for (at, sub) in subs.iter().enumerate() {
        let start = mode.start && at <= first;
        let end = mode.end && at + 1 >= last;
        globs = product(&globs, &expand(sub, Mode { start, end, ..mode })?)?;
    }
    Some(globs)
}

fn is_any_char(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Class(Class::Unicode(class)) => {
            matches!(class.ranges(), [all] if all.start() == '\0' && all.end() == char::MAX)
        }
        HirKind::Capture(capture) => is_any_char(&capture.sub),
        _ => false,
    }
}

/// Each of `heads` followed by each of `tails`.
fn product(heads: &[Glob], tails: &[Glob]) -> Option<Vec<Glob>> {
    if heads.len().saturating_mul(tails.len()) > ALTERNATIVES_MAX {
        return None;
    }
    let mut globs = Vec::with_capacity(heads.len() * tails.len());
    for head in heads {
        globs.extend(tails.iter().map(|tail| head.join(tail)));
    }
    check_size(&globs)?;
    Some(globs)
}

fn check_size(globs: &[Glob]) -> Option<()> {
    let bytes: usize = globs.iter().map(Glob::bytes).sum();
    (globs.len() <= ALTERNATIVES_MAX && bytes <= BYTES_MAX).then_some(())
}
