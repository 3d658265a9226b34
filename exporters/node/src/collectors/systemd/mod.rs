//! Units of systemd over D-Bus: their states, and for some kinds a few properties.

mod units;

use common_instrument::{CollectError, Collector, Family, Samples};
use zbus::OwnedObjectPath;

use self::units::{Listed, Reading, States, Unit};
use super::Entry;
use crate::Error;
use crate::bus::{Bus, Link, Property, Scalar, Way};
use crate::pattern::Pattern;
use crate::settings::{Flag, Settings, flag};

pub(super) const ENTRY: Entry = Entry {
    name: "systemd",
    about: "States of the units of systemd, and of systemd itself.",
    on_by_default: false,
    may_block: true,
    flags: &[INCLUDE, WHITELIST, EXCLUDE, BLACKLIST, PRIVATE, TASKS, RESTARTS, START_TIME],
    build: |context| {
        let settings = context.settings();
        let way = if settings.switch(&PRIVATE) { Way::Private } else { Way::SystemOrPrivate };
        Ok(Box::new(Systemd {
            bus: Bus::new(&context.options.buses, way, SERVICE),
            include: pattern(settings, &INCLUDE, &WHITELIST)?,
            exclude: pattern(settings, &EXCLUDE, &BLACKLIST)?,
            reading: Reading {
                tasks: settings.switch(&TASKS),
                restarts: settings.switch(&RESTARTS),
                start_time: settings.switch(&START_TIME),
                timers: false,
            },
        }))
    },
};

const INCLUDE: Flag = flag::text(
    "collector.systemd.unit-include",
    "Regexp of systemd units to include. Units must both match include and not match exclude to be \
     included.",
    ".+",
);
const WHITELIST: Flag = flag::text(
    "collector.systemd.unit-whitelist",
    "DEPRECATED: Use --collector.systemd.unit-include",
    "",
)
.hidden();
const EXCLUDE: Flag = flag::text(
    "collector.systemd.unit-exclude",
    "Regexp of systemd units to exclude. Units must both match include and not match exclude to be \
     included.",
    r".+\.(automount|device|mount|scope|slice)",
);
const BLACKLIST: Flag = flag::text(
    "collector.systemd.unit-blacklist",
    "DEPRECATED: Use collector.systemd.unit-exclude",
    "",
)
.hidden();
const PRIVATE: Flag = flag::switch(
    "collector.systemd.private",
    "Establish a private, direct connection to systemd without dbus (Strongly discouraged since it \
     requires root. For testing purposes only).",
    false,
)
.hidden();
const TASKS: Flag = flag::switch(
    "collector.systemd.enable-task-metrics",
    "Enables service unit tasks metrics unit_tasks_current and unit_tasks_max",
    false,
);
const RESTARTS: Flag = flag::switch(
    "collector.systemd.enable-restarts-metrics",
    "Enables service unit metric service_restart_total",
    false,
);
const START_TIME: Flag = flag::switch(
    "collector.systemd.enable-start-time-metrics",
    "Enables service unit metric unit_start_time_seconds",
    false,
);

const VERSION: Family = Family::gauge("node_systemd_version", "Detected systemd version");
const VIRTUALIZATION: Family =
    Family::gauge("node_systemd_virtualization_info", "Detected virtualization technology");
const RUNNING: Family = Family::gauge(
    "node_systemd_system_running",
    "Whether the system is operational (see 'systemctl is-system-running')",
);
const UNITS: Family = Family::gauge("node_systemd_units", "Summary of systemd unit states");

const SERVICE: &str = "org.freedesktop.systemd1";
const PATH: &str = "/org/freedesktop/systemd1";
const MANAGER: &str = "org.freedesktop.systemd1.Manager";

/// The first version that tells its own state and when timers elapsed.
const VERSION_WITH_STATE: f64 = 212.0;

struct Systemd {
    bus: Bus,
    include: Pattern,
    exclude: Pattern,
    reading: Reading,
}

/// The pattern of a flag or of its old name; both together are refused. It must match the whole name.
fn pattern(settings: &Settings, new: &Flag, old: &Flag) -> Result<Pattern, Error> {
    let flag = match settings.text(old) {
        "" => new,
        _ if settings.is_set(new) => {
            return Err(Error::Exclusive { one: old.name, other: new.name });
        }
        _ => {
            let (old_name, new_name) = (old.name, new.name);
            tracing::warn!(
                "--{old_name} is DEPRECATED and will be removed in 2.0.0, use --{new_name}"
            );
            old
        }
    };
    Pattern::new(flag, &format!("^(?:{})$", settings.text(flag)))
}

/// Number and text of a version; the number is the first with three digits: `v255.4-1ubuntu8`.
fn version(text: &str) -> Option<(f64, &str)> {
    const DIGITS_MIN: usize = 3;
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let mut start = 0;
    while start < text.len() {
        let Some(rest) = text.get(start..) else {
            start += 1;
            continue;
        };
        let whole = digits(rest);
        if whole >= DIGITS_MIN {
            let fraction = rest[whole..].strip_prefix('.').map_or(0, digits);
            let length = if fraction > 0 { whole + 1 + fraction } else { whole };
            return Some((rest[..length].parse().ok()?, text));
        }
        start += whole.max(1);
    }
    None
}

/// The label of a virtualization; none at all is told as such.
fn virtualization(answer: Option<&Scalar>) -> &str {
    match answer.and_then(Scalar::text).map(|text| text.trim_matches('"')) {
        None => "unknown",
        Some("") => "none",
        Some(text) => text,
    }
}

impl Systemd {
    async fn gather(&self, link: &Link, samples: &mut Samples) -> Result<(), CollectError> {
        let path =
            OwnedObjectPath::try_from(PATH).map_err(|error| CollectError::failed(PATH, error))?;
        let of_manager = |name| Property { path: path.clone(), interface: MANAGER, name };
        let manager = ["Version", "Virtualization", "SystemState"].map(of_manager);
        let manager = link.properties(manager.into()).await;
        let text = manager[0].as_ref().and_then(Scalar::text);
        let (number, text) = text.and_then(version).unwrap_or((0.0, ""));
        let label = virtualization(manager[1].as_ref());
        samples.push(&VERSION, &[("version", text)], number);
        samples.push(&VIRTUALIZATION, &[("virtualization_type", label)], 1.0);

        let listed = |error| CollectError::Failed(format!("couldn't get units: {error}"));
        let answer = link.call(PATH, MANAGER, "ListUnits").await.map_err(listed)?;
        let body = answer.body();
        let all: Vec<Listed<'_>> = body.deserialize().map_err(listed)?;
        let all: Vec<Unit<'_>> = all.into_iter().map(Unit::from).collect();
        for (state, count) in States::of(&all).iter() {
            samples.push(&UNITS, &[("state", state)], f64::from(count));
        }
        let wanted = |unit: &&Unit<'_>| {
            unit.is_loaded && self.include.is_match(unit.name) && !self.exclude.is_match(unit.name)
        };
        let units: Vec<&Unit<'_>> = all.iter().filter(wanted).collect();
        let tells_state = number >= VERSION_WITH_STATE;
        let reading = Reading { timers: tells_state, ..self.reading };
        units::collect(link, &units, reading, samples).await;
        if tells_state {
            let state = manager[2].as_ref().and_then(Scalar::text);
            let state = state
                .ok_or_else(|| CollectError::Failed("couldn't get system state".to_owned()))?;
            samples.push(&RUNNING, &[], f64::from(u8::from(state == "running")));
        }
        Ok(())
    }
}

impl Collector for Systemd {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        self.bus.ask(async |link| self.gather(link, samples).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_first_number_of_three_digits() {
        fn check(text: &str, expected: Option<f64>) {
            assert_eq!(version(text), expected.map(|number| (number, text)));
        }
        check("257.9-1~deb13u1", Some(257.9));
        check("v255.4-1ubuntu8", Some(255.4));
        check("systemd 44-12 239", Some(239.0));
        check("252", Some(252.0));
        check("256.x", Some(256.0));
        check("ü211", Some(211.0));
        check("1.20", None);
        check("", None);
    }

    #[test]
    fn patterns_match_whole_names_and_have_one_name() {
        fn check(flags: &[(&str, &str)], name: &str, expected: Option<bool>) {
            let mut settings = Settings::default();
            for (flag, value) in flags {
                settings.set(&format!("collector.systemd.{flag}"), value);
            }
            let pattern = pattern(&settings, &EXCLUDE, &BLACKLIST).ok();
            assert_eq!(pattern.map(|pattern| pattern.is_match(name)), expected, "{flags:?}");
        }
        check(&[], "-.slice", Some(true));
        check(&[], "a.slice.service", Some(false));
        check(&[("unit-exclude", "a|b")], "ab", Some(false));
        check(&[("unit-exclude", "a|b")], "b", Some(true));
        check(&[("unit-blacklist", "a|b")], "b", Some(true));
        check(&[("unit-blacklist", "a|b")], "-.slice", Some(false));
        check(&[("unit-blacklist", "a"), ("unit-exclude", "b")], "b", None);
        check(&[("unit-exclude", "(")], "b", None);
    }

    #[test]
    fn bare_metal_is_told_from_silence() {
        fn check(answer: Option<&str>, expected: &str) {
            let answer = answer.map(|text| Scalar::Text(text.to_owned()));
            assert_eq!(virtualization(answer.as_ref()), expected);
        }
        check(Some("kvm"), "kvm");
        check(Some(""), "none");
        check(None, "unknown");
    }
}
