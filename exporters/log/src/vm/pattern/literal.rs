//! Texts that must be in a line for a pattern to match.

use regex_syntax::hir::{Hir, HirKind};

/// Most texts of which one must be there.
const ALTERNATIVES_MAX: usize = 16;

/// Longest text that is looked for; more does not make it rarer.
const BYTES_MAX: usize = 64;

/// Deepest nesting that is looked into.
const DEPTH_MAX: usize = 100;

/// Texts of which every match holds at least one.
type Required = Vec<Box<[u8]>>;

/// Texts of which every match of the pattern holds at least one, the best there are.
pub(super) fn required(hir: &Hir) -> Option<Required> {
    of(hir, 0)
}

fn of(hir: &Hir, depth: usize) -> Option<Required> {
    if depth > DEPTH_MAX {
        return None;
    }
    match hir.kind() {
        HirKind::Literal(literal) => Some(vec![literal.0[..literal.0.len().min(BYTES_MAX)].into()]),
        HirKind::Capture(capture) => of(&capture.sub, depth + 1),
        HirKind::Repetition(repetition) if repetition.min > 0 => of(&repetition.sub, depth + 1),
        HirKind::Concat(subs) => of_concat(subs, depth),
        HirKind::Alternation(subs) => {
            let mut all = Required::new();
            for sub in subs {
                all.extend(of(sub, depth + 1)?);
            }
            (all.len() <= ALTERNATIVES_MAX).then_some(all)
        }
        HirKind::Repetition(_) | HirKind::Empty | HirKind::Class(_) | HirKind::Look(_) => None,
    }
}

fn of_concat(subs: &[Hir], depth: usize) -> Option<Required> {
    let mut candidates = Vec::new();
    let mut joined: Vec<u8> = Vec::new();
    for sub in subs {
        if let Some(literal) = exact(sub) {
            joined.extend_from_slice(literal);
            continue;
        }
        candidates.extend(of(sub, depth + 1));
        if !joined.is_empty() {
            candidates.push(vec![std::mem::take(&mut joined).into()]);
        }
    }
    if !joined.is_empty() {
        candidates.push(vec![joined.into()]);
    }
    let mut best = candidates.into_iter().max_by_key(rarity)?;
    for text in &mut best {
        if text.len() > BYTES_MAX {
            *text = text[..BYTES_MAX].into();
        }
    }
    Some(best)
}

/// The one text that a part matches.
fn exact(hir: &Hir) -> Option<&[u8]> {
    match hir.kind() {
        HirKind::Literal(literal) => Some(&literal.0),
        HirKind::Capture(capture) => exact(&capture.sub),
        HirKind::Look(_) | HirKind::Empty => Some(&[]),
        _ => None,
    }
}

/// How rare the most frequent of some texts is in logs, by what its bytes are.
fn rarity(texts: &Required) -> usize {
    let of_byte = |byte: &u8| match byte {
        b' ' | b'0'..=b'9' | b'"' | b':' => 1,
        b'a'..=b'z' | b'-' | b'.' | b'/' => 2,
        _ => 3,
    };
    let of_text = |text: &[u8]| text.iter().take(8).map(of_byte).sum::<usize>();
    let least = texts.iter().map(|text| of_text(text)).min().unwrap_or(0);
    (least * 4).saturating_sub(texts.len())
}

#[cfg(test)]
mod tests {
    use common_re2::Syntax;

    fn check(pattern: &str, wanted: &[&str]) {
        let found = super::required(&Syntax::parse(pattern).unwrap().hir).unwrap_or_default();
        let found: Vec<_> = found.iter().map(|text| String::from_utf8_lossy(text)).collect();
        assert_eq!(found, wanted, "{pattern}");
    }

    #[test]
    fn the_rarest_text_that_must_be_there_is_found() {
        check("abc", &["abc"]);
        check("a+b", &["b"]);
        check(r"^\S+ sshd\[(\d+)\]: (Failed) x", &["]: Failed x"]);
        check("(?:Failed|Invalid) ", &["Failed", "Invalid"]);
        check("(foo|bar)?x", &["x"]);
        check("(?i)foo", &[]);
        check(r"\d+", &[]);
        check("foo|", &[]);
    }
}
