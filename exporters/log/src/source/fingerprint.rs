//! How a file is known again: by inode, by its first bytes, and by those before where reading stopped.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::time::UNIX_EPOCH;

/// First bytes of a file that are remembered, as a hash.
pub(crate) const HEAD_BYTES: usize = 512;

/// Bytes before the place of reading that are remembered. Every read begins that much earlier: if
/// they are others now, the file was written anew.
pub(crate) const WINDOW_BYTES: usize = 128;

/// Which file it is. The time of birth is part of it, as inodes are used again.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub(crate) struct FileId {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    /// Nanoseconds since the epoch; 0 if the file system does not tell.
    #[serde(default)]
    pub(crate) born_ns: u64,
}

impl FileId {
    pub(crate) fn of(metadata: &Metadata) -> FileId {
        let born = metadata.created().ok().and_then(|born| born.duration_since(UNIX_EPOCH).ok());
        let born_ns = born.map_or(0, |born| born.as_nanos() as u64);
        FileId { device: metadata.dev(), inode: metadata.ino(), born_ns }
    }

    /// When the file was born; when it was last written if that is not known. Milliseconds.
    pub(crate) fn born_ms(&self, metadata: &Metadata) -> i64 {
        match self.born_ns {
            0 => metadata.mtime() * 1000 + metadata.mtime_nsec() / 1_000_000,
            born_ns => (born_ns / 1_000_000) as i64,
        }
    }
}

/// Some bytes, as their number and hash (FNV-1a of 64 bits, which stands in the file of positions).
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Digest {
    pub(crate) len: usize,
    pub(crate) hash: u64,
}

impl Default for Digest {
    fn default() -> Digest {
        Digest { len: 0, hash: 0xcbf2_9ce4_8422_2325 }
    }
}

impl Digest {
    pub(crate) fn of(bytes: &[u8]) -> Digest {
        let mut digest = Digest::default();
        digest.extend(bytes);
        digest
    }

    fn extend(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        self.len += bytes.len();
    }

    /// Takes what stands at this offset of the file, if it belongs to the head and comes next.
    pub(crate) fn extend_head(&mut self, offset: u64, bytes: &[u8]) {
        if offset == self.len as u64 && self.len < HEAD_BYTES {
            self.extend(&bytes[..bytes.len().min(HEAD_BYTES - self.len)]);
        }
    }

    /// Whether these bytes begin (`at_end`: end) with those of the digest.
    pub(crate) fn begins(&self, bytes: &[u8]) -> bool {
        bytes.get(..self.len).is_some_and(|bytes| Digest::of(bytes) == *self)
    }
}

/// The last bytes that were read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Window {
    bytes: Vec<u8>,
}

impl Window {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn push(&mut self, data: &[u8]) {
        let data = &data[data.len().saturating_sub(WINDOW_BYTES)..];
        let surplus = (self.bytes.len() + data.len()).saturating_sub(WINDOW_BYTES);
        self.bytes.drain(..surplus);
        self.bytes.extend_from_slice(data);
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
    }

    /// What was read up to `held` bytes ago.
    pub(crate) fn before(&self, held: usize) -> Digest {
        Digest::of(&self.bytes[..self.bytes.len().saturating_sub(held)])
    }
}

/// How far a file was read, and how to know it again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Mark {
    /// Bytes of which all lines were given on.
    pub(crate) offset: u64,
    /// The first bytes of the file.
    pub(crate) head: Digest,
    /// The bytes before `offset`.
    pub(crate) window: Digest,
    /// The line that goes on at `offset` was cut: its rest is left out.
    pub(crate) skipping: bool,
}

/// Bytes that are compared at each end of two files.
const ENDS_BYTES: usize = 4096;

/// Whether the shorter of two files has the beginning and, where it ends, the bytes of the longer
/// one: then it is its copy.
pub(crate) fn is_copy(one: &File, other: &File) -> io::Result<bool> {
    let len = one.metadata()?.len().min(other.metadata()?.len());
    if len == 0 {
        return Ok(false);
    }
    let size = usize::try_from(len).unwrap_or(usize::MAX).min(ENDS_BYTES);
    let (mut left, mut right) = (vec![0; size], vec![0; size]);
    for offset in [0, len - size as u64] {
        let got = (read_at(one, &mut left, offset)?, read_at(other, &mut right, offset)?);
        if got != (size, size) || left != right {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What a file has to do with a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Likeness {
    /// It begins as the marked one, and goes on to where the mark is at least.
    Same,
    /// It begins as the marked one.
    SameHead,
    /// Something else.
    Other,
}

impl Mark {
    /// Compares an uncompressed file.
    pub(crate) fn compare(&self, file: &File) -> io::Result<Likeness> {
        let mut head = vec![0; self.head.len];
        let got = read_at(file, &mut head, 0)?;
        if !self.head.begins(&head[..got]) {
            return Ok(Likeness::Other);
        }
        let Some(start) = self.offset.checked_sub(self.window.len as u64) else {
            return Ok(Likeness::SameHead);
        };
        let mut window = vec![0; self.window.len];
        let got = read_at(file, &mut window, start)?;
        let is_long_enough = file.metadata()?.len() >= self.offset;
        let is_same = is_long_enough && self.window.begins(&window[..got]);
        Ok(if is_same { Likeness::Same } else { Likeness::SameHead })
    }
}

/// Reads until the buffer is full or the file ends.
pub(crate) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut got = 0;
    while got < buffer.len() {
        match file.read_at(&mut buffer[got..], offset + got as u64) {
            Ok(0) => break,
            Ok(read) => got += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(got)
}

#[cfg(test)]
mod tests {
    use super::{Digest, Likeness, Mark, WINDOW_BYTES, Window};

    #[test]
    fn a_window_keeps_the_last_bytes() {
        let mut window = Window::default();
        let all: Vec<u8> = (0..=255).collect();
        for piece in all.chunks(7) {
            window.push(piece);
        }
        assert_eq!(window.bytes(), &all[256 - WINDOW_BYTES..]);
        assert_eq!(window.before(0), Digest::of(&all[256 - WINDOW_BYTES..]));
        assert_eq!(window.before(6), Digest::of(&all[256 - WINDOW_BYTES..250]));
        assert_eq!(window.before(500), Digest::default());
    }

    #[test]
    fn a_file_is_known_by_its_head_and_by_what_is_before_the_mark() {
        let check = |content: &str, wanted: Likeness| {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), content).unwrap();
            let mark = Mark {
                offset: 6,
                head: Digest::of(b"on"),
                window: Digest::of(b"e\nt"),
                skipping: false,
            };
            let likeness = mark.compare(&std::fs::File::open(file.path()).unwrap()).unwrap();
            assert_eq!(likeness, wanted, "{content:?}");
        };
        check("on\ne\nto\n", Likeness::Same);
        check("on\ne\nt", Likeness::Same);
        check("on\ne\n", Likeness::SameHead);
        check("on\n3\nto\n", Likeness::SameHead);
        check("no\ne\nto\n", Likeness::Other);
        check("", Likeness::Other);
    }

    #[test]
    fn a_copy_is_known_at_both_ends() {
        let check = |one: &[u8], other: &[u8], wanted: bool| {
            let files = [tempfile::NamedTempFile::new(), tempfile::NamedTempFile::new()];
            let files = files.map(|file| file.unwrap());
            std::fs::write(files[0].path(), one).unwrap();
            std::fs::write(files[1].path(), other).unwrap();
            let got = super::is_copy(&files[0].reopen().unwrap(), &files[1].reopen().unwrap());
            assert_eq!(got.unwrap(), wanted);
        };
        let long: Vec<u8> = (0..20_000_u32).flat_map(u32::to_le_bytes).collect();
        check(&long, &long[..70_000], true);
        check(&long, &[&long[..70_000], b"x"].concat(), false);
        check(&long, b"", false);
        check(b"ab", b"abc", true);
        check(b"ab", b"xb", false);
    }

    #[test]
    fn a_head_grows_only_where_it_ends() {
        let mut head = Digest::default();
        head.extend_head(0, b"ab");
        head.extend_head(5, b"xx");
        head.extend_head(2, b"cd");
        assert_eq!(head, Digest::of(b"abcd"));
        head.extend_head(4, &[b'x'; 1000]);
        assert_eq!(head.len, super::HEAD_BYTES);
    }
}
