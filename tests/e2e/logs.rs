//! `hearth run` counts lines of logs by programs: from a written line to a sample in the store.

use std::io::Write as _;
use std::time::Duration;

use common_testkit::Tree;

use crate::support::child::Program;
use crate::support::eventually;

const CONFIG: &str = "global: {scrape_interval: 1s}\nscrape_configs:\n- job_name: log\n  scheme: inprocess\n  \
                      static_configs: [{targets: [log]}]\n";

const ARGS: &[&str] = &[
    "run",
    "--config.file=prometheus.yml",
    "--log.programs=programs",
    "--log.logs=x.log",
    "--no-log.bundled",
];

#[tokio::test(flavor = "multi_thread")]
async fn lines_become_samples_and_are_counted_in_one_life() {
    let tree = Tree::with(&[
        ("prometheus.yml", CONFIG),
        ("programs/p.mtail", "counter things_total\n/^thing/ {\n  things_total++\n}\n"),
        ("x.log", "thing that was there before\n"),
    ]);
    let write = |line: &str| {
        let mut log = std::fs::File::options().append(true).open(tree.join("x.log")).unwrap();
        writeln!(log, "{line}").unwrap();
    };
    let check = async |program: &Program, query: &str| {
        eventually(query, Duration::from_secs(30), async || {
            match program.api.values(query).await? {
                values if values.is_empty() => Err("no values".to_owned()),
                _ => Ok(()),
            }
        })
        .await;
    };
    let program = Program::hearth(ARGS, tree.path()).await;
    write("thing one");
    write("nothing");
    check(&program, "things_total{prog='p.mtail', job='log'} == 1").await;
    check(&program, "mtail_lines_total == 2").await;
    drop(program);
    // What is written while nobody reads is read by the next life, and nothing twice.
    write("thing two");
    write("thing three");
    let program = Program::hearth(ARGS, tree.path()).await;
    check(&program, "things_total == 2").await;
}
