//! A file system in memory that can lose power: what was not synced is then dropped or torn.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use super::{Entry, File, Fs, Lock};

/// Files in memory. Clones share them, as processes share a disk.
#[derive(Clone, Debug, Default)]
pub struct MemoryFs {
    disk: Arc<Mutex<Disk>>,
}

type NodeId = u64;

/// Names and contents as a running machine sees them, and beside that what would survive.
#[derive(Debug, Default)]
struct Disk {
    next: NodeId,
    nodes: BTreeMap<NodeId, Node>,
    names: BTreeMap<PathBuf, NodeId>,
    durable_names: BTreeMap<PathBuf, NodeId>,
    dirs: BTreeSet<PathBuf>,
    pending: Vec<NameChange>,
    locks: BTreeMap<PathBuf, Arc<AtomicBool>>,
    /// Bytes that may be used in all; `None` means no limit.
    capacity: Option<u64>,
}

#[derive(Debug, Default)]
struct Node {
    data: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Change>,
}

#[derive(Clone, Debug)]
enum Change {
    Write { offset: u64, bytes: Vec<u8> },
    Truncate(u64),
}

/// What one creation, rename or removal does to names; happens as a whole or not at all.
#[derive(Clone, Debug)]
struct NameChange {
    parents: Vec<PathBuf>,
    names: Vec<(PathBuf, Option<NodeId>)>,
}

#[derive(Debug)]
struct MemoryFile {
    disk: Arc<Mutex<Disk>>,
    node: NodeId,
}

struct MemoryLock(Arc<AtomicBool>);

impl Lock for MemoryLock {}

impl Drop for MemoryLock {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

impl MemoryFs {
    /// Cuts the power: returns the disk as the next boot finds it. Of what was not synced, `random`
    /// decides what is kept, dropped or torn at a byte; names likewise, in half of the cases as a
    /// journal does it (the first so many changes), otherwise in any selection.
    #[must_use]
    pub fn after_power_cut(&self, random: &mut dyn FnMut(u64) -> u64) -> MemoryFs {
        let disk = self.disk.lock();
        let mut names = disk.durable_names.clone();
        let journal = random(2) == 0;
        let kept = random(disk.pending.len() as u64 + 1);
        for (at, change) in disk.pending.iter().enumerate() {
            if if journal { (at as u64) < kept } else { random(2) == 0 } {
                apply_names(&mut names, change);
            }
        }
        let mut nodes = BTreeMap::new();
        for (&id, node) in &disk.nodes {
            let mut data = node.durable.clone();
            for change in &node.unsynced {
                keep_part(&mut data, change, random);
            }
            nodes.insert(id, Node { durable: data.clone(), data, unsynced: Vec::new() });
        }
        names.retain(|_, id| nodes.contains_key(id));
        let durable_names = names.clone();
        let (next, dirs) = (disk.next, disk.dirs.clone());
        let disk = Disk { next, nodes, names, durable_names, dirs, ..Disk::default() };
        MemoryFs { disk: Arc::new(Mutex::new(disk)) }
    }

    /// Kills the process: returns a copy of the disk as the next process finds it. Nothing written
    /// is lost, locks are free.
    #[must_use]
    pub fn after_kill(&self) -> MemoryFs {
        let disk = self.disk.lock();
        let nodes = disk.nodes.iter().map(|(&id, node)| {
            let (data, durable) = (node.data.clone(), node.durable.clone());
            (id, Node { data, durable, unsynced: node.unsynced.clone() })
        });
        let disk = Disk {
            next: disk.next,
            nodes: nodes.collect(),
            names: disk.names.clone(),
            durable_names: disk.durable_names.clone(),
            dirs: disk.dirs.clone(),
            pending: disk.pending.clone(),
            locks: BTreeMap::new(),
            capacity: disk.capacity,
        };
        MemoryFs { disk: Arc::new(Mutex::new(disk)) }
    }

    /// Limits the bytes that all files together may have; writes beyond fail as on a full disk.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.disk.lock().capacity = bytes;
    }

    /// Bytes in all files.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.disk.lock().used()
    }

    /// The contents of a file, where there is one.
    #[must_use]
    pub fn read(&self, path: &Path) -> Option<Vec<u8>> {
        let disk = self.disk.lock();
        disk.names.get(path).and_then(|id| disk.nodes.get(id)).map(|node| node.data.clone())
    }

    /// Puts a file there, durably.
    pub fn put(&self, path: &Path, bytes: &[u8]) {
        let mut disk = self.disk.lock();
        let id = disk.new_node();
        let (data, durable) = (bytes.to_vec(), bytes.to_vec());
        disk.nodes.insert(id, Node { data, durable, unsynced: Vec::new() });
        disk.names.insert(path.to_owned(), id);
        disk.durable_names.insert(path.to_owned(), id);
        for dir in path.ancestors().skip(1) {
            disk.dirs.insert(dir.to_owned());
        }
    }
}

impl Disk {
    fn used(&self) -> u64 {
        self.names.values().filter_map(|id| self.nodes.get(id)).map(|n| n.data.len() as u64).sum()
    }

    fn new_node(&mut self) -> NodeId {
        self.next += 1;
        self.nodes.insert(self.next, Node::default());
        self.next
    }

    fn change(&mut self, parents: Vec<PathBuf>, names: Vec<(PathBuf, Option<NodeId>)>) {
        let change = NameChange { parents, names };
        apply_names(&mut self.names, &change);
        self.pending.push(change);
    }

    fn under(&self, dir: &Path) -> Vec<(PathBuf, NodeId)> {
        let inside = self.names.iter().filter(|(path, _)| path.starts_with(dir));
        inside.map(|(path, id)| (path.clone(), *id)).collect()
    }
}

fn apply_names(names: &mut BTreeMap<PathBuf, NodeId>, change: &NameChange) {
    for (path, node) in &change.names {
        match node {
            Some(id) => names.insert(path.clone(), *id),
            None => names.remove(path),
        };
    }
}

fn apply(data: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Write { offset, bytes } => {
            let (start, end) = (*offset as usize, *offset as usize + bytes.len());
            if data.len() < end {
                data.resize(end, 0);
            }
            data[start..end].copy_from_slice(bytes);
        }
        Change::Truncate(len) => data.resize(*len as usize, 0),
    }
}

/// Keeps a change, drops it, or keeps the beginning or the end of what it wrote.
fn keep_part(data: &mut Vec<u8>, change: &Change, random: &mut dyn FnMut(u64) -> u64) {
    let choice = random(4);
    match change {
        _ if choice == 0 => {}
        Change::Write { offset, bytes } if choice > 1 => {
            let cut = random(bytes.len() as u64 + 1);
            let (offset, part) = match choice {
                2 => (*offset, &bytes[..cut as usize]),
                _ => (*offset + cut, &bytes[cut as usize..]),
            };
            apply(data, &Change::Write { offset, bytes: part.to_vec() });
        }
        _ => apply(data, change),
    }
}

fn parent(path: &Path) -> PathBuf {
    path.parent().unwrap_or(Path::new("")).to_owned()
}

impl Fs for MemoryFs {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        let mut disk = self.disk.lock();
        for dir in path.ancestors() {
            disk.dirs.insert(dir.to_owned());
        }
        Ok(())
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let mut disk = self.disk.lock();
        let node = disk.new_node();
        disk.change(vec![parent(path)], vec![(path.to_owned(), Some(node))]);
        Ok(Arc::new(MemoryFile { disk: self.disk.clone(), node }))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let node = *self.disk.lock().names.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::new(MemoryFile { disk: self.disk.clone(), node }))
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        let disk = self.disk.lock();
        if !disk.dirs.contains(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let name = |path: &Path| path.file_name().map(|n| n.to_string_lossy().into_owned());
        let files = disk.names.iter().filter(|(file, _)| file.parent() == Some(path));
        let files = files.filter_map(|(file, id)| {
            let len = disk.nodes.get(id).map_or(0, |node| node.data.len() as u64);
            Some(Entry { name: name(file)?, is_dir: false, len })
        });
        let dirs = disk.dirs.iter().filter(|dir| dir.parent() == Some(path));
        let dirs = dirs.filter_map(|dir| Some(Entry { name: name(dir)?, is_dir: true, len: 0 }));
        let mut entries: Vec<_> = files.chain(dirs).collect();
        entries.sort();
        Ok(entries)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut disk = self.disk.lock();
        let moved = disk.under(from);
        let is_dir = disk.dirs.contains(from);
        if moved.is_empty() && !is_dir {
            return Err(io::ErrorKind::NotFound.into());
        }
        let mut names = Vec::new();
        for (path, id) in moved {
            // `strip_prefix` cannot fail, `under` selects by it; an empty rest is `from` itself.
            let rest = path.strip_prefix(from).unwrap_or(Path::new("")).to_owned();
            let target = if rest.as_os_str().is_empty() { to.to_owned() } else { to.join(rest) };
            names.push((path, None));
            names.push((target, Some(id)));
        }
        disk.change(vec![parent(from), parent(to)], names);
        let inside = |dir: &PathBuf| dir.starts_with(from);
        let moved: Vec<PathBuf> = disk.dirs.iter().filter(|dir| inside(dir)).cloned().collect();
        for dir in moved {
            disk.dirs.remove(&dir);
            let rest = dir.strip_prefix(from).unwrap_or(Path::new(""));
            // Joining nothing would add a slash.
            let moved = if rest.as_os_str().is_empty() { to.to_owned() } else { to.join(rest) };
            disk.dirs.insert(moved);
        }
        Ok(())
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut disk = self.disk.lock();
        let node = *disk.names.get(from).ok_or(io::ErrorKind::NotFound)?;
        disk.change(vec![parent(to)], vec![(to.to_owned(), Some(node))]);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut disk = self.disk.lock();
        if !disk.names.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        disk.change(vec![parent(path)], vec![(path.to_owned(), None)]);
        Ok(())
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        let mut disk = self.disk.lock();
        if !disk.dirs.remove(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        disk.dirs.retain(|dir| !dir.starts_with(path));
        let names = disk.under(path).into_iter().map(|(file, _)| (file, None)).collect();
        disk.change(vec![parent(path), path.to_owned()], names);
        Ok(())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut disk = self.disk.lock();
        let disk = &mut *disk;
        disk.pending.retain(|change| {
            let durable = change.parents.iter().any(|parent| parent == path);
            if durable {
                apply_names(&mut disk.durable_names, change);
            }
            !durable
        });
        Ok(())
    }

    fn disk_bytes(&self, _: &Path) -> io::Result<u64> {
        self.disk.lock().capacity.ok_or_else(|| io::ErrorKind::Unsupported.into())
    }

    fn free_bytes(&self, _: &Path) -> io::Result<u64> {
        let disk = self.disk.lock();
        let capacity = disk.capacity.ok_or(io::ErrorKind::Unsupported)?;
        Ok(capacity.saturating_sub(disk.used()))
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>> {
        let held = self.disk.lock().locks.entry(path.to_owned()).or_default().clone();
        if held.swap(true, Ordering::SeqCst) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(Box::new(MemoryLock(held)))
    }
}

impl MemoryFile {
    fn with<T>(&self, act: impl FnOnce(&mut Node) -> T) -> io::Result<T> {
        let mut disk = self.disk.lock();
        disk.nodes.get_mut(&self.node).map(act).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn change(&self, change: Change) -> io::Result<()> {
        self.with(|node| {
            apply(&mut node.data, &change);
            node.unsynced.push(change);
        })
    }
}

impl File for MemoryFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.with(|node| {
            let rest = node.data.get(offset as usize..).unwrap_or_default();
            let len = rest.len().min(buffer.len());
            buffer[..len].copy_from_slice(&rest[..len]);
            len
        })
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let (capacity, used, len) = {
            let disk = self.disk.lock();
            let len = disk.nodes.get(&self.node).map_or(0, |node| node.data.len() as u64);
            (disk.capacity.unwrap_or(u64::MAX), disk.used(), len)
        };
        let grows = (offset + bytes.len() as u64).saturating_sub(len);
        let room = capacity.saturating_sub(used);
        if grows > room {
            // As a real disk does: what fits is written.
            let fits = bytes.len().saturating_sub((grows - room) as usize);
            self.change(Change::Write { offset, bytes: bytes[..fits].to_vec() })?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.change(Change::Write { offset, bytes: bytes.to_vec() })
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.change(Change::Truncate(len))
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        let is_room = {
            let disk = self.disk.lock();
            disk.capacity.is_none_or(|capacity| disk.used() + len <= capacity)
        };
        if is_room { self.truncate(len) } else { Err(io::ErrorKind::StorageFull.into()) }
    }

    fn sync(&self) -> io::Result<()> {
        self.with(|node| {
            node.durable.clone_from(&node.data);
            node.unsynced.clear();
        })
    }

    fn len(&self) -> io::Result<u64> {
        self.with(|node| node.data.len() as u64)
    }
}
