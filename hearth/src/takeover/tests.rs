//! Takeovers of a made-up host: units are files below a folder, systemd is a table.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::change::Change;
use super::originals::ORIGINALS;
use super::systemd::Systemd;

const UNITS: &str = "lib/systemd/system";
const OWN: &str = "etc/systemd/system";
const STATE: &str = "var/lib/hearth-compat/takeover.json";

#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
struct Unit {
    enabled: bool,
    active: bool,
    masked: bool,
}

/// A host with systemd.
struct Host {
    root: TempDir,
    units: BTreeMap<String, Unit>,
    /// A unit that does not start.
    broken: Option<String>,
    /// What was changed, in order.
    calls: Vec<String>,
}

impl Host {
    /// With our units, and these originals running.
    fn new(running: &[&str]) -> Host {
        let root = tempfile::tempdir().unwrap();
        let mut units = BTreeMap::new();
        fs::create_dir_all(root.path().join(UNITS)).unwrap();
        for original in ORIGINALS {
            units.insert(original.stand_in(), Unit::default());
            write(root.path(), UNITS, &original.stand_in());
        }
        for name in running {
            let unit = format!("{name}.service");
            write(root.path(), UNITS, &unit);
            units.insert(unit, Unit { enabled: true, active: true, masked: false });
        }
        Host { root, units, broken: None, calls: Vec::new() }
    }

    fn change(&mut self, undo: bool, dry_run: bool) -> (Result<usize, String>, Vec<String>) {
        let root = self.root.path().to_owned();
        let mut lines = Vec::new();
        let mut say = |line| lines.push(line);
        let mut change = Change { root: &root, systemd: self, dry_run, say: &mut say };
        let done = if undo { change.undo() } else { change.take() };
        (done, lines)
    }

    fn unit(&self, name: &str) -> Unit {
        self.units[&format!("{name}.service")]
    }
}

fn write(root: &Path, folder: &str, unit: &str) {
    fs::create_dir_all(root.join(folder)).unwrap();
    fs::write(root.join(folder).join(unit), "[Service]\n").unwrap();
}

impl Systemd for Host {
    fn systemctl(&mut self, args: &[&str]) -> Result<String, String> {
        let (&verb, &name) = (args.first().unwrap(), args.last().unwrap());
        if !verb.starts_with("is-") {
            self.calls.push(format!("{verb} {name}"));
        }
        let broken = self.broken.as_deref() == Some(name);
        let unit = self.units.get_mut(name).ok_or_else(|| format!("no unit {name}"))?;
        let no = |is: bool| if is { Ok(String::new()) } else { Err("no".to_owned()) };
        let mask = self.root.path().join(OWN).join(name);
        match verb {
            "is-active" => return no(unit.active),
            "is-enabled" => return no(unit.enabled && !unit.masked),
            "stop" => unit.active = false,
            "start" if broken || unit.masked => return Err(format!("{name} failed")),
            "start" => unit.active = true,
            "enable" => unit.enabled = true,
            "disable" => *unit = Unit::default(),
            "reset-failed" => {}
            "mask" => {
                unit.masked = true;
                fs::create_dir_all(mask.parent().unwrap()).unwrap();
                std::os::unix::fs::symlink("/dev/null", mask).unwrap();
            }
            "unmask" => {
                unit.masked = false;
                let _ = fs::remove_file(mask);
            }
            other => panic!("systemctl {other}"),
        }
        Ok(String::new())
    }
}

const RUNS: Unit = Unit { enabled: true, active: true, masked: false };
const MASKED: Unit = Unit { enabled: true, active: false, masked: true };
const NOT: Unit = Unit { enabled: false, active: false, masked: false };

#[test]
fn what_runs_is_replaced_and_comes_back() {
    let mut host = Host::new(&["prometheus", "mtail"]);
    let before = host.units.clone();
    let (done, lines) = host.change(false, false);
    assert_eq!(done, Ok(0), "{lines:?}");
    for name in ["prometheus", "mtail"] {
        assert_eq!(host.unit(name), MASKED, "{name}");
        assert_eq!(host.unit(&format!("hearth-as-{name}")), RUNS, "{name}");
    }
    assert_eq!(host.unit("hearth-as-prometheus-node-exporter"), NOT);
    assert!(
        lines.iter().any(|line| line == "prometheus-node-exporter.service: not in use, left alone")
    );
    assert!(host.root.path().join(STATE).exists());
    let (done, lines) = host.change(true, false);
    assert_eq!(done, Ok(0), "{lines:?}");
    assert_eq!(host.units, before);
    assert!(!host.root.path().join(STATE).exists());
}

#[test]
fn an_original_stops_before_ours_starts() {
    let mut host = Host::new(&["prometheus"]);
    host.change(false, false).0.unwrap();
    host.change(true, false).0.unwrap();
    assert_eq!(
        host.calls,
        [
            "stop prometheus.service",
            "mask prometheus.service",
            "enable hearth-as-prometheus.service",
            "start hearth-as-prometheus.service",
            "disable hearth-as-prometheus.service",
            "reset-failed hearth-as-prometheus.service",
            "unmask prometheus.service",
            "start prometheus.service",
        ]
    );
}

#[test]
fn twice_is_as_good_as_once() {
    let mut host = Host::new(&["prometheus"]);
    host.change(false, false).0.unwrap();
    let (units, calls) = (host.units.clone(), host.calls.len());
    let (done, lines) = host.change(false, false);
    assert_eq!(done, Ok(0));
    assert!(lines.contains(&"prometheus.service: taken over before".to_owned()), "{lines:?}");
    assert_eq!((host.units.clone(), host.calls.len()), (units, calls));
    host.change(true, false).0.unwrap();
    let (done, lines) = host.change(true, false);
    assert_eq!((done, lines), (Ok(0), vec!["nothing is taken over".to_owned()]));
}

#[test]
fn where_ours_does_not_start_the_original_runs_on() {
    let mut host = Host::new(&["prometheus", "mtail"]);
    host.broken = Some("hearth-as-prometheus.service".to_owned());
    let (done, lines) = host.change(false, false);
    assert_eq!(done, Ok(1), "{lines:?}");
    assert_eq!(host.unit("prometheus"), RUNS);
    assert_eq!(host.unit("hearth-as-prometheus"), NOT);
    assert_eq!(host.unit("mtail"), MASKED);
    host.change(true, false).0.unwrap();
    assert_eq!(host.unit("mtail"), RUNS);
}

#[test]
fn one_that_is_enabled_but_stopped_stays_so() {
    let mut host = Host::new(&["prometheus"]);
    let stopped = Unit { active: false, ..RUNS };
    host.units.insert("prometheus.service".to_owned(), stopped);
    host.change(false, false).0.unwrap();
    assert_eq!(host.unit("hearth-as-prometheus"), stopped);
    host.change(true, false).0.unwrap();
    assert_eq!(host.unit("prometheus"), stopped);
}

#[test]
fn a_unit_of_the_administrators_own_is_not_touched() {
    let mut host = Host::new(&["prometheus"]);
    write(host.root.path(), OWN, "prometheus.service");
    let (done, lines) = host.change(false, false);
    assert_eq!(done, Ok(1));
    assert!(lines.iter().any(|line| line.contains("is your own")), "{lines:?}");
    assert!(host.calls.is_empty(), "{:?}", host.calls);
}

#[test]
fn a_dry_run_changes_nothing() {
    let mut host = Host::new(&["prometheus"]);
    let (done, lines) = host.change(false, true);
    assert_eq!(done, Ok(0));
    assert!(lines.iter().any(|line| line.contains("would become")), "{lines:?}");
    assert!(host.calls.is_empty() && !host.root.path().join(STATE).exists());
}

#[test]
fn a_broken_memory_is_told_and_nothing_is_done() {
    let mut host = Host::new(&["prometheus"]);
    let file = host.root.path().join(STATE);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, "{").unwrap();
    let error = host.change(false, false).0.unwrap_err();
    assert!(error.contains("takeover.json: "), "{error}");
    assert!(host.calls.is_empty());
}
