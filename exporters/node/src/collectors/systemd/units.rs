//! The units in detail: which properties are read of which, and what becomes of them.

use common_instrument::{Family, Samples};
use zbus::ObjectPath;

use crate::bus::{Link, Property, Scalar};

const STATE: Family = Family::gauge("node_systemd_unit_state", "Systemd unit");
const STARTED: Family = Family::gauge(
    "node_systemd_unit_start_time_seconds",
    "Start time of the unit since unix epoch in seconds.",
);
const TASKS_CURRENT: Family =
    Family::gauge("node_systemd_unit_tasks_current", "Current number of tasks per Systemd unit");
const TASKS_MAX: Family =
    Family::gauge("node_systemd_unit_tasks_max", "Maximum number of tasks per Systemd unit");
const RESTARTS: Family =
    Family::counter("node_systemd_service_restart_total", "Service unit count of Restart triggers");
const TRIGGERED: Family = Family::gauge(
    "node_systemd_timer_last_trigger_seconds",
    "Seconds since epoch of last trigger.",
);
const ACCEPTED: Family = Family::counter(
    "node_systemd_socket_accepted_connections_total",
    "Total number of accepted socket connections",
);
const CONNECTIONS: Family = Family::gauge(
    "node_systemd_socket_current_connections",
    "Current number of socket connections",
);
const REFUSED: Family = Family::gauge(
    "node_systemd_socket_refused_connections_total",
    "Total number of refused socket connections",
);

/// The states that every unit has a sample for.
const STATES: [&str; 5] = ["active", "activating", "deactivating", "inactive", "failed"];

const MICROS: f64 = 1e6;
/// What systemd says where a number is not known or has no limit.
const UNKNOWN: u64 = u64::MAX;

const UNIT: &str = "org.freedesktop.systemd1.Unit";
const SERVICE: &str = "org.freedesktop.systemd1.Service";
const MOUNT: &str = "org.freedesktop.systemd1.Mount";
const TIMER: &str = "org.freedesktop.systemd1.Timer";
const SOCKET: &str = "org.freedesktop.systemd1.Socket";

/// An entry of `ListUnits`: name, description, load state, active state, substate, the unit that it
/// follows, object, and number, type and object of its job.
pub(super) type Listed<'a> = (
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    ObjectPath<'a>,
    u32,
    &'a str,
    ObjectPath<'a>,
);

/// What counts of it.
pub(super) struct Unit<'a> {
    pub(super) name: &'a str,
    pub(super) is_loaded: bool,
    pub(super) state: &'a str,
    path: ObjectPath<'a>,
}

impl<'a> From<Listed<'a>> for Unit<'a> {
    fn from((name, _, load, state, _, _, path, ..): Listed<'a>) -> Unit<'a> {
        Unit { name, is_loaded: load == "loaded", state, path }
    }
}

/// How many units are in which state.
pub(super) struct States<'a>(Vec<(&'a str, u32)>);

impl<'a> States<'a> {
    /// Of all units; the usual states are there even if no unit is in them.
    pub(super) fn of(units: &'a [Unit<'a>]) -> States<'a> {
        let mut states = States(STATES.iter().map(|state| (*state, 0)).collect());
        for unit in units {
            match states.0.iter_mut().find(|(state, _)| *state == unit.state) {
                Some((_, count)) => *count += 1,
                None => states.0.push((unit.state, 1)),
            }
        }
        states
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'a str, u32)> {
        self.0.iter().copied()
    }
}

/// What is read besides states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) tasks: bool,
    pub(super) restarts: bool,
    pub(super) start_time: bool,
    pub(super) timers: bool,
}

impl Reading {
    /// Interfaces and names of the properties of a unit.
    fn properties(self, unit: &Unit<'_>) -> Vec<(&'static str, &'static str)> {
        let mut wanted = Vec::new();
        if self.start_time && unit.state == "active" {
            wanted.push((UNIT, "ActiveEnterTimestamp"));
        }
        match unit.name.rsplit_once('.').map(|(_, kind)| kind) {
            Some("service") => {
                wanted.push((SERVICE, "Type"));
                if self.restarts {
                    wanted.push((SERVICE, "NRestarts"));
                }
                if self.tasks {
                    wanted.extend([(SERVICE, "TasksCurrent"), (SERVICE, "TasksMax")]);
                }
            }
            Some("mount") => wanted.push((MOUNT, "Type")),
            Some("timer") if self.timers => wanted.push((TIMER, "LastTriggerUSec")),
            Some("socket") => {
                wanted.extend(["NAccepted", "NConnections", "NRefused"].map(|name| (SOCKET, name)))
            }
            _ => {}
        }
        wanted
    }
}

/// Reads the properties of all units at once and pushes what they say.
pub(super) async fn collect(
    link: &Link,
    units: &[&Unit<'_>],
    reading: Reading,
    samples: &mut Samples,
) {
    let (mut names, mut wanted) = (Vec::new(), Vec::new());
    for unit in units {
        let of_unit = reading.properties(unit);
        wanted.extend(of_unit.iter().map(|&(interface, name)| Property {
            path: unit.path.to_owned().into(),
            interface,
            name,
        }));
        names.push(of_unit);
    }
    let mut answers = link.properties(wanted).await.into_iter();
    for (unit, names) in units.iter().zip(&names) {
        let answers: Vec<_> = answers.by_ref().take(names.len()).collect();
        let answer = |wanted: &str| {
            let at = names.iter().position(|(_, name)| *name == wanted)?;
            answers.get(at)?.as_ref()
        };
        push(unit, reading, answer, samples);
    }
}

/// Pushes one unit, with the properties that could be read.
fn push<'a>(
    unit: &Unit<'_>,
    reading: Reading,
    answer: impl Fn(&str) -> Option<&'a Scalar>,
    samples: &mut Samples,
) {
    let number = |name: &str| answer(name).and_then(Scalar::number);
    let kind = answer("Type").and_then(Scalar::text).unwrap_or_default();
    for state in STATES {
        let labels = [("name", unit.name), ("state", state), ("type", kind)];
        samples.push(&STATE, &labels, f64::from(u8::from(state == unit.state)));
    }
    let mut push = |family: &Family, value: f64| {
        samples.push(family, &[("name", unit.name)], value);
    };
    if reading.start_time {
        let started = if unit.state == "active" { number("ActiveEnterTimestamp") } else { Some(0) };
        started.into_iter().for_each(|started| push(&STARTED, started as f64 / MICROS));
    }
    let known = |name: &str| number(name).filter(|&number| number != UNKNOWN);
    known("TasksCurrent").into_iter().for_each(|tasks| push(&TASKS_CURRENT, tasks as f64));
    known("TasksMax").into_iter().for_each(|tasks| push(&TASKS_MAX, tasks as f64));
    number("NRestarts").into_iter().for_each(|restarts| push(&RESTARTS, restarts as f64));
    number("LastTriggerUSec").into_iter().for_each(|at| push(&TRIGGERED, at as f64 / MICROS));
    // Each counts only where the one before could be read.
    for (name, family) in
        [("NAccepted", &ACCEPTED), ("NConnections", &CONNECTIONS), ("NRefused", &REFUSED)]
    {
        let Some(count) = number(name) else { break };
        push(family, count as f64);
    }
}
