//! Which hierarchies of cgroups there are, and which cgroups are in them.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use crate::beneath::{Buffers, FileType, open_directory, open_root};

/// What the files of a hierarchy tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The second version: whatever controllers it has.
    Unified,
    /// A controller of the first version each.
    Cpu,
    Cpuacct,
    Memory,
    Blkio,
    Pids,
}

/// Where hierarchies are below the mountpoint when not the mountpoint itself is the second version.
/// What later ones say overrides earlier ones: a hybrid host has its controllers in the first version,
/// and pressure in the second.
const MOUNTS: [(&str, Kind); 6] = [
    ("unified", Kind::Unified),
    ("cpu", Kind::Cpu),
    ("cpuacct", Kind::Cpuacct),
    ("memory", Kind::Memory),
    ("blkio", Kind::Blkio),
    ("pids", Kind::Pids),
];

/// `fstatfs` types of both versions. `linux/magic.h`
const CGROUP_TYPES: [u64; 2] = [0x0027_e0eb, 0x6367_7270];

/// More cgroups than the kernel allows controllers to have.
const WALKED_MAX: usize = 65_536;

/// One hierarchy.
#[derive(Debug)]
pub(super) struct Hierarchy {
    pub(super) root: OwnedFd,
    pub(super) kind: Kind,
    /// Whether a directory without directories has two links, as the kernel's own have.
    counts_links: bool,
}

/// One cgroup, in whichever hierarchies have it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cgroup {
    depth: usize,
    /// `/` or `/system.slice/ssh.service`: the label.
    pub(super) id: String,
}

impl Cgroup {
    /// The directory, from the root of a hierarchy.
    pub(super) fn path(&self) -> &str {
        match self.id.strip_prefix('/') {
            None | Some("") => ".",
            Some(path) => path,
        }
    }
}

/// The hierarchies that are mounted at or below `root`.
pub(super) fn hierarchies(root: &Path) -> Vec<Hierarchy> {
    let open = |path: &Path, kind| {
        let root = open_root(path).ok()?;
        let counts_links = rustix::fs::fstatfs(&root)
            .is_ok_and(|system| CGROUP_TYPES.contains(&u64::try_from(system.f_type).unwrap_or(0)));
        Some(Hierarchy { root, kind, counts_links })
    };
    if root.join("cgroup.controllers").exists() {
        return open(root, Kind::Unified).into_iter().collect();
    }
    MOUNTS.iter().filter_map(|(name, kind)| open(&root.join(name), *kind)).collect()
}

/// Puts all cgroups into `cgroups`, the least deep ones first.
pub(super) fn list(
    hierarchies: &[Hierarchy],
    depth_max: usize,
    buffers: &mut Buffers,
    cgroups: &mut Vec<Cgroup>,
) {
    cgroups.clear();
    for hierarchy in hierarchies {
        let mut next = cgroups.len();
        let walked_max = next + WALKED_MAX;
        cgroups.push(Cgroup { depth: 0, id: "/".to_owned() });
        while next < cgroups.len() && cgroups.len() < walked_max {
            if cgroups[next].depth < depth_max {
                // It may be gone by now, with all below it.
                let _ = add_children(hierarchy, next, buffers, cgroups);
            }
            next += 1;
        }
    }
    cgroups.sort_unstable();
    cgroups.dedup();
}

fn add_children(
    hierarchy: &Hierarchy,
    parent: usize,
    buffers: &mut Buffers,
    cgroups: &mut Vec<Cgroup>,
) -> io::Result<()> {
    let path = cgroups[parent].path();
    if hierarchy.counts_links {
        let flags = rustix::fs::AtFlags::empty();
        let status = rustix::fs::statat(&hierarchy.root, path, flags)?;
        // Its name, and the dot in itself.
        if status.st_nlink <= 2 {
            return Ok(());
        }
    }
    let directory = open_directory(&hierarchy.root, path)?;
    let depth = cgroups[parent].depth + 1;
    buffers.list(&directory, |name, kind| {
        if let (FileType::Directory, Ok(name)) = (kind, std::str::from_utf8(name)) {
            let parent = cgroups[parent].id.trim_end_matches('/');
            let id = format!("{parent}/{name}");
            cgroups.push(Cgroup { depth, id });
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(directories: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for directory in directories {
            std::fs::create_dir_all(dir.path().join(directory)).unwrap();
        }
        dir
    }

    #[test]
    fn hierarchies_are_those_that_are_mounted() {
        fn check(directories: &[&str], expected: &[Kind]) {
            let dir = tree(directories);
            let found: Vec<Kind> = hierarchies(dir.path()).iter().map(|one| one.kind).collect();
            assert_eq!(found, expected);
        }
        check(&[], &[]);
        check(&["cgroup.controllers", "cpu"], &[Kind::Unified]);
        check(&["memory", "freezer", "pids"], &[Kind::Memory, Kind::Pids]);
        check(&["memory", "unified"], &[Kind::Unified, Kind::Memory]);
    }

    #[test]
    fn every_cgroup_is_listed_once_and_the_deepest_last() {
        fn check(depth_max: usize, expected: &[&str]) {
            let dir = tree(&["memory/a/b/c", "memory/d", "pids/a/e", "pids/d"]);
            let mut cgroups = Vec::new();
            list(&hierarchies(dir.path()), depth_max, &mut Buffers::default(), &mut cgroups);
            let ids: Vec<&str> = cgroups.iter().map(|cgroup| &*cgroup.id).collect();
            assert_eq!(ids, expected);
        }
        check(0, &["/"]);
        check(1, &["/", "/a", "/d"]);
        check(9, &["/", "/a", "/d", "/a/b", "/a/e", "/a/b/c"]);
    }
}
