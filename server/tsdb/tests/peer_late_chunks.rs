//! Chunks of late samples, with their markers, go to and fro between Prometheus and us.

use std::path::Path;
use std::sync::Arc;

use server_storage::SeriesRef;
use server_tsdb::fs::RealFs;
use server_tsdb::{Db, Options};

use crate::peer_compaction::{open_real, set};
use crate::peer_histograms::{Message, RECEIVER, write};
use crate::peers::{Prometheus, from_json, peer, promtool_dump};
use crate::support::{Contents, contents};
use crate::upkeep::metric;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const START: i64 = 1_699_963_200_000;
const CONFIG: &str = "storage: {tsdb: {out_of_order_time_window: 2d}}\n";
const SERIES: u64 = 5;

/// Time of the sample of a series in a round: an hour in order at first, then late ones to and fro in
/// the hour before. Prometheus compacts a head of three hours.
fn time(n: u64, round: i64) -> i64 {
    match round {
        0..60 => START + round * MINUTE,
        _ => START - HOUR + (round * 7 % 60) * MINUTE + round / 60 * 7000 + n as i64,
    }
}

fn value(n: u64, round: i64) -> f64 {
    (round * 37 % 1000) as f64 / 8.0 + n as f64
}

fn push(prometheus: &Prometheus, rounds: std::ops::Range<i64>) {
    for round in rounds {
        let mut request = Message::default();
        for n in 0..SERIES {
            request.part(1, |m| {
                for (name, value) in &set(n) {
                    m.part(1, |m| {
                        m.bytes(1, name.as_bytes());
                        m.bytes(2, value.as_bytes());
                    });
                }
                m.part(2, |m| {
                    m.double(1, value(n, round));
                    m.number(2, time(n, round) as u64);
                });
            });
        }
        write(prometheus, &request.0);
    }
}

fn append(db: &Db, rounds: std::ops::Range<i64>) {
    for round in rounds {
        let mut batch = db.appender();
        for n in 0..SERIES {
            batch.append(SeriesRef(0), &set(n), time(n, round), value(n, round)).unwrap();
        }
        batch.commit().unwrap();
    }
}

fn open_ours(dir: &Path) -> Db {
    let options =
        Options { retention_ms: i64::MAX, out_of_order_window_ms: 48 * HOUR, ..Options::new(dir) };
    Db::open(options, Arc::new(RealFs)).unwrap()
}

fn answers(prometheus: &Prometheus) -> Contents {
    from_json(&prometheus.query("{__name__=~\".+\"}[2d]", Some(START + 2 * HOUR)))
}

/// Says how much differs, not all there is.
fn compare(found: &Contents, wanted: &Contents, what: &str) {
    for (labels, samples) in wanted {
        let there = found.get(labels).map_or(&[][..], Vec::as_slice);
        let missing: Vec<_> = samples.iter().filter(|s| !there.contains(s)).collect();
        let more: Vec<_> = there.iter().filter(|s| !samples.contains(s)).collect();
        assert!(
            (missing.len(), more.len()) == (0, 0),
            "{what}: {labels}: {} are missing, {} too many, as {:?} {:?}",
            missing.len(),
            more.len(),
            missing.first(),
            more.first()
        );
    }
    assert_eq!(found.len(), wanted.len(), "{what}");
}

#[test]
fn we_take_up_late_chunks_of_a_killed_prometheus() {
    let (Some(program), Some(promtool)) = (peer("prometheus"), peer("promtool")) else { return };
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("data");
    let prometheus = Prometheus::start(&program, &dir, CONFIG, &RECEIVER);
    push(&prometheus, 0..300);
    // Its chunks reach their file when it ends, or when they are four megabytes.
    prometheus.stop();
    let prometheus = Prometheus::start(&program, &dir, CONFIG, &RECEIVER);
    push(&prometheus, 300..420);
    let wanted = answers(&prometheus);
    // A kill.
    drop(prometheus);
    assert_eq!(wanted.values().map(Vec::len).sum::<usize>(), 420 * SERIES as usize);
    compare(&promtool_dump(&promtool, &dir), &wanted, "promtool");
    let db = open_real(&dir);
    let report = db.replay_report();
    assert_eq!((report.unknown_refs, report.corruptions), (0, 0));
    // 240 late samples of a series are seven chunks of 32.
    println!("{} chunks of theirs", report.late_chunks);
    assert!(report.late_chunks >= 7 * SERIES, "{report:?}");
    compare(&contents(&db), &wanted, "ours");
    db.close().unwrap();
    let prometheus = Prometheus::start(&program, &dir, CONFIG, &RECEIVER);
    compare(&answers(&prometheus), &wanted, "we had it in between");
}

#[test]
fn prometheus_takes_up_late_chunks_of_ours() {
    let (Some(program), Some(promtool)) = (peer("prometheus"), peer("promtool")) else { return };
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("data");
    let mut wanted = Contents::new();
    for (session, rounds) in [(0, 0..200), (1, 200..330), (2, 330..420)] {
        let db = open_ours(&dir);
        append(&db, rounds);
        wanted = contents(&db);
        db.map_head_chunks().unwrap();
        assert!(metric(&db, "hearth_tsdb_head_out_of_order_samples_in_files") > 0.0);
        compare(&contents(&db), &wanted, &format!("session {session}"));
        // A kill.
        drop(db);
        compare(&promtool_dump(&promtool, &dir), &wanted, &format!("session {session}"));
    }
    assert_eq!(wanted.values().map(Vec::len).sum::<usize>(), 420 * SERIES as usize);
    let prometheus = Prometheus::start(&program, &dir, CONFIG, &RECEIVER);
    compare(&answers(&prometheus), &wanted, "Prometheus");
    let metrics = prometheus.get("/metrics").unwrap();
    for zero in ["wal_corruptions_total", "mmap_chunk_corruptions_total"] {
        assert!(metrics.contains(&format!("prometheus_tsdb_{zero} 0\n")), "{zero}");
    }
    push(&prometheus, 420..480);
    let more = answers(&prometheus);
    drop(prometheus);
    let db = open_ours(&dir);
    compare(&contents(&db), &more, "Prometheus had it in between");
    assert!(db.replay_report().late_chunks > 0);
    drop(db);
    // Without the files the log serves both.
    std::fs::remove_dir_all(dir.join("chunks_head")).unwrap();
    compare(&contents(&open_ours(&dir)), &more, "ours, from the log");
    compare(&promtool_dump(&promtool, &dir), &more, "theirs, from the log");
}
