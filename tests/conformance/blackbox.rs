//! `hearth blackbox` against the suite of the exporter it replaces: its probes, its pages, what it
//! says of configurations.
//!
//! The suite knows fixed ports, so it runs in a network of its own. It compares with the recorded
//! answers of the original.

use std::os::unix::fs::symlink;
use std::process::Stdio;

use common_testkit::suites;

use crate::node::{own_world, unshare};
use crate::skip;
use crate::support::child::HEARTH;

#[test]
fn every_answer_is_that_of_the_original() {
    let Some(suite) = suites().map(|suites| suites.join("probe")) else { return };
    if !unshare().arg("true").output().is_ok_and(|output| output.status.success()) {
        return skip("skipped: no namespaces");
    }
    let folder = tempfile::tempdir().unwrap();
    let exporter = folder.path().join("blackbox_exporter");
    symlink(HEARTH, &exporter).unwrap();
    let mut command = own_world("python3");
    command.arg(suite.join("run.py")).arg("--bin").arg(&exporter);
    command.arg("--golden").arg(suite.join("golden_peer_0.28.0.json"));
    command.arg("--workdir").arg(folder.path().join("work")).arg("-q");
    let output = command.stdin(Stdio::null()).current_dir(folder.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{complained}");
    for count in ["220 of 220 probe", "25 of 25 web", "71 of 71 config"] {
        assert!(said.contains(&format!("{count} cases identical")), "{said}{complained}");
    }
}
