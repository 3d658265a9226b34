//! Whether SELinux is on, and how strict.

use std::path::PathBuf;

use common_instrument::{CollectError, Collector, Family, Samples};

use super::Entry;
use crate::parse::{lines, signed};
use crate::source::read_file;

pub(super) const ENTRY: Entry = Entry {
    name: "selinux",
    about: "Whether SELinux is enabled, its configured and its current mode.",
    on_by_default: true,
    may_block: false,
    flags: &[],
    build: |context| {
        Ok(Box::new(Selinux {
            enforce: context.roots().sys("fs/selinux/enforce"),
            config: context.roots().root("/etc/selinux/config"),
        }))
    },
};

const ENABLED: Family =
    Family::gauge("node_selinux_enabled", "SELinux is enabled, 1 is true, 0 is false");
const CONFIGURED: Family =
    Family::gauge("node_selinux_config_mode", "Configured SELinux enforcement mode");
const CURRENT: Family =
    Family::gauge("node_selinux_current_mode", "Current SELinux enforcement mode");

/// The mode when nothing says otherwise; 0 is permissive, 1 enforcing.
const DISABLED: f64 = -1.0;

struct Selinux {
    enforce: PathBuf,
    config: PathBuf,
}

/// The mode that `SELINUX=` of the configuration file asks for.
fn parse_config(text: &[u8]) -> f64 {
    for (_, line) in lines(text) {
        match line.trim_ascii().strip_prefix(b"SELINUX=") {
            Some(b"enforcing") => return 1.0,
            Some(b"permissive") => return 0.0,
            Some(_) => return DISABLED,
            None => {}
        }
    }
    DISABLED
}

impl Collector for Selinux {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        if !self.enforce.exists() {
            samples.push(&ENABLED, &[], 0.0);
            return Ok(());
        }
        let enforce = read_file(&self.enforce).ok();
        let current = enforce.and_then(|text| signed(text.trim_ascii()));
        let configured = read_file(&self.config).map_or(DISABLED, |text| parse_config(&text));
        samples.push(&ENABLED, &[], 1.0);
        samples.push(&CONFIGURED, &[], configured);
        samples.push(&CURRENT, &[], current.map_or(DISABLED, |mode| mode as f64));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_assignment_counts() {
        fn check(text: &str, expected: f64) {
            assert_eq!(parse_config(text.as_bytes()), expected);
        }
        check("# SELINUX=disabled\nSELINUX=enforcing\nSELINUXTYPE=targeted\n", 1.0);
        check("SELINUX=permissive", 0.0);
        check("SELINUX=disabled", DISABLED);
        check("", DISABLED);
    }
}
