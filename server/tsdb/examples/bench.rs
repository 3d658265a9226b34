//! Prints what appending, keeping and replaying cost. Run with `--release`; directory as argument.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark may stop, and prints")]

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use common_model::{Labels, Matcher};
use server_storage::{SampleColumns, SelectHints, SeriesRef};
use server_tsdb::fs::RealFs;
use server_tsdb::{Db, Options};

/// What the product uses.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const START: i64 = 1_700_006_400_000;
const STEP_MS: i64 = 15_000;

fn series(count: usize) -> Vec<Labels> {
    let labels = |n: usize| {
        let metric = format!("node_something_{}_total", n % 500);
        let (instance, device) = (format!("host-{}:9100", n / 500), format!("dev{}", n % 7));
        Labels::from_pairs([
            ("__name__", metric.as_str()),
            ("instance", &instance),
            ("job", "node"),
            ("device", &device),
            ("mode", ["idle", "user", "system"][n % 3]),
            ("cluster", "eu-central"),
        ])
    };
    (0..count).map(labels).collect()
}

/// Resident memory in bytes, as the kernel has it.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() * 1024.0
}

/// A counter, a slowly moving gauge, a constant.
fn value(series: usize, step: i64) -> f64 {
    match series % 3 {
        0 => (step * (series as i64 % 97)) as f64,
        1 => (step % 60) as f64 * 0.25 + series as f64,
        _ => 1.0,
    }
}

fn append(db: &Db, series: &[Labels], steps: std::ops::Range<i64>) -> f64 {
    let mut references = vec![SeriesRef(0); series.len()];
    let samples = series.len() as f64 * (steps.end - steps.start) as f64;
    let start = Instant::now();
    for step in steps {
        let mut batch = db.appender();
        for (at, labels) in series.iter().enumerate() {
            let time = START + step * STEP_MS;
            references[at] = batch.append(references[at], labels, time, value(at, step)).unwrap();
        }
        batch.commit().unwrap();
    }
    samples / start.elapsed().as_secs_f64()
}

fn read_all(db: &Db) -> f64 {
    let hints = SelectHints { start: i64::MIN, end: i64::MAX, ..SelectHints::default() };
    let start = Instant::now();
    let querier = db.querier(i64::MIN, i64::MAX);
    let matcher = [Matcher::equal("job", "node")];
    let mut set = querier.select(false, &hints, &matcher).unwrap();
    let (mut columns, mut samples) = (SampleColumns::default(), 0);
    while set.next(&mut columns).unwrap().is_some() {
        samples += columns.len();
    }
    samples as f64 / start.elapsed().as_secs_f64()
}

fn disk_bytes(dir: &Path) -> f64 {
    let entries = std::fs::read_dir(dir.join("wal")).unwrap();
    entries.map(|entry| entry.unwrap().metadata().unwrap().len() as f64).sum()
}

fn run(dir: &Path, count: usize, steps: i64) {
    let series = series(count);
    let before = resident();
    let db = Db::open(Options::new(dir), Arc::new(RealFs)).unwrap();
    let create = append(&db, &series, 0..1);
    let one_sample = resident() - before;
    let steady = append(&db, &series, 1..steps);
    let full = resident() - before;
    let read = read_all(&db);
    let samples = count as f64 * steps as f64;
    println!("{count} series, {steps} samples each");
    println!("  new series          {:>8.2} M/s", create / 1e6);
    println!("  append              {:>8.2} M samples/s", steady / 1e6);
    println!("  read back           {:>8.2} M samples/s", read / 1e6);
    println!("  memory, 1 sample    {:>8.0} bytes a series", one_sample / count as f64);
    println!("  memory, {steps:>3} samples {:>8.0} bytes a series", full / count as f64);
    let chunks = db.stats().chunk_bytes as f64;
    println!("  chunks              {:>8.2} bytes a sample", chunks / samples);
    println!("  log on disk         {:>8.2} bytes a sample", disk_bytes(dir) / samples);
    db.close().unwrap();
}

/// In a process of its own, so that its memory can be told from that of the writer.
fn replay(dir: &Path, samples: f64) {
    let before = resident();
    let start = Instant::now();
    let db = Db::open(Options::new(dir), Arc::new(RealFs)).unwrap();
    let took = start.elapsed().as_secs_f64();
    let series = db.stats().series as f64;
    println!("  replay              {:>8.2} M samples/s ({took:.2} s)", samples / took / 1e6);
    println!("  memory after replay {:>8.0} bytes a series", (resident() - before) / series);
    assert_eq!(db.replay_report().samples as f64, samples);
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let number = |at: usize, default: usize| {
        args.get(at).map_or(default, |number: &String| number.parse().unwrap())
    };
    let (count, steps) = (number(2, 100_000), number(3, 240));
    let dir = Path::new(args.get(1).map_or("tsdb-bench", String::as_str)).join(count.to_string());
    if args.get(4).is_some_and(|what| what == "replay") {
        return replay(&dir, count as f64 * steps as f64);
    }
    run(&dir, count, steps as i64);
    let [directory, count, steps] =
        [args.get(1), Some(&count.to_string()), Some(&steps.to_string())]
            .map(|arg| arg.map_or("tsdb-bench".to_owned(), Clone::clone));
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args([&directory, &count, &steps, "replay"])
        .status()
        .unwrap();
    assert!(child.success());
    std::fs::remove_dir_all(&dir).unwrap();
}
