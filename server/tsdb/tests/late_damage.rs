//! Chunks of late samples that are damaged, gone, or others than the log says: it has all of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use common_model::Labels;
use server_storage::{SeriesRef, Watch};
use server_tsdb::Options;
use server_tsdb::check::{Finding, check, repair};
use server_tsdb::fs::{Fs, MemoryFs};
use server_tsdb::wal::markers;

use crate::late_chunks::{FILE, LOG, check_open, fill, filled, in_files, late, open};
use crate::out_of_order::{HOUR, START, Taken, as_contents, options};
use crate::support::{DIR, Random, contents, labels, names, names_from, open_with, try_read};
use crate::upkeep::metric;

#[test]
fn a_flipped_bit_in_files_costs_nothing_and_one_in_the_log_its_record() {
    let (good, wanted) = filled();
    assert!(check_open(&good.after_kill(), &wanted, "whole") > 10);
    let mut random = Random::new(3);
    let rounds = std::env::var("HEARTH_FLIPS").ok().and_then(|text| text.parse().ok());
    let (mut harmless, mut lost_most) = (0, 0);
    for round in 0..rounds.unwrap_or(300) {
        let path = Path::new([FILE, LOG][round % 2]);
        let mut bytes = good.read(path).unwrap();
        let at = random.below(bytes.len() as u64) as usize;
        bytes[at] ^= 1 << random.below(8);
        let disk = good.after_kill();
        disk.put(path, &bytes);
        let what = format!("round {round}: byte {at} of {}", path.display());
        if path == Path::new(FILE) {
            check_open(&disk, &wanted, &what);
            continue;
        }
        let found = contents(&open(&disk));
        let mut lost = 0;
        for (labels, samples) in &wanted {
            let there: BTreeMap<i64, u64> = found[labels].iter().copied().collect();
            lost += samples.iter().filter(|(time, _)| !there.contains_key(time)).count();
            // Of two at one time the second may be what is left.
            let wrong = samples.iter().filter(|(t, bits)| there.get(t).is_some_and(|b| b != bits));
            lost += wrong.count();
            assert!(there.len() <= samples.len(), "{what}: invented");
        }
        // A record has at most eight.
        assert!(lost <= 8, "{what}: {lost} samples lost");
        harmless += usize::from(lost == 0);
        lost_most = lost_most.max(lost);
        check_open(&disk, &found, &what);
    }
    println!("{harmless} flips in the log cost nothing, one {lost_most} samples");
}

#[test]
fn damage_under_a_running_server_is_an_error_and_then_read_from_the_log() {
    let (good, wanted) = filled();
    let bytes = good.read(Path::new(FILE)).unwrap();
    let mut random = Random::new(5);
    for round in 0..40 {
        let disk = good.after_kill();
        // So few go to a block when there are more than half of what may be there.
        let options = Options { out_of_order_samples_max: 1000, ..options() };
        let db = open_with(Arc::new(disk.clone()), options);
        let mut bad = bytes.clone();
        for _ in 0..=round % 3 {
            let at = 8 + random.below(bytes.len() as u64 - 8) as usize;
            bad[at] ^= 1 << random.below(8);
        }
        disk.put(Path::new(FILE), &bad);
        if round % 2 == 0 {
            // Nobody read it before it goes to a block.
            db.compact(&mut names(), &Watch::default()).unwrap();
        } else {
            let outcome = try_read(&*db.querier(i64::MIN, i64::MAX), &[]);
            assert!(outcome.is_err(), "round {round}");
            db.map_head_chunks().unwrap();
            assert!(contents(&db) == wanted, "round {round}, healed");
            assert!(metric(&db, "hearth_tsdb_head_chunks_healed_total") > 0.0);
            db.map_head_chunks().unwrap();
            assert!(in_files(&db) > 0.0);
        }
        assert!(contents(&db) == wanted, "round {round}");
        assert!(contents(&open(&disk.after_kill())) == wanted, "round {round}, opened again");
        db.compact(&mut names_from(1_900_000_000_000), &Watch::default()).unwrap();
        assert!(contents(&db) == wanted, "round {round}, compacted");
    }
}

#[test]
fn files_that_are_gone_or_others_stand_in_for_nothing() {
    let (good, wanted) = filled();
    let gone = good.after_kill();
    gone.remove(Path::new(FILE)).unwrap();
    assert_eq!(check_open(&gone, &wanted, "gone"), 0);
    // What was refused is in files again, of which the log knows.
    assert!(open(&gone.after_kill()).replay_report().late_chunks > 0);
    // Another store with the same series, whose chunks stand at about the same places.
    let (other, mut taken) = (MemoryFs::default(), Taken::new());
    let db = open(&other);
    for part in 0..3 {
        fill(&db, &mut taken, part * 30..part * 30 + 30, 8, &mut Random::new(part as u64 + 20));
        db.map_head_chunks().unwrap();
    }
    drop(db);
    let bytes = other.read(Path::new(FILE)).unwrap();
    let others = good.after_kill();
    others.put(Path::new(FILE), &bytes);
    assert_eq!(check_open(&others, &wanted, "another file"), 0);
    // Markers that point anywhere: into chunks, behind the end, of series that nobody knows.
    let disk = good.after_kill();
    let mut random = Random::new(11);
    let mut record = Vec::new();
    let places = (0..200).map(|at| (at % 9, random.below(3) << 32 | random.below(40_000)));
    markers::encode(&mut record, places);
    let log = Arc::default();
    let fs: Arc<dyn Fs> = Arc::new(disk.clone());
    let mut wal = server_tsdb::wal::Wal::new(fs, Path::new("/data/wbl"), 1 << 20, 1, log);
    wal.log(vec![server_tsdb::wal::writer::Record::new(&record)]).unwrap();
    drop(wal);
    assert!(check_open(&disk, &wanted, "markers of nothing") > 10);
}

#[test]
fn files_that_the_log_in_order_gives_up_cost_no_late_sample() {
    let fs = MemoryFs::default();
    let options = || Options { wal_segment_bytes: 1 << 20, ..options() };
    let db = open_with(Arc::new(fs.clone()), options());
    let mut taken = Taken::new();
    fill(&db, &mut taken, 0..130, 8, &mut Random::new(1));
    // Chunks of both kinds are in one file.
    assert!(db.map_head_chunks().unwrap() > 9);
    let wanted = late(&as_contents(&taken));
    drop(db);
    let wal = Path::new("/data/wal/00000000");
    let bytes = fs.read(wal).unwrap();
    for part in [2, 3, 20] {
        let disk = fs.after_kill();
        disk.put(wal, &bytes[..bytes.len() - bytes.len() / part]);
        let db = open_with(Arc::new(disk.clone()), options());
        let stale = Path::new("/data/chunks_head/000001.stale");
        assert_eq!(disk.read(stale).is_some(), part < 20, "one of {part} parts is lost");
        assert!(late(&contents(&db)) == wanted, "one of {part} parts is lost");
        assert!(db.replay_report().late_chunks > 3);
        let all = contents(&db);
        drop(db);
        check_open(&disk.after_kill(), &all, "opened again");
        let db = open_with(Arc::new(disk.after_kill()), options());
        db.compact(&mut names(), &Watch::default()).unwrap();
        assert!(contents(&db) == all, "compacted");
    }
}

#[test]
fn the_check_reads_late_chunks_and_their_markers() {
    let (good, wanted) = filled();
    let findings = |fs: &MemoryFs| {
        let mut found: Vec<Finding> = Vec::new();
        let checked = check(fs, Path::new(DIR), &mut |f| found.push(f.clone())).unwrap();
        (found, checked)
    };
    let (found, checked) = findings(&good);
    assert_eq!((found, checked.damages), (vec![], 0));
    assert!(checked.head_chunks > 10);
    let gone = good.after_kill();
    gone.remove(Path::new(FILE)).unwrap();
    let (found, checked) = findings(&gone);
    assert!(found.len() == 1 && found[0].problem.contains("are missing"), "{found:?}");
    assert_eq!(checked.damages, 0);
    let mut bytes = good.read(Path::new(FILE)).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    let bad = good.after_kill();
    bad.put(Path::new(FILE), &bytes);
    assert_eq!(findings(&bad).1.damages, 1);
    let shared: Arc<dyn Fs> = Arc::new(bad.clone());
    let after = repair(&shared, Path::new(DIR), &mut names(), &mut |_| {}).unwrap();
    assert_eq!(after.damages, 0);
    check_open(&bad, &wanted, "repaired");
}

#[test]
fn a_number_that_the_log_has_for_two_series_names_no_late_chunk() {
    let fs = MemoryFs::default();
    let db = open(&fs);
    let mut taken = Taken::new();
    fill(&db, &mut taken, 0..40, 6, &mut Random::new(1));
    db.sync().unwrap();
    drop(db);
    // The log in order is lost, and its numbers are given again.
    let lost: Vec<PathBuf> = fs
        .list(Path::new("/data/wal"))
        .unwrap()
        .iter()
        .map(|entry| Path::new("/data/wal").join(&entry.name))
        .collect();
    lost.iter().for_each(|path| fs.remove(path).unwrap());
    let db = open(&fs);
    let late = contents(&db);
    assert!(!late.is_empty());
    let other: Labels = labels(&[("__name__", "other")]);
    let mut batch = db.appender();
    batch.append(SeriesRef(0), &other, START + HOUR, 1.0).unwrap();
    batch.commit().unwrap();
    db.map_head_chunks().unwrap();
    let mut wanted = late;
    wanted.insert(other, vec![(START + HOUR, 1.0_f64.to_bits())]);
    assert!(contents(&db) == wanted);
    check_open(&fs.after_kill(), &wanted, "opened again");
}
