//! What a query divides among threads is what one thread would have read, in the same order.

use std::sync::Arc;

use common_model::{Labels, Matcher};
use server_storage::{Pieces, Querier, SampleColumns, SelectHints, SeriesSet};
use server_tsdb::fs::{Fs, MemoryFs};

use crate::blocks::{memory_db, sample_data, write_named};
use crate::support::{Contents, Random, commit, labels};

type Read = Vec<(Labels, Vec<(i64, u64)>)>;

fn drain(set: &mut dyn SeriesSet, all: &mut Read) {
    let mut columns = SampleColumns::default();
    while let Some(labels) = set.next(&mut columns).unwrap() {
        let bits = columns.values.iter().map(|value| value.to_bits());
        all.push((labels, columns.timestamps.iter().copied().zip(bits).collect()));
    }
}

fn select(querier: &dyn Querier, matchers: &[Matcher]) -> Box<dyn SeriesSet> {
    let hints = SelectHints { start: i64::MIN, end: i64::MAX, ..SelectHints::default() };
    querier.select(false, &hints, matchers).unwrap()
}

/// Reads a set whole, and in pieces that are read last to first, as threads might.
fn check(querier: &dyn Querier, matchers: &[Matcher], pieces: usize) {
    let mut whole = Read::new();
    drain(&mut *select(querier, matchers), &mut whole);
    let mut set = select(querier, matchers);
    let size = set.size();
    assert!(size.series >= whole.len().min(1) && size.series <= whole.len() + 1, "{size:?}");
    let Pieces { parts, last } = set.split(pieces).unwrap().expect("it is divisible");
    let mut rest = Read::new();
    drain(&mut *set, &mut rest);
    assert!(rest.is_empty(), "what was divided is empty");
    assert!(parts.len() <= pieces);
    let mut read: Vec<Read> = Vec::new();
    for mut part in parts.into_iter().rev() {
        let mut one = Read::new();
        drain(&mut *part, &mut one);
        read.push(one);
    }
    let mut found: Read = read.into_iter().rev().flatten().collect();
    if let Some(mut last) = last {
        drain(&mut *last, &mut found);
    }
    assert_eq!(found, whole, "{pieces} pieces");
}

/// With some labels alone, each series comes with no more, or with all where that is cheaper.
fn check_some_labels(querier: &dyn Querier) {
    let some = ["host", "instance", "n"].map(str::to_owned);
    let hints = SelectHints { start: i64::MIN, end: i64::MAX, ..SelectHints::default() };
    let hints = SelectHints { labels: Some(Arc::from(some.as_slice())), ..hints };
    let (mut whole, mut found) = (Read::new(), Read::new());
    drain(&mut *select(querier, &[]), &mut whole);
    drain(&mut *querier.select(false, &hints, &[]).unwrap(), &mut found);
    let cut = |read: Read| -> Read {
        let keep = |name: &str| some.iter().any(|wanted| wanted == name);
        read.into_iter().map(|(labels, samples)| (labels.filter(keep), samples)).collect()
    };
    assert_eq!(cut(found), cut(whole));
}

#[test]
fn pieces_of_blocks_and_head_are_the_whole() {
    for seed in 0..12 {
        println!("seed {seed}");
        let mut random = Random::new(seed);
        let memory = MemoryFs::default();
        let fs: Arc<dyn Fs> = Arc::new(memory.clone());
        let all = sample_data(seed, 60, 3);
        // Blocks of the same times with some of the series each.
        for number in 0..random.below(4) {
            let some = all.iter().filter(|_| random.below(3) > 0);
            let some: Contents = some.map(|(l, s)| (l.clone(), s.clone())).collect();
            if !some.is_empty() {
                write_named(&fs, &some, number);
            }
        }
        let db = memory_db(&memory);
        let end = db.blocks().iter().map(|block| block.max_time).max().unwrap_or(0);
        for at in 0..random.below(4) {
            let some = all.keys().filter(|_| random.below(2) == 0).cloned();
            let mut some: Vec<Labels> = some.collect();
            some.push(labels(&[("__name__", "new"), ("n", &at.to_string())]));
            assert!(commit(&db, &some, end + at as i64 * 60_000, 1.0));
        }
        let querier = db.querier(i64::MIN, i64::MAX);
        check_some_labels(&*querier);
        for pieces in [1, 2, 3, 7, 40, 500] {
            check(&*querier, &[], pieces);
            check(&*querier, &[Matcher::equal("__name__", "load")], pieces);
            check(&*querier, &[Matcher::equal("__name__", "none")], pieces);
        }
    }
}
