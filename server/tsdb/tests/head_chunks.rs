//! Files of head chunks: what is in them is read like the rest, survives, and may be lost at any time.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use common_model::{Labels, Matcher};
use server_storage::SeriesRef;
use server_tsdb::check::{Severity, check, repair};
use server_tsdb::fs::{FailingFs, FailureMode, Fs, MemoryFs};
use server_tsdb::{Db, Options};

use crate::support::{
    Contents, DIR, Random, contents, labels, names, open, open_with, read, try_read,
};

const FILES: &str = "/data/chunks_head";

fn series(count: usize) -> Vec<Labels> {
    (0..count).map(|n| labels(&[("__name__", "m"), ("n", &n.to_string())])).collect()
}

/// Writes noisy samples at so many steps of 15 seconds.
fn fill(db: &Db, series: &[Labels], steps: std::ops::Range<i64>) {
    for step in steps {
        let mut batch = db.appender();
        for (at, labels) in series.iter().enumerate() {
            let value = f64::from_bits(Random::new(step as u64 * 1000 + at as u64).next() >> 2);
            batch.append(SeriesRef(0), labels, step * 15_000, value).unwrap();
        }
        batch.commit().unwrap();
    }
}

fn file(number: u32) -> PathBuf {
    Path::new(FILES).join(format!("{number:06}"))
}

fn files(fs: &dyn Fs) -> Vec<String> {
    let entries = fs.list(Path::new(FILES)).unwrap_or_default();
    entries.into_iter().map(|entry| entry.name).collect()
}

/// A store of many full chunks in one file, and what it holds.
fn filled() -> (MemoryFs, Contents) {
    let fs = MemoryFs::default();
    let db = open(&fs);
    fill(&db, &series(20), 0..400);
    assert!(db.map_head_chunks().unwrap() >= 60);
    let wanted = contents(&db);
    (fs, wanted)
}

#[test]
fn full_chunks_leave_the_heap_and_are_read_as_before() {
    let fs = MemoryFs::default();
    let db = open(&fs);
    fill(&db, &series(20), 0..400);
    let (before, wanted) = (db.stats(), contents(&db));
    let mapped = db.map_head_chunks().unwrap();
    let after = db.stats();
    assert_eq!(after.chunks, before.chunks);
    assert!(mapped >= 60 && after.chunk_bytes * 3 < before.chunk_bytes, "{before:?} {after:?}");
    assert_eq!(contents(&db), wanted);
    assert_eq!(db.map_head_chunks().unwrap(), 0, "there is nothing left to write");
    // Parts of it, too.
    let some = read(&*db.querier(1_000_000, 2_000_000), &[Matcher::equal("n", "3")]);
    let inside = |s: &&(i64, u64)| (1_000_000..=2_000_000).contains(&s.0);
    let three = &wanted[&series(4)[3]];
    assert_eq!(some[&series(4)[3]], three.iter().filter(inside).copied().collect::<Vec<_>>());
    // And again from the files.
    let db = open(&fs.after_kill());
    assert_eq!(contents(&db), wanted);
    let report = db.replay_report();
    assert_eq!(report.samples + report.samples_mapped, 8000);
    assert!(report.samples_mapped > 6000, "{report:?}");
    assert_eq!(db.stats().chunk_bytes, after.chunk_bytes);
    assert_eq!(db.stats().chunks, after.chunks);
    fill(&db, &series(20), 400..500);
    assert_eq!(contents(&db).values().map(Vec::len).sum::<usize>(), 10_000);
}

#[test]
fn a_file_that_is_damaged_or_cut_anywhere_costs_nothing() {
    let (fs, wanted) = filled();
    let bytes = fs.read(&file(1)).unwrap();
    let mut random = Random::new(4);
    for at in (0..bytes.len()).step_by(97) {
        let cut = random.below(3) == 0;
        let mut bad = bytes.clone();
        match cut {
            true => bad.truncate(at),
            false => bad[at] ^= 1 << random.below(8),
        }
        let disk = fs.after_kill();
        disk.put(&file(1), &bad);
        let db = open(&disk);
        assert_eq!(contents(&db), wanted, "byte {at}");
        db.map_head_chunks().unwrap();
        assert_eq!(contents(&db), wanted, "byte {at}, written again");
        drop(db);
        let again = open(&disk.after_kill());
        assert_eq!(contents(&again), wanted, "byte {at}, opened again");
        let mut problems = Vec::new();
        check(&disk, Path::new(DIR), &mut |finding| {
            if finding.severity == Severity::Damage {
                problems.push(finding.clone());
            }
        })
        .unwrap();
        assert!(problems.is_empty(), "byte {at}: {problems:?}");
        let padding = (5..8).contains(&at) || cut && at == 0;
        let aside = disk.read(&Path::new(FILES).join("000001.corrupt"));
        assert!(
            cut || padding || aside == Some(bad) || is_torn(&disk, at),
            "byte {at} is not kept"
        );
    }
}

/// Whether a flipped bit in a length looked as if the file had been cut there.
fn is_torn(disk: &MemoryFs, at: usize) -> bool {
    disk.read(&file(1)).is_some_and(|bytes| bytes.len() <= at)
}

#[test]
fn the_check_finds_damage_in_head_chunks_and_repair_puts_it_aside() {
    let (fs, wanted) = filled();
    let mut bytes = fs.read(&file(1)).unwrap();
    bytes[5000] ^= 1;
    let disk = fs.after_kill();
    disk.put(&file(1), &bytes);
    let mut found = Vec::new();
    let checked = check(&disk, Path::new(DIR), &mut |finding| found.push(finding.clone())).unwrap();
    assert_eq!((checked.damages, checked.head_chunk_files), (1, 1), "{found:?}");
    assert_eq!(found[0].path, file(1));
    let shared: Arc<dyn Fs> = Arc::new(disk.clone());
    let after = repair(&shared, Path::new(DIR), &mut names(), &mut |_| {}).unwrap();
    assert_eq!(after.damages, 0);
    assert!(after.head_chunks > 3, "what is good stays");
    assert_eq!(disk.read(&Path::new(FILES).join("000001.corrupt")), Some(bytes));
    assert_eq!(contents(&open(&disk)), wanted);
}

#[test]
fn damage_under_a_running_server_is_an_error_and_no_wrong_sample() {
    let (fs, wanted) = filled();
    let db = open(&fs.after_kill());
    drop(db);
    let disk = fs.after_kill();
    let db = open(&disk);
    let mut bytes = disk.read(&file(1)).unwrap();
    bytes[5000] ^= 1;
    disk.put(&file(1), &bytes);
    let outcome = try_read(&*db.querier(i64::MIN, i64::MAX), &[]);
    assert!(outcome.as_ref().is_err_and(|e| e.contains("checksum")), "{outcome:?}");
    // What it costs is one chunk, until the next start takes it from the log.
    let ok = (0..20).filter(|n| {
        let matcher = [Matcher::equal("n", n.to_string())];
        try_read(&*db.querier(i64::MIN, i64::MAX), &matcher).is_ok()
    });
    assert_eq!(ok.count(), 19);
    assert_eq!(contents(&open(&disk.after_kill())), wanted);
    // Not even that, once the log was asked.
    db.map_head_chunks().unwrap();
    assert_eq!(contents(&db), wanted);
    assert_eq!(contents(&open(&disk.after_kill())), wanted);
}

#[test]
fn damage_that_nobody_read_does_not_get_into_a_block() {
    let fs = MemoryFs::default();
    let db = open(&fs);
    fill(&db, &series(20), 0..900);
    db.map_head_chunks().unwrap();
    let wanted = contents(&db);
    drop(db);
    let mut random = Random::new(9);
    for _ in 0..20 {
        let disk = fs.after_kill();
        let db = open(&disk);
        let mut bytes = disk.read(&file(1)).unwrap();
        for _ in 0..3 {
            let at = random.below(bytes.len() as u64 - 8) as usize + 8;
            bytes[at] ^= 1 << random.below(8);
        }
        disk.put(&file(1), &bytes);
        db.compact(&mut names(), &server_storage::Watch::default()).unwrap();
        assert_eq!(db.blocks().len(), 1);
        assert_eq!(contents(&db), wanted);
        assert_eq!(contents(&open(&disk.after_kill())), wanted);
    }
}

#[test]
fn chunks_stay_in_memory_while_they_cannot_be_written() {
    let fs = MemoryFs::default();
    let db = open(&fs);
    fill(&db, &series(20), 0..400);
    let wanted = contents(&db);
    fs.set_capacity(Some(fs.used() + 3000));
    assert!(db.map_head_chunks().is_err());
    assert_eq!(contents(&db), wanted);
    let full = fs.after_kill();
    assert_eq!(contents(&open(&full)), wanted, "what was half written is no chunk");
    fs.set_capacity(None);
    assert!(db.map_head_chunks().unwrap() >= 60);
    assert_eq!(contents(&db), wanted);
    assert_eq!(contents(&open(&fs.after_kill())), wanted);
    assert_eq!(files(&fs), ["000001"]);
}

#[test]
fn any_call_may_fail_while_chunks_are_written() {
    let disk = MemoryFs::default();
    fill(&open(&disk), &series(20), 0..400);
    let wanted = contents(&open(&disk.after_kill()));
    for mode in [FailureMode::Once, FailureMode::Forever] {
        for fail_at in 1..40 {
            let disk = disk.after_kill();
            let kind = ErrorKind::StorageFull;
            let fs = FailingFs::new(Arc::new(disk.clone()), fail_at, mode, kind);
            let Ok(db) = Db::open(Options::new(DIR), Arc::new(fs.clone()) as Arc<dyn Fs>) else {
                continue;
            };
            let _ = db.map_head_chunks();
            assert_eq!(contents(&db), wanted, "{mode:?} {fail_at}");
            assert_eq!(contents(&open(&disk.after_kill())), wanted, "{mode:?} {fail_at}");
            fs.heal();
            db.map_head_chunks().unwrap();
            assert_eq!(contents(&db), wanted, "{mode:?} {fail_at}, healed");
            assert!(files(&disk).len() == 1, "{:?}", files(&disk));
        }
    }
}

#[test]
fn files_go_when_all_their_chunks_are_too_old_and_never_bring_back_what_was_deleted() {
    let fs = MemoryFs::default();
    let db = open(&fs);
    let mut name = names();
    for part in 0..8 {
        fill(&db, &series(5), part * 240..part * 240 + 240);
        db.map_head_chunks().unwrap();
        db.delete(part * 240 * 15_000, (part * 240 + 9) * 15_000, &[Matcher::equal("n", "2")])
            .unwrap();
        db.compact(&mut name, &server_storage::Watch::default()).unwrap();
        let wanted = contents(&db);
        let again = open(&fs.after_kill());
        assert_eq!(contents(&again), wanted, "part {part}");
    }
    let left = files(&fs);
    assert!(left.len() <= 3 && !left.contains(&"000001".to_owned()), "{left:?}");
    let all: usize = contents(&db).values().map(Vec::len).sum();
    assert_eq!(all, 5 * 8 * 240 - 8 * 10);
}

#[test]
fn chunks_of_a_series_that_is_gone_stand_in_for_no_other() {
    let fs = MemoryFs::default();
    let db = open(&fs);
    fill(&db, &series(3), 0..300);
    db.map_head_chunks().unwrap();
    drop(db);
    // The log is lost, and with it who had the numbers.
    let disk = MemoryFs::default();
    disk.put(&file(1), &fs.read(&file(1)).unwrap());
    let other = [labels(&[("__name__", "other")])];
    let db = open_with(Arc::new(disk.clone()), Options::new(DIR));
    fill(&db, &other, 0..300);
    let wanted = contents(&db);
    assert_eq!(wanted.len(), 1);
    db.map_head_chunks().unwrap();
    drop(db);
    assert_eq!(contents(&open(&disk.after_kill())), wanted);
}

#[test]
fn what_the_log_lost_goes_from_a_chunk_at_once_though_others_end_in_the_same_replay() {
    let fs = MemoryFs::default();
    let db = open(&fs);
    let log = Path::new("/data/wal/00000000");
    fill(&db, &series(5), 0..60);
    let lost = fs.read(log).unwrap().len();
    fill(&db, &series(5), 60..130);
    assert_eq!(db.map_head_chunks().unwrap(), 5);
    fill(&db, &series(5), 130..600);
    let mut wanted = contents(&db);
    drop(db);
    let mut bytes = fs.read(log).unwrap();
    bytes[lost + 20] ^= 1;
    fs.put(log, &bytes);
    wanted.values_mut().for_each(|samples| samples.retain(|(time, _)| *time != 60 * 15_000));
    for start in 0..3 {
        let db = open(&fs);
        let found = contents(&db);
        let same = |(labels, samples): (&Labels, &Vec<_>)| found[labels] == *samples;
        assert!(wanted.iter().all(same), "start {start}");
    }
}
