//! Kernel files, read whole into buffers that stay: the only code here that opens files of proc and sys.
//!
//! [`KernelFile`] is one file that every scrape reads; [`Attributes`] and [`AttributeDirectory`] are
//! for the small files of a device that stays; [`folder`] for devices that are looked for at each
//! scrape; [`tree`] for many values of which some may fail; [`beneath`] for thousands of processes
//! or groups, reached from an open directory.

pub(crate) mod beneath;
pub(crate) mod folder;
pub(crate) mod tree;

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use common_instrument::CollectError;
use parking_lot::{MappedMutexGuard, Mutex, MutexGuard};
use rustix::fs::{CWD, Mode, OFlags};

/// Longest kernel file that is read; /proc/cpuinfo of a 1024-thread machine is near 2 MiB.
const FILE_BYTES_MAX: usize = 16 << 20;

/// How much the kernel puts together at once of a table that it writes line by line. `seq_file.c`.
const KERNEL_PAGE_BYTES: usize = 4096;

/// First size of a buffer: most files of /proc fit, so that one read and one empty read suffice.
const BUFFER_BYTES: usize = 4096;

/// Longest value of an attribute file in sysfs: the kernel never gives more than a page.
pub(crate) const ATTRIBUTE_BYTES_MAX: usize = 4096;

/// `fstatfs` types of proc and sysfs, whose files may stay open: they show new content when read
/// again from the start. `linux/magic.h`.
const LIVE_TYPES: [u64; 2] = [0x9fa0, 0x6265_6572];

/// One file that is read at every scrape. Stays open when it lies in proc or sysfs.
#[derive(Debug)]
pub(crate) struct KernelFile {
    path: PathBuf,
    /// Longest line, where the kernel writes line by line.
    line_bytes_max: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    file: Option<File>,
    /// Always as long as its content may be; what is read is its beginning.
    buffer: Vec<u8>,
}

/// The content of a [`KernelFile`]; the file is locked while this lives.
pub(crate) type Content<'a> = MappedMutexGuard<'a, [u8]>;

impl KernelFile {
    /// Names the file; it is opened by the first read.
    pub(crate) fn new(path: PathBuf) -> KernelFile {
        KernelFile::of_lines(path, KERNEL_PAGE_BYTES)
    }

    /// As [`KernelFile::new`], for a table that the kernel writes line by line, none of them longer
    /// than this: where another line would have fitted into its page, there is none, and the search
    /// for it, which may be long, is spared.
    pub(crate) fn of_lines(path: PathBuf, line_bytes_max: usize) -> KernelFile {
        KernelFile { path, line_bytes_max, state: Mutex::default() }
    }

    /// The whole content now.
    pub(crate) fn read(&self) -> io::Result<Content<'_>> {
        let mut state = self.state.lock();
        let length = self.fill(&mut state)?;
        Ok(MutexGuard::map(state, |state| &mut state.buffer[..length]))
    }

    /// As [`KernelFile::read`], with the path in the error.
    pub(crate) fn collect(&self) -> Result<Content<'_>, CollectError> {
        self.read().map_err(|error| self.failed(error))
    }

    /// As [`KernelFile::collect`], but a file that does not exist is no data.
    pub(crate) fn collect_or_absent(&self) -> Result<Content<'_>, CollectError> {
        self.read().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => CollectError::Absent(self.path.display().to_string()),
            _ => self.failed(error),
        })
    }

    /// A failure of this file.
    pub(crate) fn failed(&self, cause: impl std::fmt::Display) -> CollectError {
        CollectError::failed(self.path.display(), cause)
    }

    fn fill(&self, state: &mut State) -> io::Result<usize> {
        if let Some(file) = state.file.take()
            && let Ok(length) = read_whole(&file, &mut state.buffer, self.line_bytes_max)
        {
            state.file = Some(file);
            return Ok(length);
        }
        let file = File::open(&self.path)?;
        let length = read_whole(&file, &mut state.buffer, self.line_bytes_max)?;
        let live = rustix::fs::fstatfs(&file)
            .is_ok_and(|system| LIVE_TYPES.contains(&u64::try_from(system.f_type).unwrap_or(0)));
        state.file = live.then_some(file);
        Ok(length)
    }
}

/// Reads from the start to the end and returns the length; the buffer grows as needed.
fn read_whole(file: &File, buffer: &mut Vec<u8>, line_bytes_max: usize) -> io::Result<usize> {
    let mut length = 0;
    loop {
        if length == buffer.len() {
            if length >= FILE_BYTES_MAX {
                let problem = format!("larger than {FILE_BYTES_MAX} bytes");
                return Err(io::Error::new(io::ErrorKind::FileTooLarge, problem));
            }
            buffer.resize((length * 2).max(BUFFER_BYTES), 0);
        }
        match file.read_at(&mut buffer[length..], length as u64) {
            Ok(0) => return Ok(length),
            Ok(read) => {
                length += read;
                if length < buffer.len() && read + line_bytes_max < KERNEL_PAGE_BYTES {
                    return Ok(length);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Reads a file that is read now and then only, whole, with the limit of all kernel files.
pub(crate) fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut buffer = Vec::new();
    let length = read_whole(&File::open(path)?, &mut buffer, KERNEL_PAGE_BYTES)?;
    buffer.truncate(length);
    Ok(buffer)
}

/// The buffer for one attribute after the other.
pub(crate) struct Attributes {
    buffer: Box<[u8; ATTRIBUTE_BYTES_MAX]>,
}

impl Attributes {
    /// An empty buffer.
    pub(crate) fn new() -> Attributes {
        Attributes { buffer: Box::new([0; ATTRIBUTE_BYTES_MAX]) }
    }

    /// The value of an attribute file with one `read(2)`, blanks around it removed. One read only,
    /// because some drivers answer EAGAIN for ever to a second one.
    pub(crate) fn read(&mut self, path: &Path) -> io::Result<&[u8]> {
        let file = rustix::fs::openat(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        let length = rustix::io::read(&file, &mut self.buffer[..])?;
        Ok(self.buffer[..length].trim_ascii())
    }

    /// A decimal attribute; `None` if it is not there or not a number.
    pub(crate) fn unsigned(&mut self, path: &Path) -> Option<u64> {
        crate::parse::unsigned(self.read(path).ok()?)
    }
}

/// The attribute files of one directory of sysfs, which stay open as long as it is the same one.
pub(crate) struct AttributeDirectory {
    path: PathBuf,
    /// Device and inode: a new device may have got the name of an old one.
    identity: Option<(u64, u64)>,
    files: Vec<Attribute>,
}

enum Attribute {
    Unknown,
    Missing,
    Open(File),
}

impl AttributeDirectory {
    /// A directory and the number of attributes that are read of it.
    pub(crate) fn new(path: PathBuf, count: usize) -> AttributeDirectory {
        let files = (0..count).map(|_| Attribute::Unknown).collect();
        AttributeDirectory { path, identity: None, files }
    }

    /// To be called before the attributes are read: closes them if the directory is another one.
    pub(crate) fn refresh(&mut self) -> io::Result<()> {
        use std::os::unix::fs::MetadataExt;
        let metadata = self.path.metadata()?;
        let identity = Some((metadata.dev(), metadata.ino()));
        if self.identity != identity {
            self.identity = identity;
            self.files.fill_with(|| Attribute::Unknown);
        }
        Ok(())
    }

    /// The value of the attribute with this index and name; an error if it does not exist or the
    /// driver does not give it.
    pub(crate) fn read<'a>(
        &mut self,
        (index, name): (usize, &str),
        attributes: &'a mut Attributes,
    ) -> io::Result<&'a [u8]> {
        if let Attribute::Unknown = self.files[index] {
            self.files[index] = match File::open(self.path.join(name)) {
                Ok(file) => Attribute::Open(file),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Attribute::Missing,
                Err(error) => return Err(error),
            };
        }
        let Attribute::Open(file) = &self.files[index] else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let length = file.read_at(&mut attributes.buffer[..], 0)?;
        Ok(attributes.buffer[..length].trim_ascii())
    }

    /// Closes the files, to save descriptors.
    pub(crate) fn close(&mut self) {
        self.files.fill_with(|| Attribute::Unknown);
    }
}

/// The names in a directory, sorted; those that are not UTF-8 are left out.
pub(crate) fn names_in(directory: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        if let Ok(name) = entry?.file_name().into_string() {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// The names of the directories in a directory, sorted; symbolic links do not count.
pub(crate) fn directories_in(directory: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir()
            && let Ok(name) = entry.file_name().into_string()
        {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_file_is_read_anew_and_a_long_one_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("stat");
        let file = KernelFile::new(path.clone());
        assert_eq!(file.read().unwrap_err().kind(), io::ErrorKind::NotFound);
        for content in ["short", "", &"x".repeat(3 * BUFFER_BYTES)] {
            std::fs::write(dir.path().join("new"), content).unwrap();
            std::fs::rename(dir.path().join("new"), &path).unwrap();
            assert_eq!(&*file.read().unwrap(), content.as_bytes());
        }
    }

    #[test]
    fn a_file_of_proc_stays_open_and_shows_new_content() {
        let file = KernelFile::new("/proc/self/stat".into());
        let first = file.read().unwrap().to_vec();
        assert!(file.state.lock().file.is_some());
        assert!(first.starts_with(std::process::id().to_string().as_bytes()));
        assert!(!file.read().unwrap().is_empty());
    }
}
