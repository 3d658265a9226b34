//! The kernel's random pool: `/proc/sys/kernel/random`.

use common_instrument::{CollectError, Collector, Family, Samples};

use super::Entry;
use crate::parse::unsigned;
use crate::source::KernelFile;

pub(super) const ENTRY: Entry = Entry {
    name: "entropy",
    about: "Available entropy and the size of the pool.",
    on_by_default: true,
    may_block: false,
    flags: &[],
    build: |context| {
        let file = |name: &str| KernelFile::new(context.roots().proc(name));
        Ok(Box::new(Entropy {
            available: file("sys/kernel/random/entropy_avail"),
            pool: file("sys/kernel/random/poolsize"),
        }))
    },
};

const AVAILABLE: Family =
    Family::gauge("node_entropy_available_bits", "Bits of available entropy.");
const POOL: Family = Family::gauge("node_entropy_pool_size_bits", "Bits of entropy pool.");

struct Entropy {
    available: KernelFile,
    pool: KernelFile,
}

impl Collector for Entropy {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        for (file, family) in [(&self.available, &AVAILABLE), (&self.pool, &POOL)] {
            let text = file.collect()?;
            let bits = unsigned(text.trim_ascii()).ok_or_else(|| file.failed("not a number"))?;
            samples.push(family, &[], bits as f64);
        }
        Ok(())
    }
}
