//! Counters of XFS file systems: `/sys/fs/xfs/DEVICE/stats/stats`.

use std::io;
use std::path::PathBuf;

use common_instrument::{CollectError, Collector, Family, Samples};
use parking_lot::Mutex;

use super::Entry;
use crate::parse::{ParseError, lines, unsigned, words};
use crate::source::{KernelFile, names_in};

pub(super) const ENTRY: Entry = Entry {
    name: "xfs",
    about: "Counters of XFS file systems of /sys/fs/xfs.",
    on_by_default: true,
    may_block: false,
    flags: &[],
    build: |context| {
        let directory = context.roots().sys("fs/xfs");
        Ok(Box::new(Xfs { directory, devices: Mutex::default() }))
    },
};

macro_rules! counter {
    ($name:literal, $help:literal $(,)?) => {
        Family::counter(concat!("node_xfs_", $name, "_total"), $help)
    };
}

/// First words of lines and what the numbers behind them are; the kernel adds new ones at the end.
#[rustfmt::skip]
const LINES: [(&[u8], &[Family]); 8] = [
    (b"extent_alloc", &[
        counter!(
            "extent_allocation_extents_allocated",
            "Number of extents allocated for a filesystem.",
        ),
        counter!(
            "extent_allocation_blocks_allocated",
            "Number of blocks allocated for a filesystem.",
        ),
        counter!("extent_allocation_extents_freed", "Number of extents freed for a filesystem."),
        counter!("extent_allocation_blocks_freed", "Number of blocks freed for a filesystem."),
    ]),
    (b"abt", &[
        counter!(
            "allocation_btree_lookups",
            "Number of allocation B-tree lookups for a filesystem.",
        ),
        counter!(
            "allocation_btree_compares",
            "Number of allocation B-tree compares for a filesystem.",
        ),
        counter!(
            "allocation_btree_records_inserted",
            "Number of allocation B-tree records inserted for a filesystem.",
        ),
        counter!(
            "allocation_btree_records_deleted",
            "Number of allocation B-tree records deleted for a filesystem.",
        ),
    ]),
    (b"blk_map", &[
        counter!(
            "block_mapping_reads",
            "Number of block map for read operations for a filesystem.",
        ),
        counter!(
            "block_mapping_writes",
            "Number of block map for write operations for a filesystem.",
        ),
        counter!("block_mapping_unmaps", "Number of block unmaps (deletes) for a filesystem."),
        counter!(
            "block_mapping_extent_list_insertions",
            "Number of extent list insertions for a filesystem.",
        ),
        counter!(
            "block_mapping_extent_list_deletions",
            "Number of extent list deletions for a filesystem.",
        ),
        counter!(
            "block_mapping_extent_list_lookups",
            "Number of extent list lookups for a filesystem.",
        ),
        counter!(
            "block_mapping_extent_list_compares",
            "Number of extent list compares for a filesystem.",
        ),
    ]),
    (b"bmbt", &[
        counter!("block_map_btree_lookups", "Number of block map B-tree lookups for a filesystem."),
        counter!(
            "block_map_btree_compares",
            "Number of block map B-tree compares for a filesystem.",
        ),
        counter!(
            "block_map_btree_records_inserted",
            "Number of block map B-tree records inserted for a filesystem.",
        ),
        counter!(
            "block_map_btree_records_deleted",
            "Number of block map B-tree records deleted for a filesystem.",
        ),
    ]),
    (b"dir", &[
        counter!(
            "directory_operation_lookup",
            "Number of file name directory lookups which miss the operating systems directory \
             name lookup cache.",
        ),
        counter!(
            "directory_operation_create",
            "Number of times a new directory entry was created for a filesystem.",
        ),
        counter!(
            "directory_operation_remove",
            "Number of times an existing directory entry was created for a filesystem.",
        ),
        counter!(
            "directory_operation_getdents",
            "Number of times the directory getdents operation was performed for a filesystem.",
        ),
    ]),
    (b"ig", &[
        counter!(
            "inode_operation_attempts",
            "Number of times the OS looked for an XFS inode in the inode cache.",
        ),
        counter!(
            "inode_operation_found",
            "Number of times the OS looked for and found an XFS inode in the inode cache.",
        ),
        counter!(
            "inode_operation_recycled",
            "Number of times the OS found an XFS inode in the cache, but could not use it as \
             it was being recycled.",
        ),
        counter!(
            "inode_operation_missed",
            "Number of times the OS looked for an XFS inode in the cache, but did not find \
             it.",
        ),
        counter!(
            "inode_operation_duplicates",
            "Number of times the OS tried to add a missing XFS inode to the inode cache, but \
             found it had already been added by another process.",
        ),
        counter!(
            "inode_operation_reclaims",
            "Number of times the OS reclaimed an XFS inode from the inode cache to free \
             memory for another purpose.",
        ),
        counter!(
            "inode_operation_attribute_changes",
            "Number of times the OS explicitly changed the attributes of an XFS inode.",
        ),
    ]),
    (b"rw", &[
        counter!("write_calls", "Number of write(2) system calls made to files in a filesystem."),
        counter!("read_calls", "Number of read(2) system calls made to files in a filesystem."),
    ]),
    (b"vnodes", &[
        counter!("vnode_active", "Number of vnodes not on free lists for a filesystem."),
        counter!("vnode_allocate", "Number of times vn_alloc called for a filesystem."),
        counter!("vnode_get", "Number of times vn_get called for a filesystem."),
        counter!("vnode_hold", "Number of times vn_hold called for a filesystem."),
        counter!("vnode_release", "Number of times vn_rele called for a filesystem."),
        counter!("vnode_reclaim", "Number of times vn_reclaim called for a filesystem."),
        counter!("vnode_remove", "Number of times vn_remove called for a filesystem."),
    ]),
];

struct Xfs {
    directory: PathBuf,
    devices: Mutex<Vec<Device>>,
}

/// A mounted file system, under the name of its device.
struct Device {
    name: String,
    stats: KernelFile,
}

/// Calls `each` for every counter that is known. A line may be longer, or not be there at all.
fn walk(text: &[u8], mut each: impl FnMut(&'static Family, u64)) -> Result<(), ParseError> {
    for (number, line) in lines(text) {
        let mut words = words(line);
        let first = words.next().unwrap_or_default();
        let Some((_, families)) = LINES.iter().find(|(label, _)| *label == first) else { continue };
        for (family, word) in families.iter().zip(words) {
            let value = unsigned(word).ok_or_else(|| ParseError::new(number, "a number", word))?;
            each(family, value);
        }
    }
    Ok(())
}

impl Xfs {
    /// Brings the list of file systems up to date.
    fn list(&self, devices: &mut Vec<Device>) {
        // Without the module there is no directory.
        let names = names_in(&self.directory).unwrap_or_default();
        devices.retain(|device| names.contains(&device.name));
        for name in names {
            if !devices.iter().any(|device| device.name == name) {
                let stats = KernelFile::new(self.directory.join(&name).join("stats/stats"));
                devices.push(Device { name, stats });
            }
        }
    }
}

impl Collector for Xfs {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let mut devices = self.devices.lock();
        self.list(&mut devices);
        let mut outcome = Ok(());
        for Device { name, stats } in &*devices {
            let labels = [("device", &**name)];
            let result = match stats.read() {
                Ok(text) => {
                    walk(&text, |family, value| samples.push(family, &labels, value as f64))
                        .map_err(|error| stats.failed(error))
                }
                // The sums over all file systems stand beside them, without a directory `stats`;
                // and a file system may be unmounted meanwhile.
                Err(error) if is_absent(&error) => Ok(()),
                Err(error) => Err(stats.failed(error)),
            };
            outcome = outcome.and(result);
        }
        outcome
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_known_by_their_first_word_and_may_be_longer_or_shorter() {
        fn check(text: &str, expected: Result<&[(&str, u64)], &str>) {
            let mut found = Vec::new();
            let result = walk(text.as_bytes(), |family, value| found.push((family.name, value)));
            let found = result.map(|()| &*found).map_err(|error| error.to_string());
            assert_eq!(found, expected.map_err(str::to_owned));
        }
        let (read, write) = ("node_xfs_read_calls_total", "node_xfs_write_calls_total");
        check("rw 28 3\n", Ok(&[(write, 28), (read, 3)]));
        check("rw 28\n", Ok(&[(write, 28)]));
        check("trans 4 40 0\nrw 28 3 99\n\nrw\n", Ok(&[(write, 28), (read, 3)]));
        check("trans 4\nrw -1\n", Err("line 2: expected a number, found \"-1\""));
        check("", Ok(&[]));
    }
}
