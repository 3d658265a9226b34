//! What `uname(2)` says.

use common_instrument::{CollectError, Collector, Family, Samples};

use super::Entry;

pub(super) const ENTRY: Entry = Entry {
    name: "uname",
    about: "System information of the uname system call.",
    on_by_default: true,
    may_block: false,
    flags: &[],
    build: |_| Ok(Box::new(Uname)),
};

const INFO: Family = Family::gauge(
    "node_uname_info",
    "Labeled system information as provided by the uname system call.",
);

struct Uname;

impl Collector for Uname {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let uname = rustix::system::uname();
        let labels = [
            ("sysname", uname.sysname().to_string_lossy()),
            ("release", uname.release().to_string_lossy()),
            ("version", uname.version().to_string_lossy()),
            ("machine", uname.machine().to_string_lossy()),
            ("nodename", uname.nodename().to_string_lossy()),
            ("domainname", uname.domainname().to_string_lossy()),
        ];
        samples.push(&INFO, &labels.each_ref().map(|(name, value)| (*name, &**value)), 1.0);
        Ok(())
    }
}
