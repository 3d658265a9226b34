//! Files that are read as if they were memory: the kernel brings pages in and takes them away.
#![expect(unsafe_code, reason = "mapping a file is unsafe: nobody may change it meanwhile")]

use std::fmt;
use std::fs::File;
use std::io;
use std::ops::Deref;
use std::sync::Arc;

use memmap2::Mmap;

/// The bytes of a file that is finished; clones share them.
#[derive(Clone)]
pub struct Mapped(Backing);

#[derive(Clone)]
enum Backing {
    Pages(Arc<Mmap>),
    Memory(Arc<[u8]>),
}

impl Mapped {
    /// Maps a file that exists. It must stay as it is: files of blocks get their name when they are
    /// complete, are never written afterwards, and one that is removed lives on while it is mapped.
    pub(super) fn pages(file: &File) -> io::Result<Mapped> {
        // SAFETY: the mapping is read only and no program of this family writes into the file (see
        // above); the data directory is locked against a second one.
        let pages = unsafe { Mmap::map(file)? };
        Ok(Mapped(Backing::Pages(Arc::new(pages))))
    }
}

impl From<Vec<u8>> for Mapped {
    fn from(bytes: Vec<u8>) -> Mapped {
        Mapped(Backing::Memory(bytes.into()))
    }
}

impl Deref for Mapped {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match &self.0 {
            Backing::Pages(pages) => pages,
            Backing::Memory(bytes) => bytes,
        }
    }
}

impl fmt::Debug for Mapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.len())
    }
}
