//! The programs that can be stood in for: their units in Debian, ours, and what Debian's builds take
//! for granted.

/// One program, by its Debian package.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Original {
    /// The package, and the unit without `.service`.
    pub(crate) name: &'static str,
    /// Our command that stands in.
    pub(crate) command: &'static str,
    /// Flags that Debian's build sets and upstream does not, each held back where the operator says
    /// something else. A switch has no value.
    pub(crate) defaults: &'static [(&'static str, Option<&'static str>)],
}

impl Original {
    /// Its unit.
    pub(crate) fn unit(&self) -> String {
        format!("{}.service", self.name)
    }

    /// Our unit in its place.
    pub(crate) fn stand_in(&self) -> String {
        format!("hearth-as-{}.service", self.name)
    }
}

/// All of them, targets before those who ask them.
pub(crate) const ORIGINALS: &[Original] = &[
    Original {
        name: "prometheus-node-exporter",
        command: "node",
        defaults: &[
            ("collector.systemd", None),
            (
                "collector.systemd.unit-exclude",
                Some(r".+\.(automount|device|mount|scope|slice|target)"),
            ),
            ("collector.textfile.directory", Some("/var/lib/prometheus/node-exporter")),
            (
                "collector.filesystem.mount-points-exclude",
                Some(
                    "^/(dev|proc|run|sys|mnt|media|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)",
                ),
            ),
            ("collector.netdev.device-exclude", Some("^lo$")),
        ],
    },
    Original {
        name: "prometheus-blackbox-exporter",
        command: "blackbox",
        defaults: &[("config.file", Some("/etc/prometheus/blackbox.yml"))],
    },
    Original { name: "mtail", command: "log", defaults: &[] },
    Original {
        name: "prometheus",
        command: "server",
        defaults: &[
            ("config.file", Some("/etc/prometheus/prometheus.yml")),
            ("storage.tsdb.path", Some("/var/lib/prometheus/metrics2/")),
        ],
    },
];

/// The one of this name.
pub(crate) fn find(name: &str) -> Option<&'static Original> {
    ORIGINALS.iter().find(|original| original.name == name)
}
