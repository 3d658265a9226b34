//! `hearth log` while logs are written, rotated and lost: what a user wants.

use super::suite;

/// Seconds that the probes give what they did before they look. Their results do not depend on it as
/// long as the machine keeps up: where it is busy they look again, later.
const WAITS: [&str; 3] = ["0.7", "2", "6"];

#[test]
fn every_live_probe_sees_what_a_user_wants() {
    let mut last = String::new();
    for wait in WAITS {
        let Some((_, said)) = suite("live_probe.py", &["--wait", wait]) else { return };
        if said.contains(" 20 as a user wants, 0 neither") {
            return;
        }
        last = said;
    }
    panic!("{last}");
}
