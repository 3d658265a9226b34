//! `kill -9` at random moments: what the API has returned is there after the restart, and no start
//! is refused. `HEARTH_KILLS` says how often; `HEARTH_SEED` repeats a run.

use std::time::Duration;

use common_testkit::{Answer, FakeTarget, Rng, Tree};
use tokio::time::{Instant, sleep};

use crate::support::api::Matrix;
use crate::support::child::{Program, config, job};

/// Kills where `HEARTH_KILLS` does not say otherwise.
const KILLS: u64 = 20;
const INTERVAL: Duration = Duration::from_millis(100);
/// The longest life of a process.
const LIFE_MS_MAX: u64 = 600;
/// All samples of all processes.
const ALL: &str = "{__name__=~'kill_.*'}[1h]";

/// A number that says which answer it was, and series that come and go.
fn page(count: u64) -> String {
    let mut page = format!("kill_answers {count}\n");
    for id in count / 3..count / 3 + 20 {
        page.push_str(&format!("kill_churn{{id=\"{id}\"}} {count}\n"));
    }
    page
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_answered_is_lost_by_a_kill() {
    let kills = number("HEARTH_KILLS", KILLS);
    let seed = number("HEARTH_SEED", u64::from(std::process::id()));
    eprintln!("kill: {kills} kills, HEARTH_SEED={seed}");
    let mut rng = Rng::new(seed);
    let target = FakeTarget::start([("/metrics", Answer::Each(page))]).await;
    let tree = Tree::new();
    let address = target.address().to_string();
    tree.write("prometheus.yml", config(INTERVAL, &[job("kill", &address, "/metrics")]));
    let mut answered = Matrix::new();
    let mut slowest = Duration::ZERO;
    for kill in 0..kills {
        let begun = Instant::now();
        let program = Program::hearth(&["server"], tree.path()).await;
        slowest = slowest.max(begun.elapsed());
        check(&program, &answered, kill).await;
        let death = Instant::now() + Duration::from_millis(rng.below(LIFE_MS_MAX));
        while Instant::now() < death {
            if let Ok(now) = program.api.samples(ALL, None).await {
                answered = now;
            }
            sleep(Duration::from_millis(rng.below(20))).await;
        }
        program.kill();
    }
    let program = Program::hearth(&["server"], tree.path()).await;
    check(&program, &answered, kills).await;
    let samples: usize = answered.values().map(|points| points.len()).sum();
    eprintln!("kill: {samples} samples answered and kept; slowest start {slowest:?}");
    assert!(samples as u64 >= kills, "hardly anything was scraped");
}

async fn check(program: &Program, answered: &Matrix, kill: u64) {
    let now = program.api.samples(ALL, None).await.unwrap();
    for (series, points) in answered {
        let kept = now.get(series).unwrap_or_else(|| panic!("kill {kill}: {series} is lost"));
        for (time, value) in points {
            assert_eq!(kept.get(time), Some(value), "kill {kill}: {series} at {time}");
        }
    }
}
