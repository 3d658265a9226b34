//! Looks once, over whole chunks, for the texts that patterns of all programs need.
//!
//! Most lines of a log hold none of them. Programs that do nothing on such a line are not run on it,
//! and patterns whose text is missing are not tried on the others.

use std::collections::HashSet;

use aho_corasick::packed::{self, Searcher};
use aho_corasick::{AhoCorasick, Span};
use memchr::memmem;

/// Most texts that are looked for; patterns that need others are tried on every line.
pub(crate) const LITERALS_MAX: usize = 256;

/// Shorter texts are in too many lines.
const LITERAL_BYTES_MIN: usize = 3;

/// U+FFFD.
const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();

/// Texts of one search: the fast method takes no more.
const LITERALS_PER_SEARCH: usize = 64;

/// After as many lines it is seen which texts are too frequent to be worth it.
const LINES_TRIED: u64 = 2048;

/// A text in more than one of as many lines is too frequent.
const LINES_PER_HIT_MIN: u64 = 6;

/// Which texts a line holds, a bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mask([u64; LITERALS_MAX / 64]);

impl Mask {
    /// None of them.
    pub(crate) const NONE: Mask = Mask([0; LITERALS_MAX / 64]);

    pub(crate) fn set(&mut self, bit: usize) {
        if let Some(word) = self.0.get_mut(bit / 64) {
            *word |= 1 << (bit % 64);
        }
    }

    pub(crate) fn is_empty(self) -> bool {
        self == Mask::default()
    }

    pub(crate) fn meets(&self, other: &Mask) -> bool {
        self.0.iter().zip(other.0).any(|(mine, theirs)| mine & theirs != 0)
    }

    pub(crate) fn add(&mut self, other: Mask) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine |= theirs;
        }
    }
}

/// Where a line is in its chunk, without its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LineSpan {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

/// A line that holds some of the texts, by its number in the chunk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HitLine {
    pub(crate) line: usize,
    pub(crate) mask: Mask,
}

enum Search {
    One(memmem::Finder<'static>),
    Packed(Searcher),
    Automaton(AhoCorasick),
}

/// Looks for texts.
#[derive(Default)]
pub(crate) struct Scout {
    literals: Vec<Box<[u8]>>,
    searches: Vec<Search>,
    /// Texts by their first byte.
    by_first: Vec<Vec<u16>>,
    /// Texts that are not worth it.
    frequent: HashSet<Box<[u8]>>,
    lines_seen: u64,
    lines_hit: Vec<u64>,
}

impl Scout {
    /// Forgets which texts are frequent.
    pub(crate) fn reset(&mut self) {
        self.frequent.clear();
    }

    /// Begins anew with other texts; `add` is then called with each.
    pub(crate) fn clear(&mut self) {
        let frequent = std::mem::take(&mut self.frequent);
        *self = Scout { frequent, ..Scout::default() };
    }

    /// The mask of lines that hold one of these texts; `None` where that is not looked for.
    pub(crate) fn add(&mut self, texts: &[Box<[u8]>]) -> Option<Mask> {
        // What is no UTF-8 is matched as U+FFFD, but does not stand in the log as such.
        let is_fit = |text: &[u8]| {
            text.len() >= LITERAL_BYTES_MIN
                && !self.frequent.contains(text)
                && memchr::memchr2(b'\n', b'\r', text).is_none()
                && memmem::find(text, REPLACEMENT).is_none()
        };
        if texts.is_empty() || !texts.iter().all(|text| is_fit(text)) {
            return None;
        }
        let new = texts.iter().filter(|text| !self.literals.contains(text)).count();
        if self.literals.len() + new > LITERALS_MAX {
            return None;
        }
        let mut mask = Mask::default();
        for text in texts {
            let known = self.literals.iter().position(|other| other == text);
            let index = known.unwrap_or_else(|| {
                self.literals.push(text.clone());
                self.literals.len() - 1
            });
            mask.set(index);
        }
        Some(mask)
    }

    /// Makes it ready, when all texts are there.
    pub(crate) fn settle(&mut self) {
        self.lines_hit = vec![0; self.literals.len()];
        self.by_first = vec![Vec::new(); 256];
        for (index, literal) in self.literals.iter().enumerate() {
            let index = u16::try_from(index).unwrap_or(u16::MAX);
            self.by_first[usize::from(literal[0])].push(index);
        }
        self.searches.clear();
        let mut sorted = self.literals.clone();
        // Texts that begin alike share the work of a search.
        sorted.sort();
        for texts in sorted.chunks(LITERALS_PER_SEARCH) {
            let search = match texts {
                [text] => Some(Search::One(memmem::Finder::new(text).into_owned())),
                texts => {
                    let packed = packed::Config::new().builder().extend(texts).build();
                    match packed {
                        Some(packed) => Some(Search::Packed(packed)),
                        None => AhoCorasick::new(texts).ok().map(Search::Automaton),
                    }
                }
            };
            self.searches.extend(search);
        }
    }

    /// How many lines were looked at since it learned, if it is time to learn.
    pub(crate) fn due(&self) -> Option<u64> {
        (self.lines_seen >= LINES_TRIED).then_some(self.lines_seen)
    }

    /// Whether some texts turned out to be frequent, so that it is to be built anew without them.
    pub(crate) fn learn(&mut self) -> bool {
        let before = self.frequent.len();
        for (literal, hits) in self.literals.iter().zip(&self.lines_hit) {
            if hits * LINES_PER_HIT_MIN > self.lines_seen {
                self.frequent.insert(literal.clone());
            }
        }
        self.lines_seen = 0;
        self.lines_hit.fill(0);
        self.frequent.len() > before
    }

    /// Finds the lines that hold some of the texts. `spans` says where each line is.
    pub(crate) fn scan(&mut self, chunk: &[u8], spans: &[LineSpan], hit_lines: &mut Vec<HitLine>) {
        hit_lines.clear();
        self.lines_seen += spans.len() as u64;
        for search in 0..self.searches.len() {
            self.scan_with(search, chunk, spans, hit_lines);
        }
        if self.searches.len() > 1 {
            hit_lines.sort_by_key(|hit| hit.line);
            hit_lines.dedup_by(|later, earlier| {
                let same = later.line == earlier.line;
                if same {
                    earlier.mask.add(later.mask);
                }
                same
            });
        }
    }

    fn scan_with(
        &mut self,
        search: usize,
        chunk: &[u8],
        spans: &[LineSpan],
        hit_lines: &mut Vec<HitLine>,
    ) {
        let (mut from, mut line) = (0, 0);
        let before = hit_lines.len();
        while let Some(start) = self.searches[search].find(chunk, from) {
            while spans.get(line + 1).is_some_and(|next| next.start as usize <= start) {
                line += 1;
            }
            let last = hit_lines[before..].last().is_some_and(|hit| hit.line == line);
            if !last {
                hit_lines.push(HitLine { line, mask: Mask::default() });
            }
            let Some(hit) = hit_lines.last_mut() else { return };
            for &index in &self.by_first[usize::from(chunk[start])] {
                let literal = &self.literals[usize::from(index)];
                if chunk[start..].starts_with(literal) {
                    let known = hit.mask;
                    hit.mask.set(usize::from(index));
                    if known != hit.mask {
                        self.lines_hit[usize::from(index)] += 1;
                    }
                }
            }
            from = start + 1;
        }
    }
}

impl Search {
    /// Where the next of the texts begins.
    fn find(&self, chunk: &[u8], from: usize) -> Option<usize> {
        match self {
            Search::One(finder) => finder.find(&chunk[from..]).map(|found| from + found),
            Search::Packed(searcher) => {
                let span = Span { start: from, end: chunk.len() };
                searcher.find_in(chunk, span).map(|found| found.start())
            }
            Search::Automaton(automaton) => {
                let input = aho_corasick::Input::new(chunk).range(from..);
                automaton.find(input).map(|found| found.start())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{HitLine, LINES_TRIED, LineSpan, Mask, Scout};

    fn scout(literals: &[&str]) -> Scout {
        let mut scout = Scout::default();
        for literal in literals {
            scout.add(&[literal.as_bytes().into()]).unwrap();
        }
        scout.settle();
        scout
    }

    fn spans(chunk: &[u8]) -> Vec<LineSpan> {
        let mut lines = super::super::Lines::default();
        lines.split(chunk);
        lines.spans
    }

    fn check(literals: &[&str], chunk: &str, wanted: &[(usize, &[usize])]) {
        let mut hits: Vec<HitLine> = Vec::new();
        let chunk = chunk.as_bytes();
        scout(literals).scan(chunk, &spans(chunk), &mut hits);
        let wanted: Vec<(usize, Mask)> = wanted
            .iter()
            .map(|(line, bits)| {
                let mut mask = Mask::default();
                bits.iter().for_each(|&bit| mask.set(bit));
                (*line, mask)
            })
            .collect();
        let hits: Vec<(usize, Mask)> = hits.iter().map(|hit| (hit.line, hit.mask)).collect();
        assert_eq!(hits, wanted, "{literals:?}");
    }

    #[test]
    fn every_text_of_a_line_is_found_even_within_another() {
        check(&["abc"], "x\nabc\nabcabc\n", &[(1, &[0]), (2, &[0])]);
        check(&["abcd", "bcd", "abc"], "abcd\nbcd\n", &[(0, &[0, 1, 2]), (1, &[1])]);
        check(&["abc", "xyz"], "ab\nc\n", &[]);
        check(&["aaa", "aab"], "aaab\n\naab\n", &[(0, &[0, 1]), (2, &[1])]);
    }

    #[test]
    fn more_texts_than_one_search_takes_are_found_too() {
        let literals: Vec<String> = (0..200).map(|n| format!("<{n}>")).collect();
        let literals: Vec<&str> = literals.iter().map(String::as_str).collect();
        check(&literals, "<7> <199>\n-\n<150><7>\n", &[(0, &[7, 199]), (2, &[7, 150])]);
    }

    #[test]
    fn a_text_in_most_lines_is_given_up() {
        let mut scout = scout(&["often", "seldom"]);
        let chunk = "often\n".repeat(usize::try_from(LINES_TRIED).unwrap());
        let mut hits = Vec::new();
        scout.scan(chunk.as_bytes(), &spans(chunk.as_bytes()), &mut hits);
        assert!(scout.learn());
        scout.clear();
        assert!(scout.add(&[b"often"[..].into()]).is_none());
        assert!(scout.add(&[b"seldom"[..].into()]).is_some());
    }
}
