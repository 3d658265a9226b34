//! The command line of an original, with what Debian's build of it takes for granted.

use super::originals::Original;

/// Flags that exclude a default beside their own negation: kingpin refuses both together.
const EXCLUDES: &[(&str, &str)] =
    &[("collector.netdev.device-exclude", "collector.netdev.device-include")];

/// Arguments for our command: Debian's defaults, unless `given` sets them, and then `given`.
pub(super) fn arguments(original: &Original, given: &[String]) -> Vec<String> {
    let held_back = |name: &str| {
        let other = EXCLUDES.iter().find(|(flag, _)| *flag == name).map(|(_, other)| *other);
        given.iter().any(|arg| sets(arg, name) || other.is_some_and(|other| sets(arg, other)))
    };
    let defaults = original.defaults.iter().filter(|(name, _)| !held_back(name));
    let defaults = defaults.map(|(name, value)| match value {
        Some(value) => format!("--{name}={value}"),
        None => format!("--{name}"),
    });
    defaults.chain(given.iter().cloned()).collect()
}

/// Whether an argument is this flag, with or without its value, or its negation.
fn sets(arg: &str, name: &str) -> bool {
    let Some(flag) = arg.strip_prefix("--") else { return false };
    let flag = flag.split_once('=').map_or(flag, |(flag, _)| flag);
    flag == name || flag.strip_prefix("no-") == Some(name)
}

#[cfg(test)]
mod tests {
    use super::super::originals::find;
    use super::arguments;

    fn check(name: &str, given: &[&str], expected: &[&str]) {
        let given: Vec<String> = given.iter().map(|&arg| arg.to_owned()).collect();
        assert_eq!(arguments(find(name).unwrap(), &given), expected, "{given:?}");
    }

    #[test]
    fn defaults_of_debian_are_added() {
        check(
            "prometheus",
            &["--web.enable-lifecycle"],
            &[
                "--config.file=/etc/prometheus/prometheus.yml",
                "--storage.tsdb.path=/var/lib/prometheus/metrics2/",
                "--web.enable-lifecycle",
            ],
        );
    }

    #[test]
    fn what_the_operator_says_wins() {
        check(
            "prometheus",
            &["--config.file", "a.yml", "--storage.tsdb.path=/data"],
            &["--config.file", "a.yml", "--storage.tsdb.path=/data"],
        );
        check("prometheus-blackbox-exporter", &["--config.file=b"], &["--config.file=b"]);
        check("mtail", &["--progs", "/etc/mtail"], &["--progs", "/etc/mtail"]);
    }

    #[test]
    fn switches_and_flags_that_exclude_each_other_are_known() {
        let given =
            ["--no-collector.systemd".to_owned(), "--collector.netdev.device-include=e".to_owned()];
        let arguments = arguments(find("prometheus-node-exporter").unwrap(), &given);
        assert!(!arguments.contains(&"--collector.systemd".to_owned()), "{arguments:?}");
        assert!(
            !arguments.iter().any(|arg| arg.contains("netdev.device-exclude")),
            "{arguments:?}"
        );
        assert!(arguments.iter().any(|arg| arg.contains("textfile.directory")), "{arguments:?}");
    }
}
