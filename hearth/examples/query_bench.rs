//! Prints what queries cost in process: from the text of the query to the JSON of its result.
//!
//! `query_bench load DIR FILE...` fills the directory of a database with OpenMetrics files that have
//! a time on every line; `query_bench run DIR QUERIES.json RUNS [NAME...]` asks it. The file has
//! the end `T` of all times in seconds and a list `queries` of name, type (`instant` or `range`),
//! `q`, `span` and `step`. Build with `--release`.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark may stop, and prints")]

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use common_model::Labels;
use server_promql::engine::{Engine, Interrupt, Lent, QueryOptions, QueryOutput, Stop};
use server_promql::parser;
use server_storage::SeriesRef;
use server_tsdb::fs::RealFs;
use server_tsdb::{Db, Options};

/// What the product uses.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const TEN_YEARS_MS: i64 = 10 * 365 * 24 * 60 * 60 * 1000;

/// Lends another core to every query, as the product does while others are idle.
struct Idle;

impl Interrupt for Idle {
    fn stop(&self) -> Option<Stop> {
        None
    }

    fn lend(&self) -> Option<Box<dyn Lent>> {
        Some(Box::new(Idle))
    }
}

impl Lent for Idle {
    fn is_wanted(&self) -> bool {
        false
    }
}

fn open(dir: &str) -> Db {
    let options = Options {
        retention_ms: TEN_YEARS_MS,
        chunk_bytes_max: 1 << 40,
        ..Options::new(Path::new(dir))
    };
    Db::open(options, Arc::new(RealFs)).unwrap()
}

/// One line: `name{a="1",b="2"} value time`; the labels of these files hold no braces or escapes.
fn sample(line: &str) -> (&str, i64, f64) {
    let (series, rest) =
        line.split_at(line.rfind('}').map_or_else(|| line.find(' ').unwrap(), |at| at + 1));
    let mut words = rest.split_ascii_whitespace();
    let value = common_model::parse_float(words.next().unwrap()).unwrap();
    (series, words.next().unwrap().parse::<i64>().unwrap() * 1000, value)
}

fn labels(series: &str) -> Labels {
    let (name, rest) = series.split_once('{').unwrap_or((series, ""));
    let pairs = rest.trim_end_matches('}').split_terminator(',').map(|pair| {
        let (name, value) = pair.split_once('=').unwrap();
        (name, value.trim_matches('"'))
    });
    Labels::from_pairs(pairs.chain([("__name__", name)]))
}

/// Brings the samples of a file in order of time, as scrapes would, a batch for every time.
fn load(db: &Db, text: &str) {
    let mut series: Vec<(Labels, SeriesRef)> = Vec::new();
    let mut times: Vec<i64> = Vec::new();
    let mut batches: HashMap<i64, Vec<(usize, f64)>> = HashMap::new();
    let mut before = "";
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (text, time, value) = sample(line);
        if text != before {
            series.push((labels(text), SeriesRef(0)));
            before = text;
        }
        let batch = batches.entry(time).or_insert_with(|| {
            times.push(time);
            Vec::new()
        });
        batch.push((series.len() - 1, value));
    }
    times.sort_unstable();
    for time in times {
        let mut batch = db.appender();
        for &(at, value) in &batches[&time] {
            let (labels, reference) = &mut series[at];
            *reference = batch.append(*reference, labels, time, value).unwrap();
        }
        batch.commit().unwrap();
    }
}

/// Processor time of the process so far, ended threads included, in milliseconds.
fn cpu_ms() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // The name in parentheses may hold spaces; user and system time are the 14th and 15th word, in
    // hundredths of a second.
    let words: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    words[11..13].iter().map(|ticks| ticks.parse::<f64>().unwrap() * 10.0).sum()
}

fn evaluate(db: &Db, query: &serde_json::Value, end: i64) -> QueryOutput {
    let text = query["q"].as_str().unwrap();
    let expr = parser::parse(text, &parser::Options::default()).unwrap();
    let options = QueryOptions { query: text, interrupt: &Idle, ..QueryOptions::default() };
    let engine = Engine::default();
    if query["type"] == "instant" {
        return engine.instant(db, &expr, end, &options).unwrap();
    }
    let seconds = |key: &str| query[key].as_i64().unwrap() * 1000;
    engine.range(db, &expr, end - seconds("span"), end, seconds("step"), &options).unwrap()
}

fn run(db: &Db, file: &str, runs: usize, names: &[String]) {
    let file: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let end = file["T"].as_i64().unwrap() * 1000;
    println!(
        "{:<22} {:>9} {:>9} {:>11} {:>10} {:>10}",
        "query", "median", "cpu", "samples", "bytes", "json"
    );
    for query in file["queries"].as_array().unwrap().iter().filter(|q| q["type"] != "api") {
        let name = query["name"].as_str().unwrap();
        if !names.is_empty() && !names.iter().any(|wanted| wanted == name) {
            continue;
        }
        let mut took = Vec::new();
        let (mut stats, mut bytes) = (Default::default(), 0);
        let cpu = cpu_ms();
        for _ in 0..runs {
            let start = Instant::now();
            let output = evaluate(db, query, end);
            stats = output.stats;
            bytes = server_api::result_json(output).unwrap().iter().map(Vec::len).sum::<usize>();
            took.push(start.elapsed().as_secs_f64() * 1000.0);
        }
        let cpu = (cpu_ms() - cpu) / runs as f64;
        took.sort_by(f64::total_cmp);
        let server_promql::engine::QueryStats { samples_total, bytes_peak, .. } = stats;
        println!(
            "{name:<22} {:>9.3} {cpu:>9.3} {samples_total:>11} {bytes_peak:>10} {bytes:>10}",
            took[runs / 2]
        );
    }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["load", dir, files @ ..] => {
            let db = open(dir);
            for file in files {
                load(&db, &std::fs::read_to_string(file).unwrap());
            }
            db.close().unwrap();
        }
        ["run", dir, file, runs, ..] => run(&open(dir), file, runs.parse().unwrap(), &args[4..]),
        _ => println!(
            "query_bench load DIR FILE... | query_bench run DIR QUERIES.json RUNS [NAME...]"
        ),
    }
}
