//! The command line of `hearth-node` and `hearth node`: node_exporter's, over the table of collectors.

use std::process::ExitCode;
use std::sync::LazyLock;

use common_service::clock::system_time;
use common_service::flags::{Command, Flag, Kind, Matches, Program, Style};
use common_service::logging;
use jiff::tz::TimeZone;

use crate::collectors::COLLECTORS;
use crate::{Buses, NodeOptions, Roots, Settings};

const PATHS: &[Flag] = &[
    Flag::new("path.procfs", Kind::Str, "procfs mountpoint.").default("/proc"),
    Flag::new("path.sysfs", Kind::Str, "sysfs mountpoint.").default("/sys"),
    Flag::new("path.rootfs", Kind::Str, "rootfs mountpoint.").default("/"),
    Flag::new("path.udev.data", Kind::Str, "udev data path.").default("/run/udev/data"),
];

const DEFAULTS: &[Flag] =
    &[Flag::switch("collector.disable-defaults", "Set all collectors to disabled by default.")];

const SERVICE: &[Flag] = &[
    Flag::new("web.telemetry-path", Kind::Str, "Path under which to expose metrics.")
        .default("/metrics"),
    Flag::switch(
        "web.disable-exporter-metrics",
        "Exclude metrics about the exporter itself (promhttp_*, process_*, go_*).",
    ),
    Flag::new(
        "web.max-requests",
        Kind::Int,
        "Maximum number of parallel scrape requests. Use 0 to disable.",
    )
    .default("40"),
    Flag::new(
        "runtime.gomaxprocs",
        Kind::Int,
        "The target number of CPUs to run on: threads that serve requests.",
    )
    .default("1")
    .env("GOMAXPROCS"),
    Flag::switch(
        "web.systemd-socket",
        "Use systemd socket activation listeners instead of port listeners (Linux only).",
    ),
    Flag::new(
        "web.listen-address",
        Kind::Str,
        "Addresses on which to expose metrics and web interface. Repeatable for multiple \
         addresses. Examples: `:9100` or `[::1]:9100` for http",
    )
    .default(":9100")
    .repeatable(),
    Flag::new(
        "web.config.file",
        Kind::Str,
        "Path to configuration file that can enable TLS or authentication. See: \
         https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md",
    )
    .default(""),
];

static PROGRAM: LazyLock<Program> = LazyLock::new(|| Program {
    root: Command {
        name: "hearth-node",
        help: "Exports metrics of this host's kernel, hardware and file systems.",
        flags: groups(),
        ..Command::EMPTY
    },
    style: Style::Kingpin,
    product: "node_exporter",
});

/// The whole command line; flags that belong to collectors come first, as they do in the original.
#[must_use]
pub fn program() -> &'static Program {
    &PROGRAM
}

/// The flags of all collectors, without those that switch them on and off.
pub fn collector_flags() -> impl Iterator<Item = &'static Flag> {
    COLLECTORS.iter().flat_map(|entry| entry.flags)
}

/// The flags that say what is measured: those of the collectors, their switches, the paths. The
/// tables exist once for the life of the process, so that they may be leaked.
#[must_use]
pub fn measuring_flags() -> Vec<&'static [Flag]> {
    let switches = COLLECTORS.iter().map(|entry| {
        let name: &'static str = format!("collector.{}", entry.name).leak();
        let state = if entry.on_by_default { "enabled" } else { "disabled" };
        let help = format!("Enable the {} collector (default: {state}).", entry.name).leak();
        Flag::switch(name, help).default(if entry.on_by_default { "true" } else { "false" })
    });
    let switches: &'static [Flag] = switches.collect::<Vec<_>>().leak();
    let mut groups: Vec<&'static [Flag]> = COLLECTORS.iter().map(|entry| entry.flags).collect();
    groups.extend([PATHS, switches, DEFAULTS]);
    groups
}

fn groups() -> &'static [&'static [Flag]] {
    let mut groups = measuring_flags();
    groups.extend([SERVICE, logging::FLAGS]);
    groups.leak()
}

/// What the command line says of collectors.
#[must_use]
pub fn options(matches: &Matches) -> NodeOptions {
    let without_defaults = matches.bool("collector.disable-defaults");
    let is_on = |name: &str| {
        let flag = format!("collector.{name}");
        matches.bool(&flag) && (matches.is_given(&flag) || !without_defaults)
    };
    let on = COLLECTORS.iter().filter(|entry| is_on(entry.name));
    NodeOptions {
        roots: Roots {
            procfs: matches.str("path.procfs").into(),
            sysfs: matches.str("path.sysfs").into(),
            rootfs: matches.str("path.rootfs").into(),
            udev_data: matches.str("path.udev.data").into(),
        },
        buses: Buses::default(),
        enabled: on.map(|entry| entry.name.to_owned()).collect(),
        settings: Settings::from_matches(matches, collector_flags()),
        now: system_time,
        zone: TimeZone::system(),
    }
}

/// Runs the exporter until it is told to stop. `args` stand behind the command's name.
#[must_use]
pub fn run(args: &[String]) -> ExitCode {
    let matches = match program().matches_of(args) {
        Ok(matches) => matches,
        Err(code) => return code,
    };
    logging::init(logging::LogOptions::from_matches(&matches));
    match crate::serve::serve(&matches) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(err = %error, "Exporter ended");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use common_service::flags::{Parsed, World};

    use super::*;

    fn parse(args: &[&str]) -> Result<NodeOptions, String> {
        let world = World {
            env: &|_| None,
            read: &|_| Err(std::io::ErrorKind::NotFound.into()),
            exists: &|_| false,
        };
        let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
        match program().parse(&args, &world) {
            Ok(Parsed::Run(matches)) => Ok(options(&matches)),
            Ok(Parsed::Print(text)) => Err(text),
            Err(error) => Err(program().report(&error, &args).0),
        }
    }

    #[test]
    fn collectors_are_on_by_default_unless_defaults_are_disabled() {
        fn check(args: &[&str], collector: &str, expected: bool) {
            let options = parse(args).unwrap();
            assert_eq!(options.enabled.iter().any(|name| name == collector), expected, "{args:?}");
        }
        check(&[], "cpu", true);
        check(&["--no-collector.cpu"], "cpu", false);
        check(&["--collector.disable-defaults"], "cpu", false);
        check(&["--collector.disable-defaults", "--collector.cpu"], "cpu", true);
        check(&["--collector.cpu", "--collector.disable-defaults"], "cpu", true);
        check(&["--collector.cpu", "--collector.disable-defaults"], "stat", false);
    }

    #[test]
    fn mistakes_are_told_in_the_words_of_the_original() {
        fn check(args: &[&str], expected: &str) {
            assert_eq!(parse(args).unwrap_err(), format!("hearth-node: error: {expected}\n"));
        }
        check(&["--nope"], "unknown long flag '--nope', try --help");
        check(&["--collector.cpu=false"], "unexpected false, try --help");
        check(
            &["--collector.cpu", "--no-collector.cpu"],
            "flag 'collector.cpu' cannot be repeated, try --help",
        );
    }

    #[test]
    fn values_reach_the_settings() {
        let args =
            ["--collector.vmstat.fields=^x", "--path.procfs", "/p", "--no-collector.cpu.guest"];
        let options = parse(&args).unwrap();
        assert_eq!(options.roots.procfs, std::path::Path::new("/p"));
        let find = |name| collector_flags().find(|flag| flag.name == name).unwrap();
        assert_eq!(options.settings.text(find("collector.vmstat.fields")), "^x");
        assert!(!options.settings.switch(find("collector.cpu.guest")));
        assert!(options.settings.switch(find("collector.netdev.netlink")));
    }
}
