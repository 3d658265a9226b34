//! The compliance tester's queries: `hearth server` and Prometheus over copies of one directory.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value as Json;

use crate::differential::answer::{self, Answer};
use crate::support::child::{HEARTH, Program};
use crate::{ours, skip};

/// Queries of the suite.
const QUERIES: usize = 396;
/// What is answered differently, and why.
const EXCEPTIONS: &[(&str, &str)] = &[];

/// When the samples begin, in seconds, how far they stand apart and how many a series has.
const START: i64 = 1_700_000_000;
const INTERVAL: i64 = 15;
const SAMPLES: i64 = 480;
/// The range that is asked for, as the tester does: ten minutes up to two before the last sample.
const END: i64 = START + INTERVAL * SAMPLES - 120;
const RANGE: i64 = 600;
const STEP: i64 = 10;

const INSTANCES: &[&str] =
    &["demo.promlabs.com:10000", "demo.promlabs.com:10001", "demo.promlabs.com:10002"];
const BOUNDS: &[&str] = &["0.0001", "0.0005", "0.0025", "0.01", "0.05", "0.25", "1", "5", "+Inf"];

#[tokio::test(flavor = "multi_thread")]
async fn compliance_queries_are_answered_as_the_original_answers_them() {
    let Some(suites) = common_testkit::suites() else { return };
    let Some(prometheus) = common_testkit::peer("prometheus") else { return };
    let folder = tempfile::tempdir().unwrap();
    for program in ["ours", "theirs"] {
        prepare(&folder.path().join(program));
    }
    let args = [
        "--config.file=prometheus.yml",
        "--storage.tsdb.path=data",
        "--storage.tsdb.retention.time=100y",
    ];
    let hearth_args: Vec<&str> = ["server"].into_iter().chain(args).collect();
    let (ours, theirs) = (folder.path().join("ours"), folder.path().join("theirs"));
    let ours = Program::start(HEARTH, &hearth_args, &ours).await;
    let theirs = Program::start(prometheus, &args, &theirs).await;
    let file = std::fs::read(suites.join("compliance/compliance_queries.json")).unwrap();
    let queries: Vec<Json> = serde_json::from_slice(&file).unwrap();
    let (mut equal, mut empty, mut different) = (0, 0, Vec::new());
    for case in &queries {
        let query = case["query"].as_str().unwrap();
        let (a, b) = (ask(&ours, query).await, ask(&theirs, query).await);
        assert_eq!(b.is_error(), case["should_fail"].as_bool().unwrap(), "{query}: {b:?}");
        empty += usize::from(b.is_empty());
        let what = match (&a, &b) {
            (Answer::Error(a, _), Answer::Error(b, _)) if a == b => None,
            (Answer::Result(a), Answer::Result(b)) => answer::difference(a, b, false),
            _ => Some(format!("{a:?} is not {b:?}")),
        };
        match what {
            None => equal += 1,
            Some(what) => different.push((query, what)),
        }
    }
    skip(&format!("{equal} of {} compliance queries equal, {empty} empty", queries.len()));
    different.retain(|(query, _)| EXCEPTIONS.iter().all(|(known, _)| known != query));
    assert!(different.is_empty(), "{different:#?}");
    assert_eq!((queries.len(), equal), (QUERIES, QUERIES - EXCEPTIONS.len()));
}

/// A folder with a configuration and blocks.
fn prepare(folder: &Path) {
    std::fs::create_dir(folder).unwrap();
    std::fs::write(folder.join("prometheus.yml"), "").unwrap();
    std::fs::write(folder.join("in.txt"), document()).unwrap();
    let run = ours(folder, &["tsdb", "create-blocks-from", "openmetrics", "in.txt", "data"]);
    assert_eq!(run.code, Some(0), "{}{}", run.out, run.err);
}

async fn ask(program: &Program, query: &str) -> Answer {
    let (start, end, step) = ((END - RANGE).to_string(), END.to_string(), STEP.to_string());
    let form = [("query", query), ("start", &start), ("end", &end), ("step", &step)];
    let (_, body) = program.api.post("/api/v1/query_range", &form).await.unwrap();
    answer::theirs(&body).unwrap()
}

/// The demo service's metrics, of which the queries speak, in OpenMetrics.
fn document() -> String {
    let mut text = String::new();
    family(&mut text, "demo_memory_usage_bytes", "gauge", memory);
    family(&mut text, "demo_cpu_usage_seconds", "counter", cpu);
    family(&mut text, "demo_num_cpus", "gauge", |text, instance, _, when| {
        writeln!(text, "demo_num_cpus{{{}}} 4 {when}", of(instance)).unwrap();
    });
    family(&mut text, "demo_batch_last_success_timestamp_seconds", "gauge", batch);
    family(&mut text, "demo_disk_usage_bytes", "gauge", |text, instance, at, when| {
        let value = 7.9e10 + 1234.5 * at as f64 * (1.0 + number(instance));
        writeln!(text, "demo_disk_usage_bytes{{{}}} {value} {when}", of(instance)).unwrap();
    });
    family(&mut text, "demo_intermittent_metric", "gauge", |text, instance, at, when| {
        // Gone for longer than anybody looks back, now and then.
        if at / 30 % 2 == 0 {
            writeln!(text, "demo_intermittent_metric{{{}}} {at} {when}", of(instance)).unwrap();
        }
    });
    family(&mut text, "demo_api_request_duration_seconds", "histogram", requests);
    text.push_str("# EOF\n");
    text
}

/// Writes one instance's samples of a family at one time; `when` is the time in seconds.
type Write = fn(text: &mut String, instance: &str, at: i64, when: i64);

fn family(text: &mut String, name: &str, kind: &str, write: Write) {
    writeln!(text, "# TYPE {name} {kind}").unwrap();
    for instance in INSTANCES {
        for at in 0..SAMPLES {
            write(text, instance, at, START + at * INTERVAL);
        }
    }
}

/// The labels that all series have.
fn of(instance: &str) -> String {
    format!("instance=\"{instance}\",job=\"demo\"")
}

/// The instances' own numbers, 0 to 2.
fn number(instance: &str) -> f64 {
    INSTANCES.iter().position(|one| *one == instance).unwrap() as f64
}

fn memory(text: &mut String, instance: &str, at: i64, when: i64) {
    for (index, kind) in ["buffers", "cached", "free", "used"].iter().enumerate() {
        let phase = at as f64 / 17.0 + index as f64 + number(instance);
        let value = (1.5e9 + 4e8 * phase.sin()).round();
        let name = "demo_memory_usage_bytes";
        writeln!(text, "{name}{{{},type=\"{kind}\"}} {value} {when}", of(instance)).unwrap();
    }
}

/// Counters, one of which starts again twice.
fn cpu(text: &mut String, instance: &str, at: i64, when: i64) {
    for (index, mode) in ["idle", "system", "user"].iter().enumerate() {
        let since = if index == 2 { at % 211 } else { at };
        let value = since as f64 * (3.7 + index as f64 + number(instance) / 3.0);
        let name = "demo_cpu_usage_seconds_total";
        writeln!(text, "{name}{{{},mode=\"{mode}\"}} {value} {when}", of(instance)).unwrap();
    }
}

fn batch(text: &mut String, instance: &str, at: i64, when: i64) {
    let value = (START + at / 7 * 7 * INTERVAL) as f64 + number(instance) + 0.25;
    let name = "demo_batch_last_success_timestamp_seconds";
    writeln!(text, "{name}{{{}}} {value} {when}", of(instance)).unwrap();
}

fn requests(text: &mut String, instance: &str, at: i64, when: i64) {
    let name = "demo_api_request_duration_seconds";
    for (index, path) in ["/api/foo", "/api/bar"].iter().enumerate() {
        for (method, status) in [("GET", "200"), ("POST", "500")] {
            let labels =
                format!("{},method=\"{method}\",path=\"{path}\",status=\"{status}\"", of(instance));
            let speed = 1 + index as i64 + number(instance) as i64;
            let mut count = 0;
            for (bucket, bound) in BOUNDS.iter().enumerate() {
                count += at * speed * (1 + (bucket as i64 * 5) % 7);
                writeln!(text, "{name}_bucket{{{labels},le=\"{bound}\"}} {count} {when}").unwrap();
            }
            writeln!(text, "{name}_sum{{{labels}}} {} {when}", count as f64 * 0.07).unwrap();
            writeln!(text, "{name}_count{{{labels}}} {count} {when}").unwrap();
        }
    }
}
