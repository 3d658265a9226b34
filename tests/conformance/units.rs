//! The units for systemd: without a mistake, and as closed as they say.

use std::path::Path;
use std::process::{Command, Output};

use common_testkit::Tree;

/// Most that an exporter may be exposed, in tenths of systemd's points.
const EXPOSURE_MAX: &str = "25";

/// Units with their programs, and the program behind the name.
const UNITS: &[(&str, &str)] =
    &[("hearth-node-exporter.service", "hearth-node"), ("hearth-node-exporter.socket", "")];

/// Units of systemd that ours, or all, name.
const NAMED: &[&str] = &[
    "sysinit.target",
    "basic.target",
    "network.target",
    "shutdown.target",
    "sockets.target",
    "multi-user.target",
    "system.slice",
    "-.slice",
];

#[test]
fn units_have_no_mistakes() {
    if !has_analyze() {
        return;
    }
    for (unit, program) in UNITS {
        let said = verify(&read(unit), unit, program);
        assert_eq!(said, "", "{unit}");
    }
    let broken = read("hearth-node-exporter.service").replace("Type=notify", "Typ=notify");
    let said = verify(&broken, "hearth-node-exporter.service", "hearth-node");
    assert!(said.contains("Unknown key 'Typ'"), "the check finds nothing: {said:?}");
}

#[test]
fn services_are_hardly_exposed() {
    if !has_analyze() {
        return;
    }
    let open = Tree::with(&[("open.service", "[Service]\nExecStart=/bin/true\n")]);
    assert!(!security(&open.join("open.service")).status.success(), "the check refuses nothing");
    for (unit, _) in UNITS.iter().filter(|(unit, _)| unit.ends_with(".service")) {
        let output = security(&folder().join(unit));
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let table = said.lines().filter(|line| !line.contains('✓')).collect::<Vec<_>>().join("\n");
        assert!(output.status.success(), "{table}{}", String::from_utf8_lossy(&output.stderr));
    }
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../systemd"))
}

fn read(unit: &str) -> String {
    std::fs::read_to_string(folder().join(unit)).unwrap()
}

/// What systemd complains of in a unit that is installed with its program.
fn verify(text: &str, unit: &str, program: &str) -> String {
    let root = Tree::with(&[]);
    for named in NAMED {
        root.write(&format!("usr/lib/systemd/system/{named}"), "[Unit]\n");
    }
    // Every unit is there, for those that name one another.
    for (other, _) in UNITS {
        root.write(&format!("usr/lib/systemd/system/{other}"), read(other));
    }
    root.write(&format!("usr/lib/systemd/system/{unit}"), text);
    std::fs::create_dir_all(root.join("usr/bin")).unwrap();
    if !program.is_empty() {
        std::fs::copy("/bin/true", root.join("usr/bin").join(program)).unwrap();
    }
    let root = format!("--root={}", root.path().display());
    let output =
        Command::new("systemd-analyze").args(["verify", "--man=no", &root, unit]).output().unwrap();
    format!(
        "{}{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
        if output.status.success() { "" } else { "refused" }
    )
}

fn security(unit: &Path) -> Output {
    Command::new("systemd-analyze")
        .args(["security", "--no-pager", "--offline=true", "--threshold", EXPOSURE_MAX])
        .arg(unit)
        .output()
        .unwrap()
}

/// Says so in one line where there is no systemd to ask.
fn has_analyze() -> bool {
    let there = Command::new("systemd-analyze").arg("--version").output().is_ok();
    if !there {
        crate::skip("skipped: no systemd-analyze");
    }
    there
}
