//! Logs that nobody of ours wrote: any numbers in any order, series that change their number, labels
//! that are no text.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use common_model::Labels;
use server_tsdb::fs::{Fs, MemoryFs};
use server_tsdb::wal::record::{self, RefSample};
use server_tsdb::wal::writer::Record;
use server_tsdb::wal::{SEGMENT_BYTES, Wal, WalCounters};

use crate::support::{Contents, Random, commit, contents, labels, open};

/// A log that is written record by record.
struct Log {
    fs: MemoryFs,
    wal: Wal,
}

impl Log {
    fn new() -> Log {
        let fs = MemoryFs::default();
        let dir = Path::new("/data/wal");
        fs.create_dir(dir).unwrap();
        let counters = Arc::new(WalCounters::default());
        let wal = Wal::new(Arc::new(fs.clone()), dir, SEGMENT_BYTES, 0, counters);
        Log { fs, wal }
    }

    fn name(&mut self, series: &[(u64, Labels)]) {
        let mut bytes = Vec::new();
        record::begin_series(&mut bytes);
        for (number, labels) in series {
            record::push_series(&mut bytes, *number, labels.len(), labels.iter());
        }
        self.wal.log(vec![Record::new(&bytes)]).unwrap();
    }

    fn sample(&mut self, samples: &[RefSample]) {
        let mut bytes = Vec::new();
        record::encode_samples(&mut bytes, samples.iter().copied());
        self.wal.log(vec![Record::new(&bytes)]).unwrap();
    }
}

fn one(n: u64) -> Labels {
    Labels::from_pairs([("__name__", "m".to_owned()), ("n", n.to_string()), ("p", "q".repeat(40))])
}

/// What a log means, told in order: a sample goes to the labels that its number had last, if it is
/// newer than all they have.
#[derive(Default)]
struct Meaning {
    names: HashMap<u64, Labels>,
    contents: Contents,
    refused: u64,
}

impl Meaning {
    fn sample(&mut self, sample: &RefSample) {
        let labels = self.names[&sample.series].clone();
        let samples = self.contents.entry(labels).or_default();
        if samples.last().is_none_or(|last| last.0 < sample.time) {
            samples.push((sample.time, sample.value.to_bits()));
        } else {
            self.refused += 1;
        }
    }
}

/// Writes a log of `rounds`, each of which names some series and has samples of some.
fn write(random: &mut Random, log: &mut Log, rounds: i64, samples_max: u64) -> Meaning {
    let mut meaning = Meaning::default();
    for round in 0..rounds {
        let mut named = Vec::new();
        // Runs of ascending numbers, as they usually are, and any others.
        let mut number = 1 + random.below(3000);
        for _ in 0..random.below(200) {
            number += if random.below(8) == 0 { random.below(50) } else { 1 };
            let known = random.below(4) == 0;
            named.push((number, one(if known { random.below(500) } else { number })));
            number = if random.below(40) == 0 { 1 + random.below(3000) } else { number };
        }
        log.name(&named);
        meaning.names.extend(named);
        let mut numbers: Vec<u64> = meaning.names.keys().copied().collect();
        numbers.sort_unstable();
        let mut samples = Vec::new();
        for _ in 0..random.below(samples_max) {
            let series = numbers[random.below(numbers.len() as u64) as usize];
            // Some of them repeat what a series has, or come too late.
            let time = round * 100 + random.below(130) as i64;
            let sample = RefSample { series, time, value: random.next() as f64 };
            meaning.sample(&sample);
            samples.push(sample);
        }
        log.sample(&samples);
    }
    meaning
}

fn assert_same(found: &Contents, wanted: &Contents, seed: u64) {
    assert!(found.keys().eq(wanted.keys()), "seed {seed}: other series");
    for (labels, samples) in wanted {
        let missing: Vec<_> = samples.iter().filter(|s| !found[labels].contains(s)).collect();
        let more: Vec<_> = found[labels].iter().filter(|s| !samples.contains(s)).collect();
        assert!(
            missing.is_empty() && more.is_empty(),
            "seed {seed}, {labels}: without {missing:?}, with {more:?}"
        );
        assert_eq!(found[labels].len(), samples.len(), "seed {seed}, {labels}");
    }
}

#[test]
fn any_log_means_the_same_to_the_threads_that_read_it_as_told_in_order() {
    let rounds = [(6, 200, 4), (2, 20_000, 60)];
    let cases = rounds.into_iter().flat_map(|(seeds, samples, n)| {
        (0..seeds).map(move |seed| (seed + 100 * samples, samples, n))
    });
    for (seed, samples, rounds) in cases {
        let mut random = Random::new(seed);
        let mut log = Log::new();
        let meaning = write(&mut random, &mut log, rounds, samples);
        let db = open(&log.fs);
        let report = db.replay_report();
        let taken: usize = meaning.contents.values().map(Vec::len).sum();
        assert_eq!(
            (report.samples, report.samples_repeated, report.unknown_refs),
            (taken as u64, meaning.refused, 0),
            "seed {seed}"
        );
        assert_same(&contents(&db), &meaning.contents, seed);
        // What is appended now finds the same series, and so do the next starts.
        let series: Vec<Labels> = meaning.contents.keys().cloned().collect();
        let (mut fs, mut db) = (log.fs, db);
        for start in 1..3 {
            let new = 1 + random.below(150) as i64;
            (0..new).for_each(|n| assert!(commit(&db, &series, start * 1_000_000 + n, n as f64)));
            let before = contents(&db);
            assert_eq!(before.len(), meaning.contents.len(), "seed {seed}");
            fs = fs.after_kill();
            db = open(&fs);
            assert_same(&contents(&db), &before, seed);
        }
    }
}

#[test]
fn series_whose_labels_have_half_a_hash_in_common_are_two() {
    let mut by_half = HashMap::new();
    let twins = (0..1_000_000).find_map(|n| {
        let labels = one(n);
        by_half.insert(labels.hash64() as u32, n).map(|twin| (one(twin), labels))
    });
    let (one_of_them, other) = twins.unwrap();
    let mut log = Log::new();
    let series = [labels(&[("a", "1")]), one_of_them, labels(&[("b", "1")]), other];
    let numbered = (1..).zip(series.iter().cloned());
    log.name(&numbered.collect::<Vec<_>>());
    log.sample(&[1, 2, 3, 4].map(|series| RefSample { series, time: 1, value: series as f64 }));
    let found = contents(&open(&log.fs));
    let at = |n: usize| (series[n].clone(), vec![(1, (n as f64 + 1.0).to_bits())]);
    assert_eq!(found, BTreeMap::from([at(0), at(1), at(2), at(3)]));
}

#[test]
fn a_series_whose_labels_are_no_text_costs_no_other() {
    let mut log = Log::new();
    let mut bytes = Vec::new();
    record::begin_series(&mut bytes);
    for number in 1..=3 {
        record::push_series(&mut bytes, number, 1, [("name", "value-x")].into_iter());
        let at = bytes.len() - 1;
        bytes[at] = [b'1', 0xff, b'3'][number as usize - 1];
    }
    log.wal.log(vec![Record::new(&bytes)]).unwrap();
    log.sample(&[1, 2, 3].map(|series| RefSample { series, time: 1, value: 1.0 }));
    let db = open(&log.fs);
    let names: Vec<String> = contents(&db).keys().map(Labels::to_string).collect();
    assert_eq!(names, [r#"{name="value-1"}"#, r#"{name="value-3"}"#]);
    let report = db.replay_report();
    assert_eq!((report.records_invalid, report.unknown_refs, report.series), (1, 1, 2));
}
