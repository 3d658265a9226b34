//! Where the kernel's file systems are mounted; tests point these at fixture trees.

use std::path::{Path, PathBuf};

/// The four places that `--path.*` sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roots {
    /// `--path.procfs`.
    pub procfs: PathBuf,
    /// `--path.sysfs`.
    pub sysfs: PathBuf,
    /// `--path.rootfs`: prefix of what is read from ordinary file systems.
    pub rootfs: PathBuf,
    /// `--path.udev.data`: udev's database of devices.
    pub udev_data: PathBuf,
}

impl Default for Roots {
    fn default() -> Roots {
        Roots {
            procfs: "/proc".into(),
            sysfs: "/sys".into(),
            rootfs: "/".into(),
            udev_data: "/run/udev/data".into(),
        }
    }
}

impl Roots {
    /// A file below the procfs root.
    pub(crate) fn proc(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.procfs.join(relative)
    }

    /// A file below the sysfs root.
    pub(crate) fn sys(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.sysfs.join(relative)
    }

    /// A path of the host (`/etc/...`) below the rootfs root.
    pub(crate) fn root(&self, absolute: impl AsRef<Path>) -> PathBuf {
        let absolute = absolute.as_ref();
        self.rootfs.join(absolute.strip_prefix("/").unwrap_or(absolute))
    }
}
