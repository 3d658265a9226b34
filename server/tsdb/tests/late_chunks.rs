//! Samples that come late leave the memory for files: nobody sees a difference, whatever the disk
//! does meanwhile.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use common_model::Matcher;
use server_storage::{SeriesRef, Watch};
use server_tsdb::fs::{FailingFs, FailureMode, Fs, MemoryFs};
use server_tsdb::{Db, Options};

use crate::histograms::{Source, all};
use crate::out_of_order::{HOUR, MINUTE, START, Taken, as_contents, offer, options, set};
use crate::support::{Contents, DIR, Random, contents, names, names_from, open_with, read};
use crate::upkeep::metric;

pub(crate) const FILE: &str = "/data/chunks_head/000001";
pub(crate) const LOG: &str = "/data/wbl/00000000";

/// Samples in order, a minute each, and so many late ones in every minute, of which many have the
/// time of another late one.
pub(crate) fn fill(
    db: &Db,
    taken: &mut Taken,
    minutes: std::ops::Range<i64>,
    late: u64,
    random: &mut Random,
) {
    for minute in minutes {
        let now = START + minute * MINUTE;
        let mut samples: Vec<_> = (0..6).map(|n| (n, now, random.below(100) as f64)).collect();
        for _ in 0..late {
            let back = random.below(5 * 360) as i64 * 10_000 + 5_000;
            samples.push((2 + random.below(4), now - back, random.below(100) as f64));
        }
        offer(db, taken, &samples);
    }
}

pub(crate) fn open(fs: &MemoryFs) -> Db {
    open_with(Arc::new(fs.clone()), options())
}

pub(crate) fn in_files(db: &Db) -> f64 {
    metric(db, "hearth_tsdb_head_out_of_order_samples_in_files")
}

pub(crate) fn waiting(db: &Db) -> f64 {
    metric(db, "hearth_tsdb_head_out_of_order_samples")
}

/// A store whose late samples are mostly in one file, its options, and what it holds.
pub(crate) fn filled() -> (MemoryFs, Contents) {
    let fs = MemoryFs::default();
    // One segment is easier to break.
    let options = Options { wal_segment_bytes: 1 << 20, ..options() };
    let db = open_with(Arc::new(fs.clone()), options);
    let mut taken = Taken::new();
    for part in 0..3 {
        // Too few in order for a chunk.
        fill(&db, &mut taken, part * 30..part * 30 + 30, 8, &mut Random::new(part as u64));
        assert!(db.map_head_chunks().unwrap() > 0);
    }
    fill(&db, &mut taken, 90..95, 8, &mut Random::new(4));
    let wanted = as_contents(&taken);
    assert!(contents(&db) == wanted);
    assert!(in_files(&db) > 500.0 && waiting(&db) > in_files(&db));
    drop(db);
    (fs, wanted)
}

/// Those samples that came late.
pub(crate) fn late(all: &Contents) -> Contents {
    let is_late = |sample: &&(i64, u64)| sample.0 % MINUTE != 0;
    let row = |samples: &Vec<_>| samples.iter().filter(is_late).copied().collect::<Vec<_>>();
    all.iter().map(|(labels, samples)| (labels.clone(), row(samples))).collect()
}

/// Opens a store twice, which must hold the same, and says how many chunks were taken up.
pub(crate) fn check_open(fs: &MemoryFs, wanted: &Contents, what: &str) -> u64 {
    let db = open(fs);
    assert!(contents(&db) == *wanted, "{what}");
    let first = db.replay_report().late_chunks;
    db.map_head_chunks().unwrap();
    assert!(contents(&db) == *wanted, "{what}, mapped");
    let (files, all) = (in_files(&db), waiting(&db));
    drop(db);
    let again = open(&fs.after_kill());
    assert!(contents(&again) == *wanted, "{what}, again");
    assert_eq!((in_files(&again), waiting(&again)), (files, all), "{what}, again");
    first
}

#[test]
fn late_samples_leave_the_memory_and_are_read_as_before() {
    let fs = MemoryFs::default();
    let db = open(&fs);
    let (mut random, mut taken) = (Random::new(1), Taken::new());
    let before = metric(&db, "prometheus_tsdb_mmap_chunks_total");
    let mut mapped = 0;
    for part in 0..20 {
        fill(&db, &mut taken, part * 10..part * 10 + 10, 10, &mut random);
        let wanted = as_contents(&taken);
        assert!(contents(&db) == wanted, "part {part}");
        mapped += db.map_head_chunks().unwrap();
        assert!(contents(&db) == wanted, "part {part}, in files");
        if part % 5 == 4 {
            assert!(check_open(&fs.after_kill(), &wanted, "opened again") > 0);
        }
    }
    assert_eq!(metric(&db, "prometheus_tsdb_mmap_chunks_total") - before, mapped as f64);
    assert!(in_files(&db) * 10.0 > waiting(&db) * 8.0, "{} {}", in_files(&db), waiting(&db));
    // Parts of it, too.
    let wanted = as_contents(&taken);
    for _ in 0..50 {
        let start = START - 6 * HOUR + random.below(9 * HOUR as u64) as i64;
        let end = start + random.below(2 * HOUR as u64) as i64;
        let n = random.below(6);
        let found = read(&*db.querier(start, end), &[Matcher::equal("n", n.to_string())]);
        let mut some = wanted[&set(n)].clone();
        some.retain(|(time, _)| (start..=end).contains(time));
        assert_eq!(found.get(&set(n)).cloned().unwrap_or_default(), some);
    }
    let read_only = Db::open_read_only(DIR, Arc::new(fs.after_kill())).unwrap();
    assert!(contents(&read_only) == wanted, "read-only");
    assert!(in_files(&read_only) > 0.0);
    let ulid = names_from(1_900_000_000_000)();
    db.snapshot("late", Some(&ulid)).unwrap();
    let snapshot = Options { dir: Path::new(DIR).join("snapshots/late"), ..options() };
    assert!(contents(&open_with(Arc::new(fs.clone()), snapshot)) == wanted, "snapshot");
    db.compact(&mut names(), &Watch::default()).unwrap();
    assert!(contents(&db) == wanted, "compacted");
    assert_eq!((waiting(&db), in_files(&db)), (0.0, 0.0));
    assert!(metric(&db, "prometheus_tsdb_out_of_order_wbl_storage_size_bytes") < 20_000.0);
    assert!(contents(&open(&fs.after_kill())) == wanted, "compacted, opened again");
}

#[test]
fn of_several_at_one_time_the_first_counts_wherever_it_is() {
    let fs = MemoryFs::default();
    let db =
        open_with(Arc::new(fs.clone()), Options { out_of_order_chunk_samples: 2, ..options() });
    let mut taken = Taken::new();
    offer(&db, &mut taken, &[(0, START, 0.0)]);
    for value in 1..6 {
        let value = f64::from(value);
        // The first pair goes to a file, then others with its times, one of each new.
        let times = [START - HOUR, START - HOUR - value as i64 * MINUTE];
        offer(&db, &mut taken, &times.map(|time| (0, time, value)));
        if value < 5.0 {
            assert_eq!(db.map_head_chunks().unwrap(), 1);
        }
        assert_eq!(contents(&db), as_contents(&taken), "{value}");
    }
    assert_eq!(contents(&db)[&set(0)][5], (START - HOUR, 1.0_f64.to_bits()));
    // However many chunks a start believes.
    let wanted = as_contents(&taken);
    let bytes = fs.read(Path::new(FILE)).unwrap();
    for len in 0..bytes.len() {
        let disk = fs.after_kill();
        disk.put(Path::new(FILE), &bytes[..len]);
        check_open(&disk, &wanted, &format!("cut at byte {len}"));
    }
    db.compact(&mut names(), &Watch::default()).unwrap();
    assert_eq!(contents(&db), wanted);
}

#[test]
fn late_histograms_leave_the_memory_and_mean_the_same() {
    let fs = MemoryFs::default();
    let db = open(&fs);
    let mut sources: Vec<_> = (0..6).map(|n| Source::new(70 + n, n % 2 == 0)).collect();
    let even = (0..300).step_by(2).map(|minute| (minute, minute));
    let odd = (1..300).step_by(2).map(|minute| (minute + 150, minute));
    let mut order: Vec<(i64, i64)> = even.chain(odd).collect();
    order.sort_unstable();
    for (at, (_, minute)) in order.into_iter().enumerate() {
        let mut batch = db.appender();
        for (n, source) in (0..).zip(&mut sources) {
            let (histogram, time) = (source.next(), START + minute * MINUTE);
            match n % 2 {
                // A series may have both kinds, and floats.
                _ if n == 4 && at % 7 == 0 => batch.append(SeriesRef(0), &set(n), time, at as f64),
                0 => batch.append_integer_histogram(SeriesRef(0), &set(n), time, &histogram),
                _ => batch.append_histogram(SeriesRef(0), &set(n), time, &histogram),
            }
            .unwrap();
        }
        batch.commit().unwrap();
        if at % 50 == 0 {
            let wanted = all(&db);
            db.map_head_chunks().unwrap();
            assert!(all(&db) == wanted, "sample {at}");
        }
    }
    let wanted = all(&db);
    assert!(in_files(&db) > 500.0, "{} of {}", in_files(&db), waiting(&db));
    let again = open(&fs.after_kill());
    assert!(all(&again) == wanted, "from files");
    assert!(again.replay_report().late_chunks > 20, "{:?}", again.replay_report());
    assert!(in_files(&again) >= in_files(&db));
    let disk = fs.after_kill();
    disk.remove(Path::new(FILE)).unwrap();
    assert!(all(&open(&disk)) == wanted, "from the log");
    db.compact(&mut names(), &Watch::default()).unwrap();
    assert!(all(&db) == wanted, "from blocks");
    assert_eq!(in_files(&db), 0.0);
}

#[test]
fn a_kill_at_any_byte_of_the_log_leaves_what_was_acknowledged() {
    let fs = MemoryFs::default();
    let options =
        || Options { out_of_order_chunk_samples: 3, wal_segment_bytes: 1 << 20, ..options() };
    let db = open_with(Arc::new(fs.clone()), options());
    let (mut random, mut taken) = (Random::new(6), Taken::new());
    let now: Vec<_> = (0..6).map(|n| (n, START, 0.0)).collect();
    offer(&db, &mut taken, &now);
    let mut acknowledged = vec![(0, contents(&db))];
    for step in 0..60 {
        let late = |random: &mut Random| START - 1 - random.below(5 * HOUR as u64) as i64;
        let some: Vec<_> = (0..1 + random.below(4))
            .map(|_| (random.below(6), late(&mut random), f64::from(step)))
            .collect();
        offer(&db, &mut taken, &some);
        let len = || fs.read(Path::new(LOG)).unwrap().len();
        acknowledged.push((len(), contents(&db)));
        if step % 3 == 0 {
            db.map_head_chunks().unwrap();
            acknowledged.push((len(), contents(&db)));
        }
    }
    let (bytes, chunks) = (fs.read(Path::new(LOG)).unwrap(), fs.read(Path::new(FILE)).unwrap());
    let mut adopted = 0;
    for len in 0..=bytes.len() {
        let disk = fs.after_kill();
        disk.put(Path::new(LOG), &bytes[..len]);
        // Files of chunks may lag behind, as after a power cut.
        let some =
            if len % 3 == 0 { random.below(chunks.len() as u64) as usize } else { chunks.len() };
        disk.put(Path::new(FILE), &chunks[..some]);
        let complete = acknowledged.partition_point(|(end, _)| *end <= len);
        let wanted = &acknowledged[complete - 1].1;
        let db = open_with(Arc::new(disk.clone()), options());
        adopted += db.replay_report().late_chunks;
        assert!(contents(&db) == *wanted, "cut at byte {len}, chunks at byte {some}");
        if len % 7 == 0 {
            let again = open_with(Arc::new(disk.after_kill()), options());
            assert!(contents(&again) == *wanted, "cut at byte {len}, again");
        }
    }
    println!("{} prefixes, {adopted} chunks", bytes.len() + 1);
    assert!(adopted > 1000);
}

#[test]
fn any_call_may_fail_while_late_samples_go_to_files() {
    let (disk, mut calls) = (MemoryFs::default(), 0);
    {
        let db = open_with(
            Arc::new(disk.clone()),
            // They stay in memory.
            Options { out_of_order_chunk_samples: usize::MAX, ..options() },
        );
        fill(&db, &mut Taken::new(), 0..60, 5, &mut Random::new(8));
        db.close().unwrap();
    }
    let wanted = contents(&open(&disk.after_kill()));
    for kind in [ErrorKind::StorageFull, ErrorKind::Other] {
        for mode in [FailureMode::Once, FailureMode::Forever] {
            for fail_at in 1.. {
                let memory = disk.after_kill();
                let fs = FailingFs::new(Arc::new(memory.clone()), fail_at, mode, kind);
                let what = format!("call {fail_at}, {mode:?}, {kind:?}");
                if let Ok(db) = Db::open(options(), Arc::new(fs.clone()) as Arc<dyn Fs>) {
                    let mut taken = Taken::new();
                    offer_some(&db, &mut taken);
                    let _ = db.map_head_chunks();
                    let synced = db.sync().is_ok();
                    let mut now = wanted.clone();
                    for (labels, samples) in as_contents(&taken) {
                        let row = now.entry(labels).or_default();
                        row.extend(samples);
                        row.sort_unstable();
                    }
                    assert!(contents(&db) == now, "{what}");
                    assert!(contents(&open(&memory.after_kill())) == now, "{what}, a kill");
                    let mut random = Random::new(fail_at);
                    let cut = memory.after_power_cut(&mut |n| random.below(n));
                    assert!(!synced || contents(&open(&cut)) == now, "{what}, a power cut");
                    fs.heal();
                    db.map_head_chunks().unwrap();
                    assert!(contents(&db) == now, "{what}, healed");
                    assert!(contents(&open(&memory.after_kill())) == now, "{what}, healed, a kill");
                }
                calls += 1;
                if fs.calls() < fail_at {
                    break;
                }
            }
        }
    }
    println!("{calls} calls failed");
    assert!(calls > 60);
}

/// More than goes to a file, where the log takes it.
fn offer_some(db: &Db, taken: &mut Taken) {
    for part in 0..4 {
        let mut batch = db.appender();
        let samples = (0..10).map(|at| (START - (part * 10 + at) * 1000 - 1, 5.0));
        for (time, value) in samples.clone() {
            batch.append(SeriesRef(0), &set(1), time, value).unwrap();
        }
        if batch.commit().is_ok() {
            let row = taken.entry(set(1)).or_default();
            row.extend(samples.map(|(time, value)| (time, f64::to_bits(value))));
        }
    }
}

#[test]
fn power_cuts_cost_nothing_that_was_synced() {
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let fs = MemoryFs::default();
        let db = open(&fs);
        let mut taken = Taken::new();
        for part in 0..4 {
            fill(&db, &mut taken, part * 10..part * 10 + 10, 15, &mut random);
            if random.below(3) > 0 {
                db.map_head_chunks().unwrap();
            }
        }
        db.sync().unwrap();
        let wanted = as_contents(&taken);
        let mut cut = fs.after_power_cut(&mut |limit| random.below(limit));
        for again in 0..3 {
            let db = open(&cut);
            assert!(contents(&db) == wanted, "seed {seed}, cut {again}");
            db.map_head_chunks().unwrap();
            assert!(contents(&db) == wanted, "seed {seed}, cut {again}, mapped");
            db.sync().unwrap();
            cut = cut.after_power_cut(&mut |limit| random.below(limit));
        }
    }
}

#[test]
fn late_samples_in_files_that_are_deleted_stay_deleted() {
    let (fs, mut wanted) = filled();
    let db = open(&fs);
    let (first, last) = (START - 2 * HOUR, START + HOUR);
    for n in ["2", "5"] {
        assert!(db.delete(first, last, &[Matcher::equal("n", n)]).unwrap() > 0);
    }
    for n in [2, 5] {
        wanted.get_mut(&set(n)).unwrap().retain(|(time, _)| !(first..=last).contains(time));
    }
    assert!(contents(&db) == wanted);
    check_open(&fs.after_kill(), &wanted, "opened again");
    db.map_head_chunks().unwrap();
    db.compact(&mut names(), &Watch::default()).unwrap();
    assert!(contents(&db) == wanted, "compacted");
    check_open(&fs.after_kill(), &wanted, "compacted, opened again");
    let mut now = Taken::new();
    fill(&db, &mut now, 400..800, 0, &mut Random::new(1));
    db.compact(&mut names_from(1_900_000_000_000), &Watch::default()).unwrap();
    let mut found = contents(&open(&fs.after_kill()));
    found.values_mut().for_each(|row| row.retain(|(time, _)| *time < START + 300 * MINUTE));
    assert!(found == wanted, "long after");
}

#[test]
fn a_file_stays_while_late_samples_are_in_it() {
    let fs = MemoryFs::default();
    let db = open(&fs);
    let mut taken = Taken::new();
    fill(&db, &mut taken, 0..60, 6, &mut Random::new(1));
    assert!(db.map_head_chunks().unwrap() >= 4);
    let reader = db.querier(i64::MIN, i64::MAX);
    let before = as_contents(&taken);
    fill(&db, &mut taken, 300..330, 0, &mut Random::new(2));
    // All that is in order and in the file is too old; late samples wait for a block.
    db.truncate(START + 300 * MINUTE).unwrap();
    assert!(fs.read(Path::new(FILE)).is_some());
    assert!(late(&contents(&db)) == late(&before));
    assert!(late(&contents(&open(&fs.after_kill()))) == late(&before));
    db.compact(&mut names(), &Watch::default()).unwrap();
    assert!(late(&contents(&db)) == late(&before));
    assert!(late(&read(&*reader, &[])) == late(&before), "a reader from before");
    drop(reader);
    // Two compactions later nobody needs it.
    fill(&db, &mut taken, 800..1100, 1, &mut Random::new(3));
    db.compact(&mut names_from(1_900_000_000_000), &Watch::default()).unwrap();
    fill(&db, &mut taken, 1400..1700, 1, &mut Random::new(4));
    db.compact(&mut names_from(1_910_000_000_000), &Watch::default()).unwrap();
    assert!(fs.read(Path::new(FILE)).is_none());
}

#[test]
fn readers_find_every_late_sample_while_it_moves() {
    let db = open(&MemoryFs::default());
    let mut taken = Taken::new();
    offer(&db, &mut taken, &[(0, START, 1.0)]);
    let (acknowledged, stop) = (AtomicI64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 1..=3000 {
                let mut batch = db.appender();
                batch.append(SeriesRef(0), &set(0), START - n, n as f64).unwrap();
                batch.commit().unwrap();
                acknowledged.store(n, Ordering::Release);
            }
            stop.store(true, Ordering::Release);
        });
        scope.spawn(|| {
            let mut name = names();
            while !stop.load(Ordering::Acquire) {
                db.map_head_chunks().unwrap();
                db.compact(&mut name, &Watch::default()).unwrap();
            }
        });
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Ordering::Acquire) {
                    let sure = acknowledged.load(Ordering::Acquire);
                    let found = contents(&db);
                    let times: Vec<i64> = found[&set(0)].iter().map(|s| s.0).collect();
                    let first = START + 1 - times.len() as i64;
                    assert!(times.len() as i64 > sure, "{} of {sure}", times.len());
                    assert!(times.iter().copied().eq(first..=START), "a gap");
                }
            });
        }
    });
    assert!(metric(&db, "prometheus_tsdb_mmap_chunks_total") > 10.0);
}

#[test]
fn a_full_disk_keeps_late_samples_in_memory() {
    let fs = MemoryFs::default();
    let db = open(&fs);
    let mut taken = Taken::new();
    fill(&db, &mut taken, 0..60, 6, &mut Random::new(1));
    let wanted = as_contents(&taken);
    let used = fs.used();
    for room in (0..4000).step_by(250) {
        let disk = fs.after_kill();
        let db = {
            disk.set_capacity(Some(used));
            open(&disk)
        };
        assert_eq!(in_files(&db), 0.0);
        disk.set_capacity(Some(disk.used() + room));
        let outcome = db.map_head_chunks();
        assert_eq!(outcome.is_err(), in_files(&db) == 0.0, "{room}: {outcome:?}");
        assert!(contents(&db) == wanted, "{room}");
        assert!(contents(&open(&disk.after_kill())) == wanted, "{room}, opened again");
        disk.set_capacity(None);
        db.map_head_chunks().unwrap();
        assert!(contents(&db) == wanted, "{room}, with room");
        check_open(&disk.after_kill(), &wanted, "with room");
    }
}
