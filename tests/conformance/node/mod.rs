//! `hearth node` against the suites of the exporter it replaces.
//!
//! The scripts of the suites know fixed ports and mount file systems, so they run in a network and
//! with mounts of their own.

mod live;
mod page;

use std::collections::BTreeSet;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common_testkit::{peer, suites};
use tempfile::TempDir;

use crate::skip;
use crate::support::child::{HEARTH, Program};

/// Runs the rest of its arguments with a loopback device of its own, which never lost a packet.
const OWN_LOOPBACK: &str = r#"ip link set lo up && exec "$@""#;

/// The exporter over the fixtures, and what the comparator says of its page, where only families of
/// Go's runtime are left out. The arguments are the suite, the exporter and the unpacked fixtures.
const COMPARE_RECORDED: &str = r#"
bash "$1/run_on_fixtures" "$2" "$3" 9100 2>"$3/log" &
exporter=$!
trap 'kill $exporter' EXIT
python3 -c '
import socket, time
for _ in range(300):
    try:
        socket.create_connection(("127.0.0.1", 9100), 1).close()
        break
    except OSError:
        time.sleep(.1)
'
grep -Ev '^# (HELP|TYPE) go_' "$3/collector/fixtures/e2e-output.txt" >"$3/expected"
python3 "$1/compare.py" http://127.0.0.1:9100 "$3/expected" --upstream-diff ||
    { tail -n 3 "$3/log"; exit 1; }
"#;

/// What dashboards ask for beyond the default collectors.
const DASHBOARD_FLAGS: &[&str] = &[
    "--collector.systemd",
    "--collector.processes",
    "--collector.interrupts",
    "--collector.tcpstat",
];

/// Seconds after which the script of the hung mounts calls a scrape unanswered.
const SCRIPT_PATIENCE_S: f64 = 8.0;

/// Where the script of the hung mounts waits for the exporter, and what waits better.
const STARTS: (&str, &str) = (
    "time.sleep(1)\ndef st",
    "import socket\nfor _ in range(300):\n    try: socket.create_connection(('127.0.0.1',19500)).close(); break\n    \
     except OSError: time.sleep(.1)\ndef st",
);

/// Where the script of the hung mounts asks, and how a server with a timeout asks.
const ASKS: (&str, &str) = (
    "urlopen('http://127.0.0.1:19500/metrics'",
    "urlopen(urllib.request.Request('http://127.0.0.1:19500/metrics',headers={'X-Prometheus-Scrape-Timeout-Seconds':'3'})",
);

#[test]
fn the_recorded_page_is_the_same_to_the_byte() {
    let Some(bench) = Bench::new() else { return };
    let fixtures = bench.unpacked();
    let mut command = own_world("sh");
    command.args(["-c", COMPARE_RECORDED, "sh"]);
    command.args([&bench.suite, &bench.exporter, &fixtures]);
    let said = bench.succeed(command);
    assert!(said.contains("upstream byte diff: 0 changed lines"), "{said}");
}

#[test]
fn textfiles_are_shown_as_the_original_shows_them() {
    let Some(bench) = Bench::new() else { return };
    let fixtures = bench.unpacked();
    let mut command = own_world("python3");
    command.args([&bench.suite.join("textfile_e2e.py"), &bench.exporter, &fixtures]);
    let said = bench.succeed(command);
    assert!(said.contains("16 passed, 0 failed"), "{said}");
}

#[test]
fn a_scrape_is_answered_however_many_mounts_are_dead() {
    let Some(bench) = Bench::new() else { return };
    if !Path::new("/dev/fuse").exists() {
        return skip("skipped: no /dev/fuse");
    }
    for (mounts, asks, deadline_s) in [
        ("1", None, SCRIPT_PATIENCE_S),
        ("6", None, SCRIPT_PATIENCE_S),
        ("1", Some(ASKS), 3.0),
        ("6", Some(ASKS), 3.0),
    ] {
        let mut script = std::fs::read_to_string(bench.suite.join("hung_mount_test.py")).unwrap();
        for (from, to) in std::iter::once(STARTS).chain(asks) {
            assert!(script.contains(from), "the script has no {from:?}");
            script = script.replace(from, to);
        }
        let path = bench.folder.path().join("hung_mount_test.py");
        std::fs::write(&path, script).unwrap();
        let mut command = own_world("python3");
        command.args([&path, &bench.exporter]).arg(mounts);
        let said = bench.succeed(command);
        let scrapes: Vec<&str> = said.lines().filter(|line| line.starts_with("scrape ")).collect();
        assert_eq!(scrapes.len(), 4, "{said}");
        for scrape in scrapes {
            let took = scrape.split_whitespace().nth(2).and_then(|word| word.strip_suffix('s'));
            let took_s: f64 = took.and_then(|took| took.parse().ok()).unwrap_or(f64::INFINITY);
            assert!(took_s < deadline_s, "{mounts} dead mounts, {deadline_s} s: {said}");
            assert!(scrape.contains(&format!("device_error={mounts} ")), "{said}");
        }
    }
}

#[tokio::test]
async fn dashboards_miss_no_name_that_the_replaced_exporter_has() {
    let Some(bench) = Bench::new() else { return };
    let Some(exporter) = peer("prometheus-node-exporter") else { return };
    let args: Vec<&str> = std::iter::once("node").chain(DASHBOARD_FLAGS.iter().copied()).collect();
    let ours = Program::start(HEARTH, &args, bench.folder.path()).await;
    let theirs = Program::start(&exporter, DASHBOARD_FLAGS, bench.folder.path()).await;
    let missing = async |program: &Program| {
        let (status, page) = program.api.get("/metrics").await.unwrap();
        assert_eq!(status, 200);
        let path = bench.folder.path().join("page");
        std::fs::write(&path, page).unwrap();
        let mut command = Command::new("python3");
        command.args([&bench.suite.join("check_dashboards.py"), &path]);
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.contains("grafana_1860: "), "{}", String::from_utf8_lossy(&output.stderr));
        let lines = said.lines().filter_map(|line| line.trim().strip_prefix("missing "));
        let names = lines.filter_map(|line| line.split_whitespace().next());
        names.map(str::to_owned).collect::<BTreeSet<String>>()
    };
    let (ours, theirs) = (missing(&ours).await, missing(&theirs).await);
    let lost: Vec<&String> = ours.difference(&theirs).collect();
    assert!(lost.is_empty(), "names that dashboards ask for: {lost:?}");
}

/// The suite, the exporter under the name of the replaced one, and a folder to work in.
struct Bench {
    suite: PathBuf,
    exporter: PathBuf,
    folder: TempDir,
}

impl Bench {
    /// Nothing where there are no suites, or where a test may have no world of its own.
    fn new() -> Option<Bench> {
        let suite = suites()?.join("node");
        if !unshare().arg("true").output().is_ok_and(|output| output.status.success()) {
            skip("skipped: no namespaces");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let exporter = folder.path().join("node_exporter");
        symlink(HEARTH, &exporter).unwrap();
        Some(Bench { suite, exporter, folder })
    }

    /// The folder that holds `collector/fixtures`.
    fn unpacked(&self) -> PathBuf {
        let folder = self.folder.path().join("unpacked");
        std::fs::create_dir(&folder).unwrap();
        let mut tar = Command::new("tar");
        tar.arg("xzf").arg(self.suite.join("fixtures.tar.gz")).arg("-C").arg(&folder);
        self.succeed(tar);
        folder
    }

    /// What a command says that must succeed.
    fn succeed(&self, mut command: Command) -> String {
        let output = command.stdin(Stdio::null()).current_dir(self.folder.path()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let complained = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?}: {}\n{said}{complained}", output.status);
        said
    }
}

/// A command with mounts and a network of its own. Whoever is not root becomes it in there.
pub(crate) fn own_world(program: &str) -> Command {
    let mut command = unshare();
    command.args(["sh", "-c", OWN_LOOPBACK, "sh", program]);
    command
}

pub(crate) fn unshare() -> Command {
    let mut command = Command::new("unshare");
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        command.arg("--map-root-user");
    }
    command.args(["--net", "--mount", "--propagation", "private"]);
    command
}
