//! Blocks that promtool made are read, with and without a head beside them.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use common_model::{Labels, Matcher};
use server_storage::{SampleColumns, SelectHints};
use server_tsdb::block::{Block, BlockWriter, cut_floats, ulid};
use server_tsdb::fs::{Fs, MemoryFs, RealFs};
use server_tsdb::{CHUNK_RANGE_MS, Db, Options, block_querier};

use crate::blocks_written::write_blocks;
use crate::peers::peer;
use crate::support::{Contents, DIR, Random, commit, contents, labels, open_with, read, try_read};
use crate::upkeep::metric;

/// Midnight of some day in 2024.
pub(crate) const START: i64 = 1_711_929_600_000;
const HOUR: i64 = 60 * 60 * 1000;

/// Series of several metrics, with gaps and odd values, over some hours at a minute each.
pub(crate) fn sample_data(seed: u64, series: usize, hours: i64) -> Contents {
    let mut random = Random::new(seed);
    let mut all = Contents::new();
    for at in 0..series {
        let host = format!("host{}", at % 7);
        let set = labels(&[
            ("__name__", ["up", "load", "bytes_total"][at % 3]),
            ("instance", &host),
            ("n", &format!("{}", at / 3)),
        ]);
        let mut samples = Vec::new();
        let mut value = random.below(1000) as f64;
        for minute in 0..hours * 60 {
            if random.below(10) == 0 {
                continue;
            }
            value += random.below(100) as f64 / 8.0;
            let value = if random.below(50) == 0 { f64::INFINITY } else { value };
            samples.push((START + minute * 60_000, value.to_bits()));
        }
        all.insert(set, samples);
    }
    all
}

/// The text promtool makes blocks of.
pub(crate) fn open_metrics(contents: &Contents) -> String {
    let mut text = String::new();
    let mut metrics: Vec<&str> = contents.keys().map(Labels::metric_name).collect();
    metrics.dedup();
    for metric in metrics {
        let _ = writeln!(text, "# TYPE {metric} unknown");
        for (labels, samples) in contents.iter().filter(|(l, _)| l.metric_name() == metric) {
            for (time, bits) in samples {
                let value = f64::from_bits(*bits);
                let value = if value.is_infinite() { "+Inf".to_owned() } else { value.to_string() };
                let set = labels.without_name().to_string().replace(", ", ",");
                let _ = writeln!(text, "{metric}{set} {value} {}.{:03}", time / 1000, time % 1000);
            }
        }
    }
    text + "# EOF\n"
}

/// Lets promtool make blocks.
pub(crate) fn create_blocks(promtool: &Path, contents: &Contents, dir: &Path) {
    let file = dir.with_extension("txt");
    std::fs::write(&file, open_metrics(contents)).unwrap();
    let made = Command::new(promtool)
        .args(["tsdb", "create-blocks-from", "openmetrics"])
        .args([&file, dir])
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
}

fn open(dir: &Path) -> Db {
    let mut options = Options::new(dir);
    options.retention_ms = i64::MAX;
    Db::open(options, Arc::new(RealFs)).unwrap()
}

pub(crate) fn memory_db(fs: &MemoryFs) -> Db {
    let mut options = Options::new(DIR);
    options.retention_ms = i64::MAX;
    open_with(Arc::new(fs.clone()), options)
}

/// Writes one block whatever the times.
pub(crate) fn write_named(fs: &Arc<dyn Fs>, contents: &Contents, number: u64) {
    let name = ulid(number, [0; 10]);
    let mut writer = BlockWriter::create(fs.clone(), Path::new(DIR), &name).unwrap();
    for (labels, samples) in contents {
        let samples = samples.iter().map(|(time, bits)| (*time, f64::from_bits(*bits)));
        let chunks = cut_floats(samples, CHUNK_RANGE_MS);
        let chunks: Vec<_> = chunks.iter().map(|chunk| chunk.as_encoded()).collect();
        writer.add_series(labels, &chunks).unwrap();
    }
    writer.finish(None, None).unwrap().unwrap();
}

/// A copy of a directory in memory.
pub(crate) fn in_memory(dir: &Path, to: &Path, fs: &MemoryFs) {
    for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            in_memory(&entry.path(), &to, fs);
        } else {
            fs.put(&to, &std::fs::read(entry.path()).unwrap());
        }
    }
}

#[test]
fn blocks_of_promtool_are_read_back_sample_by_sample() {
    let Some(promtool) = peer("promtool") else { return };
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let wanted = sample_data(1, 60, 7);
    create_blocks(&promtool, &wanted, &data);
    let db = open(&data);
    assert_eq!(db.blocks().len(), 4);
    assert_eq!(contents(&db), wanted);
    for (name, value) in [("instance", "host3"), ("__name__", "load"), ("n", "none")] {
        let matcher = [Matcher::equal(name, value)];
        let mut some = wanted.clone();
        some.retain(|labels, _| labels.value(name) == value);
        assert_eq!(read(&*db.querier(i64::MIN, i64::MAX), &matcher), some, "{name}={value}");
        let matcher = [Matcher::not_equal(name, value)];
        let mut others = wanted.clone();
        others.retain(|labels, _| labels.value(name) != value);
        assert_eq!(read(&*db.querier(i64::MIN, i64::MAX), &matcher), others, "{name}!={value}");
    }
    let (start, end) = (START + HOUR, START + 3 * HOUR);
    let mut part = wanted;
    for samples in part.values_mut() {
        samples.retain(|(time, _)| (start..=end).contains(time));
    }
    assert_eq!(read(&*db.querier(start, end), &[]), part);
    let querier = db.querier(start, end);
    assert_eq!(querier.label_names(&[], 0).unwrap(), ["__name__", "instance", "n"]);
    assert_eq!(querier.label_values("__name__", &[], 0).unwrap(), ["bytes_total", "load", "up"]);
    let up = [Matcher::equal("__name__", "up")];
    assert_eq!(querier.label_values("__name__", &up, 0).unwrap(), ["up"]);
    assert_eq!(querier.label_values("n", &up, 2).unwrap(), ["0", "1"]);
}

/// What opening and reading everything gives: the contents, or an error.
fn look(fs: &MemoryFs, dir: &Path) -> Result<Contents, String> {
    let block = Block::open(fs, dir).map_err(|error| error.to_string())?;
    let mut names = 0;
    for (name, values) in block.label_names() {
        let mut seen = 0;
        let count = &mut |_: &str, _: usize| {
            seen += 1;
            true
        };
        block.label_values(name, count).map_err(|error| error.to_string())?;
        names += seen - values;
    }
    assert_eq!(names, 0);
    let querier = block_querier(vec![Arc::new(block)], i64::MIN, i64::MAX);
    try_read(&*querier, &[])
}

/// A few thousand flipped bytes in every file: no panic, and wherever a checksum stands in the way no
/// wrong sample either.
#[test]
fn damage_gives_an_error_with_its_place_and_never_a_wrong_sample() {
    let Some(promtool) = peer("promtool") else { return };
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let wanted = sample_data(3, 20, 1);
    create_blocks(&promtool, &wanted, &data);
    let memory = MemoryFs::default();
    in_memory(&data, Path::new(DIR), &memory);
    let name = memory.list(Path::new(DIR)).unwrap()[0].name.clone();
    let dir = Path::new(DIR).join(name);
    assert_eq!(look(&memory, &dir).unwrap(), wanted);
    let (mut errors, mut harmless) = (0, 0);
    for (file, flips) in
        [("index", 4000), ("chunks/000001", 2000), ("tombstones", 300), ("meta.json", 600)]
    {
        let path = dir.join(file);
        let good = memory.read(&path).unwrap();
        let mut random = Random::new(17);
        for _ in 0..flips {
            let mut bytes = good.clone();
            match random.below(8) {
                0 => bytes.truncate(random.below(good.len() as u64) as usize),
                _ => {
                    let at = random.below(good.len() as u64) as usize;
                    bytes[at] ^= 1 + random.below(255) as u8;
                }
            }
            memory.put(&path, &bytes);
            match look(&memory, &dir) {
                Ok(found) => {
                    harmless += 1;
                    // `meta.json` has no checksum: its times may leave samples out.
                    assert!(found == wanted || file == "meta.json", "{file}, seed 17");
                }
                Err(error) => {
                    errors += 1;
                    assert!(error.contains(file), "{error}");
                }
            }
        }
        memory.put(&path, &good);
    }
    println!("seed 17: {errors} refused, {harmless} harmless");
    assert!(errors > 5000);
}

#[test]
fn blocks_and_head_together_show_every_series_once() {
    let memory = MemoryFs::default();
    let fs: Arc<dyn Fs> = Arc::new(memory.clone());
    let old = sample_data(6, 12, 4);
    write_blocks(&fs, Path::new(DIR), &old).unwrap();
    let db = memory_db(&memory);
    assert_eq!(db.blocks().len(), 2);
    let behind = db.blocks()[1].max_time;
    let both = old.keys().next().unwrap().clone();
    let new = labels(&[("__name__", "new"), ("n", "1")]);
    assert!(
        !commit(&db, std::slice::from_ref(&both), behind - 1, 1.0),
        "older than the newest block"
    );
    for minute in 0..5 {
        assert!(commit(&db, &[both.clone(), new.clone()], behind + minute * 60_000, 2.5));
    }
    let mut wanted = old;
    for minute in 0..5 {
        let sample = (behind + minute * 60_000, 2.5_f64.to_bits());
        wanted.get_mut(&both).unwrap().push(sample);
        wanted.entry(new.clone()).or_default().push(sample);
    }
    assert_eq!(contents(&db), wanted);
    let querier = db.querier(i64::MIN, i64::MAX);
    let all = querier.label_values("__name__", &[], 0).unwrap();
    assert_eq!(all, ["bytes_total", "load", "new", "up"]);
    for sorted in [true, false] {
        let hints = SelectHints { labels_only: true, ..SelectHints::default() };
        let mut set = querier.select(sorted, &hints, &[]).unwrap();
        let mut columns = SampleColumns::default();
        let mut seen = Vec::new();
        while let Some(labels) = set.next(&mut columns).unwrap() {
            seen.push(labels);
        }
        seen.sort_by(|a, b| if sorted { std::cmp::Ordering::Equal } else { a.cmp(b) });
        assert_eq!(seen, wanted.keys().cloned().collect::<Vec<_>>(), "sorted: {sorted}");
        // Unsorted, the head's series are found by hash.
        let hints = SelectHints { start: i64::MIN, end: i64::MAX, ..SelectHints::default() };
        let mut set = querier.select(sorted, &hints, &[]).unwrap();
        let mut found = Contents::new();
        while let Some(labels) = set.next(&mut columns).unwrap() {
            let bits = columns.values.iter().map(|value| value.to_bits());
            found.insert(labels, columns.timestamps.iter().copied().zip(bits).collect());
        }
        assert_eq!(found, wanted);
    }
    // The log is read whole: what a block covers too is there once.
    drop(db);
    let copy = sample_data(6, 12, 4);
    let again: Contents = copy.iter().take(1).map(|(l, s)| (l.clone(), s.clone())).collect();
    write_named(&fs, &again, 99);
    let db = memory_db(&memory.after_kill());
    assert_eq!(db.blocks().len(), 3);
    assert_eq!(contents(&db), wanted);
}

#[test]
fn of_samples_at_the_same_time_the_later_block_wins() {
    let memory = MemoryFs::default();
    let fs: Arc<dyn Fs> = Arc::new(memory.clone());
    let set = labels(&[("__name__", "a")]);
    let samples = |times: &[i64], value: f64| -> Contents {
        let samples = times.iter().map(|time| (START + time * 1000, value.to_bits())).collect();
        [(set.clone(), samples)].into()
    };
    write_named(&fs, &samples(&[0, 60, 120, 240], 1.0), 1);
    write_named(&fs, &samples(&[60, 90, 240, 300], 2.0), 2);
    let found = contents(&memory_db(&memory));
    let times: Vec<_> = found[&set]
        .iter()
        .map(|(time, bits)| ((time - START) / 1000, f64::from_bits(*bits)))
        .collect();
    assert_eq!(times, [(0, 1.0), (60, 2.0), (90, 2.0), (120, 1.0), (240, 2.0), (300, 2.0)]);
}

#[test]
fn blocks_come_and_go_while_the_database_is_open() {
    let memory = MemoryFs::default();
    let fs: Arc<dyn Fs> = Arc::new(memory.clone());
    let all = sample_data(7, 6, 8);
    write_blocks(&fs, Path::new(DIR), &all).unwrap();
    let name = memory.list(Path::new(DIR)).unwrap()[0].name.clone();
    let meta = Path::new(DIR).join(name).join("meta.json");
    let good = memory.read(&meta).unwrap();
    memory.put(&meta, b"{}");
    memory.create_dir(&Path::new(DIR).join("01ARZ3NDEKZZZZZZZZZZZZZZZZ.tmp-for-deletion")).unwrap();
    let db = memory_db(&memory);
    assert_eq!(db.blocks().len(), 3, "a broken block is left out");
    let names = || -> Vec<String> {
        let entries = memory.list(Path::new(DIR)).unwrap().into_iter();
        entries.filter(|entry| entry.name.starts_with('0')).map(|entry| entry.name).collect()
    };
    assert_eq!(names().len(), 4, "and not removed; what was left of another one is");
    assert_eq!(metric(&db, "hearth_tsdb_blocks_broken"), 1.0);
    // Mended, it is found by the next look, which is not before its time.
    memory.put(&meta, &good);
    db.reload_if_due(1_000_000).unwrap();
    db.reload_if_due(1_059_999).unwrap();
    assert_eq!(db.blocks().len(), 3);
    db.reload_if_due(1_060_000).unwrap();
    assert_eq!((db.blocks().len(), contents(&db) == all), (4, true));
    drop(db);
    // By age: the newest block's end counts.
    let mut options = Options::new(DIR);
    options.retention_ms = 4 * HOUR;
    let db = open_with(fs.clone(), options.clone());
    assert_eq!((db.blocks().len(), names().len()), (2, 2));
    let size = db.blocks().len() as u64;
    drop(db);
    // By size: the oldest go first.
    options.retention_bytes = memory.used() - 1;
    let db = open_with(fs, options);
    assert_eq!((size, db.blocks().len(), names().len()), (2, 1, 1));
}

#[test]
fn what_is_deleted_from_blocks_stays_deleted_and_promtool_sees_it_too() {
    let memory = MemoryFs::default();
    let fs: Arc<dyn Fs> = Arc::new(memory.clone());
    let mut wanted = sample_data(8, 9, 4);
    write_blocks(&fs, Path::new(DIR), &wanted).unwrap();
    let db = memory_db(&memory);
    let (start, end) = (START + HOUR, START + 3 * HOUR);
    let up = [Matcher::equal("__name__", "up")];
    assert_eq!(db.delete(start, end, &up).unwrap(), 6, "three series in two blocks");
    for (labels, samples) in &mut wanted {
        samples.retain(|(time, _)| labels.metric_name() != "up" || !(start..=end).contains(time));
    }
    assert_eq!(contents(&db), wanted);
    assert_eq!(db.blocks().iter().map(|meta| meta.stats.num_tombstones).sum::<u64>(), 6);
    drop(db);
    let db = memory_db(&memory.after_power_cut(&mut |_| 0));
    assert_eq!(contents(&db), wanted);
    let Some(promtool) = peer("promtool") else { return };
    let folder = tempfile::tempdir().unwrap();
    let real: Arc<dyn Fs> = Arc::new(RealFs);
    write_blocks(&real, folder.path(), &sample_data(8, 9, 4)).unwrap();
    let db = open(folder.path());
    db.delete(start, end, &up).unwrap();
    db.close().unwrap();
    let dump = Command::new(promtool).args(["tsdb", "dump"]).arg(folder.path()).output().unwrap();
    let lines = String::from_utf8(dump.stdout).unwrap().lines().count();
    assert_eq!(lines, wanted.values().map(Vec::len).sum::<usize>(), "{:?}", dump.stderr);
}
