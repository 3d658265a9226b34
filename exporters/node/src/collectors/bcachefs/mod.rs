//! bcachefs file systems: `/sys/fs/bcachefs/UUID`.

mod parse;

use std::path::{Path, PathBuf};

use common_instrument::{CollectError, Collector, Family, Samples};
use common_model::MetricType;
use parking_lot::Mutex;

use super::Entry;
use crate::named::{NameCache, Named, sanitize};
use crate::parse::{text, unsigned};
use crate::source::tree::TreeReader;
use crate::source::{Attributes, directories_in, names_in};

pub(super) const ENTRY: Entry = Entry {
    name: "bcachefs",
    about: "bcachefs file systems of /sys/fs/bcachefs.",
    on_by_default: true,
    may_block: true,
    flags: &[],
    build: |context| {
        let directory = context.roots().sys("fs/bcachefs");
        Ok(Box::new(Bcachefs { directory, state: Mutex::default() }))
    },
};

const INFO: Family = Family::gauge("node_bcachefs_info", "Filesystem information.");
const BTREE_CACHE: Family =
    Family::gauge("node_bcachefs_btree_cache_size_bytes", "Btree cache memory usage in bytes.");
const COMPRESSED: Family =
    Family::gauge("node_bcachefs_compression_compressed_bytes", "Compressed size by algorithm.");
const UNCOMPRESSED: Family = Family::gauge(
    "node_bcachefs_compression_uncompressed_bytes",
    "Uncompressed size by algorithm.",
);
const ERRORS: Family = Family::counter("node_bcachefs_errors_total", "Error count by error type.");
const BTREE_WRITES: Family =
    Family::counter("node_bcachefs_btree_writes_total", "Number of btree writes by type.");
const BTREE_WRITE_SIZE: Family = Family::gauge(
    "node_bcachefs_btree_write_average_size_bytes",
    "Average btree write size by type.",
);
const DEVICE_INFO: Family = Family::gauge("node_bcachefs_device_info", "Device information.");
const BUCKET_SIZE: Family =
    Family::gauge("node_bcachefs_device_bucket_size_bytes", "Bucket size in bytes.");
const BUCKETS: Family = Family::gauge("node_bcachefs_device_buckets", "Total number of buckets.");
const DURABILITY: Family =
    Family::gauge("node_bcachefs_device_durability", "Device durability setting.");
const IO_DONE: Family = Family::counter(
    "node_bcachefs_device_io_done_bytes_total",
    "IO bytes by operation type and data type.",
);
const IO_ERRORS: Family =
    Family::counter("node_bcachefs_device_io_errors_total", "IO errors by error type.");

struct Bcachefs {
    directory: PathBuf,
    state: Mutex<State>,
}

struct State {
    attributes: Attributes,
    counters: NameCache,
}

impl Default for State {
    fn default() -> State {
        State { attributes: Attributes::new(), counters: NameCache::default() }
    }
}

/// The name and help of a counter, which is called as its file.
fn name(file: &str) -> Named {
    Named {
        name: format!("node_bcachefs_{}_total", sanitize(file)),
        help: format!("Bcachefs counter {file} since filesystem creation."),
    }
}

/// Pushes one file after the other.
struct Pusher<'a> {
    reader: TreeReader<'a>,
    counters: &'a mut NameCache,
    samples: &'a mut Samples,
}

impl Pusher<'_> {
    fn push_file_system(&mut self, directory: &Path, uuid: &str) {
        let labels = [("uuid", uuid)];
        self.samples.push(&INFO, &labels, 1.0);
        let path = directory.join("btree_cache_size");
        if let Some(size) = self.reader.number(&path, parse::rounded) {
            self.samples.push(&BTREE_CACHE, &labels, size);
        }
        self.push_tables(directory, uuid);
        self.push_counters(&directory.join("counters"), uuid);
        for name in self.reader.list(directory, directories_in) {
            if let Some(device) = name.strip_prefix("dev-") {
                self.push_device(&directory.join(&name), &[("uuid", uuid), ("device", device)]);
            }
        }
    }

    fn push_tables(&mut self, directory: &Path, uuid: &str) {
        let samples = &mut *self.samples;
        let mut push_two = |families: [&Family; 2], label: &str, name: &[u8], values: [f64; 2]| {
            let labels = [("uuid", uuid), (label, &*text(name))];
            for (family, value) in families.into_iter().zip(values) {
                samples.push(family, &labels, value);
            }
        };
        self.reader.read_long(&directory.join("compression_stats"), |content| {
            let families = [&COMPRESSED, &UNCOMPRESSED];
            parse::table(content, |name, sizes| push_two(families, "algorithm", name, sizes))
        });
        self.reader.read_long(&directory.join("btree_write_stats"), |content| {
            let families = [&BTREE_WRITES, &BTREE_WRITE_SIZE];
            parse::table(content, |name, values| push_two(families, "type", name, values))
        });
        self.reader.read_long(&directory.join("errors"), |content| {
            parse::errors(content, |name, count| {
                samples.push(&ERRORS, &[("uuid", uuid), ("error_type", &text(name))], count);
            })
        });
    }

    fn push_counters(&mut self, directory: &Path, uuid: &str) {
        self.counters.rewind();
        for file in self.reader.list(directory, names_in) {
            let value = self.reader.read(&directory.join(&file), parse::counter);
            let named = self.counters.get(file.as_bytes(), |_| Some(name(&file)));
            if let (Some(value), Some(Named { name, help })) = (value, named) {
                let labels = [("uuid", uuid)];
                self.samples.push_named(name, help, MetricType::Counter, &labels, value);
            }
        }
    }

    fn push_device(&mut self, directory: &Path, labels: &[(&str, &str); 2]) {
        let [uuid, device] = *labels;
        let samples = &mut *self.samples;
        let mut word = |file: &str| {
            let found =
                self.reader.read(&directory.join(file), |value| Ok(text(value).into_owned()));
            found.unwrap_or_default()
        };
        let (label, state) = (word("label"), word("state"));
        samples.push(&DEVICE_INFO, &[uuid, device, ("label", &label), ("state", &state)], 1.0);
        let integer = |text: &[u8]| unsigned(text).map(|value| value as f64);
        let size = self.reader.number(&directory.join("bucket_size"), parse::rounded);
        let buckets = self.reader.number(&directory.join("nbuckets"), integer);
        let durability = self.reader.number(&directory.join("durability"), integer);
        for (family, value) in
            [(&BUCKET_SIZE, size), (&BUCKETS, buckets), (&DURABILITY, durability)]
        {
            if let Some(value) = value {
                samples.push(family, labels, value);
            }
        }
        self.reader.read_long(&directory.join("io_done"), |content| {
            parse::io_done(content, |operation, data, bytes| {
                let labels = [uuid, device, ("operation", operation), ("data_type", &*text(data))];
                samples.push(&IO_DONE, &labels, bytes);
            })
        });
        self.reader.read_long(&directory.join("io_errors"), |content| {
            parse::io_errors(content, |kind, count| {
                samples.push(&IO_ERRORS, &[uuid, device, ("type", &text(kind))], count);
            })
        });
    }
}

impl Collector for Bcachefs {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let State { attributes, counters } = &mut *self.state.lock();
        let mut pusher = Pusher { reader: TreeReader::new(attributes), counters, samples };
        let uuids = pusher.reader.list(&self.directory, directories_in);
        for uuid in &uuids {
            pusher.push_file_system(&self.directory.join(uuid), uuid);
        }
        pusher.reader.finish()?;
        if uuids.is_empty() {
            return Err(CollectError::Absent(self.directory.display().to_string()));
        }
        Ok(())
    }
}
