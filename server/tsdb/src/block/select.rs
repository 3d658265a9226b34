//! Series of a block that satisfy matchers, found in postings as they stand in the file.

use std::borrow::Cow;
use std::collections::HashMap;

use common_model::{MatchOp, Matcher};
use server_storage::Watch;

use super::flaw::Flaw;
use super::index::Index;

type List<'a> = Cow<'a, [[u8; 4]]>;

/// Numbers of the series that satisfy all matchers, in order of labels. When the watch ends the
/// search, what was found so far is of no use: the caller asks the watch itself.
pub(crate) fn matching(
    index: &Index,
    matchers: &[Matcher],
    watch: &Watch,
) -> Result<Vec<u32>, Flaw> {
    let mut wanted: Vec<List<'_>> = Vec::new();
    // A matcher that takes the empty text also takes series without the label, so it only says
    // which series do not fit.
    let positive = || matchers.iter().filter(|matcher| !matcher.matches_empty());
    // Where others say which series it can be at most, a pattern only has to judge those.
    let waits = |matcher: &Matcher| is_open(matcher) && positive().any(|other| !is_open(other));
    for matcher in positive().filter(|matcher| !waits(matcher)) {
        let list = having(index, matcher, true, watch)?;
        if list.is_empty() {
            return Ok(Vec::new());
        }
        wanted.push(list);
    }
    wanted.sort_by_key(|list| list.len());
    let mut lists = wanted.iter();
    let shortest = match lists.next() {
        Some(shortest) => shortest,
        None => index.all()?,
    };
    let mut found: Vec<u32> = shortest.iter().map(|id| u32::from_be_bytes(*id)).collect();
    for list in lists {
        walk(&mut found, list, true);
    }
    for matcher in positive().filter(|matcher| waits(matcher)) {
        narrow(index, &mut found, matcher, watch)?;
    }
    for matcher in matchers.iter().filter(|matcher| matcher.matches_empty()) {
        if found.is_empty() {
            break;
        }
        walk(&mut found, &having(index, matcher, false, watch)?, false);
    }
    Ok(found)
}

/// Whether only a look at all values of a label tells which a matcher takes.
fn is_open(matcher: &Matcher) -> bool {
    let is_set = || matcher.pattern().is_some_and(|pattern| pattern.set().is_some());
    !(matcher.op == MatchOp::Equal || matcher.op == MatchOp::Regex && is_set())
}

/// To look at a series takes as long as to unite so many ids of lists.
const LOOK_COST: usize = 8;

/// Keeps the series that a matcher takes: by the lists of its values, or, where these are much longer
/// than what is to be kept, by the labels of each series.
fn narrow(
    index: &Index,
    found: &mut Vec<u32>,
    matcher: &Matcher,
    watch: &Watch,
) -> Result<(), Flaw> {
    if found.is_empty() {
        return Ok(());
    }
    let offsets = offsets(index, matcher, true, watch)?;
    let ids: usize = offsets.iter().map(|offset| index.list_len(*offset)).sum();
    let name = index.symbols.find(&matcher.name);
    if let Some(name) = name.filter(|_| ids / LOOK_COST > found.len()) {
        return judge(index, found, matcher, name);
    }
    let lists: Result<Vec<_>, Flaw> = offsets.iter().map(|at| index.list(*at)).collect();
    walk(found, &union(index, lists?)?, true);
    Ok(())
}

/// Keeps the series whose label of this name, given by its number, has a value the matcher takes.
fn judge(index: &Index, found: &mut Vec<u32>, matcher: &Matcher, name: u32) -> Result<(), Flaw> {
    let mut judged: HashMap<u32, bool, foldhash::fast::RandomState> = HashMap::default();
    let mut numbers = Vec::new();
    let mut takes = |id: u32| -> Result<bool, Flaw> {
        index.some_labels(&index.series(id)?, &[name], &mut numbers)?;
        let [_, value] = *numbers else { return Ok(false) };
        if let Some(known) = judged.get(&value) {
            return Ok(*known);
        }
        let is_taken = matcher.matches(index.symbols.text(value)?);
        judged.insert(value, is_taken);
        Ok(is_taken)
    };
    let mut outcome = Ok(());
    found.retain(|&id| match takes(id) {
        Ok(keep) => keep,
        Err(flaw) => {
            outcome = Err(flaw);
            false
        }
    });
    outcome
}

/// Where fewer than one id in so many is wanted, sorting them is less work than to mark them.
const SPARSE: usize = 256;

/// Series that have the label with a value whose match is `outcome`.
fn having<'a>(
    index: &'a Index,
    matcher: &Matcher,
    outcome: bool,
    watch: &Watch,
) -> Result<List<'a>, Flaw> {
    let name = matcher.name.as_str();
    let mut lists: Vec<&'a [[u8; 4]]> = Vec::new();
    let mut literal = |value: &str| -> Result<(), Flaw> {
        if let Some(offset) = index.table.find(name, value)? {
            lists.push(index.list(offset)?);
        }
        Ok(())
    };
    let positive = (matcher.op == MatchOp::Regex) == outcome;
    let pattern = matcher.pattern().filter(|_| positive);
    if matches!((matcher.op, outcome), (MatchOp::Equal, true) | (MatchOp::NotEqual, false)) {
        literal(&matcher.value)?;
    } else if let Some(literals) = pattern.and_then(|pattern| pattern.set()) {
        for value in literals {
            literal(value)?;
        }
    } else {
        for offset in offsets(index, matcher, outcome, watch)? {
            lists.push(index.list(offset)?);
        }
    }
    union(index, lists)
}

/// Where the lists of all values are whose match is `outcome`.
fn offsets(
    index: &Index,
    matcher: &Matcher,
    outcome: bool,
    watch: &Watch,
) -> Result<Vec<u64>, Flaw> {
    let positive = (matcher.op == MatchOp::Regex) == outcome;
    let pattern = matcher.pattern().filter(|_| positive);
    let prefix = pattern.map_or("", |pattern| pattern.prefix());
    let mut offsets = Vec::new();
    let mut seen = 0;
    index.table.values(&matcher.name, prefix, &mut |value, offset| {
        seen += 1;
        if !value.starts_with(prefix) || watch.check(seen).is_err() {
            return false;
        }
        if matcher.matches(value) == outcome {
            offsets.push(offset);
        }
        true
    })?;
    Ok(offsets)
}

/// Series of any of the lists, which belong to one label.
fn union<'a>(index: &'a Index, lists: Vec<&'a [[u8; 4]]>) -> Result<List<'a>, Flaw> {
    let total: usize = lists.iter().map(|list| list.len()).sum();
    match lists.as_slice() {
        [] => return Ok(Cow::Borrowed(&[])),
        [only] => return Ok(Cow::Borrowed(only)),
        _ => {}
    }
    // A series has a label once: so many of them are all.
    let all = index.all()?;
    if total == all.len() {
        return Ok(Cow::Borrowed(all));
    }
    let ids = lists.iter().flat_map(|list| list.iter().map(|id| u32::from_be_bytes(*id)));
    let bits = all.last().map_or(0, |id| u32::from_be_bytes(*id) as usize + 1);
    let union = if total >= bits / SPARSE { marked(ids, bits) } else { sorted(ids) };
    Ok(Cow::Owned(union))
}

/// Ids in order, where there are few of them.
fn sorted(ids: impl Iterator<Item = u32>) -> Vec<[u8; 4]> {
    let mut ids: Vec<u32> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    ids.into_iter().map(u32::to_be_bytes).collect()
}

/// Ids below `bits` in order, by a bit for each.
fn marked(ids: impl Iterator<Item = u32>, bits: usize) -> Vec<[u8; 4]> {
    let mut words = vec![0u64; bits.div_ceil(64)];
    for id in ids {
        // Lists of a sound block name no series that is not in the list of all.
        if let Some(word) = words.get_mut(id as usize / 64) {
            *word |= 1 << (id % 64);
        }
    }
    let count = words.iter().map(|word| word.count_ones() as usize).sum();
    let mut ids = Vec::with_capacity(count);
    for (at, mut word) in words.into_iter().enumerate() {
        while word != 0 {
            // Ids are numbers of 32 bits, so their places are, too.
            let id = at as u32 * 64 + word.trailing_zeros();
            ids.push(id.to_be_bytes());
            word &= word - 1;
        }
    }
    ids
}

/// Keeps of `found` what is in the list, or what is not.
fn walk(found: &mut Vec<u32>, list: &[[u8; 4]], keep: bool) {
    let at = |place: usize| u32::from_be_bytes(list[place]);
    let mut place = 0;
    found.retain(|&id| {
        // Doubling steps: cheap when the next hit is near, and never worse than a binary search.
        let mut step = 1;
        while place + step < list.len() && at(place + step) < id {
            step *= 2;
        }
        let end = list.len().min(place + step + 1);
        place += list[place..end].partition_point(|other| u32::from_be_bytes(*other) < id);
        (place < list.len() && at(place) == id) == keep
    });
}

#[cfg(test)]
mod tests {
    use super::{marked, sorted, walk};

    #[test]
    fn lists_are_walked_by_leaps() {
        let list: Vec<[u8; 4]> = (0..1000_u32).map(|n| (n * 3).to_be_bytes()).collect();
        for short in [vec![], vec![0], vec![2999], vec![0, 1, 2, 3, 2997], vec![5, 6, 7, 600, 601]]
        {
            let inside = |id: &u32| id.is_multiple_of(3) && *id < 3000;
            let (within, without): (Vec<u32>, Vec<u32>) = short.iter().partition(|id| inside(id));
            let mut found = short.clone();
            walk(&mut found, &list, true);
            assert_eq!(found, within);
            let mut found = short.clone();
            walk(&mut found, &list, false);
            assert_eq!(found, without);
        }
    }

    #[test]
    fn a_union_is_the_same_by_sorting_and_by_marking() {
        for ids in [vec![], vec![0], vec![63, 64, 63], vec![5, 1000, 1, 999, 64, 128, 127, 5, 0]] {
            let bits = ids.iter().max().map_or(0, |id: &u32| *id as usize + 1);
            let union = sorted(ids.iter().copied());
            assert!(union.is_sorted());
            assert_eq!(marked(ids.iter().copied(), bits), union, "{ids:?}");
        }
        assert_eq!(marked([3, 700].into_iter(), 64), [3_u32.to_be_bytes()], "out of its bounds");
    }
}
