//! Bonded network devices and how many of their slaves have a link: `/sys/class/net/*/bonding`.

use std::io;
use std::path::{Path, PathBuf};

use common_instrument::{CollectError, Collector, Family, Samples};
use parking_lot::Mutex;

use super::Entry;
use crate::parse::{text, words};
use crate::source::{Attributes, KernelFile};

pub(super) const ENTRY: Entry = Entry {
    name: "bonding",
    about: "Configured and active slaves of bonded network devices.",
    on_by_default: true,
    may_block: false,
    flags: &[],
    build: |context| {
        let directory = context.roots().sys("class/net");
        let masters = KernelFile::new(directory.join("bonding_masters"));
        Ok(Box::new(Bonding { directory, masters, attributes: Mutex::new(Attributes::new()) }))
    },
};

const SLAVES: Family =
    Family::gauge("node_bonding_slaves", "Number of configured slaves per bonding interface.");
const ACTIVE: Family =
    Family::gauge("node_bonding_active", "Number of active slaves per bonding interface.");

/// How a master's links to its slaves are named, by today's kernels and by those before 3.9.
const LINKS: [&str; 2] = ["lower_", "slave_"];

struct Bonding {
    directory: PathBuf,
    masters: KernelFile,
    attributes: Mutex<Attributes>,
}

/// Whether a slave has a link; an error of kind `NotFound` if it is none any more.
fn is_up(master: &Path, slave: &str, attributes: &mut Attributes) -> io::Result<bool> {
    let mut last = Err(io::ErrorKind::NotFound.into());
    for link in LINKS {
        let path = master.join(format!("{link}{slave}/bonding_slave/mii_status"));
        last = attributes.read(&path).map(|status| status == b"up");
        if !last.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            break;
        }
    }
    last
}

/// Numbers of slaves and of those with a link.
fn count(master: &Path, attributes: &mut Attributes) -> io::Result<(u32, u32)> {
    let slaves = attributes.read(&master.join("bonding/slaves"))?.to_vec();
    let (mut configured, mut active) = (0, 0);
    for slave in words(&slaves) {
        match is_up(master, &text(slave), attributes) {
            Ok(is_up) => {
                configured += 1;
                active += u32::from(is_up);
            }
            // It was taken out since the list was read.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok((configured, active))
}

impl Collector for Bonding {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let masters = self.masters.collect_or_absent()?;
        let mut attributes = self.attributes.lock();
        let mut outcome = Ok(());
        for name in words(&masters) {
            let name = text(name);
            let path = self.directory.join(&*name);
            let (configured, active) = match count(&path, &mut attributes) {
                Ok(counts) => counts,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => {
                    outcome = Err(CollectError::failed(path.display(), error));
                    continue;
                }
            };
            let labels = [("master", &*name)];
            samples.push(&SLAVES, &labels, f64::from(configured));
            samples.push(&ACTIVE, &labels, f64::from(active));
        }
        outcome
    }
}
