//! Sessions of users, as logind knows them over D-Bus.

use std::collections::HashMap;

use common_instrument::{CollectError, Collector, Family, Samples};
use zbus::{ObjectPath, OwnedObjectPath};

use super::Entry;
use crate::bus::{Bus, Link, Property, Scalar, Way};

pub(super) const ENTRY: Entry = Entry {
    name: "logind",
    about: "Number of sessions by seat, type and class, from logind.",
    on_by_default: false,
    may_block: true,
    flags: &[],
    build: |context| {
        let bus = Bus::new(&context.options.buses, Way::System, SERVICE);
        Ok(Box::new(Logind { bus }))
    },
};

const SESSIONS: Family =
    Family::gauge("node_logind_sessions", "Number of sessions registered in logind.");

const SERVICE: &str = "org.freedesktop.login1";
const PATH: &str = "/org/freedesktop/login1";
const MANAGER: &str = "org.freedesktop.login1.Manager";
const SESSION: &str = "org.freedesktop.login1.Session";

/// The values of labels, of systemd 229; what is not among them counts as the first.
const REMOTE: [&str; 2] = ["true", "false"];
const TYPES: [&str; 7] = ["other", "unspecified", "tty", "x11", "wayland", "mir", "web"];
const CLASSES: [&str; 5] = ["other", "user", "greeter", "lock-screen", "background"];

struct Logind {
    bus: Bus,
}

/// An entry of `ListSessions`: session, user, its name, seat, object.
type Listed<'a> = (&'a str, u32, &'a str, &'a str, ObjectPath<'a>);

/// Seat, whether it is remote, type and class of a session.
type Kind<'a> = (&'a str, &'static str, &'static str, &'static str);

fn known(value: &str, values: &[&'static str]) -> &'static str {
    values.iter().copied().find(|known| *known == value).unwrap_or("other")
}

/// What kind of session it is, if all three properties could be read.
fn kind<'a>(seat: &'a str, answers: &[Option<Scalar>]) -> Option<Kind<'a>> {
    match answers {
        [Some(Scalar::Flag(remote)), Some(Scalar::Text(kind)), Some(Scalar::Text(class))] => {
            let remote = if *remote { "true" } else { "false" };
            Some((seat, remote, known(kind, &TYPES), known(class, &CLASSES)))
        }
        _ => None,
    }
}

async fn gather(link: &Link, samples: &mut Samples) -> Result<(), CollectError> {
    let failed = |what: &str, error| CollectError::Failed(format!("unable to get {what}: {error}"));
    let answer = link.call(PATH, MANAGER, "ListSeats").await;
    let seats = answer.map_err(|error| failed("seats", error))?.body();
    let seats: Vec<(&str, ObjectPath<'_>)> =
        seats.deserialize().map_err(|error| failed("seats", error))?;
    let answer = link.call(PATH, MANAGER, "ListSessions").await;
    let sessions = answer.map_err(|error| failed("sessions", error))?.body();
    let sessions: Vec<Listed<'_>> =
        sessions.deserialize().map_err(|error| failed("sessions", error))?;

    let of_session = |session: &Listed<'_>| {
        let path: OwnedObjectPath = session.4.to_owned().into();
        ["Remote", "Type", "Class"].map(|name| Property {
            path: path.clone(),
            interface: SESSION,
            name,
        })
    };
    let answers = link.properties(sessions.iter().flat_map(of_session).collect()).await;
    let mut counts: HashMap<Kind<'_>, u32> = HashMap::new();
    for (session, answers) in sessions.iter().zip(answers.chunks(3)) {
        if let Some(kind) = kind(session.3, answers) {
            *counts.entry(kind).or_default() += 1;
        }
    }
    // Sessions over the network have no seat.
    let seats = || seats.iter().map(|(seat, _)| *seat).chain([""]);
    for remote in REMOTE {
        for (kind, class) in TYPES.iter().flat_map(|kind| CLASSES.map(|class| (*kind, class))) {
            for seat in seats() {
                let count = counts.get(&(seat, remote, kind, class)).copied().unwrap_or(0);
                let labels = [("seat", seat), ("remote", remote), ("type", kind), ("class", class)];
                samples.push(&SESSIONS, &labels, count.into());
            }
        }
    }
    Ok(())
}

impl Collector for Logind {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        self.bus.ask(async |link| gather(link, samples).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_kinds_count_as_other_and_unreadable_ones_not() {
        let text = |text: &str| Some(Scalar::Text(text.to_owned()));
        let remote = || Some(Scalar::Flag(true));
        let check = |answers: [Option<Scalar>; 3], expected: Option<Kind<'_>>| {
            assert_eq!(kind("seat0", &answers), expected, "{answers:?}");
        };
        check([remote(), text("tty"), text("user")], Some(("seat0", "true", "tty", "user")));
        check(
            [Some(Scalar::Flag(false)), text("hologram"), text("manager")],
            Some(("seat0", "false", "other", "other")),
        );
        check([None, text("tty"), text("user")], None);
        check([remote(), remote(), text("user")], None);
    }
}
