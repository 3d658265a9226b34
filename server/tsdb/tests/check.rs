//! The check finds every flipped bit that matters, and what is repaired is good and lost little.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use server_tsdb::check::{Checked, Finding, Severity, check, repair};
use server_tsdb::fs::{Fs, MemoryFs};
use server_tsdb::{CHUNK_RANGE_MS, Db, Options};

use crate::blocks::sample_data;
use crate::blocks_written::write_blocks;
use crate::support::{Contents, DIR, Random, commit, labels, names_from, open_with, try_read};

const SEED: u64 = 23;
/// Bits that are flipped, unless the environment names a number.
const FLIPS: u64 = 200;

/// Samples of a chunk, at most.
const CHUNK_SAMPLES: usize = 240;

fn options() -> Options {
    let mut options = Options::new(DIR);
    options.retention_ms = i64::MAX;
    options.wal_segment_bytes = 32 * 1024;
    options
}

fn open(memory: &MemoryFs) -> Db {
    open_with(Arc::new(memory.clone()), options())
}

fn contents(memory: &MemoryFs) -> Result<Contents, String> {
    let db = open(memory);
    let querier = db.querier(i64::MIN, i64::MAX);
    try_read(&*querier, &[])
}

/// Two blocks, in one of which something is deleted, and behind them a log of several segments and a
/// file of head chunks.
fn directory() -> MemoryFs {
    let memory = MemoryFs::default();
    let fs: Arc<dyn Fs> = Arc::new(memory.clone());
    let old = sample_data(6, 12, 4);
    let metas = write_blocks(&fs, Path::new(DIR), &old).unwrap();
    let behind = metas.last().unwrap().max_time;
    let db = open(&memory);
    let some = |n: usize| labels(&[("__name__", "new"), ("n", &n.to_string())]);
    let series: Vec<_> = (0..300).map(some).collect();
    let minutes = CHUNK_RANGE_MS / 60_000 + 5;
    for minute in 0..minutes {
        assert!(commit(&db, &series, behind + minute * 60_000, minute as f64 * 1.37));
    }
    let matcher = |name: &str, value: &str| vec![common_model::Matcher::equal(name, value)];
    let first = metas[0].min_time;
    assert!(db.delete(first, first + 1_200_000, &matcher("n", "1")).unwrap() > 0);
    assert!(db.delete(behind, behind + 600_000, &matcher("n", "3")).unwrap() > 0);
    assert_eq!(db.map_head_chunks().unwrap(), 600);
    db.close().unwrap();
    memory
}

fn findings(memory: &MemoryFs) -> (Vec<Finding>, Checked) {
    let mut found = Vec::new();
    let checked = check(memory, Path::new(DIR), &mut |f| found.push(f.clone())).unwrap();
    (found, checked)
}

fn repaired(memory: &MemoryFs) -> (Vec<Finding>, Checked) {
    let fs: Arc<dyn Fs> = Arc::new(memory.clone());
    let mut found = Vec::new();
    let mut names = names_from(1_900_000_000_000);
    let left = repair(&fs, Path::new(DIR), &mut names, &mut |f| found.push(f.clone())).unwrap();
    (found, left)
}

/// Every file below a folder.
fn files(fs: &MemoryFs, dir: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs.list(dir).unwrap() {
        let path = dir.join(&entry.name);
        match entry.is_dir {
            true => all.extend(files(fs, &path)),
            false => all.push(path),
        }
    }
    all.retain(|path| !path.ends_with("lock"));
    all
}

fn samples(contents: &Contents) -> usize {
    contents.values().map(Vec::len).sum()
}

#[test]
fn a_sound_directory_has_nothing_to_complain_of() {
    let memory = directory();
    let (found, checked) = findings(&memory);
    assert_eq!(found, []);
    assert_eq!((checked.blocks, checked.damages), (2, 0));
    assert_eq!(checked.stats.num_samples, samples(&sample_data(6, 12, 4)) as u64);
    assert!(checked.segments > 3 && checked.records > 100, "{checked:?}");
    // Repairing what is sound changes nothing.
    let before: Vec<_> = files(&memory, Path::new(DIR)).iter().map(|f| memory.read(f)).collect();
    assert_eq!(repaired(&memory).0, []);
    let after: Vec<_> = files(&memory, Path::new(DIR)).iter().map(|f| memory.read(f)).collect();
    assert!(before == after);
}

#[test]
fn a_flipped_bit_is_found_and_its_repair_loses_little() {
    let good = directory();
    let wanted = contents(&good.after_kill()).unwrap();
    let mut kinds: BTreeMap<&str, Vec<PathBuf>> = BTreeMap::new();
    for file in files(&good, Path::new(DIR)) {
        kinds.entry(kind_of(&file)).or_default().push(file);
    }
    let flips = std::env::var("HEARTH_FLIPS").ok().and_then(|flips| flips.parse().ok());
    let seed = std::env::var("HEARTH_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or(SEED);
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let (mut noticed, mut harmless) = (0, 0);
    let mut counts: BTreeMap<&str, (u64, u64, usize)> = BTreeMap::new();
    let rounds = flips.unwrap_or(FLIPS);
    for round in 0..rounds {
        let memory = good.after_kill();
        let kind = *kinds.keys().nth(random.below(kinds.len() as u64) as usize).unwrap();
        let files = &kinds[kind];
        let file = &files[random.below(files.len() as u64) as usize];
        let count = counts.entry(kind).or_default();
        let mut bytes = memory.read(file).unwrap();
        if bytes.is_empty() {
            continue;
        }
        let at = random.below(bytes.len() as u64) as usize;
        bytes[at] ^= 1 << random.below(8);
        memory.put(file, &bytes);
        let place = format!("round {round}: bit of byte {at} of {}", file.display());
        let (found, _) = findings(&memory);
        let as_it_was = contents(&memory.after_kill());
        if let Ok(read) = &as_it_was {
            assert!(is_deletion(file) || is_part(read, &wanted), "{place}: a wrong sample");
        }
        count.0 += 1;
        // `meta.json` has no checksum, and says nothing of samples beyond their number and times.
        if found.is_empty() {
            harmless += 1;
            let is_same = as_it_was.is_ok_and(|found| found == wanted);
            assert!(is_same || file.ends_with("meta.json"), "{place}");
            continue;
        }
        noticed += 1;
        count.1 += 1;
        if kind == "head chunks" {
            assert!(as_it_was.is_ok_and(|found| found == wanted), "{place}: the log has all of it");
        }
        assert!(found[0].path.starts_with(DIR), "{place}: {found:?}");
        let (_, left) = repaired(&memory);
        assert_eq!(left.damages, 0, "{place}");
        let rest = contents(&memory).unwrap();
        // What was deleted may be back where the deletion is what was damaged.
        assert!(is_deletion(file) || is_part(&rest, &wanted), "{place}: a wrong sample");
        let lost = samples(&wanted).saturating_sub(samples(&rest));
        count.2 = count.2.max(lost);
        if kind == "chunks" && at >= 8 {
            assert!(lost <= CHUNK_SAMPLES, "{place}: {lost}");
        }
        if kind == "head chunks" {
            assert_eq!(lost, 0, "{place}");
        }
    }
    println!(
        "{noticed} noticed, {harmless} harmless; flipped, noticed, most samples lost: {counts:?}"
    );
    assert!(noticed > rounds / 2);
}

/// What a file holds.
fn kind_of(file: &Path) -> &'static str {
    let folder = file.parent().and_then(|dir| dir.file_name()).unwrap_or_default();
    match (folder.to_str(), file.file_name().and_then(|name| name.to_str())) {
        (Some("wal"), _) => "log",
        (Some("chunks_head"), _) => "head chunks",
        (Some("chunks"), _) => "chunks",
        (_, Some("index")) => "index",
        (_, Some("tombstones")) => "tombstones",
        _ => "meta.json",
    }
}

/// Whether there is nothing that was never written.
fn is_part(some: &Contents, all: &Contents) -> bool {
    some.iter().all(|(labels, some)| {
        let all = all.get(labels).map_or(&[][..], Vec::as_slice);
        some.iter().all(|sample| {
            all.binary_search_by_key(&sample.0, |s| s.0).is_ok_and(|at| all[at] == *sample)
        })
    })
}

/// Whether deletions are written there: of blocks, or among all else in a log.
fn is_deletion(file: &Path) -> bool {
    file.ends_with("tombstones") || file.to_string_lossy().contains("/wal/")
}

#[test]
fn what_is_left_behind_or_missing_is_told() {
    let memory = directory();
    let gone = Path::new(DIR).join("wal/00000001");
    memory.remove(&gone).unwrap();
    let left = Path::new(DIR).join("01ARZ3NDEKTSV4RRFFQ69G5FAV.tmp-for-creation");
    memory.create_dir(&left).unwrap();
    let (found, checked) = findings(&memory);
    let has = |path: &Path, severity: Severity, words: &str| {
        let fits =
            |f: &&Finding| f.path == path && f.severity == severity && f.problem.contains(words);
        assert!(found.iter().any(|f| fits(&f)), "{words}: {found:#?}");
    };
    has(&gone, Severity::Damage, "is missing before 00000002");
    has(&left, Severity::Note, "the next start removes it");
    assert_eq!(checked.damages, 1);
}

#[test]
fn a_directory_in_use_is_not_repaired() {
    let memory = directory();
    let _db = open(&memory);
    let fs: Arc<dyn Fs> = Arc::new(memory.clone());
    let refused = repair(&fs, Path::new(DIR), &mut names_from(1), &mut |_| {}).unwrap_err();
    assert!(refused.to_string().contains("is in use"), "{refused}");
}
