//! Which blocks to make one of, by the rules of Prometheus' levelled compaction.

use crate::block::BlockMeta;

/// Each range is so many times the one before.
const RANGE_FACTOR: i64 = 3;
/// A block of which more than this part of the series have deletions is written anew.
const TOMBSTONES_PART: f64 = 0.05;

/// The ranges of time of the levels: the first, and multiples of it up to `max_ms`.
pub(crate) fn ranges(first_ms: i64, max_ms: i64) -> Vec<i64> {
    let next = |range: &i64| range.checked_mul(RANGE_FACTOR).filter(|range| *range <= max_ms);
    std::iter::successors(Some(first_ms.max(1)), next).collect()
}

/// Places of the blocks to make one of; `None` when all is as it should be. `metas` are in order of
/// time.
pub(crate) fn choose(metas: &[&BlockMeta], ranges: &[i64]) -> Option<Vec<usize>> {
    if let Some(found) = overlapping(metas) {
        return Some(found);
    }
    // The newest block stays alone for the time of a range, so that it can be copied elsewhere.
    let (_, older) = metas.split_last()?;
    neighbours(older, ranges).or_else(|| with_holes(older, ranges))
}

fn has_failed(metas: &[&BlockMeta], places: &[usize]) -> bool {
    places.iter().any(|at| metas[*at].compaction.failed)
}

/// The first blocks that overlap one another and of which none failed before.
fn overlapping(metas: &[&BlockMeta]) -> Option<Vec<usize>> {
    let mut group: Vec<usize> = Vec::new();
    let mut end = i64::MIN;
    for (at, meta) in metas.iter().enumerate() {
        if !group.is_empty() && meta.min_time >= end {
            if group.len() > 1 && !has_failed(metas, &group) {
                return Some(group);
            }
            group.clear();
        }
        group.push(at);
        end = end.max(meta.max_time);
    }
    (group.len() > 1 && !has_failed(metas, &group)).then_some(group)
}

/// Blocks that fill an aligned range together, or lie in one that nothing is added to any more.
fn neighbours(metas: &[&BlockMeta], ranges: &[i64]) -> Option<Vec<usize>> {
    let newest = metas.last()?.min_time;
    for range in ranges.iter().skip(1) {
        for group in aligned(metas, *range) {
            let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
            let (start, end) = (metas[*first].min_time, metas[*last].max_time);
            let complete = end.saturating_sub(start) == *range || end <= newest;
            if complete && group.len() > 1 && !has_failed(metas, &group) {
                return Some(group);
            }
        }
    }
    None
}

/// Groups of blocks that lie in the same aligned range; those that cross a border are in none.
fn aligned(metas: &[&BlockMeta], range: i64) -> Vec<Vec<usize>> {
    let mut groups: Vec<(i64, Vec<usize>)> = Vec::new();
    for (at, meta) in metas.iter().enumerate() {
        let start = meta.min_time.div_euclid(range).saturating_mul(range);
        if meta.max_time > start.saturating_add(range) {
            continue;
        }
        match groups.last_mut() {
            Some((begin, group)) if *begin == start => group.push(at),
            _ => groups.push((start, vec![at])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

/// The newest large block of which much was deleted, or a small one of which everything was.
fn with_holes(metas: &[&BlockMeta], ranges: &[i64]) -> Option<Vec<usize>> {
    let large = *ranges.get(ranges.len() / 2)?;
    for (at, meta) in metas.iter().enumerate().rev().filter(|(_, m)| !m.compaction.failed) {
        let (stones, series) = (meta.stats.num_tombstones, meta.stats.num_series);
        if meta.max_time.saturating_sub(meta.min_time) < large {
            return (stones > 0 && stones >= series).then(|| vec![at]);
        }
        if stones as f64 / (series as f64 + 1.0) > TOMBSTONES_PART {
            return Some(vec![at]);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Blocks by times; a third number is that of deletions in ten series, -1 a failure.
    fn check(blocks: &[(i64, i64, i64)], wanted: Option<&[usize]>) {
        let metas: Vec<BlockMeta> = blocks.iter().map(|block| meta(*block)).collect();
        let metas: Vec<&BlockMeta> = metas.iter().collect();
        assert_eq!(choose(&metas, &ranges(20, 540)).as_deref(), wanted, "{blocks:?}");
    }

    fn meta((min_time, max_time, holes): (i64, i64, i64)) -> BlockMeta {
        let mut meta = BlockMeta { min_time, max_time, ..BlockMeta::default() };
        meta.stats.num_series = 10;
        meta.stats.num_tombstones = u64::try_from(holes).unwrap_or(0);
        meta.compaction.failed = holes < 0;
        meta
    }

    #[test]
    fn ranges_grow_by_three_up_to_the_largest() {
        assert_eq!(ranges(20, 540), [20, 60, 180, 540]);
        assert_eq!(ranges(20, 539), [20, 60, 180]);
        assert_eq!(ranges(20, 1), [20]);
        assert_eq!(ranges(1, i64::MAX).len(), 40);
    }

    /// Cases after the rules that Prometheus' planner documents.
    #[test]
    fn blocks_are_chosen_as_by_prometheus() {
        let b = |from: i64, to: i64| (from, to, 0);
        check(&[], None);
        check(&[b(0, 20)], None);
        check(&[b(0, 20), b(20, 40), b(40, 60)], None);
        // The newest one is left alone even where it completes a range.
        check(&[b(0, 20), b(20, 40), b(40, 60), b(60, 80)], Some(&[0, 1, 2]));
        check(&[b(20, 40), b(40, 60), b(60, 80), b(80, 100)], Some(&[0, 1]));
        check(&[b(0, 20), b(60, 80), b(80, 100)], None);
        // A range with a gap, when something newer is there.
        check(&[b(0, 20), b(40, 60), b(60, 80), b(80, 100)], Some(&[0, 1]));
        check(&[b(20, 40), b(60, 80), b(80, 100), b(100, 120), b(120, 140)], Some(&[1, 2, 3]));
        // The next level.
        check(&[b(0, 60), b(60, 120), b(120, 180), b(180, 200)], Some(&[0, 1, 2]));
        check(&[b(0, 60), b(60, 120), b(120, 180)], None);
        // Across the border of a range, and before the epoch.
        check(&[b(10, 30), b(30, 50), b(50, 70), b(70, 90)], Some(&[0, 1]));
        check(&[b(-60, -40), b(-40, -20), b(-20, 0), b(0, 20)], Some(&[0, 1, 2]));
        // What failed stays as it is, and keeps its range.
        check(&[b(0, 20), (20, 40, -1), b(40, 60), b(60, 80)], None);
        check(&[(0, 20, -1), b(10, 30), b(30, 50)], None);
        // Overlaps come first, even of the newest.
        check(&[b(0, 20), b(19, 40), b(40, 60)], Some(&[0, 1]));
        check(&[b(0, 20), b(20, 40), b(30, 50), b(50, 60)], Some(&[1, 2]));
        check(&[b(0, 100), b(10, 20), b(30, 50), b(99, 101)], Some(&[0, 1, 2, 3]));
        // Deletions: much of a large block, all of a small one.
        check(&[(0, 180, 0), (180, 360, 1), b(360, 380)], Some(&[1]));
        check(&[(0, 180, 1), (180, 360, 0), b(360, 380)], Some(&[0]));
        check(&[(0, 20, 9), b(20, 40)], None);
        check(&[(0, 20, 10), b(20, 40)], Some(&[0]));
    }
}
