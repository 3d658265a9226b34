//! A target says since when its counters count; the store keeps that over a kill, and rates look at
//! it.

use std::time::Duration;

use common_testkit::{Answer, FakeTarget, Tree};

use crate::support::child::{Program, config, job};
use crate::support::{PATIENCE, eventually};

const FEATURES: &str =
    "--enable-feature=st-storage,use-start-timestamps,promql-experimental-functions";

/// A page whose counter counts since `created`, in seconds.
fn page(created: f64, value: u32) -> Answer {
    let body = format!(
        "# TYPE work counter\nwork_total {value}\nwork_created {created}\n# TYPE level gauge\n\
         level 1\n# EOF\n"
    );
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8".to_owned();
    Answer::Page("200 OK", vec![("Content-Type", kind)], body.into_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn start_times_are_scraped_stored_and_asked_for() {
    let tree = Tree::new();
    let target = FakeTarget::start([("/metrics", page(1_600_000_000.25, 100))]).await;
    let jobs = [job("work", &target.address().to_string(), "/metrics")];
    tree.write("prometheus.yml", config(Duration::from_millis(100), &jobs));
    let hearth = Program::hearth(&["server", FEATURES], tree.path()).await;
    hearth.api.becomes("start_timestamp(work_total)", 1_600_000_000.25).await;
    assert_eq!(hearth.api.query("work_created").await.unwrap(), serde_json::json!([]));
    assert_eq!(hearth.api.value("start_timestamp(level)").await, Ok(0.0));
    // The target began anew and did more than before: nobody sees it by the value.
    let again = hearth.api.value("timestamp(work_total)").await.unwrap() + 0.05;
    target.set("/metrics", page(again, 300));
    hearth.api.becomes("work_total", 300.0).await;
    let asked = "increase(work_total[1m]) >= bool 290";
    eventually(asked, PATIENCE, async || match hearth.api.value(asked).await? {
        1.0 => Ok(()),
        value => Err(format!("{value}")),
    })
    .await;
    // What was stored until then is there after a kill.
    let at = hearth.api.value("timestamp(work_total)").await.unwrap();
    hearth.kill();
    tree.write("prometheus.yml", "");
    let hearth = Program::hearth(&["server", FEATURES], tree.path()).await;
    let found = hearth.api.value(&format!("start_timestamp(work_total @ {at:.3})")).await.unwrap();
    assert!((found - again).abs() < 0.001, "{found} is not {again}");
    let first = hearth.api.value("min(work_total @ start())").await;
    assert_eq!(first, Ok(300.0));
}
