//! Prometheus compacts the same samples to the same blocks, starts on what we compacted, and we on
//! what it compacted.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use common_model::{Labels, Matcher};
use server_storage::{SeriesRef, Watch};
use server_tsdb::block::{Block, is_ulid};
use server_tsdb::fs::RealFs;
use server_tsdb::{Db, Options, open_blocks};

use crate::histograms::{Source, all};
use crate::peer_histograms::{Message, RECEIVER, write};
use crate::peers::{Prometheus, from_dump, peer, promtool_dump};
use crate::support::{Contents, Random, contents, labels, names};
use crate::upkeep::metric;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
/// Some noon in 2023, a multiple of 18 hours.
const START: i64 = 1_699_963_200_000;
/// Samples come in steps of two minutes.
const STEPS: i64 = 24 * 30;

/// What series `n` has at a step; some come late, some end early, some pause.
fn value(n: u64, step: i64) -> Option<f64> {
    let hour = step / 30;
    let there = match n % 5 {
        1 => hour >= n as i64,
        2 => hour < n as i64,
        3 => hour % 5 != 2,
        _ => true,
    };
    there.then(|| Random::new(n * 1000 + step as u64).below(50) as f64 * step as f64 / 8.0)
}

pub(crate) fn set(n: u64) -> Labels {
    let metric = ["up", "load", "bytes_total"][n as usize % 3];
    labels(&[("__name__", metric), ("n", &n.to_string()), ("host", &format!("h{}", n % 4))])
}

pub(crate) const FLOATS: u64 = 25;

/// Floats and some histograms, compacted every hour.
fn fill(
    db: &Db,
    steps: std::ops::Range<i64>,
    histograms: &mut [Source],
    name: &mut dyn FnMut() -> String,
) {
    for step in steps {
        let time = START + step * 2 * MINUTE;
        let mut batch = db.appender();
        for n in 0..FLOATS {
            if let Some(value) = value(n, step) {
                batch.append(SeriesRef(0), &set(n), time, value).unwrap();
            }
        }
        for (n, source) in (0..).zip(histograms.iter_mut()) {
            let labels = labels(&[("__name__", "histogram"), ("n", &i64::to_string(&n))]);
            let histogram = source.next();
            match n % 2 {
                0 => batch.append_integer_histogram(SeriesRef(0), &labels, time, &histogram),
                _ => batch.append_histogram(SeriesRef(0), &labels, time, &histogram),
            }
            .unwrap();
        }
        batch.commit().unwrap();
        if step % 30 == 29 {
            db.compact(name, &Watch::default()).unwrap();
        }
    }
}

pub(crate) fn push(
    prometheus: &Prometheus,
    steps: std::ops::Range<i64>,
    series: &[u64],
    back_ms: i64,
) {
    for step in steps {
        let time = START + step * 2 * MINUTE - back_ms;
        let mut request = Message::default();
        for &n in series {
            let Some(value) = value(n, step) else { continue };
            request.part(1, |m| {
                for (name, value) in &set(n) {
                    m.part(1, |m| {
                        m.bytes(1, name.as_bytes());
                        m.bytes(2, value.as_bytes());
                    });
                }
                m.part(2, |m| {
                    m.double(1, value);
                    m.number(2, time as u64);
                });
            });
        }
        write(prometheus, &request.0);
    }
}

fn figure(prometheus: &Prometheus, name: &str) -> Option<f64> {
    let metrics = prometheus.get("/metrics")?;
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line?.parse().ok()
}

pub(crate) fn open_real(dir: &Path) -> Db {
    let options = Options { retention_ms: i64::MAX, ..Options::new(dir) };
    Db::open(options, Arc::new(RealFs)).unwrap()
}

/// Times, sizes and chunks of all blocks.
fn blocks_of(dir: &Path) -> Vec<String> {
    let (blocks, broken) = open_blocks(&RealFs, dir).unwrap();
    assert!(broken.is_empty(), "{broken:?}");
    let describe = |block: &Arc<Block>| {
        let meta = block.meta();
        let (level, sources) = (meta.compaction.level, meta.compaction.sources.len());
        let parents = meta.compaction.parents.len();
        let mut text = format!(
            "{} to {}, level {level}, {sources} sources, {parents} parents, {} samples\n",
            meta.min_time - START,
            meta.max_time - START,
            meta.stats.num_samples
        );
        let mut each = |labels: &Labels, chunks: &[server_tsdb::block::ChunkMeta]| {
            text += &format!("{labels}");
            for chunk in chunks {
                let (encoding, bytes) = block.chunk(chunk.reference).unwrap();
                let sum: u64 = bytes.iter().map(|byte| u64::from(*byte)).sum();
                let first = chunk.min_time - START;
                text += &format!(" {first}:{encoding}:{}:{sum}", bytes.len());
            }
            text += "\n";
            true
        };
        block.series(&mut each).unwrap();
        text
    };
    blocks.iter().map(describe).collect()
}

#[test]
fn the_same_samples_become_the_same_blocks() {
    let Some(program) = peer("prometheus") else { return };
    let place = tempfile::tempdir().unwrap();
    let (theirs, ours) = (place.path().join("theirs"), place.path().join("ours"));
    let prometheus = Prometheus::start(&program, &theirs, "", &RECEIVER);
    let (db, mut name) = (open_real(&ours), names());
    let series: Vec<u64> = (0..FLOATS).collect();
    for hour in 0..STEPS / 30 {
        let steps = hour * 30..hour * 30 + 30;
        push(&prometheus, steps.clone(), &series, 0);
        fill(&db, steps, &mut [], &mut name);
        let wanted = metric(&db, "prometheus_tsdb_compactions_total");
        prometheus.wait("it has compacted as often as we", |p| {
            figure(p, "prometheus_tsdb_compactions_total") == Some(wanted)
                && figure(p, "prometheus_tsdb_compaction_populating_block") == Some(0.0)
        });
    }
    let blocks = db.blocks().len() as f64;
    prometheus.wait("old blocks are gone", |p| {
        figure(p, "prometheus_tsdb_blocks_loaded") == Some(blocks)
    });
    drop(prometheus);
    let wanted = contents(&db);
    db.close().unwrap();
    assert_eq!(contents(&open_real(&theirs)), wanted);
    let (our_blocks, their_blocks) = (blocks_of(&ours), blocks_of(&theirs));
    println!("{} blocks", our_blocks.len());
    assert!(our_blocks.len() >= 3);
    assert_eq!(our_blocks, their_blocks);
}

fn promtool_says(promtool: &Path, arguments: &[&str], dir: &Path) -> String {
    let said = Command::new(promtool).arg("tsdb").args(arguments).arg(dir).output().unwrap();
    assert!(said.status.success(), "{said:?}");
    String::from_utf8(said.stdout).unwrap()
}

#[test]
fn promtool_and_prometheus_read_what_we_compacted() {
    let (Some(program), Some(promtool)) = (peer("prometheus"), peer("promtool")) else { return };
    for is_killed in [false, true] {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path().join("data");
        let db = open_real(&dir);
        let mut histograms: Vec<_> = (0..4).map(|n| Source::new(n, n % 2 == 0)).collect();
        fill(&db, 0..STEPS, &mut histograms, &mut names());
        let matcher = [Matcher::equal("n", "4")];
        assert!(db.delete(START + 3 * HOUR, START + 23 * HOUR, &matcher).unwrap() > 3);
        let wanted = all(&db);
        let floats = contents(&db);
        let metas = db.blocks();
        assert!(metas.iter().any(|meta| meta.compaction.level == 3), "{metas:?}");
        if !is_killed {
            db.close().unwrap();
        }
        drop(db);
        let listed = promtool_says(&promtool, &["list"], &dir);
        let listed: Vec<_> = listed.split_whitespace().filter(|word| is_ulid(word)).collect();
        assert_eq!(listed, metas.iter().map(|meta| meta.ulid.as_str()).collect::<Vec<_>>());
        assert!(promtool_says(&promtool, &["analyze"], &dir).contains("Duration: "));
        let only_floats = |all: Contents| -> Contents {
            all.into_iter().filter(|(labels, _)| labels.metric_name() != "histogram").collect()
        };
        let some = "--match={__name__!=\"histogram\"}";
        let dumped = from_dump(&promtool_says(&promtool, &["dump", some], &dir));
        assert_eq!(dumped, only_floats(floats.clone()));
        let prometheus = Prometheus::start(&program, &dir, "", &RECEIVER);
        let end = START + STEPS * 2 * MINUTE;
        for (labels, samples) in only_floats(floats.clone()) {
            let answer = prometheus.query(&format!("count_over_time({labels}[2d])"), Some(end));
            let count = answer["data"]["result"][0]["value"][1].as_str().unwrap_or("0").to_owned();
            assert_eq!(count, samples.len().to_string(), "{labels}, killed: {is_killed}");
        }
        for (labels, samples) in wanted.iter().filter(|(l, _)| l.metric_name() == "histogram") {
            let answer = prometheus.query(&format!("count_over_time({labels}[2d])"), Some(end));
            // Stale markers do not count.
            let count = samples.iter().filter(|(_, sample)| sample != "stale").count();
            assert!(count > 600);
            assert_eq!(answer["data"]["result"][0]["value"][1], count.to_string(), "{labels}");
        }
        let metrics = prometheus.get("/metrics").unwrap();
        for zero in ["wal_corruptions_total", "mmap_chunk_corruptions_total"] {
            assert!(metrics.contains(&format!("prometheus_tsdb_{zero} 0\n")), "{zero}");
        }
        drop(prometheus);
        assert_eq!(all(&open_real(&dir)), wanted, "Prometheus had it in between");
    }
}

#[test]
fn logs_of_late_samples_are_read_by_both() {
    let (Some(program), Some(promtool)) = (peer("prometheus"), peer("promtool")) else { return };
    let place = tempfile::tempdir().unwrap();
    let (theirs, ours) = (place.path().join("theirs"), place.path().join("ours"));
    let config = "storage: {tsdb: {out_of_order_time_window: 2d}}\n";
    let late = [0, 5, 10];
    // Theirs, killed before anything is compacted.
    let prometheus = Prometheus::start(&program, &theirs, config, &RECEIVER);
    let series: Vec<u64> = (0..FLOATS).collect();
    push(&prometheus, 0..60, &series, 0);
    push(&prometheus, 20..50, &late, 37_000);
    // A series that only comes late.
    push(&prometheus, 20..50, &[26], 0);
    drop(prometheus);
    let wanted = promtool_dump(&promtool, &theirs);
    let db = open_real(&theirs);
    assert_eq!(db.replay_report().unknown_refs, 0);
    assert_eq!(contents(&db), wanted);
    db.close().unwrap();
    // Ours, likewise.
    let options = Options {
        retention_ms: i64::MAX,
        out_of_order_window_ms: 48 * HOUR,
        ..Options::new(&ours)
    };
    let db = Db::open(options, Arc::new(RealFs)).unwrap();
    fill(&db, 0..60, &mut [], &mut names());
    for step in 20..50 {
        let mut batch = db.appender();
        for (n, back) in late.iter().map(|n| (*n, 37_000)).chain([(26, 0)]) {
            let time = START + step * 2 * MINUTE - back;
            if let Some(value) = value(n, step) {
                batch.append(SeriesRef(0), &set(n), time, value).unwrap();
            }
        }
        batch.commit().unwrap();
    }
    assert_eq!(contents(&db), wanted);
    drop(db);
    assert_eq!(promtool_dump(&promtool, &ours), wanted, "what promtool reads of our logs");
    let prometheus = Prometheus::start(&program, &ours, config, &RECEIVER);
    let end = START + STEPS * 2 * MINUTE;
    for (labels, samples) in &wanted {
        let answer = prometheus.query(&format!("count_over_time({labels}[2d])"), Some(end));
        let count = samples.len().to_string();
        assert_eq!(answer["data"]["result"][0]["value"][1], count, "{labels}: {answer}");
    }
    let metrics = prometheus.get("/metrics").unwrap();
    assert!(metrics.contains("prometheus_tsdb_wal_corruptions_total 0\n"));
    drop(prometheus);
    assert_eq!(contents(&open_real(&ours)), wanted, "Prometheus had it in between");
}

#[test]
fn we_read_what_prometheus_compacted() {
    let (Some(program), Some(promtool)) = (peer("prometheus"), peer("promtool")) else { return };
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("data");
    let config = "storage: {tsdb: {out_of_order_time_window: 2d}}\n";
    let prometheus = Prometheus::start(&program, &dir, config, &RECEIVER);
    let series: Vec<u64> = (0..FLOATS).collect();
    push(&prometheus, 0..STEPS / 2, &series, 0);
    let delete = "/api/v1/admin/tsdb/delete_series?match[]=%7Bn%3D%224%22%7D&end=1699990000";
    assert!(prometheus.ask("POST", delete).is_some());
    // Between the others, an odd minute earlier.
    push(&prometheus, 30..90, &[0, 5, 10], 37_000);
    push(&prometheus, STEPS / 2..STEPS, &series, 0);
    prometheus.wait("it has compacted the head", |p| {
        let oldest = figure(p, "prometheus_tsdb_head_min_time");
        // Samples out of order follow those in order, and then their log goes.
        let log = std::fs::read_dir(dir.join("wbl")).into_iter().flatten().flatten();
        let left: u64 = log.filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum();
        left == 0 && oldest.is_some_and(|oldest| oldest as i64 >= START + 20 * HOUR)
    });
    drop(prometheus);
    let theirs = promtool_dump(&promtool, &dir);
    let db = open_real(&dir);
    println!("{} blocks", db.blocks().len());
    assert!(db.replay_report().samples_covered > 0, "the log begins before the last block's end");
    let ours = contents(&db);
    for (labels, samples) in &theirs {
        let missing: Vec<_> = samples.iter().filter(|s| !ours[labels].contains(s)).collect();
        assert!(missing.is_empty(), "{labels}: {} {:?}", missing.len(), missing[0]);
    }
    assert_eq!(ours, theirs);
    // And go on: what it left is merged, and nothing changes.
    let mut name = names();
    db.compact(&mut name, &Watch::default()).unwrap();
    assert_eq!(contents(&db), theirs);
    fill(&db, STEPS..STEPS + 300, &mut [], &mut name);
    let later = contents(&db);
    db.close().unwrap();
    drop(db);
    assert_eq!(contents(&open_real(&dir)), later);
    assert_eq!(promtool_dump(&promtool, &dir), later);
}
