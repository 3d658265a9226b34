//! The distribution: `os-release`.

use std::io;
use std::path::PathBuf;
use std::time::SystemTime;

use common_instrument::{CollectError, Collector, Family, Samples};
use parking_lot::Mutex;

use super::Entry;
use crate::os_release::{KEYS, OsRelease, parse};
use crate::source::read_file;

pub(super) const ENTRY: Entry = Entry {
    name: "os",
    about: "Name and version of the distribution, of os-release.",
    on_by_default: true,
    may_block: false,
    flags: &[],
    build: |context| {
        let paths = ["/etc/os-release", "/usr/lib/os-release"];
        let paths = paths.map(|path| context.roots().root(path));
        Ok(Box::new(Os { paths, known: Mutex::default() }))
    },
};

const INFO: Family = Family::gauge(
    "node_os_info",
    "A metric with a constant '1' value labeled by build_id, id, id_like, image_id, image_version, \
     name, pretty_name, variant, variant_id, version, version_codename, version_id.",
);
const VERSION: Family =
    Family::gauge("node_os_version", "Metric containing the major.minor part of the OS version.");
const SUPPORT_END: Family = Family::gauge(
    "node_os_support_end_timestamp_seconds",
    "Metric containing the end-of-life date timestamp of the OS.",
);

struct Os {
    paths: [PathBuf; 2],
    known: Mutex<Option<(PathBuf, SystemTime, OsRelease)>>,
}

impl Os {
    /// Reads the first file that exists, if it is not the one that is known.
    fn refresh(
        &self,
        known: &mut Option<(PathBuf, SystemTime, OsRelease)>,
    ) -> Result<(), CollectError> {
        for path in &self.paths {
            let failed =
                |error: &dyn std::fmt::Display| CollectError::failed(path.display(), error);
            let changed_at = match path.metadata().and_then(|metadata| metadata.modified()) {
                Ok(changed_at) => changed_at,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(failed(&error)),
            };
            if known.as_ref().is_some_and(|(old, at, _)| old == path && *at == changed_at) {
                return Ok(());
            }
            let bytes = read_file(path).map_err(|error| failed(&error))?;
            let release = parse(&bytes).map_err(|error| failed(&error))?;
            *known = Some((path.clone(), changed_at, release));
            return Ok(());
        }
        Err(CollectError::Absent("os-release".to_owned()))
    }
}

impl Collector for Os {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let mut known = self.known.lock();
        self.refresh(&mut known)?;
        let Some((_, _, release)) = &*known else { return Ok(()) };
        let mut labels = [("", ""); KEYS.len()];
        for (label, ((_, name), value)) in labels.iter_mut().zip(KEYS.iter().zip(&release.values)) {
            *label = (name, value);
        }
        samples.push(&INFO, &labels, 1.0);
        if release.version > 0.0 {
            let wanted = ["id", "id_like", "name"];
            let find = |name| labels.into_iter().find(|(label, _)| *label == name);
            let labels: Vec<_> = wanted.into_iter().filter_map(find).collect();
            samples.push(&VERSION, &labels, release.version);
        }
        if let Some(seconds) = release.support_end_s {
            samples.push(&SUPPORT_END, &[], seconds as f64);
        }
        Ok(())
    }
}
