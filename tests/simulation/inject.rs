//! Calls of the running program that fail, by `strace -e inject`: it lives, says so, takes samples
//! again once the calls succeed, and has lost nothing that it had answered.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common_testkit::{Answer, FakeTarget, Tree};

use crate::support::api::Matrix;
use crate::support::child::{Program, config, job};
use crate::support::{PATIENCE, eventually};

const INTERVAL: Duration = Duration::from_millis(100);
const ALL: &str = "{__name__=~'inject_.*'}[1h]";
const WRITES: &str = "prometheus_tsdb_wal_writes_failed_total";
const SYNCS: &str = "hearth_tsdb_wal_fsync_failed_total";

/// Calls, what becomes of them, and the metric that tells of it.
const FAULTS: &[(&str, &str, &str)] = &[
    ("fsync,fdatasync", "error=EIO:when=1", SYNCS),
    ("fsync,fdatasync", "error=EIO", SYNCS),
    ("fsync,fdatasync", "error=ENOSPC", SYNCS),
    ("pwrite64", "error=ENOSPC", WRITES),
    ("pwrite64", "error=EIO:when=1+2", WRITES),
    ("pwrite64,ftruncate", "error=EIO", WRITES),
    ("fsync,fdatasync,openat", "error=EIO", SYNCS),
    ("fsync,fdatasync,unlink,unlinkat", "error=EIO", SYNCS),
];

/// Faults under way; they end with the value.
struct Faults(Child);

impl Faults {
    fn begin(program: &Program, calls: &str, fault: &str) -> Option<Faults> {
        let mut strace = Command::new("strace");
        strace.args(["-f", "-q", "-o", "/dev/null", "-e", &format!("trace={calls}")]);
        strace.args(["-e", &format!("inject={calls}:{fault}")]);
        strace.args(["-p", &program.id().to_string()]).stderr(Stdio::null());
        strace.spawn().ok().map(Faults)
    }

    /// Whether this process may look on at others.
    fn are_permitted() -> bool {
        let mut strace = Command::new("strace");
        strace.args(["-o", "/dev/null", "true"]).stdout(Stdio::null()).stderr(Stdio::null());
        strace.status().is_ok_and(|status| status.success())
    }
}

impl Drop for Faults {
    fn drop(&mut self) {
        // Upon this signal it lets go of the program.
        let _ = Command::new("kill").arg("-INT").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

async fn metric(program: &Program, name: &str) -> Result<f64, String> {
    let (_, page) = program.api.get("/metrics").await?;
    let line = page.lines().find_map(|line| line.strip_prefix(name));
    let value = line.and_then(|line| line.trim().parse().ok());
    value.ok_or_else(|| format!("no {name}"))
}

async fn answers(program: &Program) -> Result<usize, String> {
    let samples = program.api.samples("inject_answers[1h]", None).await?;
    Ok(samples.values().map(|points| points.len()).sum())
}

/// Everything answered before is there.
async fn check(program: &Program, before: &Matrix, what: &str) -> Matrix {
    let now = program.api.samples(ALL, None).await.unwrap();
    for (series, points) in before {
        for (time, value) in points {
            let kept = now.get(series).and_then(|points| points.get(time));
            assert_eq!(kept, Some(value), "{what}: {series} at {time}");
        }
    }
    now
}

#[tokio::test(flavor = "multi_thread")]
async fn failing_calls_are_survived_and_told() {
    if !Faults::are_permitted() {
        eprintln!("skipped: no strace, or it may not trace");
        return;
    }
    let page = |count: u64| format!("inject_answers {count}\ninject_churn{{n=\"{count}\"}} 1\n");
    let target = FakeTarget::start([("/metrics", Answer::Each(page))]).await;
    let tree = Tree::new();
    let address = target.address().to_string();
    tree.write("prometheus.yml", config(INTERVAL, &[job("t", &address, "/metrics")]));
    let mut program = Program::hearth(&["server"], tree.path()).await;
    let mut answered = Matrix::new();
    for (calls, fault, told) in FAULTS {
        let what = format!("{calls}:{fault}");
        let before = metric(&program, told).await.unwrap();
        let faults = Faults::begin(&program, calls, fault).unwrap();
        eventually(&what, PATIENCE, async || match metric(&program, told).await? {
            now if now > before => Ok(()),
            now => Err(format!("{told} is still {now}")),
        })
        .await;
        answered = check(&program, &answered, &what).await;
        drop(faults);
        assert!(program.is_alive(), "{what}");
        let count = answers(&program).await.unwrap();
        eventually("samples are taken again", PATIENCE, async || match answers(&program).await? {
            now if now > count + 2 => Ok(()),
            now => Err(format!("{now} samples after {what}")),
        })
        .await;
        answered = check(&program, &answered, &what).await;
    }
    let log = program.log();
    assert!(log.contains("(os error 5)") && log.contains("(os error 28)"), "the log tells");
    program.kill();
    let program = Program::hearth(&["server"], tree.path()).await;
    check(&program, &answered, "after a kill").await;
    let samples: usize = answered.values().map(|points| points.len()).sum();
    eprintln!("inject: {} kinds of faults, {samples} samples answered and kept", FAULTS.len());
}
