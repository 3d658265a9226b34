//! Prints what each part of the store costs: XOR chunks, appending, intersecting postings, selecting,
//! compaction. `cargo run --release -p server-tsdb --example parts -- DIR`; CPU time, best of some.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark may stop, and prints")]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use common_model::{Labels, Matcher};
use server_storage::{NumberedSample, SampleColumns, SelectHints, SeriesRef, Watch};
use server_tsdb::chunk::xor::{XorReader, XorWriter};
use server_tsdb::fs::RealFs;
use server_tsdb::{Db, Options};

/// What the product uses.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const START: i64 = 1_700_006_400_000;
const STEP_MS: i64 = 15_000;
const CHUNK_SAMPLES: i64 = 120;
const SERIES: usize = 50_000;
/// Samples of each series: five hours, so that there is a block to compact.
const STEPS: i64 = 1200;
const ROUNDS: usize = 7;

/// CPU seconds of this thread, which does all the work.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let own: f64 = stat.split(' ').next().unwrap().parse().unwrap();
    own / 1e9
}

/// Nanoseconds of CPU time that one of `count` things takes, at best.
fn best(count: f64, mut act: impl FnMut()) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let begin = cpu();
        act();
        best = best.min(cpu() - begin);
    }
    best / count * 1e9
}

fn value(kind: usize, step: i64) -> f64 {
    match kind {
        0 => 1.0,
        1 => (step * 97 + step * step % 13) as f64,
        _ => 20.0 + (step as f64 * 0.7).sin() * 5.0,
    }
}

fn chunks() {
    for (kind, name) in ["constant", "counter", "gauge"].into_iter().enumerate() {
        let times = |at: i64| START + at * STEP_MS;
        let encode = |writer: &mut XorWriter| {
            for at in 0..CHUNK_SAMPLES {
                writer.append(times(at), value(kind, at));
            }
        };
        let count = 1000.0 * CHUNK_SAMPLES as f64;
        let encoding = best(count, || {
            for _ in 0..1000 {
                let mut writer = XorWriter::default();
                encode(&mut writer);
                black_box(writer.finish());
            }
        });
        let mut writer = XorWriter::default();
        encode(&mut writer);
        let chunk = writer.finish();
        let decoding = best(count, || {
            for _ in 0..1000 {
                let mut reader = XorReader::new(black_box(&chunk));
                while let Some(sample) = reader.next_sample().unwrap() {
                    black_box(sample);
                }
            }
        });
        let bytes = chunk.len() as f64 / CHUNK_SAMPLES as f64;
        println!(
            "xor {name:<8}  encode {encoding:>6.1}, decode {decoding:>6.1} ns a sample, {bytes:.2} bytes"
        );
    }
}

fn series() -> Vec<Labels> {
    let labels = |n: usize| {
        let (metric, instance) = (format!("metric_{}_total", n % 500), format!("host-{}", n / 500));
        Labels::from_pairs([
            ("__name__", metric.as_str()),
            ("instance", &instance),
            ("job", "node"),
            ("device", ["sda", "sdb", "sdc", "sdd"][n % 4]),
            ("mode", ["idle", "user", "system"][n % 3]),
        ])
    };
    (0..SERIES).map(labels).collect()
}

/// A store of the series, each with all samples; says what appending by labels and by number cost.
fn fill(dir: &Path) -> Db {
    let series = series();
    let options = Options { retention_ms: i64::MAX, ..Options::new(dir) };
    let db = Db::open(options, Arc::new(RealFs)).unwrap();
    let (mut numbers, begin) = (Vec::new(), cpu());
    let mut batch = db.appender();
    for labels in &series {
        numbers.push(batch.append(SeriesRef(0), labels, START, 1.0).unwrap());
    }
    batch.commit().unwrap();
    let new = (cpu() - begin) / SERIES as f64 * 1e9;
    let begin = cpu();
    let mut samples = Vec::new();
    for step in 1..STEPS {
        let mut batch = db.appender();
        // As a scraper does it.
        for (part, numbers) in numbers.chunks(128).enumerate() {
            samples.clear();
            samples.extend(numbers.iter().enumerate().map(|(at, series)| NumberedSample {
                series: *series,
                timestamp: START + step * STEP_MS,
                value: value((part + at) % 3, step),
            }));
            batch.append_known(&samples, &mut |_, error| panic!("{error}"));
        }
        batch.commit().unwrap();
    }
    let known = (cpu() - begin) / (SERIES as f64 * (STEPS - 1) as f64) * 1e9;
    println!(
        "append         a new series {new:.0}, a sample of a known one {known:.0} ns, log included"
    );
    db
}

/// Selects from the store; what finding and reading costs.
fn select(db: &Db, what: &str, matchers: &[Matcher], labels_only: bool) {
    let (mut series, mut samples) = (0, 0);
    let mut run = || {
        let hints =
            SelectHints { start: i64::MIN, end: i64::MAX, labels_only, ..SelectHints::default() };
        let querier = db.querier(i64::MIN, i64::MAX);
        let mut set = querier.select(false, &hints, matchers).unwrap();
        let mut columns = SampleColumns::default();
        (series, samples) = (0, 0);
        while set.next(&mut columns).unwrap().is_some() {
            series += 1;
            samples += columns.len();
        }
    };
    let micros = best(1.0, &mut run) / 1e3;
    println!("{what:<14} {micros:.0} us: {series} series, {samples} samples");
}

fn selects(db: &Db, place: &str) {
    let equal = Matcher::equal;
    // Three lists, of 50,000, 12,500 and 100 numbers, have 100 in common; two of 12,500 and 16,667 have 4,166.
    let few = [equal("job", "node"), equal("device", "sda"), equal("__name__", "metric_8_total")];
    let many = [equal("device", "sda"), equal("mode", "user")];
    println!("{place}");
    select(db, "  intersect 3", &few, true);
    select(db, "  intersect 2", &many, true);
    select(db, "  read a metric", &few, false);
    select(db, "  read a host", &[equal("instance", "host-7")], false);
}

fn main() {
    chunks();
    let dir = PathBuf::from(std::env::args().nth(1).unwrap_or("tsdb-parts".to_owned()));
    let db = fill(&dir);
    selects(&db, "head");
    let mut name = 0;
    let mut names = || {
        name += 1;
        server_tsdb::block::ulid(1_800_000_000_000 + name, [7; 10])
    };
    let begin = cpu();
    db.compact(&mut names, &Watch::default()).unwrap();
    let took = cpu() - begin;
    let samples: u64 = db.blocks().iter().map(|meta| meta.stats.num_samples).sum();
    let (blocks, each) = (db.blocks().len(), took / samples as f64 * 1e9);
    println!(
        "compaction     {took:.2} s for {samples} samples in {blocks} blocks, {each:.0} ns a sample"
    );
    selects(&db, "head and blocks");
    db.close().unwrap();
    std::fs::remove_dir_all(&dir).unwrap();
}
