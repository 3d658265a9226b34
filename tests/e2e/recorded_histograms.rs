//! Rules over native histograms: what they record lies in the store as histograms, also after the
//! server and, where there is one, for a real Prometheus.

use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use common_model::{CUSTOM_BUCKETS_SCHEMA, FloatHistogram, Labels, Span};
use common_testkit::{Tree, peer};
use serde_json::Value as Json;
use server_storage::SeriesRef;
use server_tsdb::fs::RealFs;
use server_tsdb::{Db, Options};

use crate::support::api::{Api, escaped};
use crate::support::child::Program;
use crate::support::{PATIENCE, eventually};

const CONFIG: &str = "global: {evaluation_interval: 300ms}\nrule_files: [rules.yml]\n";

/// Names of the recorded series and what they record; the last one reads another.
const RULES: &[(&str, &str)] = &[
    ("job:seconds:sum", "sum by (job) (seconds)"),
    ("job:seconds:rate5m", "sum by (job) (rate(seconds[5m]))"),
    ("job:sizes:increase5m", "sum by (job) (increase(sizes[5m]))"),
    ("job:seconds:half", "job:seconds:rate5m * 0.5"),
];

/// The time of a sample in seconds, and the sample as the API writes it.
type Recorded = (f64, Json);

#[tokio::test(flavor = "multi_thread")]
async fn recorded_histograms_are_stored_and_found_again() {
    let tree = Tree::new();
    tree.write("prometheus.yml", CONFIG);
    let rule = |(name, expr): &(&str, &str)| format!("  - {{record: {name}, expr: '{expr}'}}\n");
    let rules: String = RULES.iter().map(rule).collect();
    tree.write("rules.yml", format!("groups:\n- name: g\n  rules:\n{rules}"));
    fill(&tree.join("data"));

    let hearth = Program::hearth(&["server"], tree.path()).await;
    let mut all = Vec::new();
    for (name, expr) in RULES {
        let found = eventually(name, PATIENCE, async || recorded(&hearth.api, name).await).await;
        let asked = at(&hearth.api, expr, found.0).await.unwrap();
        assert_eq!(found.1, asked, "{name}");
        let quantile = at(&hearth.api, &format!("histogram_quantile(0.5, {name})"), found.0).await;
        assert!(quantile.unwrap().as_str().unwrap().parse::<f64>().unwrap() > 0.0, "{name}");
        all.push((*name, found));
    }
    hearth.signal("TERM");
    assert_eq!(hearth.ended().await.code(), Some(0));

    tree.write("prometheus.yml", "");
    let hearth = Program::hearth(&["server"], tree.path()).await;
    same(&hearth.api, &all).await;
    hearth.signal("TERM");
    assert_eq!(hearth.ended().await.code(), Some(0));
    let Some(prometheus) = peer("prometheus") else { return };
    let args = ["--config.file=prometheus.yml", "--storage.tsdb.path=data"];
    let judge = Program::start(prometheus, &args, tree.path()).await;
    same(&judge.api, &all).await;
}

/// A database with an exponential and a custom histogram of two jobs' series up to now.
fn fill(dir: &Path) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
    let db = Db::open(Options::new(dir), Arc::new(RealFs)).unwrap();
    let mut batch = db.appender();
    for at in 0..20 {
        for (job, instance) in [("a", "1"), ("a", "2"), ("b", "1")] {
            let count = (at + 1) as f64 * if instance == "1" { 3.0 } else { 4.0 };
            for (name, histogram) in [("seconds", exponential(count)), ("sizes", custom(count))] {
                let labels = [("__name__", name), ("instance", instance), ("job", job)];
                let (labels, time) = (Labels::from_pairs(labels), now - (19 - at) * 15_000);
                batch.append_integer_histogram(SeriesRef(0), &labels, time, &histogram).unwrap();
            }
        }
    }
    batch.commit().unwrap();
    db.close().unwrap();
}

fn exponential(count: f64) -> FloatHistogram {
    FloatHistogram {
        schema: 1,
        zero_threshold: 0.001,
        zero_count: count,
        count: count * 7.0,
        sum: count * 1.25,
        positive_spans: vec![Span { offset: -2, length: 2 }, Span { offset: 3, length: 1 }],
        positive_buckets: vec![count, count * 2.0, count * 3.0],
        ..FloatHistogram::default()
    }
}

fn custom(count: f64) -> FloatHistogram {
    FloatHistogram {
        schema: CUSTOM_BUCKETS_SCHEMA,
        count: count * 3.0,
        sum: count * 20.0,
        positive_spans: vec![Span { offset: 0, length: 3 }],
        positive_buckets: vec![count; 3],
        custom_values: vec![1.0, 10.0],
        ..FloatHistogram::default()
    }
}

/// The newest sample of job `a` of a recorded series, once there is one.
async fn recorded(api: &Api, name: &str) -> Result<Recorded, String> {
    let time = api.value(&format!("timestamp({name}{{job='a'}})")).await?;
    Ok((time, at(api, name, time).await?))
}

/// The value of job `a` of an expression at a time, which is a histogram or a number.
async fn at(api: &Api, expr: &str, time: f64) -> Result<Json, String> {
    let data = api.data(&format!("/query?query={}&time={time:.3}", escaped(expr))).await?;
    let vector = data["result"].as_array().ok_or("no vector")?;
    let sample = vector.iter().find(|sample| sample["metric"]["job"] == "a");
    let sample = sample.ok_or_else(|| format!("{expr}: {data}"))?;
    let point = sample.get("histogram").or_else(|| sample.get("value"));
    Ok(point.ok_or_else(|| sample.to_string())?[1].clone())
}

/// Whether what was recorded is what a server finds.
async fn same(api: &Api, all: &[(&str, Recorded)]) {
    for (name, (time, histogram)) in all {
        assert!(histogram["buckets"].is_array(), "{name}: {histogram}");
        let found = at(api, name, *time).await.unwrap();
        assert!(is_same(&found, histogram), "{name}: {found} is not {histogram}");
    }
}

/// Whether all numbers are the same; bounds of buckets are computed, and their last digit may differ.
fn is_same(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && is_same(a.1, b.1))
        }
        (Json::Array(a), Json::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b))
        }
        (Json::String(a), Json::String(b)) => {
            let number = |text: &str| text.parse::<f64>().unwrap();
            a == b || (number(a) - number(b)).abs() <= 1e-15 * number(a).abs()
        }
        _ => a == b,
    }
}
