//! Series that satisfy matchers, found through postings.

use std::borrow::Cow;

use common_model::{MatchOp, Matcher};
use server_storage::Watch;

use crate::Error;

use super::{Head, Index, Symbols};

/// Sorted numbers of the series that satisfy all matchers.
pub(crate) fn matching(
    head: &Head,
    matchers: &[Matcher],
    watch: &Watch,
) -> Result<Vec<u32>, Error> {
    let index = head.index.read();
    let symbols = head.symbols.read();
    let mut wanted: Vec<Cow<'_, [u32]>> = Vec::new();
    // A matcher that takes the empty text also takes series without the label, so it only says
    // which series do not fit.
    for matcher in matchers.iter().filter(|m| !m.matches_empty()) {
        let list = having((&index, &symbols), matcher, true, watch)?;
        if list.is_empty() {
            return Ok(Vec::new());
        }
        wanted.push(list);
    }
    wanted.sort_by_key(|list| list.len());
    let mut lists = wanted.into_iter();
    let mut found = match lists.next() {
        Some(shortest) => shortest.into_owned(),
        None => index.postings.all().to_vec(),
    };
    for list in lists {
        found = intersect(&found, &list);
    }
    for matcher in matchers.iter().filter(|m| m.matches_empty()) {
        if found.is_empty() {
            break;
        }
        let unwanted = having((&index, &symbols), matcher, false, watch)?;
        if !unwanted.is_empty() {
            found.retain(|id| unwanted.binary_search(id).is_err());
        }
    }
    Ok(found)
}

/// Series that have the label with a value whose match is `outcome`.
fn having<'a>(
    (index, symbols): (&'a Index, &Symbols),
    matcher: &Matcher,
    outcome: bool,
    watch: &Watch,
) -> Result<Cow<'a, [u32]>, Error> {
    let Some(name) = symbols.find(&matcher.name) else { return Ok(Cow::Borrowed(&[])) };
    let label = |value: &str| match symbols.find(value) {
        Some(value) => index.postings.label(name, value),
        None => &[],
    };
    let literal =
        matches!((matcher.op, outcome), (MatchOp::Equal, true) | (MatchOp::NotEqual, false));
    if literal {
        return Ok(Cow::Borrowed(label(&matcher.value)));
    }
    let positive = (matcher.op == MatchOp::Regex) == outcome;
    if let Some(literals) = matcher.pattern().and_then(|p| p.set()).filter(|_| positive) {
        return Ok(merge(literals.iter().map(|literal| label(literal)).collect()));
    }
    let mut fit = Vec::new();
    for (at, (value, list)) in index.postings.values(name).enumerate() {
        watch.check(at).map_err(|_| Error::Interrupted)?;
        if matcher.matches(symbols.text(value)) == outcome {
            fit.push(list);
        }
    }
    Ok(merge(fit))
}

fn merge<'a>(mut lists: Vec<&'a [u32]>) -> Cow<'a, [u32]> {
    lists.retain(|list| !list.is_empty());
    match lists.as_slice() {
        [] => Cow::Borrowed(&[]),
        [only] => Cow::Borrowed(only),
        many => {
            let mut all = many.concat();
            // Runs that are sorted already: the stable sort merges them.
            all.sort();
            all.dedup();
            Cow::Owned(all)
        }
    }
}

/// Numbers in both lists; the first is the shorter one.
fn intersect(short: &[u32], long: &[u32]) -> Vec<u32> {
    let mut rest = long;
    let mut both = Vec::new();
    for &id in short {
        // Doubling steps: cheap when the next hit is near, and never worse than a binary search.
        let mut step = 1;
        while step < rest.len() && rest[step] < id {
            step *= 2;
        }
        let within = &rest[..rest.len().min(step + 1)];
        rest = &rest[within.partition_point(|other| *other < id)..];
        match rest.first() {
            None => break,
            Some(first) if *first == id => both.push(id),
            Some(_) => {}
        }
    }
    both
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_intersected_by_leaps() {
        let long: Vec<u32> = (0..1000).map(|n| n * 3).collect();
        for short in [vec![], vec![0], vec![2999], vec![0, 1, 2, 3, 2997], vec![5, 6, 7, 600, 601]]
        {
            let plain: Vec<u32> = short.iter().copied().filter(|id| long.contains(id)).collect();
            assert_eq!(intersect(&short, &long), plain);
        }
    }
}
