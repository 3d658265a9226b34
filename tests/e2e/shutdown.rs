//! SIGTERM and SIGINT: an orderly end, after which all samples are there.

use std::time::Duration;

use common_testkit::{Answer, FakeTarget, Tree};

use crate::support::child::{Program, config, job};
use crate::support::{PATIENCE, eventually};

const INTERVAL: Duration = Duration::from_millis(200);
const ALL: &str = "answers[1h]";

#[tokio::test(flavor = "multi_thread")]
async fn an_orderly_end_keeps_all_samples() {
    let target =
        FakeTarget::start([("/metrics", Answer::Each(|n| format!("answers {n}\n")))]).await;
    let address = target.address().to_string();
    let tree = Tree::new();
    tree.write("prometheus.yml", config(INTERVAL, &[job("t", &address, "/metrics")]));
    let mut kept = 0;
    for signal in ["TERM", "INT", "TERM"] {
        let program = Program::hearth(&["server"], tree.path()).await;
        let before = eventually("samples", PATIENCE, async || {
            let series = program.api.samples(ALL, None).await?;
            let count: usize = series.values().map(|points| points.len()).sum();
            if count > kept + 2 { Ok(series) } else { Err(format!("{count} samples")) }
        })
        .await;
        program.signal(signal);
        assert_eq!(program.ended().await.code(), Some(0), "{signal}");

        let program = Program::hearth(&["server"], tree.path()).await;
        let after = program.api.samples(ALL, None).await.unwrap();
        for (series, points) in &before {
            for (time, value) in points {
                assert_eq!(after[series].get(time), Some(value), "{signal}: {series} at {time}");
            }
        }
        // A planned end is no failure of the target: its series do not end.
        assert!(!program.api.values("answers").await.unwrap().is_empty(), "{signal}");
        kept = after.values().map(|points| points.len()).sum();
        program.signal("TERM");
        assert_eq!(program.ended().await.code(), Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_never_answers_does_not_hold_up_the_end() {
    let target = FakeTarget::start([("/metrics", Answer::Silence)]).await;
    let address = target.address().to_string();
    let tree = Tree::new();
    tree.write(
        "prometheus.yml",
        config(Duration::from_secs(20), &[job("t", &address, "/metrics")]),
    );
    let program = Program::hearth(&["server"], tree.path()).await;
    eventually("the target is asked", PATIENCE, async || {
        if target.seen().is_empty() { Err("not yet".to_owned()) } else { Ok(()) }
    })
    .await;
    program.signal("TERM");
    let begun = tokio::time::Instant::now();
    assert_eq!(program.ended().await.code(), Some(0));
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
}
