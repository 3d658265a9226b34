//! Go's syntax tree of a pattern, as far as types need it.

use super::factor::alternation;

/// A character that no number has, for classes whose members do not matter.
const FOREIGN: (char, char) = ('x', 'x');

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tree {
    Empty,
    Literal(Vec<char>),
    Class(Vec<(char, char)>),
    /// `.`, anchors and word boundaries.
    Other,
    Repeat {
        sub: Box<Tree>,
        min: u32,
        max: Option<u32>,
    },
    Group(usize, Box<Tree>),
    Concat(Vec<Tree>),
    Alternate(Vec<Tree>),
}

impl Tree {
    pub(super) fn concat(mut parts: Vec<Tree>) -> Tree {
        match parts.len() {
            0 => Tree::Empty,
            1 => parts.swap_remove(0),
            _ => Tree::Concat(parts),
        }
    }

    /// One character: what alternatives join to a class.
    pub(super) fn is_single(&self) -> bool {
        matches!(self, Tree::Class(_)) || matches!(self, Tree::Literal(text) if text.len() == 1)
    }

    pub(super) fn for_each_group(&self, see: &mut impl FnMut(usize, &Tree)) {
        match self {
            Tree::Group(number, sub) => {
                see(*number, sub);
                sub.for_each_group(see);
            }
            Tree::Repeat { max: Some(0), .. } => {}
            Tree::Repeat { sub, .. } => sub.for_each_group(see),
            Tree::Concat(parts) | Tree::Alternate(parts) => {
                for part in parts {
                    part.for_each_group(see);
                }
            }
            _ => {}
        }
    }

    /// Whether nothing but characters of `set` is matched.
    pub(super) fn matches_only(&self, set: &str) -> bool {
        match self {
            Tree::Empty | Tree::Other | Tree::Repeat { max: Some(0), .. } => false,
            Tree::Literal(text) => text.iter().all(|&c| set.contains(c)),
            Tree::Class(ranges) => ranges.iter().all(|&(low, high)| {
                let count = u32::from(high).saturating_sub(u32::from(low));
                count < 16 && (low..=high).all(|c| set.contains(c))
            }),
            Tree::Repeat { sub, .. } | Tree::Group(_, sub) => sub.matches_only(set),
            Tree::Concat(parts) | Tree::Alternate(parts) => {
                parts.iter().all(|part| part.matches_only(set))
            }
        }
    }

    pub(super) fn has_digit(&self) -> bool {
        match self {
            Tree::Empty | Tree::Other => false,
            Tree::Literal(text) => text.iter().any(char::is_ascii_digit),
            Tree::Class(ranges) => {
                ranges.iter().any(|(low, high)| low.is_ascii_digit() || high.is_ascii_digit())
            }
            Tree::Repeat { sub, .. } | Tree::Group(_, sub) => sub.has_digit(),
            Tree::Concat(parts) | Tree::Alternate(parts) => parts.iter().any(Tree::has_digit),
        }
    }

    /// Dots in the pattern with its counted repetitions written out.
    pub(super) fn dots(&self) -> u32 {
        let sum = |parts: &[Tree]| parts.iter().fold(0, |sum: u32, p| sum.saturating_add(p.dots()));
        match self {
            Tree::Empty | Tree::Other => 0,
            Tree::Literal(text) => text.iter().fold(0, |sum, &c| sum + u32::from(c == '.')),
            Tree::Class(ranges) => {
                u32::from(ranges.iter().any(|&(low, high)| low == '.' || high == '.'))
            }
            Tree::Repeat { sub, min, max } => {
                sub.dots().saturating_mul(max.unwrap_or((*min).max(1)))
            }
            Tree::Group(_, sub) => sub.dots(),
            Tree::Concat(parts) | Tree::Alternate(parts) => sum(parts),
        }
    }
}

/// Parses a pattern; what is wrong with it has been told already.
pub(super) fn parse(pattern: &str) -> Tree {
    Reader { rest: pattern, groups: 0, fold_case: false }.alternatives()
}

struct Reader<'p> {
    rest: &'p str,
    groups: usize,
    fold_case: bool,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let next = chars.next();
        self.rest = chars.as_str();
        next
    }

    fn accept(&mut self, prefix: &str) -> bool {
        let found = self.rest.strip_prefix(prefix);
        self.rest = found.unwrap_or(self.rest);
        found.is_some()
    }

    fn alternatives(&mut self) -> Tree {
        let mut branches = vec![self.sequence()];
        while self.accept("|") {
            branches.push(self.sequence());
        }
        alternation(branches)
    }

    fn sequence(&mut self) -> Tree {
        let mut parts: Vec<Tree> = Vec::new();
        // Whether the last part may grow by a literal behind it.
        while let Some(c) = self.peek() {
            if matches!(c, '|' | ')') {
                break;
            }
            if self.quantified(&mut parts) {
                continue;
            }
            match self.atom() {
                Some(Tree::Concat(inner)) => parts.extend(inner),
                Some(part) => parts.push(part),
                None => {}
            }
        }
        let mut joined: Vec<Tree> = Vec::new();
        for part in parts {
            match (joined.last_mut(), part) {
                (Some(Tree::Literal(before)), Tree::Literal(text)) => before.extend(text),
                (_, part) => joined.push(part),
            }
        }
        Tree::concat(joined)
    }

    /// Puts a repetition around the last part, where an operator follows.
    fn quantified(&mut self, parts: &mut Vec<Tree>) -> bool {
        let (min, max) = match self.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => match bounds(self.rest) {
                Some((min, max, length)) => {
                    self.rest = &self.rest[length - 1..];
                    (min, max)
                }
                None => return false,
            },
            _ => return false,
        };
        self.next();
        self.accept("?");
        let sub = Box::new(parts.pop().unwrap_or(Tree::Empty));
        parts.push(Tree::Repeat { sub, min, max });
        true
    }

    fn atom(&mut self) -> Option<Tree> {
        match self.next()? {
            '(' => self.group(),
            '[' => Some(self.class()),
            '.' | '^' | '$' => Some(Tree::Other),
            '\\' => Some(self.escape()),
            c => Some(self.literal(c)),
        }
    }

    fn literal(&self, c: char) -> Tree {
        Tree::Literal(vec![c])
    }

    fn group(&mut self) -> Option<Tree> {
        let outer = self.fold_case;
        let mut number = None;
        if self.rest.starts_with("?P<") || self.rest.starts_with("?<") {
            let end = self.rest.find('>').map_or(self.rest.len(), |end| end + 1);
            self.rest = &self.rest[end..];
            self.groups += 1;
            number = Some(self.groups);
        } else if self.accept("?") {
            let mut on = true;
            loop {
                match self.next()? {
                    '-' => on = false,
                    'i' => self.fold_case = on,
                    ':' => break,
                    ')' => return None,
                    _ => {}
                }
            }
        } else {
            self.groups += 1;
            number = Some(self.groups);
        }
        let inner = self.alternatives();
        self.accept(")");
        self.fold_case = outer;
        Some(match number {
            Some(number) => Tree::Group(number, Box::new(inner)),
            // A group that captures nothing leaves no trace, but is repeated as a whole.
            None if matches!(inner, Tree::Concat(_)) && self.is_quantifier() => {
                Tree::Repeat { sub: Box::new(inner), min: 1, max: Some(1) }
            }
            None => inner,
        })
    }

    fn is_quantifier(&self) -> bool {
        match self.peek() {
            Some('*' | '+' | '?') => true,
            Some('{') => bounds(self.rest).is_some(),
            _ => false,
        }
    }

    /// What follows a backslash outside of a class.
    fn escape(&mut self) -> Tree {
        if self.accept("Q") {
            let end = self.rest.find("\\E").unwrap_or(self.rest.len());
            let text: Vec<char> = self.rest[..end].chars().collect();
            self.rest = self.rest[end..].strip_prefix("\\E").unwrap_or("");
            return if text.is_empty() { Tree::Empty } else { Tree::Literal(text) };
        }
        match self.peek() {
            Some('A' | 'z' | 'b' | 'B') => {
                self.next();
                Tree::Other
            }
            _ => match self.named_class() {
                Some(ranges) => Tree::Class(ranges),
                None => {
                    let c = self.character();
                    self.literal(c)
                }
            },
        }
    }

    /// `d`, `pL` and their like, behind the backslash.
    fn named_class(&mut self) -> Option<Vec<(char, char)>> {
        match self.peek()? {
            'd' => {
                self.next();
                Some(vec![('0', '9')])
            }
            'D' => {
                self.next();
                Some(vec![('\0', '/'), (':', char::MAX)])
            }
            's' | 'S' | 'w' | 'W' => {
                self.next();
                Some(vec![FOREIGN])
            }
            'p' | 'P' => {
                self.next();
                if self.accept("{") {
                    let end = self.rest.find('}').map_or(self.rest.len(), |end| end + 1);
                    self.rest = &self.rest[end..];
                } else {
                    self.next();
                }
                Some(vec![FOREIGN])
            }
            _ => None,
        }
    }

    /// The character that an escape stands for, behind the backslash.
    fn character(&mut self) -> char {
        match self.next() {
            Some('n') => '\n',
            Some('t') => '\t',
            Some('r') => '\r',
            Some('a') => '\x07',
            Some('f') => '\x0c',
            Some('v') => '\x0b',
            Some('x') => {
                let digits = if self.accept("{") {
                    let end = self.rest.find('}').unwrap_or(self.rest.len());
                    let digits = &self.rest[..end];
                    self.rest = self.rest.get(end + 1..).unwrap_or("");
                    digits
                } else {
                    let digits = self.rest.get(..2).unwrap_or("");
                    self.rest = self.rest.get(2..).unwrap_or("");
                    digits
                };
                u32::from_str_radix(digits, 16).ok().and_then(char::from_u32).unwrap_or('x')
            }
            Some(first @ '0'..='7') => {
                let mut value = first.to_digit(8).unwrap_or(0);
                for _ in 0..2 {
                    let Some(digit) = self.peek().and_then(|c| c.to_digit(8)) else { break };
                    value = value * 8 + digit;
                    self.next();
                }
                char::from_u32(value).unwrap_or('x')
            }
            Some(c) => c,
            None => 'x',
        }
    }

    /// A class behind its bracket.
    fn class(&mut self) -> Tree {
        let negated = self.accept("^");
        let mut ranges: Vec<(char, char)> = Vec::new();
        let mut first = true;
        while let Some(c) = self.peek() {
            if c == ']' && !first {
                break;
            }
            first = false;
            self.member(&mut ranges);
        }
        self.accept("]");
        ranges.sort_unstable();
        if negated {
            let is_known = !ranges.contains(&FOREIGN);
            ranges = if is_known { others(&merged(&ranges)) } else { Vec::new() };
            if ranges.is_empty() {
                ranges.push(FOREIGN);
            }
        }
        ranges.dedup();
        match ranges[..] {
            [(low, high)] if low == high => self.literal(low),
            _ => Tree::Class(merged(&ranges)),
        }
    }

    fn member(&mut self, ranges: &mut Vec<(char, char)>) {
        if self.rest.starts_with("[:")
            && let Some(end) = self.rest.find(":]")
        {
            let digits = &self.rest[2..end] == "digit";
            ranges.push(if digits { ('0', '9') } else { FOREIGN });
            self.rest = &self.rest[end + 2..];
            return;
        }
        if self.rest.starts_with('\\') {
            let before = self.rest;
            self.next();
            if let Some(class) = self.named_class() {
                ranges.extend(class);
                return;
            }
            self.rest = before;
        }
        let low = self.class_character();
        let mut high = low;
        let rest = self.rest.as_bytes();
        if rest.len() >= 2 && rest[0] == b'-' && rest[1] != b']' {
            self.next();
            high = self.class_character();
        }
        ranges.push((low, high));
        if self.fold_case && low == high && low.is_ascii_alphabetic() {
            let other = if low.is_ascii_lowercase() {
                low.to_ascii_uppercase()
            } else {
                low.to_ascii_lowercase()
            };
            ranges.push((other, other));
        }
    }

    fn class_character(&mut self) -> char {
        match self.next() {
            Some('\\') => self.character(),
            Some(c) => c,
            None => 'x',
        }
    }
}

/// What is in none of some merged ranges.
fn others(ranges: &[(char, char)]) -> Vec<(char, char)> {
    let mut others = Vec::new();
    let mut from = Some('\0');
    for &(low, high) in ranges {
        if let (Some(from), Some(to)) = (from, ('\0'..low).next_back())
            && from <= to
        {
            others.push((from, to));
        }
        from = (high..=char::MAX).nth(1);
    }
    others.extend(from.map(|from| (from, char::MAX)));
    others
}

/// Sorted ranges, those that touch made one.
pub(super) fn merged(ranges: &[(char, char)]) -> Vec<(char, char)> {
    let mut merged: Vec<(char, char)> = Vec::new();
    for &(low, high) in ranges {
        match merged.last_mut() {
            Some(last) if u32::from(low) <= u32::from(last.1).saturating_add(1) => {
                last.1 = last.1.max(high);
            }
            _ => merged.push((low, high)),
        }
    }
    merged
}

/// `{2}`, `{2,}` or `{2,3}` with its length; anything else is a text.
fn bounds(text: &str) -> Option<(u32, Option<u32>, usize)> {
    let end = text.find('}')?;
    let inner = &text[1..end];
    let number = |text: &str| {
        let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if plain { text.parse().ok() } else { None }
    };
    let (min, max) = match inner.split_once(',') {
        None => {
            let count = number(inner)?;
            (count, Some(count))
        }
        Some((min, "")) => (number(min)?, None),
        Some((min, max)) => (number(min)?, Some(number(max)?)),
    };
    Some((min, max, end + 1))
}
