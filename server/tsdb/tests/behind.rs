//! A replay that goes on behind the open database: queries see part of it, everybody else waits.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use common_model::Matcher;
use server_storage::SeriesRef;
use server_tsdb::fs::{Entry, File, Fs, Lock, MemoryFs};
use server_tsdb::{Db, Error, Options};

use crate::support::{Contents, DIR, Random, commit, contents, labels, open, open_with};

/// A disk whose files can be opened when a gate is open.
#[derive(Debug)]
struct GatedFs {
    disk: MemoryFs,
    gate: parking_lot::Mutex<bool>,
    opened: parking_lot::Condvar,
}

impl GatedFs {
    fn new(disk: MemoryFs) -> Arc<GatedFs> {
        let (gate, opened) = (parking_lot::Mutex::new(false), parking_lot::Condvar::new());
        Arc::new(GatedFs { disk, gate, opened })
    }

    fn open_gate(&self) {
        *self.gate.lock() = true;
        self.opened.notify_all();
    }
}

impl Fs for GatedFs {
    fn create_dir(&self, path: &Path) -> std::io::Result<()> {
        self.disk.create_dir(path)
    }
    fn create(&self, path: &Path) -> std::io::Result<Arc<dyn File>> {
        self.disk.create(path)
    }
    fn open(&self, path: &Path) -> std::io::Result<Arc<dyn File>> {
        let mut gate = self.gate.lock();
        // The first segment is read at once.
        while !*gate && !path.ends_with("wal/00000000") {
            self.opened.wait(&mut gate);
        }
        self.disk.open(path)
    }
    fn list(&self, path: &Path) -> std::io::Result<Vec<Entry>> {
        self.disk.list(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> std::io::Result<()> {
        self.disk.rename(from, to)
    }
    fn link(&self, from: &Path, to: &Path) -> std::io::Result<()> {
        self.disk.link(from, to)
    }
    fn remove(&self, path: &Path) -> std::io::Result<()> {
        self.disk.remove(path)
    }
    fn remove_dir(&self, path: &Path) -> std::io::Result<()> {
        self.disk.remove_dir(path)
    }
    fn sync_dir(&self, path: &Path) -> std::io::Result<()> {
        self.disk.sync_dir(path)
    }
    fn disk_bytes(&self, path: &Path) -> std::io::Result<u64> {
        self.disk.disk_bytes(path)
    }
    fn free_bytes(&self, path: &Path) -> std::io::Result<u64> {
        self.disk.free_bytes(path)
    }
    fn lock(&self, path: &Path) -> std::io::Result<Box<dyn Lock>> {
        self.disk.lock(path)
    }
}

fn samples(contents: &Contents) -> usize {
    contents.values().map(Vec::len).sum()
}

/// A killed store of two segments, and what it held.
fn two_segments() -> (MemoryFs, Contents) {
    let disk = MemoryFs::default();
    let series: Vec<_> =
        (0..50).map(|n| labels(&[("__name__", "m"), ("n", &n.to_string())])).collect();
    for part in 0..2 {
        let db = open_with(Arc::new(disk.clone()), Options::new(DIR));
        for step in part * 100..part * 100 + 100 {
            assert!(commit(&db, &series, step * 1000, step as f64));
        }
        drop(db);
    }
    let wanted = contents(&open(&disk.after_kill()));
    assert_eq!(samples(&wanted), 10_000);
    (disk.after_kill(), wanted)
}

#[test]
fn queries_see_what_is_read_and_appends_come_behind_the_log() {
    let (disk, wanted) = two_segments();
    let fs = GatedFs::new(disk.clone());
    let patience = Duration::from_millis(1);
    let db = Db::open_behind(Options::new(DIR), fs.clone(), Arc::default(), patience).unwrap();
    while samples(&contents(&db)) < 5000 {
        assert!(!db.is_replayed());
        std::thread::yield_now();
    }
    // The second segment waits; so does a batch of a series that is in both.
    let writer = db.clone();
    let append = std::thread::spawn(move || {
        let mut batch = writer.appender();
        let labels = labels(&[("__name__", "m"), ("n", "7")]);
        batch.append(SeriesRef(0), &labels, 200_000, 200.0).unwrap();
        batch.commit().unwrap();
    });
    assert_eq!((samples(&contents(&db)), db.is_replayed()), (5000, false));
    fs.open_gate();
    append.join().unwrap();
    assert!(db.is_replayed());
    let found = contents(&db);
    assert_eq!(samples(&found), samples(&wanted) + 1);
    assert_eq!(db.replay_report().samples, 10_000);
    assert_eq!(db.replay_report().samples_repeated, 0);
    db.sync().unwrap();
    assert_eq!(contents(&open(&disk.after_kill())), found);
}

#[test]
fn an_end_during_the_replay_leaves_the_log_as_it_is() {
    let (disk, wanted) = two_segments();
    let fs = GatedFs::new(disk.clone());
    let patience = Duration::from_millis(1);
    let db = Db::open_behind(Options::new(DIR), fs.clone(), Arc::default(), patience).unwrap();
    db.stop_replay();
    fs.open_gate();
    db.wait_until_replayed();
    let labels = [labels(&[("__name__", "m"), ("n", "7")])];
    assert!(!commit(&db, &labels, 200_000, 1.0), "half a store takes nothing");
    assert!(matches!(db.truncate(150_000), Err(Error::Closed)));
    db.close().unwrap();
    assert_eq!(contents(&open(&disk.after_kill())), wanted);
}

#[test]
fn a_replay_within_the_patience_is_over_when_the_store_opens() {
    let (disk, wanted) = two_segments();
    let patience = Duration::from_secs(60);
    let db = Db::open_behind(Options::new(DIR), Arc::new(disk), Arc::default(), patience).unwrap();
    assert!(db.is_replayed());
    assert_eq!(contents(&db), wanted);
}

#[test]
fn a_long_segment_is_replayed_by_two_threads_to_the_same_store() {
    let disk = MemoryFs::default();
    let db = open_with(Arc::new(disk.clone()), Options::new(DIR));
    let mut random = Random::new(8);
    for step in 0..150 {
        let mut batch = db.appender();
        // Series join all the time.
        for n in 0..1000 + step * 5 {
            let labels = labels(&[("__name__", "m"), ("n", &n.to_string())]);
            let value = f64::from_bits(random.next() >> 1);
            batch.append(SeriesRef(0), &labels, step * 1000, value).unwrap();
        }
        batch.commit().unwrap();
        if step == 100 {
            db.delete(20_000, 30_000, &[Matcher::equal("n", "9")]).unwrap();
        }
    }
    assert!(disk.read(Path::new("/data/wal/00000000")).unwrap().len() > 1 << 20);
    let wanted = contents(&db);
    for _ in 0..3 {
        let again = open(&disk.after_kill());
        assert_eq!(contents(&again), wanted);
        assert_eq!(again.replay_report().unknown_refs, 0);
        assert_eq!(again.stats().series, 1745);
    }
    assert!(db.map_head_chunks().unwrap() > 900);
    let again = open(&disk.after_kill());
    assert_eq!(contents(&again), wanted);
    assert!(again.replay_report().samples_mapped > 100_000);
}
