//! A real Prometheus as the judge: it scrapes our exporters without complaint, and finds in our
//! data directory what we say is there.

use std::path::Path;
use std::time::Duration;

use common_testkit::{Answer, FakeTarget, Tree, peer};

use crate::support::api::Matrix;
use crate::support::child::{HEARTH, Program, config, job};
use crate::support::{PATIENCE, eventually};

const INTERVAL: Duration = Duration::from_millis(500);
/// Debian's has its configuration elsewhere unless told.
const PROMETHEUS: &[&str] = &["--config.file=prometheus.yml", "--storage.tsdb.path=data"];
/// Samples of each series that both must know.
const SAMPLES: usize = 8;

const SERIES: &[&str] = &["up", "answers", "changing", "scrape_samples_scraped", "node_load1"];

/// Values that come and go, of all kinds that a text can hold.
fn page(count: u64) -> String {
    let value = ["NaN", "+Inf", "-Inf", "-0", "1e-300", "0.1"][count as usize % 6];
    let mut page = format!("answers {count}\nchanging{{a=\"\\\"ä\\n\"}} {value}\n");
    if count.is_multiple_of(3) {
        page.push_str("changing{b=\"now and then\"} 1\n");
    }
    page
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_scrapes_us_without_complaint() {
    let Some(prometheus) = peer("prometheus") else { return };
    let (exporter, server, judge) = (Tree::new(), Tree::new(), Tree::new());
    let node = Program::start(HEARTH, &["node"], exporter.path()).await;
    let run = Program::hearth(&["run"], server.path()).await;
    let jobs =
        [job("node", node.api.address(), "/metrics"), job("hearth", run.api.address(), "/metrics")];
    judge.write("prometheus.yml", config(INTERVAL, &jobs));
    let judge = Program::start(prometheus, PROMETHEUS, judge.path()).await;
    for (name, least) in [("node", 100.0), ("hearth", 30.0)] {
        eventually("two scrapes", PATIENCE, async || {
            let (health, error) = judge.api.health(name).await?;
            assert_eq!(error, "", "{name} is {health}");
            match judge.api.value(&format!("count_over_time(up{{job='{name}'}}[1h])")).await? {
                count if count >= 2.0 => Ok(()),
                count => Err(format!("{count} scrapes")),
            }
        })
        .await;
        assert_eq!(
            judge.api.value(&format!("min_over_time(up{{job='{name}'}}[1h])")).await,
            Ok(1.0)
        );
        let samples = judge.api.value(&format!("scrape_samples_scraped{{job='{name}'}}")).await;
        assert!(samples.clone().unwrap() > least, "{name}: {samples:?}");
    }
    for warning in ["level=WARN", "level=ERROR"] {
        let log = judge.log();
        let lines: Vec<&str> = log.lines().filter(|line| line.contains(warning)).collect();
        assert!(lines.is_empty(), "{}", lines.join("\n"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_finds_our_samples_in_our_directory() {
    let Some(prometheus) = peer("prometheus") else { return };
    let (exporter, ours, judge) = (Tree::new(), Tree::new(), Tree::new());
    let node = Program::start(HEARTH, &["node"], exporter.path()).await;
    let target = FakeTarget::start([("/metrics", Answer::Each(page))]).await;
    let jobs = [
        job("node", node.api.address(), "/metrics"),
        job("t", &target.address().to_string(), "/metrics"),
    ];
    ours.write("prometheus.yml", config(INTERVAL, &jobs));
    let hearth = Program::hearth(&["server"], ours.path()).await;
    let before = eventually("samples", PATIENCE, async || enough(&hearth).await).await;
    hearth.signal("TERM");
    assert_eq!(hearth.ended().await.code(), Some(0));

    copy(&ours.join("data"), &judge.join("data"));
    judge.write("prometheus.yml", "");
    let judge = Program::start(prometheus, PROMETHEUS, judge.path()).await;
    let theirs = all(&judge).await.unwrap();
    let mut compared = 0;
    for (series, points) in &before {
        for (time, value) in points {
            let found = theirs.get(series).and_then(|points| points.get(time));
            assert_eq!(found, Some(value), "{series} at {time}");
            compared += 1;
        }
    }
    eprintln!("peer_reads_our_data: {compared} samples of {} series", before.len());
}

/// All samples, as soon as there are enough of each series that matters.
async fn enough(hearth: &Program) -> Result<Matrix, String> {
    for series in SERIES {
        let count = hearth.api.values(&format!("count_over_time({series}[1h])")).await?;
        if count.first().is_none_or(|&count| count < SAMPLES as f64) {
            return Err(format!("{series}: {count:?}"));
        }
    }
    all(hearth).await
}

/// Every sample of every series.
async fn all(program: &Program) -> Result<Matrix, String> {
    program.api.samples("{__name__=~'.+'}[1h]", None).await
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type().unwrap().is_dir() {
            copy(&from, &to);
        } else if entry.file_type().unwrap().is_file() {
            std::fs::copy(from, to).unwrap();
        }
    }
}
