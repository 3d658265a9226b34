//! SIGHUP: a good configuration is put in force, a bad one changes nothing.

use std::time::Duration;

use common_testkit::{Answer, FakeTarget, Tree};

use crate::support::child::{Program, config, job};
use crate::support::{PATIENCE, eventually};

const INTERVAL: Duration = Duration::from_millis(200);

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_configuration_leaves_the_old_one_in_force() {
    let target = FakeTarget::start([
        ("/a", Answer::Each(|n| format!("answers {n}\n"))),
        ("/b", Answer::metrics("other 1\n")),
    ])
    .await;
    let address = target.address().to_string();
    let tree = Tree::new();
    let good = config(INTERVAL, &[job("a", &address, "/a")]);
    tree.write("prometheus.yml", &good);
    let program = Program::hearth(&["server"], tree.path()).await;
    let api = &program.api;
    let successful = async |expected: f64| {
        let line = format!("prometheus_config_last_reload_successful {expected}\n");
        eventually(&line, PATIENCE, async || {
            let (_, page) = api.get("/metrics").await?;
            if page.contains(&line) { Ok(()) } else { Err("another value".to_owned()) }
        })
        .await;
    };
    api.becomes("up{job='a'}", 1.0).await;
    successful(1.0).await;

    for bad in ["scrape_configs: [{nonsense: 1}]", "rule_files: [bad-rules.yml]", ": :"] {
        tree.write("bad-rules.yml", "groups: [{name: g, rules: [{alert: A, expr: 'sum('}]}]");
        tree.write("prometheus.yml", bad);
        program.signal("HUP");
        successful(0.0).await;
        let before = target.seen().len();
        eventually("the old target is still scraped", PATIENCE, async || {
            if target.seen().len() > before { Ok(()) } else { Err("not asked".to_owned()) }
        })
        .await;
        let shown = api.data("/status/config").await.unwrap()["yaml"].to_string();
        assert!(shown.contains("job_name: a"), "{shown}");
        tree.write("prometheus.yml", &good);
        program.signal("HUP");
        successful(1.0).await;
    }

    tree.write("prometheus.yml", config(INTERVAL, &[job("b", &address, "/b")]));
    program.signal("HUP");
    api.becomes("up{job='b'}", 1.0).await;
    // The old target's series have ended; nothing is left to answer with.
    eventually("the old target's series end", PATIENCE, async || {
        match api.values("up{job='a'}").await? {
            values if values.is_empty() => Ok(()),
            values => Err(format!("{values:?}")),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_configuration_is_refused_at_the_start() {
    let tree = Tree::new();
    tree.write("prometheus.yml", "global: {scrape_interval: never}\n");
    let program = Program::launch(
        crate::support::child::HEARTH.as_ref(),
        &["server", "--storage.tsdb.path=data"],
        tree.path(),
    );
    let log = program.log_file();
    assert_eq!(program.ended().await.code(), Some(2));
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("prometheus.yml:1:27"), "the error names the place: {log}");
}
