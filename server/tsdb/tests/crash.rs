//! Kills at every byte, damage at every byte, power cuts by the thousand.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use common_model::{Labels, Matcher, stale_marker};
use server_storage::{SeriesRef, Watch};
use server_tsdb::fs::{Fs, MemoryFs};
use server_tsdb::{Db, Error, Options};

use crate::support::{
    Contents, DIR, Random, commit, contents, each_series, labels, names, open, open_with, read,
};

const SEGMENT: &str = "/data/wal/00000000";
/// The simulation stops after that long; it runs at least [`RUNS_MIN`] seeds.
const SIMULATION_TIME: Duration = Duration::from_secs(15);
const RUNS_MIN: u64 = 50;

/// A log of one segment, the bytes it had after each commit, and what the store held then.
struct Recorded {
    bytes: Vec<u8>,
    acknowledged: Vec<(usize, Contents)>,
}

fn record() -> Recorded {
    let fs = MemoryFs::default();
    let db = open(&fs);
    let mut random = Random::new(7);
    let mut acknowledged = Vec::new();
    for step in 0..150 {
        let mut batch = db.appender();
        // Series join over time, so that every kind of record stands everywhere.
        for series in 0..(10 + step / 3) {
            let labels = labels(&[("__name__", "m"), ("series", &series.to_string())]);
            let value = f64::from_bits(random.next());
            batch.append(SeriesRef(0), &labels, i64::from(step) * 1000, value).unwrap();
        }
        batch.commit().unwrap();
        let len = fs.read(Path::new(SEGMENT)).unwrap().len();
        acknowledged.push((len, contents(&db)));
    }
    let bytes = fs.read(Path::new(SEGMENT)).unwrap();
    Recorded { bytes, acknowledged }
}

fn disk_with(bytes: &[u8]) -> MemoryFs {
    let fs = MemoryFs::default();
    fs.put(Path::new(SEGMENT), bytes);
    fs
}

#[test]
fn a_kill_at_any_byte_loses_nothing_acknowledged_and_invents_nothing() {
    let recorded = record();
    assert!(recorded.bytes.len() >= 50_000, "{}", recorded.bytes.len());
    let nothing = Contents::new();
    for len in 0..=recorded.bytes.len() {
        let fs = disk_with(&recorded.bytes[..len]);
        let db = open(&fs);
        let complete = recorded.acknowledged.partition_point(|(end, _)| *end <= len);
        let wanted = complete.checked_sub(1).map_or(&nothing, |at| &recorded.acknowledged[at].1);
        assert_eq!(&contents(&db), wanted, "cut at byte {len}");
        assert_eq!(db.replay_report().corruptions, 0, "cut at byte {len}");
        if len % 31 == 0 {
            let again = open(&fs.after_kill());
            assert_eq!(&contents(&again), wanted, "opened again, cut at byte {len}");
        }
    }
    println!("{} prefixes", recorded.bytes.len() + 1);
}

#[test]
fn damage_to_any_byte_costs_one_batch_and_the_damaged_segment_is_kept() {
    let recorded = record();
    let all = &recorded.acknowledged.last().unwrap().1;
    let mut random = Random::new(3);
    let mut costs = BTreeMap::new();
    for at in (0..recorded.bytes.len()).step_by(13) {
        let mut bytes = recorded.bytes.clone();
        bytes[at] ^= 1 << random.below(8);
        let fs = disk_with(&bytes);
        let db = open(&fs);
        let left = contents(&db);
        for (labels, samples) in &left {
            let wanted: BTreeSet<_> = all[labels].iter().collect();
            assert!(samples.iter().all(|s| wanted.contains(s)), "invented, byte {at}");
        }
        let times = |all: &Contents| all.values().flatten().map(|s| s.0).collect::<BTreeSet<_>>();
        let lost_batches = times(all).len() - times(&left).len();
        // Records of series stand twice.
        assert!(lost_batches <= 1 && all.len() == left.len(), "byte {at}: {lost_batches}");
        *costs.entry(lost_batches).or_insert(0) += 1;
        let quarantined = fs.read(Path::new("/data/wal/00000000.corrupt"));
        let torn = db.replay_report().corruptions == 0;
        assert!(torn || quarantined.as_ref() == Some(&bytes), "byte {at} is not kept");
        assert_eq!(contents(&open(&fs.after_kill())), left, "opened again, byte {at}");
        assert_eq!(open(&fs.after_kill()).replay_report().corruptions, 0, "byte {at}");
    }
    println!("batches lost: how often: {costs:?}");
}

/// What was written and what of it must be there.
#[derive(Default)]
struct Model {
    /// Every sample ever offered.
    offered: BTreeMap<(Labels, i64), u64>,
    /// Acknowledged samples, in order; the first `durable` survive a power cut.
    acknowledged: Vec<(Labels, i64)>,
    durable: usize,
    /// What must not be there any more, unless a power cut took the deletion.
    deleted: BTreeSet<(Labels, i64)>,
    /// What was deleted of which series: late samples there would not be seen.
    holes: Vec<(String, i64, i64)>,
    cutoff: i64,
    now: i64,
    /// Whether some samples have starts, and whether series end.
    starts: bool,
    ends: bool,
}

impl Model {
    /// Everything in a store; samples have the starts that they were given.
    fn look(&self, db: &Db) -> Contents {
        let mut all = Contents::new();
        let outcome = each_series(&*db.querier(i64::MIN, i64::MAX), &[], |labels, columns| {
            let bits = columns.values.iter().map(|value| value.to_bits());
            let samples: Vec<_> = columns.timestamps.iter().copied().zip(bits).collect();
            for (at, &(time, bits)) in samples.iter().enumerate() {
                let wanted = self.start_of(time, bits);
                assert_eq!(columns.start(at).unwrap_or(0), wanted, "{labels} at {time}");
            }
            all.insert(labels, samples);
        });
        outcome.unwrap();
        all
    }

    /// Since when a sample counts, which time and value tell; zero where nobody knows.
    fn start_of(&self, time: i64, bits: u64) -> i64 {
        let has = self.starts && !bits.is_multiple_of(8);
        if has { time - (bits / 8 % 1000) as i64 } else { 0 }
    }

    fn check(&self, found: &Contents, must: &[(Labels, i64)], seed: u64) {
        for (labels, samples) in found {
            assert!(samples.windows(2).all(|two| two[0].0 < two[1].0), "seed {seed}: order");
            for (time, bits) in samples {
                let offered = self.offered.get(&(labels.clone(), *time));
                assert_eq!(
                    offered,
                    Some(bits),
                    "seed {seed}: {labels} at {time} was never written"
                );
            }
        }
        for (labels, time) in &self.deleted {
            let there = found.get(labels).is_some_and(|samples| {
                samples.binary_search_by_key(time, |sample| sample.0).is_ok()
            });
            assert!(!there, "seed {seed}: {labels} at {time} is back");
        }
        for (labels, time) in must.iter().filter(|(_, time)| *time >= self.cutoff) {
            let there = found.get(labels).is_some_and(|samples| {
                samples.binary_search_by_key(time, |sample| sample.0).is_ok()
            });
            assert!(there, "seed {seed}: {labels} at {time} is lost");
        }
    }

    /// What survived is what there is from now on, and it is durable.
    fn adopt(&mut self, found: &Contents) {
        let samples = found
            .iter()
            .flat_map(|(labels, samples)| samples.iter().map(|(time, _)| (labels.clone(), *time)));
        self.acknowledged = samples.collect();
        self.durable = self.acknowledged.len();
    }

    /// Forgets deletions that a power cut undid.
    fn undo_deletions(&mut self, found: &Contents) {
        let back = |(labels, time): &(Labels, i64)| {
            let samples = found.get(labels).map_or(&[][..], Vec::as_slice);
            samples.binary_search_by_key(time, |sample| sample.0).is_ok()
        };
        self.deleted.retain(|key| !back(key));
    }

    /// Now, or now and then earlier.
    fn time_for(&self, name: &str, labels: &Labels, random: &mut Random) -> i64 {
        let late = self.now - random.below(1_200_000) as i64;
        let is_hole =
            |(of, first, last): &(String, i64, i64)| of == name && (*first..=*last).contains(&late);
        let taken = self.offered.contains_key(&(labels.clone(), late));
        let ordered = random.below(4) > 0 || taken || self.holes.iter().any(is_hole);
        if ordered { self.now } else { late }
    }

    fn delete(&mut self, db: &Db, random: &mut Random) {
        let name = random.below(30).to_string();
        let end = self.now - random.below(1_800_000) as i64;
        let start = end - random.below(600_000) as i64;
        db.delete(start, end, &[Matcher::equal("name", &name)]).unwrap();
        // What was too old already may come back from the log, and nobody saw it to delete it.
        self.holes.push((name.clone(), start, end));
        let start = start.max(self.cutoff);
        let gone = |(labels, time): &(Labels, i64)| {
            labels.value("name") == name && (start..=end).contains(time)
        };
        self.deleted.extend(self.acknowledged.iter().filter(|key| gone(key)).cloned());
        let durable = self.acknowledged[..self.durable].iter().filter(|key| !gone(key)).count();
        self.acknowledged.retain(|key| !gone(key));
        self.durable = durable;
    }

    fn commit(&mut self, db: &Db, random: &mut Random) {
        self.now += 1 + random.below(60_000) as i64;
        let mut batch = db.appender();
        let mut new = Vec::new();
        for _ in 0..=random.below(20) {
            let name = random.below(30).to_string();
            let labels = labels(&[("__name__", "m"), ("name", &name)]);
            let value = match self.ends && random.below(4) == 0 {
                true => stale_marker(),
                false => f64::from_bits(random.next()),
            };
            let time = self.time_for(&name, &labels, random);
            if batch.append(SeriesRef(0), &labels, time, value).is_ok() {
                batch.set_start(self.start_of(time, value.to_bits()));
                // Of two samples in one batch the first counts.
                let key = (labels, time);
                if !new.contains(&key) {
                    self.offered.insert(key.clone(), value.to_bits());
                    new.push(key);
                }
            }
        }
        if random.below(10) == 0 {
            return batch.rollback();
        }
        batch.commit().unwrap();
        self.acknowledged.extend(new);
    }
}

fn small(fs: &MemoryFs) -> Db {
    // One page a segment, so that segments end all the time; blocks of ten minutes, half an hour ...
    let options = Options {
        wal_segment_bytes: 32 * 1024,
        chunk_range_ms: 600_000,
        out_of_order_window_ms: 1_200_000,
        // Late samples of a series go to files when there are a few.
        out_of_order_chunk_samples: 3,
        retention_ms: 1_000_000_000,
        stale_series_share: 0.2,
        ..Options::new(DIR)
    };
    open_with(Arc::new(fs.clone()) as Arc<dyn Fs>, options)
}

/// Compacts, now and then not to the end, and while somebody reads.
fn compact(db: &Db, random: &mut Random, name: &mut dyn FnMut() -> String) {
    let reader = (random.below(3) == 0).then(|| db.querier(i64::MIN, i64::MAX));
    let before = reader.as_ref().map(|_| contents(db));
    let looks = if random.below(4) == 0 { random.below(20) as i64 } else { i64::MAX };
    let left = AtomicI64::new(looks);
    let watch = Watch::new(Arc::new(move || left.fetch_sub(1, Ordering::SeqCst) > 0));
    match db.compact(name, &watch) {
        Err(Error::Interrupted) if looks < i64::MAX => {}
        result => result.unwrap(),
    }
    if let (Some(reader), Some(before)) = (reader, before) {
        assert_eq!(read(&*reader, &[]), before);
    }
}

/// Lets the disk be full for a moment, and makes room as far as something set aside would give it.
fn relieve(
    (db, fs): (&Db, &MemoryFs),
    now: i64,
    random: &mut Random,
    name: &mut dyn FnMut() -> String,
) {
    let wanted = contents(db);
    fs.set_capacity(Some(fs.used()));
    let some = [labels(&[("__name__", "m"), ("name", "refused")])];
    assert!(!commit(db, &some, now + 1, 1.0));
    fs.set_capacity(Some(fs.used() + random.below(60_000)));
    // The time is one that is far from the last one.
    let relieved = db.relieve_if_full(random.next() as i64, name, &Watch::default());
    fs.set_capacity(None);
    assert!(contents(db) == wanted, "{relieved:?}");
}

/// Flips a bit in a file of head chunks, as the next start finds it.
fn damage_head_chunks(fs: &MemoryFs, random: &mut Random) {
    let dir = Path::new("/data/chunks_head");
    let entries = fs.list(dir).unwrap_or_default();
    let Some(entry) = entries.get(random.below(entries.len() as u64) as usize) else { return };
    let path = dir.join(&entry.name);
    let mut bytes = fs.read(&path).unwrap();
    if let Some(byte) = bytes.get_mut(random.below(entry.len) as usize) {
        *byte ^= 1 << random.below(8);
        fs.put(&path, &bytes);
    }
}

/// Returns how many blocks there were at the end, and how many chunks of late samples starts took up.
/// With every fourth seed the disk is full at times, with every fifth samples have starts, with every
/// third series end.
fn simulate(seed: u64) -> (usize, u64) {
    let mut random = Random::new(seed);
    let mut name = names();
    let mut fs = MemoryFs::default();
    let mut db = small(&fs);
    let mut model = Model { starts: seed % 5 == 2, ends: seed % 3 == 1, ..Model::default() };
    let mut late = 0;
    for _ in 0..60 + random.below(100) {
        match random.below(if seed % 4 == 3 { 124 } else { 118 }) {
            118..=123 => relieve((&db, &fs), model.now, &mut random, &mut name),
            115..=117 => {
                fs = fs.after_kill();
                damage_head_chunks(&fs, &mut random);
                db = small(&fs);
                late += db.replay_report().late_chunks;
                let found = model.look(&db);
                model.check(&found, &model.acknowledged, seed);
                model.adopt(&found);
            }
            100..=109 => compact(&db, &mut random, &mut name),
            110..=114 => model.delete(&db, &mut random),
            0..=69 => model.commit(&db, &mut random),
            70..=84 => {
                db.sync().unwrap();
                model.durable = model.acknowledged.len();
            }
            85..=89 => {
                model.cutoff = model.cutoff.max(model.now - random.below(2_000_000) as i64);
                db.truncate(model.cutoff).unwrap();
                db.sync().unwrap();
                model.durable = model.acknowledged.len();
            }
            90..=94 => {
                fs = fs.after_kill();
                db = small(&fs);
                late += db.replay_report().late_chunks;
                let found = model.look(&db);
                model.check(&found, &model.acknowledged, seed);
                model.adopt(&found);
            }
            _ => {
                fs = fs.after_power_cut(&mut |limit| random.below(limit));
                db = small(&fs);
                late += db.replay_report().late_chunks;
                let found = model.look(&db);
                model.undo_deletions(&found);
                model.check(&found, &model.acknowledged[..model.durable], seed);
                model.adopt(&found);
            }
        }
        if random.below(4) == 0 {
            db.map_head_chunks().unwrap();
        }
        if random.below(20) == 0 {
            model.check(&model.look(&db), &model.acknowledged, seed);
        }
    }
    (db.blocks().len(), late)
}

#[test]
fn power_cuts_cost_nothing_that_was_synced_and_kills_nothing_at_all() {
    // A failing seed is printed; HEARTH_SEED=n runs it alone.
    if let Some(seed) = std::env::var("HEARTH_SEED").ok().and_then(|seed| seed.parse().ok()) {
        simulate(seed);
        return;
    }
    // HEARTH_SEEDS=a..b runs those, however long it takes.
    let wanted = std::env::var("HEARTH_SEEDS").ok().and_then(|seeds| {
        let (first, end) = seeds.split_once("..")?;
        Some((first.parse().ok()?, end.parse().ok()?))
    });
    let (first, end): (u64, u64) = wanted.unwrap_or((0, u64::MAX));
    let start = Instant::now();
    let (mut seed, mut blocks, mut late) = (first, 0, 0);
    while seed < end && (wanted.is_some() || seed < RUNS_MIN || start.elapsed() < SIMULATION_TIME) {
        let (more, more_late) = simulate(seed);
        (blocks, late) = (blocks + more, late + more_late);
        seed += 1;
    }
    println!("{} seeds, {blocks} blocks, {late} chunks of late samples", seed - first);
    assert!(blocks > 10, "nothing was compacted");
    assert!(late > 10, "no late samples were in files");
}
