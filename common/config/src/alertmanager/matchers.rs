//! Matchers as Alertmanager writes them: `a=b`, `a="b"`, `{a!="b",c=~"d|e"}`.
//!
//! There are two grammars. The classic one takes names of letters, digits, `_` and `:`, and any
//! text as a value; the newer one takes any name and value, quoted where they hold reserved
//! characters. As upstream does by default, the classic one decides where both understand a text.

use std::collections::BTreeMap;
use std::sync::Arc;

use common_model::{MatchOp, Matcher, Pattern};
use common_re2::Regex;

use crate::Error;
use crate::yaml::Section;

/// Longest text of matchers, in bytes.
const TEXT_BYTES_MAX: usize = 64 << 10;

/// Operators, longer ones first.
const OPS: [(&str, MatchOp); 4] = [
    ("=~", MatchOp::Regex),
    ("!~", MatchOp::NotRegex),
    ("!=", MatchOp::NotEqual),
    ("=", MatchOp::Equal),
];

/// Reads matchers separated by commas, with or without braces around them.
///
/// # Errors
/// If neither grammar understands the text, what the classic one says.
pub fn parse_matchers(text: &str) -> Result<Vec<Matcher>, String> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(format!("matchers are longer than {TEXT_BYTES_MAX} bytes"));
    }
    classic(text).or_else(|problem| Utf8 { rest: text }.matchers().ok_or(problem))
}

/// Takes a list of texts, each of which may hold several matchers.
pub(super) fn take_list(section: &mut Section<'_>, key: &str) -> Result<Vec<Matcher>, Error> {
    let texts: Vec<String> = section.or_default(key)?;
    let mut all = Vec::new();
    for text in texts {
        all.extend(parse_matchers(&text).map_err(|problem| section.complain(key, problem))?);
    }
    Ok(all)
}

/// Takes the old form: names and values, all with one operator.
pub(super) fn take_map(
    section: &mut Section<'_>,
    key: &str,
    op: MatchOp,
) -> Result<Vec<Matcher>, Error> {
    let pairs: BTreeMap<String, String> = section.or_default(key)?;
    let one = |(name, value): (&String, &String)| {
        if name.is_empty() || !name.chars().all(is_classic) || starts_with_digit(name) {
            return Err(format!("invalid label name {name:?}"));
        }
        build(name, op, value)
    };
    let matchers: Result<Vec<Matcher>, String> = pairs.iter().map(one).collect();
    matchers.map_err(|problem| section.complain(key, problem))
}

fn build(name: &str, op: MatchOp, value: &str) -> Result<Matcher, String> {
    let is_negated = match op {
        MatchOp::Equal => return Ok(Matcher::equal(name, value)),
        MatchOp::NotEqual => return Ok(Matcher::not_equal(name, value)),
        MatchOp::Regex => false,
        MatchOp::NotRegex => true,
    };
    let pattern = Regex::new(&format!("^(?:{value})$")).map_err(|error| error.to_string())?;
    Ok(Matcher::regex(name, value, Arc::new(Whole(pattern)), is_negated))
}

/// A pattern that must match all of a value; unlike Prometheus' its dot is no line break.
#[derive(Debug)]
struct Whole(Regex);

impl Pattern for Whole {
    fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

fn is_classic(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == ':'
}

fn starts_with_digit(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_digit())
}

fn split_op(text: &str) -> Option<(MatchOp, &str)> {
    OPS.iter().find_map(|(sign, op)| Some((*op, text.strip_prefix(sign)?)))
}

fn classic(text: &str) -> Result<Vec<Matcher>, String> {
    let text = text.strip_prefix('{').unwrap_or(text);
    let text = text.strip_suffix('}').unwrap_or(text);
    let (mut parts, mut start) = (Vec::new(), 0);
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (at, c) in text.char_indices() {
        match c {
            ',' if !is_quoted => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            '"' if !is_escaped => is_quoted = !is_quoted,
            '\\' => {
                is_escaped = !is_escaped;
                continue;
            }
            _ => {}
        }
        is_escaped = false;
    }
    if !text[start..].trim().is_empty() {
        parts.push(text[start..].trim());
    }
    parts.into_iter().map(classic_one).collect()
}

fn classic_one(part: &str) -> Result<Matcher, String> {
    let bad = || format!("bad matcher format: {part}");
    let trimmed = part.trim_matches(|c: char| c.is_ascii_whitespace());
    let name_end = trimmed.find(|c| !is_classic(c)).ok_or_else(bad)?;
    let (name, rest) = trimmed.split_at(name_end);
    let (op, raw) = split_op(rest.trim_start()).ok_or_else(bad)?;
    if name.is_empty() || starts_with_digit(name) {
        return Err(bad());
    }
    let raw = raw.trim_start();
    let value = unquote_classic(raw)
        .ok_or_else(|| format!("matcher value contains unescaped double quote: {raw}"))?;
    build(name, op, &value)
}

/// The value without quotes and escapes; a quote in the middle must be escaped.
fn unquote_classic(raw: &str) -> Option<String> {
    let (inner, is_quoted) = match raw.strip_prefix('"') {
        Some(inner) => (inner, true),
        None => (raw, false),
    };
    let mut value = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => value.push('\n'),
                Some(c @ ('"' | '\\')) => value.push(c),
                // A backslash before anything else is one.
                Some(c) => value.extend(['\\', c]),
                None => value.push('\\'),
            },
            '"' => return (is_quoted && chars.next().is_none()).then_some(value),
            c => value.push(c),
        }
    }
    (!is_quoted).then_some(value)
}

/// The newer grammar; `None` wherever it does not understand.
struct Utf8<'t> {
    rest: &'t str,
}

impl Utf8<'_> {
    fn matchers(mut self) -> Option<Vec<Matcher>> {
        let has_brace = self.eat('{');
        let mut all = Vec::new();
        loop {
            if self.at_end(has_brace) {
                break;
            }
            let name = self.word()?;
            self.skip_space();
            let (op, rest) = split_op(self.rest)?;
            self.rest = rest;
            let value = self.word()?;
            all.push(build(&name, op, &value).ok()?);
            if !self.eat(',') && !self.at_end(has_brace) {
                return None;
            }
        }
        if has_brace && !self.eat('}') {
            return None;
        }
        self.skip_space();
        (self.rest.is_empty() && (has_brace || !all.is_empty())).then_some(all)
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn eat(&mut self, c: char) -> bool {
        self.skip_space();
        let after = self.rest.strip_prefix(c);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn at_end(&mut self, has_brace: bool) -> bool {
        self.skip_space();
        if has_brace { self.rest.starts_with('}') } else { self.rest.is_empty() }
    }

    /// A name or value, quoted or not.
    fn word(&mut self) -> Option<String> {
        self.skip_space();
        if let Some(inner) = self.rest.strip_prefix('"') {
            return self.quoted(inner);
        }
        let is_reserved = |c: char| c.is_whitespace() || "{}!=~,\\\"'`".contains(c);
        let end = self.rest.find(is_reserved).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!word.is_empty()).then(|| word.to_owned())
    }

    fn quoted(&mut self, inner: &str) -> Option<String> {
        let mut value = String::new();
        let mut chars = inner.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    let skipped = self.rest.len() - inner.len() + at + 1;
                    self.rest = &self.rest[skipped..];
                    return Some(value);
                }
                '\\' => value.push(match chars.next()?.1 {
                    'n' => '\n',
                    't' => '\t',
                    'r' => '\r',
                    c @ ('\\' | '"') => c,
                    'u' => hex(&mut chars, 4)?,
                    'U' => hex(&mut chars, 8)?,
                    _ => return None,
                }),
                '\n' => return None,
                c => value.push(c),
            }
        }
        None
    }
}

fn hex(chars: &mut std::str::CharIndices<'_>, digits: usize) -> Option<char> {
    let mut code = 0;
    for _ in 0..digits {
        code = code * 16 + chars.next()?.1.to_digit(16)?;
    }
    char::from_u32(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, wanted: &str) {
        let shown = match parse_matchers(text) {
            Ok(all) => {
                let show = |m: &Matcher| format!("<{}>{}<{}>", m.name, m.op.as_str(), m.value);
                all.iter().map(show).collect::<Vec<_>>().join(" ")
            }
            Err(problem) => format!("error: {problem}"),
        };
        assert_eq!(shown, wanted, "{text}");
    }

    #[test]
    fn matchers_are_read_by_the_classic_grammar_first() {
        check("a=b", "<a>=<b>");
        check(" a = b ", "<a>=<b>");
        check("{a=\"b\",c!~\"d|e\"}", "<a>=<b> <c>!~<d|e>");
        check("a=b c", "<a>=<b c>");
        check("a=\"x,y\", b!=z", "<a>=<x,y> <b>!=<z>");
        check("a=\"\\n\\\"\\\\\\d\"", "<a>=<\n\"\\\\d>");
        check("a=", "<a>=<>");
        check("a=\"b", "error: matcher value contains unescaped double quote: \"b");
        check("a", "error: bad matcher format: a");
        check("1a", "error: bad matcher format: 1a");
        check("a=~(", "error: error parsing regexp: missing closing ): `^(?:()$`");
        check("", "");
    }

    #[test]
    fn other_names_are_read_by_the_newer_grammar() {
        check("föö=bar", "<föö>=<bar>");
        check("{\"a b\"=\"c\\u00e9\",x.y=~z}", "<a b>=<cé> <x.y>=~<z>");
        check("a-b=c", "<a-b>=<c>");
        check("{x.y=z,}", "<x.y>=<z>");
        check("{x.y=z", "error: bad matcher format: x.y=z");
        check("x.y==z", "error: bad matcher format: x.y==z");
    }
}
