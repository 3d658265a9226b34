//! The mounted file systems and their devices, as the file systems themselves tell.

use std::path::PathBuf;

use crate::btrfs_ioctl::{FileSystem, ask};
use crate::collectors::Context;
use crate::mounts::parse;
use crate::source::KernelFile;

/// Asks mounts. Who may not, as it needs root, gets no answers, and nothing fails.
pub(super) struct Devices {
    /// The mounts of the host; a process in another mount namespace sees its own in the second.
    files: [KernelFile; 2],
    rootfs: PathBuf,
    /// The mount table and what it says, which is as long as the table stays the same.
    table: Vec<u8>,
    mounts: Vec<Place>,
}

/// A mount of a btrfs file system.
struct Place {
    device: String,
    path: PathBuf,
}

impl Devices {
    pub(super) fn new(context: &Context<'_>) -> Devices {
        let file = |name: &str| KernelFile::new(context.roots().proc(name));
        Devices {
            files: [file("1/mountinfo"), file("self/mountinfo")],
            rootfs: context.roots().rootfs.clone(),
            table: Vec::new(),
            mounts: Vec::new(),
        }
    }

    /// Every file system that answers at one of its mounts, once.
    pub(super) fn ask(&mut self) -> Vec<FileSystem> {
        self.refresh();
        let mut found: Vec<FileSystem> = Vec::new();
        let mut done: Vec<&str> = Vec::new();
        for Place { device, path } in &self.mounts {
            if done.contains(&&**device) {
                continue;
            }
            match ask(path) {
                Ok(system) => {
                    done.push(device);
                    if found.iter().all(|known| known.id != system.id) {
                        found.push(system);
                    }
                }
                Err(error) => {
                    tracing::debug!(path = %path.display(), err = %error, "btrfs does not answer");
                }
            }
        }
        found
    }

    fn refresh(&mut self) {
        let [host, own] = &self.files;
        let table = match host.read().or_else(|_| own.read()) {
            Ok(table) => table,
            Err(error) => {
                tracing::debug!(err = %error, "no mount table");
                self.table.clear();
                self.mounts.clear();
                return;
            }
        };
        if *table == *self.table {
            return;
        }
        let mounts = parse(&table).unwrap_or_else(|error| {
            tracing::debug!(err = %error, "a mount table with an odd line");
            Vec::new()
        });
        self.mounts.clear();
        for mut mount in mounts.into_iter().filter(|mount| mount.fstype == "btrfs") {
            mount.strip_root(&self.rootfs);
            let path = self.rootfs.join(mount.point.trim_start_matches('/'));
            self.mounts.push(Place { device: mount.device, path });
        }
        self.table.clear();
        self.table.extend_from_slice(&table);
    }
}
