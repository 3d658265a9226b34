//! A flipped bit anywhere in the logs costs at most the samples of its record, and is counted; in a
//! record of series it costs nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use common_model::{Labels, Matcher};
use server_storage::SeriesRef;
use server_tsdb::fs::{Fs, MemoryFs};
use server_tsdb::wal::page::{HEADER_BYTES, PAGE_BYTES};
use server_tsdb::wal::record::{self, RecordKind};
use server_tsdb::{Db, Options};

use crate::support::{Contents, DIR, Random, contents, labels, open_with};
use crate::upkeep::metric;

const SEED: u64 = 29;
/// Bits that are flipped, unless the environment names a number.
const FLIPS: u64 = 150;
const MINUTE: i64 = 60_000;
const START: i64 = 1_699_963_200_000;
/// So many that their record spans three pages.
const SERIES: usize = 2000;

/// What counts damage.
const COUNTERS: [&str; 4] = [
    "prometheus_tsdb_wal_corruptions_total",
    "hearth_tsdb_wal_torn_tails_total",
    "hearth_tsdb_out_of_order_wbl_corruptions_total",
    "hearth_tsdb_out_of_order_wbl_torn_tails_total",
];

type Sample = (Labels, i64);

/// A record of a good log.
#[derive(Debug)]
struct Place {
    range: Range<usize>,
    kind: RecordKind,
    samples: BTreeSet<Sample>,
}

fn open(memory: &MemoryFs) -> Db {
    let options = Options {
        retention_ms: i64::MAX,
        wal_segment_bytes: 2 * PAGE_BYTES as u64,
        out_of_order_window_ms: 60 * MINUTE,
        ..Options::new(DIR)
    };
    open_with(Arc::new(memory.clone()), options)
}

fn append(db: &Db, series: &[Labels], time: i64, random: &mut Random) {
    let mut batch = db.appender();
    for labels in series {
        let value = random.below(1000) as f64;
        batch.append(SeriesRef(0), labels, time, value).unwrap();
    }
    batch.commit().unwrap();
}

/// A checkpoint, segments behind it, and samples out of order.
fn directory() -> MemoryFs {
    let memory = MemoryFs::default();
    let db = open(&memory);
    let mut random = Random::new(SEED);
    let mut set = |n: usize| {
        // Not to be compressed away.
        let (n, text) = (n.to_string(), format!("{:x}{:x}", random.next(), random.next()));
        labels(&[("__name__", "m"), ("n", &n), ("text", &text)])
    };
    let first: Vec<Labels> = (0..SERIES).map(&mut set).collect();
    let later: Vec<Labels> = (SERIES..SERIES + 300).map(set).collect();
    let mut random = Random::new(SEED);
    for minute in 0..40 {
        let now = START + minute * MINUTE;
        let from = random.below(SERIES as u64 - 400) as usize;
        append(&db, if minute == 0 { &first } else { &first[from..from + 400] }, now, &mut random);
        // Series come one by one too.
        append(&db, &later[minute as usize..minute as usize + 3], now, &mut random);
        if minute == 20 {
            append(&db, &later, now + 1, &mut random);
            db.truncate(START).unwrap();
        }
        if minute > 20 {
            append(&db, &first[from..from + 30], now - 15 * MINUTE - 1, &mut random);
            // Of some so many that they go to files.
            for back in 2..5 {
                append(&db, &later[..2], now - 15 * MINUTE - back, &mut random);
            }
            db.map_head_chunks().unwrap();
        }
    }
    let matcher = [Matcher::equal("n", "1")];
    assert_eq!(db.delete(START, START, &matcher).unwrap(), 1);
    drop(db);
    memory
}

/// Segments of the logs in the order in which they are read.
fn segments(fs: &MemoryFs) -> Vec<PathBuf> {
    let wal = Path::new(DIR).join("wal");
    let names = |dir: &Path| -> Vec<_> {
        fs.list(dir).unwrap().iter().map(|entry| dir.join(&entry.name)).collect()
    };
    let is_checkpoint = |path: &&PathBuf| path.to_string_lossy().contains("checkpoint");
    let (checkpoints, log): (Vec<_>, Vec<_>) =
        names(&wal).into_iter().partition(|p| is_checkpoint(&p));
    assert_eq!(checkpoints.len(), 1);
    let late = names(&Path::new(DIR).join("wbl"));
    [names(&checkpoints[0]), log, late].concat()
}

/// The records of a segment, read in the plainest way.
fn places(bytes: &[u8], known: &mut HashMap<u64, Labels>) -> Vec<Place> {
    let (mut all, mut at, mut start, mut raw) = (Vec::new(), 0, 0, Vec::new());
    while at < bytes.len() {
        let left = PAGE_BYTES - at % PAGE_BYTES;
        let kind = bytes[at] & 7;
        if left < HEADER_BYTES || kind == 0 {
            at += left;
            continue;
        }
        if kind <= 2 {
            (start, raw) = (at, Vec::new());
        }
        let len = usize::from(u16::from_be_bytes([bytes[at + 1], bytes[at + 2]]));
        let is_packed = bytes[at] & 8 > 0;
        at += HEADER_BYTES + len;
        raw.extend_from_slice(&bytes[at - len..at]);
        if kind == 1 || kind == 4 {
            let unpack = || snap::raw::Decoder::new().decompress_vec(&raw).unwrap();
            let plain = if is_packed { unpack() } else { raw.clone() };
            all.push(place(start..at, &plain, known));
        }
    }
    all
}

fn place(range: Range<usize>, plain: &[u8], known: &mut HashMap<u64, Labels>) -> Place {
    let kind = record::kind(plain);
    let mut samples = BTreeSet::new();
    match kind {
        RecordKind::Series => record::decode_series(plain, |number, pairs| {
            known.insert(number, Labels::from_pairs(pairs.iter().copied()));
        }),
        RecordKind::Samples => record::decode_samples(plain, |sample, _| {
            samples.insert((known[&sample.series].clone(), sample.time));
        }),
        _ => Ok(()),
    }
    .unwrap();
    Place { range, kind, samples }
}

fn counted(db: &Db) -> f64 {
    COUNTERS.iter().map(|name| metric(db, name)).sum()
}

fn samples(contents: &Contents) -> BTreeMap<Sample, u64> {
    let each = contents.iter().flat_map(|(labels, samples)| {
        samples.iter().map(|(time, bits)| ((labels.clone(), *time), *bits))
    });
    each.collect()
}

/// Checks what a flipped bit cost; returns the kind of its record and the number of lost samples.
fn check(memory: &MemoryFs, wanted: &Contents, hit: Option<&Place>, what: &str) -> usize {
    let db = open(memory);
    let found = contents(&db);
    assert!(counted(&db) > 0.0, "{what}: unnoticed");
    drop(db);
    let again = open(&memory.after_kill());
    assert_eq!(counted(&again), 0.0, "{what}: not mended");
    assert!(contents(&again) == found, "{what}: not the same twice");
    if found == *wanted {
        return 0;
    }
    let (found, wanted) = (samples(&found), samples(wanted));
    let is_deletion = hit.is_some_and(|place| place.kind == RecordKind::Tombstones);
    for (sample, bits) in &found {
        assert!(wanted.get(sample) == Some(bits) || is_deletion, "{what}: {sample:?} is wrong");
    }
    let lost: Vec<_> = wanted.keys().filter(|sample| !found.contains_key(sample)).collect();
    for sample in &lost {
        let is_hit = hit.is_some_and(|place| place.samples.contains(sample));
        assert!(is_hit, "{what}: {sample:?} of {} is lost", lost.len());
    }
    lost.len()
}

fn from_environment(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[test]
fn a_flipped_bit_costs_at_most_its_record_and_in_one_of_series_nothing() {
    let good = directory();
    let wanted = contents(&open(&good.after_kill()));
    let again = open(&good.after_kill());
    assert_eq!(counted(&again), 0.0);
    assert!(again.replay_report().late_chunks > 1, "{:?}", again.replay_report());
    drop(again);
    let mut known = HashMap::new();
    let files: Vec<_> = segments(&good)
        .into_iter()
        .map(|path| {
            let bytes = good.read(&path).unwrap();
            let places = places(&bytes, &mut known);
            (path, bytes, places)
        })
        .filter(|file| !file.1.is_empty())
        .collect();
    let large =
        |place: &Place| place.kind == RecordKind::Series && place.range.len() > 2 * PAGE_BYTES;
    assert!(files.iter().any(|file| file.2.iter().any(large)), "no record of several pages");
    let seed = from_environment("HEARTH_SEED", SEED);
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let mut counts: BTreeMap<String, (u64, usize)> = BTreeMap::new();
    for round in 0..from_environment("HEARTH_FLIPS", FLIPS) {
        let (path, bytes, places) = &files[random.below(files.len() as u64) as usize];
        // Half of them where there is much to break: in the headers of records.
        let place = &places[random.below(places.len() as u64) as usize];
        let at = match random.below(2) {
            0 => random.below(bytes.len() as u64) as usize,
            _ => place.range.start + random.below(HEADER_BYTES as u64) as usize,
        };
        let bit = random.below(8);
        let hit = places.iter().find(|place| place.range.contains(&at));
        let kind = hit.map_or("nothing".to_owned(), |place| format!("{:?}", place.kind));
        let what = format!("round {round}: bit {bit} of byte {at} of {}, {kind}", path.display());
        let mut bytes = bytes.clone();
        bytes[at] ^= 1 << bit;
        let memory = good.after_kill();
        memory.put(path, &bytes);
        let lost = check(&memory, &wanted, hit, &what);
        let count = counts.entry(kind).or_default();
        *count = (count.0 + 1, count.1.max(lost));
    }
    println!("flipped, most samples lost: {counts:?}");
    assert_eq!(counts["Series"].1, 0);
    assert!(counts.get("MmapMarkers").is_none_or(|count| count.1 == 0), "{counts:?}");
    assert!(counts["Samples"].0 > 30 && counts["Samples"].1 > 0, "{counts:?}");
}
