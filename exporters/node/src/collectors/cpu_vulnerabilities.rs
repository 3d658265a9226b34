//! What the kernel says of the CPU's vulnerabilities: `/sys/devices/system/cpu/vulnerabilities`.

use std::path::PathBuf;

use common_instrument::{CollectError, Collector, Family, Samples};
use parking_lot::Mutex;

use super::Entry;
use crate::parse::text;
use crate::source::{Attributes, names_in};

pub(super) const ENTRY: Entry = Entry {
    name: "cpu_vulnerabilities",
    about: "Vulnerabilities of the CPU and what is done against them.",
    on_by_default: false,
    may_block: false,
    flags: &[],
    build: |context| {
        let directory = context.roots().sys("devices/system/cpu/vulnerabilities");
        Ok(Box::new(Vulnerabilities { directory, attributes: Mutex::new(Attributes::new()) }))
    },
};

const INFO: Family = Family::gauge(
    "node_cpu_vulnerabilities_info",
    "Details of each CPU vulnerability reported by sysfs. The value of the series is an int \
     encoded state of the vulnerability. The same state is stored as a string in the label",
);

/// How a value begins, and the state that this is.
const STATES: [(&str, &str); 3] =
    [("Vulnerable", "vulnerable"), ("Mitigation", "mitigation"), ("Unknown", "unknown")];

struct Vulnerabilities {
    directory: PathBuf,
    attributes: Mutex<Attributes>,
}

/// State and mitigation. The kernel has free text here (`KVM: Vulnerable`): what is not understood
/// is unknown, and shown as it is.
fn parse(value: &str) -> (&'static str, &str) {
    if value == "Not affected" {
        return ("not affected", "");
    }
    for (start, state) in STATES {
        if let Some(rest) = value.strip_prefix(start) {
            return (state, rest.strip_prefix(": ").unwrap_or(rest));
        }
    }
    ("unknown", value)
}

impl Collector for Vulnerabilities {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let mut attributes = self.attributes.lock();
        let mut outcome = Ok(());
        // Some architectures have no such directory.
        for codename in names_in(&self.directory).unwrap_or_default() {
            let path = self.directory.join(&codename);
            let value = match attributes.read(&path) {
                Ok(value) => text(value),
                Err(error) => {
                    outcome = Err(CollectError::failed(path.display(), error));
                    continue;
                }
            };
            let (state, mitigation) = parse(&value);
            let labels = [("codename", &*codename), ("state", state), ("mitigation", mitigation)];
            samples.push(&INFO, &labels, 1.0);
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_a_state_and_perhaps_a_mitigation() {
        fn check(value: &str, expected: (&str, &str)) {
            assert_eq!(parse(value), expected);
        }
        check("Not affected", ("not affected", ""));
        check("Vulnerable", ("vulnerable", ""));
        check("Vulnerable: No microcode", ("vulnerable", "No microcode"));
        check("Vulnerable, KVM: SW loop", ("vulnerable", ", KVM: SW loop"));
        check("Mitigation: PTI", ("mitigation", "PTI"));
        check("Unknown: No mitigations", ("unknown", "No mitigations"));
        check(
            "KVM: Mitigation: Split huge pages",
            ("unknown", "KVM: Mitigation: Split huge pages"),
        );
        check("", ("unknown", ""));
    }
}
