//! The task of a group: waits for its moments and evaluates.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::evaluator::Evaluator;
use crate::group::Group;
use crate::schedule::{millis, moment, slot};

/// Runs until it is told to stop, then gives the group back; `None` if the runtime ended first.
pub(crate) async fn run(
    mut group: Group,
    evaluator: Arc<Evaluator>,
    mut stopped: watch::Receiver<bool>,
    restores: bool,
) -> Option<Group> {
    let interval = group.settings().interval;
    let interval_ms = millis(interval).max(1);
    let moment = moment(&group.spec().file, &group.spec().name);
    let mut due = slot(evaluator.now(), interval, moment) + interval_ms;
    let mut evaluations = 0_u32;
    loop {
        let wait = Duration::from_millis((due - evaluator.now()).max(0).unsigned_abs());
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return Some(group),
        }
        let missed = (evaluator.now() - due).max(0) / interval_ms;
        if missed > 0 {
            group.metrics().missed.add(missed.unsigned_abs());
            group.metrics().iterations.add(missed.unsigned_abs());
            due += missed * interval_ms;
        }
        group.metrics().iterations.inc();
        evaluations += 1;
        let restores_now = restores && evaluations == 2;
        let shared = evaluator.clone();
        let work = tokio::task::spawn_blocking(move || {
            group.evaluate(due, &shared);
            if restores_now {
                group.restore(shared.now(), &shared);
            }
            group
        });
        group = work.await.ok()?;
        evaluations = evaluations.min(2 + u32::from(!restores_now));
        due += interval_ms;
    }
}
