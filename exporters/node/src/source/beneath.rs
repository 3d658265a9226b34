//! Files below an open directory, each opened by its path from there and read into one buffer: for
//! trees with thousands of small files, where long paths and a buffer per file would cost most.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, RawDir};

pub(crate) use rustix::fs::FileType;

/// First size of the buffer: more than any file of a process or cgroup usually has.
const BUFFER_BYTES: usize = 16 << 10;

/// Longest file that is read.
const FILE_BYTES_MAX: usize = 4 << 20;

/// Memory for the names that one `getdents64(2)` returns.
const ENTRIES_BYTES: usize = 16 << 10;

/// Buffers for one file, and for one directory, after the other.
#[derive(Debug)]
pub(crate) struct Buffers {
    file: Vec<u8>,
    entries: Box<[MaybeUninit<u8>]>,
}

impl Default for Buffers {
    fn default() -> Buffers {
        let entries = vec![MaybeUninit::uninit(); ENTRIES_BYTES].into_boxed_slice();
        Buffers { file: vec![0; BUFFER_BYTES], entries }
    }
}

/// Opens a directory, to read below it.
pub(crate) fn open_root(path: &Path) -> io::Result<OwnedFd> {
    open_directory(CWD, path)
}

/// Opens a directory by its path from another one.
pub(crate) fn open_directory(
    directory: impl AsFd,
    path: impl rustix::path::Arg,
) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(directory, path, flags, Mode::empty())?)
}

impl Buffers {
    /// The content of a file. The kernel makes such files in one piece, so that what does not fill
    /// the buffer is all there is, and one `read(2)` does.
    pub(crate) fn read(
        &mut self,
        directory: impl AsFd,
        path: impl rustix::path::Arg,
    ) -> io::Result<&[u8]> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let file = rustix::fs::openat(directory, path, flags, Mode::empty())?;
        let mut length = 0;
        loop {
            match rustix::io::read(&file, &mut self.file[length..]) {
                Ok(0) => break,
                Ok(read) => length += read,
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            }
            if length < self.file.len() {
                break;
            }
            if length >= FILE_BYTES_MAX {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            self.file.resize(length * 2, 0);
        }
        Ok(&self.file[..length])
    }

    /// Tells the names in a freshly opened directory, without `.` and `..`.
    pub(crate) fn list(
        &mut self,
        directory: impl AsFd,
        mut tell: impl FnMut(&[u8], FileType),
    ) -> io::Result<()> {
        let mut entries = RawDir::new(directory, &mut self.entries);
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                tell(name, entry.file_type());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_whole_and_directories_listed_whole() {
        let dir = tempfile::tempdir().unwrap();
        for (name, length) in [("a", 0), ("b", 7), ("c", BUFFER_BYTES), ("d", 3 * BUFFER_BYTES)] {
            std::fs::write(dir.path().join(name), "x".repeat(length)).unwrap();
        }
        std::fs::create_dir(dir.path().join("sub")).unwrap();
        let root = open_root(dir.path()).unwrap();
        let mut buffers = Buffers::default();
        let mut names = Vec::new();
        let list = |name: &[u8], kind| names.push((text(name), kind == FileType::Directory));
        buffers.list(&root, list).unwrap();
        names.sort();
        let expected = [("a", false), ("b", false), ("c", false), ("d", false), ("sub", true)];
        assert_eq!(names, expected.map(|(name, directory)| (name.to_owned(), directory)));
        assert_eq!(buffers.read(&root, "a").unwrap(), b"");
        assert_eq!(buffers.read(&root, "d").unwrap().len(), 3 * BUFFER_BYTES);
        assert_eq!(buffers.read(&root, "b").unwrap(), b"xxxxxxx");
        assert_eq!(buffers.read(&root, "e").unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    fn text(name: &[u8]) -> String {
        String::from_utf8_lossy(name).into_owned()
    }
}
