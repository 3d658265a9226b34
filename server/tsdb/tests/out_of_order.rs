//! Samples that come late, within the window: there at once, in blocks later, never twice.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use common_model::{Labels, Matcher};
use server_storage::{AppendError, SeriesRef, Watch};
use server_tsdb::fs::{FailingFs, FailureMode, Fs, MemoryFs};
use server_tsdb::{Db, Options};

use crate::histograms::{Source, all};
use crate::support::{Contents, DIR, Random, contents, labels, names, names_from, open_with, read};
use crate::upkeep::metric;

pub(crate) const MINUTE: i64 = 60_000;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const START: i64 = 1_699_963_200_000;

pub(crate) fn options() -> Options {
    Options {
        retention_ms: i64::MAX,
        wal_segment_bytes: 32 * 1024,
        out_of_order_window_ms: 6 * HOUR,
        ..Options::new(DIR)
    }
}

pub(crate) fn set(n: u64) -> Labels {
    labels(&[("__name__", "m"), ("n", &n.to_string())])
}

/// What was taken: the first value of every time.
pub(crate) type Taken = BTreeMap<Labels, BTreeMap<i64, u64>>;

pub(crate) fn offer(db: &Db, taken: &mut Taken, samples: &[(u64, i64, f64)]) {
    let mut batch = db.appender();
    let mut new = Vec::new();
    for (n, time, value) in samples {
        if batch.append(SeriesRef(0), &set(*n), *time, *value).is_ok() {
            new.push((set(*n), *time, value.to_bits()));
        }
    }
    batch.commit().unwrap();
    for (labels, time, bits) in new {
        taken.entry(labels).or_default().entry(time).or_insert(bits);
    }
}

pub(crate) fn as_contents(taken: &Taken) -> Contents {
    let row = |(labels, samples): (&Labels, &BTreeMap<i64, u64>)| {
        (labels.clone(), samples.iter().map(|(time, bits)| (*time, *bits)).collect())
    };
    taken.iter().map(row).collect()
}

/// Hours of samples, a minute each, of which some come up to five hours late.
pub(crate) fn fill(db: &Db, taken: &mut Taken, minutes: std::ops::Range<i64>, random: &mut Random) {
    for minute in minutes {
        let now = START + minute * MINUTE;
        let mut samples: Vec<_> = (0..4).map(|n| (n, now, random.below(100) as f64)).collect();
        for _ in 0..random.below(3) {
            let back = random.below(5 * HOUR as u64) as i64;
            samples.push((random.below(6), now - back, random.below(100) as f64));
        }
        offer(db, taken, &samples);
    }
}

#[test]
fn late_samples_are_refused_as_prometheus_refuses_them() {
    let mut options = options();
    for (window, wanted) in [
        (0, [Ok(()), Err(AppendError::OutOfOrder), Err(AppendError::OutOfBounds)]),
        (2 * HOUR, [Ok(()), Ok(()), Ok(())]),
        (HOUR + 1, [Ok(()), Ok(()), Err(AppendError::TooOld)]),
        (1, [Ok(()), Err(AppendError::TooOld), Err(AppendError::TooOld)]),
    ] {
        options.out_of_order_window_ms = window;
        let db = open_with(Arc::new(MemoryFs::default()), options.clone());
        let mut taken = Taken::new();
        offer(&db, &mut taken, &[(0, START, 1.0)]);
        let mut batch = db.appender();
        let times = [START + 1, START - HOUR, START - HOUR - 2];
        let offered = times.map(|at| batch.append(SeriesRef(0), &set(0), at, 2.0).map(|_| ()));
        assert_eq!(offered, wanted, "window of {window} ms");
        // What stands there already.
        let same = batch.append(SeriesRef(0), &set(0), START, 1.5).map(|_| ());
        assert!(same == Err(AppendError::Duplicate), "{same:?}");
        let refused = metric(&db, "prometheus_tsdb_too_old_samples_total");
        let too_old = wanted.iter().filter(|r| **r == Err(AppendError::TooOld)).count();
        assert_eq!(refused, too_old as f64, "window of {window} ms");
    }
}

#[test]
fn late_samples_are_there_at_once_and_after_any_way_to_blocks() {
    let fs = MemoryFs::default();
    let db = open_with(Arc::new(fs.clone()), options());
    let (mut random, mut taken, mut name) = (Random::new(1), Taken::new(), names());
    for hour in 0..20 {
        fill(&db, &mut taken, hour * 60..hour * 60 + 60, &mut random);
        assert_eq!(contents(&db), as_contents(&taken), "hour {hour}");
        db.compact(&mut name, &Watch::default()).unwrap();
        assert_eq!(contents(&db), as_contents(&taken), "hour {hour}, compacted");
        if hour % 5 == 0 {
            let again = open_with(Arc::new(fs.after_kill()), options());
            assert_eq!(contents(&again), as_contents(&taken), "hour {hour}, opened again");
        }
    }
    // The oldest ones are in blocks like others.
    let metas = db.blocks();
    assert!(metas[0].compaction.level > 1 && !metas[0].is_partial(), "{metas:?}");
    assert!(metric(&db, "prometheus_tsdb_vertical_compactions_total") >= 5.0);
    assert!(metric(&db, "hearth_tsdb_head_out_of_order_samples") < 200.0);
    assert!(metric(&db, "prometheus_tsdb_out_of_order_wbl_storage_size_bytes") < 20_000.0);
    let only = [Matcher::equal("n", "5")];
    let wanted = as_contents(&taken);
    for (start, end) in [(START + HOUR, START + 2 * HOUR), (START + 17 * HOUR, i64::MAX)] {
        let mut some = BTreeMap::from([(set(5), wanted[&set(5)].clone())]);
        some.get_mut(&set(5)).unwrap().retain(|(time, _)| (start..=end).contains(time));
        assert_eq!(read(&*db.querier(start, end), &only), some, "a series that only comes late");
    }
    assert!(db.querier(0, i64::MAX).label_values("n", &[], 0).unwrap().len() == 6);
}

#[test]
fn readers_keep_late_samples_where_they_found_them() {
    let db = open_with(Arc::new(MemoryFs::default()), options());
    let (mut random, mut taken, mut name) = (Random::new(2), Taken::new(), names());
    fill(&db, &mut taken, 0..240, &mut random);
    let reader = db.querier(i64::MIN, i64::MAX);
    let wanted = as_contents(&taken);
    db.compact(&mut name, &Watch::default()).unwrap();
    assert!(db.blocks().iter().any(|meta| meta.is_partial()), "{:?}", db.blocks());
    assert_eq!(read(&*reader, &[]), wanted);
    assert!(metric(&db, "hearth_tsdb_head_out_of_order_samples") > 0.0);
    fill(&db, &mut taken, 240..250, &mut random);
    assert_eq!(contents(&db), as_contents(&taken));
    drop(reader);
    db.compact(&mut name, &Watch::default()).unwrap();
    assert!(metric(&db, "hearth_tsdb_head_out_of_order_samples") < 30.0);
    assert_eq!(contents(&db), as_contents(&taken));
}

#[test]
fn late_samples_that_are_deleted_stay_deleted() {
    let fs = MemoryFs::default();
    let db = open_with(Arc::new(fs.clone()), options());
    let (mut random, mut taken, mut name) = (Random::new(3), Taken::new(), names());
    fill(&db, &mut taken, 0..230, &mut random);
    let (first, last) = (START - 3 * HOUR, START + HOUR);
    for n in ["1", "5"] {
        assert!(db.delete(first, last, &[Matcher::equal("n", n)]).unwrap() > 0);
    }
    for n in [1, 5] {
        taken.get_mut(&set(n)).unwrap().retain(|time, _| !(first..=last).contains(time));
    }
    let wanted = as_contents(&taken);
    assert_eq!(contents(&db), wanted);
    assert_eq!(contents(&open_with(Arc::new(fs.after_kill()), options())), wanted);
    db.compact(&mut name, &Watch::default()).unwrap();
    assert_eq!(contents(&db), wanted);
    assert_eq!(contents(&open_with(Arc::new(fs.after_kill()), options())), wanted);
}

#[test]
fn any_call_may_fail_on_the_way_of_late_samples() {
    let memory = MemoryFs::default();
    let db = open_with(Arc::new(memory.clone()), options());
    let mut taken = Taken::new();
    fill(&db, &mut taken, 0..230, &mut Random::new(4));
    db.close().unwrap();
    let (disk, wanted) = (memory.after_kill(), as_contents(&taken));
    let mut calls = 0;
    for mode in [FailureMode::Once, FailureMode::Forever] {
        let mut call = 1;
        loop {
            let memory = disk.after_kill();
            let idle =
                FailingFs::new(Arc::new(memory.after_kill()), 0, mode, ErrorKind::StorageFull);
            drop(open_with(Arc::new(idle.clone()), options()));
            let fail_at = idle.calls() + call;
            let fs =
                FailingFs::new(Arc::new(memory.clone()), fail_at, mode, ErrorKind::StorageFull);
            let db = open_with(Arc::new(fs.clone()), options());
            let ended = db.compact(&mut names(), &Watch::default());
            let what = format!("call {call}, {mode:?}: {ended:?}");
            assert_eq!(contents(&db), wanted, "{what}");
            let mut random = Random::new(call);
            for left in [memory.after_kill(), memory.after_power_cut(&mut |n| random.below(n))] {
                let db = open_with(Arc::new(left), options());
                assert_eq!(contents(&db), wanted, "{what}, then a crash");
                let mut name = names_from(1_900_000_000_000);
                db.compact(&mut name, &Watch::default()).unwrap();
                assert_eq!(contents(&db), wanted, "{what}, then a crash and another one");
            }
            fs.heal();
            db.compact(&mut names_from(1_910_000_000_000), &Watch::default()).unwrap();
            assert_eq!(contents(&db), wanted, "{what}, healed");
            if fs.calls() < fail_at {
                break;
            }
            call += 1;
        }
        calls += call;
    }
    println!("{calls} calls failed");
    assert!(calls > 60);
}

#[test]
fn a_lost_introduction_gives_late_samples_to_nobody_else() {
    let fs = MemoryFs::default();
    let db = open_with(Arc::new(fs.clone()), options());
    let mut taken = Taken::new();
    offer(&db, &mut taken, &[(0, START, 1.0)]);
    db.sync().unwrap();
    // Of the two logs only the second reaches the disk.
    offer(&db, &mut taken, &[(1, START - 2 * HOUR, 2.0)]);
    let wal = Path::new("/data/wal/00000000");
    let durable = fs.after_power_cut(&mut |limit| if limit == 4 { 0 } else { limit - 1 });
    let short = durable.read(wal).unwrap();
    let both = fs.after_kill();
    assert!(short.len() < both.read(wal).unwrap().len());
    both.put(wal, &short);
    let db = open_with(Arc::new(both.clone()), options());
    let mut again = Taken::new();
    offer(&db, &mut again, &[(2, START + 1, 3.0)]);
    let wanted = contents(&db);
    assert_eq!(wanted[&set(2)], [(START + 1, 3.0_f64.to_bits())]);
    assert_eq!(wanted[&set(1)], [(START - 2 * HOUR, 2.0_f64.to_bits())]);
    assert_eq!(contents(&open_with(Arc::new(both.after_kill()), options())), wanted);
}

#[test]
fn a_snapshot_has_late_samples_too() {
    let fs = MemoryFs::default();
    let db = open_with(Arc::new(fs.clone()), options());
    let (mut random, mut taken) = (Random::new(12), Taken::new());
    fill(&db, &mut taken, 0..100, &mut random);
    let reader = db.querier(i64::MIN, i64::MAX);
    fill(&db, &mut taken, 100..250, &mut random);
    // Some are being written to blocks, and wait for a reader.
    db.compact(&mut names(), &Watch::default()).unwrap();
    fill(&db, &mut taken, 250..260, &mut random);
    db.snapshot("late", Some(&names_from(1_900_000_000_000)())).unwrap();
    drop(reader);
    let snapshot = Options { dir: Path::new(DIR).join("snapshots/late"), ..options() };
    assert_eq!(contents(&open_with(Arc::new(fs), snapshot)), as_contents(&taken));
}

#[test]
fn late_histograms_are_kept_as_others_are() {
    let fs = MemoryFs::default();
    let db = open_with(Arc::new(fs.clone()), options());
    let mut sources: Vec<_> = (0..4).map(|n| Source::new(50 + n, n % 2 == 0)).collect();
    // Odd minutes come two and a half hours after the even ones.
    let even = (0..300).step_by(2).map(|minute| (minute, minute));
    let odd = (1..300).step_by(2).map(|minute| (minute + 150, minute));
    let mut order: Vec<(i64, i64)> = even.chain(odd).collect();
    order.sort_unstable();
    for (_, minute) in order {
        let mut batch = db.appender();
        for (n, source) in (0..).zip(&mut sources) {
            let (histogram, time) = (source.next(), START + minute * MINUTE);
            match n % 2 {
                0 => batch.append_integer_histogram(SeriesRef(0), &set(n), time, &histogram),
                _ => batch.append_histogram(SeriesRef(0), &set(n), time, &histogram),
            }
            .unwrap();
        }
        batch.commit().unwrap();
    }
    let wanted = all(&db);
    assert!(wanted.len() == 4 && wanted.iter().all(|(_, samples)| samples.len() == 300));
    assert_eq!(all(&open_with(Arc::new(fs.after_kill()), options())), wanted, "from the log");
    db.compact(&mut names(), &Watch::default()).unwrap();
    assert!(db.blocks().len() > 1, "{:?}", db.blocks());
    assert_eq!(all(&db), wanted);
    assert_eq!(all(&open_with(Arc::new(fs.after_kill()), options())), wanted, "from blocks");
}

#[test]
fn late_samples_have_a_limit() {
    let options = Options { out_of_order_samples_max: 5, ..options() };
    let fs: Arc<dyn Fs> = Arc::new(MemoryFs::default());
    let db = open_with(fs, options);
    let mut taken = Taken::new();
    offer(&db, &mut taken, &[(0, START, 1.0)]);
    let mut batch = db.appender();
    let mut add = |back: i64| batch.append(SeriesRef(0), &set(0), START - 2 * HOUR - 1 - back, 1.0);
    for back in 0..5 {
        assert!(add(back).is_ok());
    }
    let refused =
        Err(AppendError::Limit("5 samples out of order that wait for a block".to_owned()));
    assert_eq!(add(5), refused);
    batch.commit().unwrap();
    // More than half of what may be there goes to a block.
    db.compact(&mut names(), &Watch::default()).unwrap();
    assert_eq!(metric(&db, "hearth_tsdb_head_out_of_order_samples"), 0.0);
    assert_eq!(db.blocks().len(), 1);
    assert_eq!(contents(&db)[&set(0)].len(), 6);
}
