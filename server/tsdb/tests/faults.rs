//! Every file operation fails once, or from then on; the disk is full; nothing acknowledged is lost.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::sync::Arc;

use common_model::Labels;
use server_storage::{Appender, SeriesRef};
use server_tsdb::fs::{FailingFs, FailureMode, Fs, MemoryFs};
use server_tsdb::{Db, Options};

use crate::support::{Contents, DIR, Random, commit, contents, labels, open, open_with};

fn options() -> Options {
    Options { wal_segment_bytes: 32 * 1024, ..Options::new(DIR) }
}

/// Samples offered and acknowledged.
#[derive(Default)]
struct Ledger {
    offered: BTreeMap<(Labels, i64), u64>,
    acknowledged: BTreeMap<(Labels, i64), u64>,
}

/// Enough to fill several segments, with syncs and a truncation in between.
fn work(db: &Db, ledger: &mut Ledger) {
    let mut random = Random::new(5);
    for step in 0..40_i64 {
        let mut batch: Box<dyn Appender> = db.appender();
        let mut samples = Vec::new();
        for series in 0..40 {
            let labels =
                labels(&[("__name__", "m"), ("series", &format!("{series}{}", step / 30))]);
            let value = f64::from_bits(random.next());
            if batch.append(SeriesRef(0), &labels, step * 1000, value).is_ok() {
                samples.push(((labels, step * 1000), value.to_bits()));
            }
        }
        ledger.offered.extend(samples.iter().cloned());
        if batch.commit().is_ok() {
            ledger.acknowledged.extend(samples);
        }
        if step % 4 == 3 {
            // A failure here is the store's to remember.
            let _ = db.sync();
        }
        if step == 35 {
            let _ = db.truncate(0);
        }
    }
}

fn check(found: &Contents, ledger: &Ledger, what: &str) {
    let mut left = ledger.acknowledged.clone();
    for (labels, samples) in found {
        for (time, bits) in samples {
            let key = (labels.clone(), *time);
            assert_eq!(ledger.offered.get(&key), Some(bits), "{what}: {labels} at {time} invented");
            left.remove(&key);
        }
    }
    assert!(left.is_empty(), "{what}: {} acknowledged samples lost", left.len());
}

fn run(fail_at: u64, mode: FailureMode, kind: ErrorKind) -> u64 {
    let what = format!("call {fail_at}, {mode:?}, {kind:?}");
    let disk = MemoryFs::default();
    let fs = FailingFs::new(Arc::new(disk.clone()), fail_at, mode, kind);
    let mut ledger = Ledger::default();
    // Opening may fail, when not even the directory can be made.
    if let Ok(db) = Db::open(options(), Arc::new(fs.clone()) as Arc<dyn Fs>) {
        work(&db, &mut ledger);
        let calls = fs.calls();
        check(&contents(&db), &ledger, &what);
        check(&contents(&open_with(Arc::new(disk.after_kill()), options())), &ledger, &what);
        // Once the disk is well again, so is the store.
        fs.heal();
        let again = [labels(&[("__name__", "healed")])];
        assert!(commit(&db, &again, 50_000, 1.0), "{what}: does not heal");
        let key = (again[0].clone(), 50_000);
        ledger.offered.insert(key.clone(), 1.0_f64.to_bits());
        ledger.acknowledged.insert(key, 1.0_f64.to_bits());
        db.sync().unwrap();
        let mut lose_all = |limit: u64| if limit == 4 { 0 } else { limit - 1 };
        let after = open_with(Arc::new(disk.after_power_cut(&mut lose_all)), options());
        check(&contents(&after), &ledger, &format!("{what}, then a power cut"));
        assert_eq!(fs.retried_syncs(), 0, "{what}: a failed sync was tried again");
        return calls;
    }
    0
}

#[test]
fn any_file_operation_may_fail() {
    let calls = run(0, FailureMode::Once, ErrorKind::Other);
    assert!(calls > 50, "only {calls} calls to fail");
    for kind in [ErrorKind::StorageFull, ErrorKind::Other] {
        for mode in [FailureMode::Once, FailureMode::Forever] {
            for fail_at in 1..=calls {
                run(fail_at, mode, kind);
            }
        }
    }
    println!("{} failures", 4 * calls);
}

#[test]
fn a_recovery_may_fail_anywhere_and_be_repeated() {
    let disk = MemoryFs::default();
    let mut ledger = Ledger::default();
    work(&open_with(Arc::new(disk.clone()), options()), &mut ledger);
    let names = disk.list(std::path::Path::new("/data/wal")).unwrap();
    let segment = names.iter().rfind(|entry| !entry.is_dir && entry.len > 10_000).unwrap();
    let path = std::path::Path::new("/data/wal").join(&segment.name);
    let mut bytes = disk.read(&path).unwrap();
    bytes[5000] ^= 4;
    let damaged = disk.after_kill();
    damaged.put(&path, &bytes);
    let wanted = contents(&open_with(Arc::new(damaged.after_kill()), options()));
    let mut fail_at = 1;
    loop {
        let disk = damaged.after_kill();
        let fs = FailingFs::new(
            Arc::new(disk.clone()),
            fail_at,
            FailureMode::Forever,
            ErrorKind::StorageFull,
        );
        if let Ok(db) = Db::open(options(), Arc::new(fs.clone()) as Arc<dyn Fs>) {
            assert_eq!(contents(&db), wanted, "call {fail_at}");
        }
        let after = open_with(Arc::new(disk.after_kill()), options());
        assert_eq!(contents(&after), wanted, "after call {fail_at} failed");
        if fs.calls() < fail_at {
            break;
        }
        fail_at += 1;
    }
    assert!(fail_at > 5);
}

#[test]
fn a_full_disk_refuses_batches_serves_queries_and_heals() {
    let fs = MemoryFs::default();
    let db = open(&fs);
    let series: Vec<Labels> =
        (0..50).map(|n| labels(&[("__name__", "m"), ("n", &n.to_string())])).collect();
    assert!(commit(&db, &series, 1, 1.0));
    fs.set_capacity(Some(fs.used() + 100));
    assert!(!commit(&db, &series, 2, 0.1), "there is no room for this");
    assert_eq!(contents(&db).values().map(Vec::len).sum::<usize>(), 50);
    // A small batch may still fit.
    assert!(commit(&db, &series[..1], 3, 3.0));
    let wanted = contents(&db);
    let full = fs.after_kill();
    full.set_capacity(Some(0));
    let started = open(&full);
    assert_eq!(contents(&started), wanted, "starts on a full disk");
    assert!(!commit(&started, &series, 4, 4.0));
    full.set_capacity(None);
    assert!(commit(&started, &series, 5, 5.0));
    assert_eq!(contents(&open(&full.after_kill())), contents(&started));
}
