//! Where the conformance suites and the replaced programs lie, if they lie anywhere.
//!
//! Neither is part of the project: a plain clone skips what needs them, and says so in one line.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Once;

/// The folder of the conformance suites: `$HEARTH_SUITES`, or `../shared/suites` beside the
/// repository. Where there is none says "skipped: no suites", once per test program.
#[must_use]
pub fn suites() -> Option<PathBuf> {
    static SAID: Once = Once::new();
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/suites");
    found("HEARTH_SUITES", beside, &SAID, "skipped: no suites")
}

/// The folder of the replaced programs: `$HEARTH_PEERS` or `/opt/peers`. Where there is none says
/// "skipped: no peers", once per test program.
#[must_use]
pub fn peers() -> Option<PathBuf> {
    static SAID: Once = Once::new();
    found("HEARTH_PEERS", PathBuf::from("/opt/peers"), &SAID, "skipped: no peers")
}

/// One of the replaced programs by its name in `usr/bin`, say `promtool`.
#[must_use]
pub fn peer(name: &str) -> Option<PathBuf> {
    let path = peers()?.join("usr/bin").join(name);
    path.is_file().then_some(path)
}

fn found(variable: &str, default: PathBuf, said: &Once, excuse: &str) -> Option<PathBuf> {
    let folder = std::env::var_os(variable).map_or(default, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    // Past the test harness, which would swallow what a passing test prints.
    said.call_once(|| drop(writeln!(std::io::stderr(), "{excuse}")));
    None
}
