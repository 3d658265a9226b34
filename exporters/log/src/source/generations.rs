//! Where the lines went that were written to a path before the file that it names now.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::fingerprint::{FileId, Likeness, Mark, is_copy};
use super::ledger::Ledger;
use super::packed::{self, Packing};

/// Rotated files of one path that are looked at, the latest ones.
const SIBLINGS_MAX: usize = 1000;

/// The kernel's time stamps are that much behind the clock at most.
const STAMP_MS: i64 = 12;

/// An earlier file of a path that holds unread lines.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) path: PathBuf,
    pub(crate) file: File,
    pub(crate) id: FileId,
    /// Where to read on.
    pub(crate) mark: Mark,
    pub(crate) packing: Option<Packing>,
    /// The followed file that this one continues, if it is another: it was copied or packed.
    pub(crate) instead_of: Option<FileId>,
    modified: (i64, i64),
}

/// A file whose name says that it was the file of a path once.
struct Sibling {
    path: PathBuf,
    file: File,
    id: FileId,
    born_ms: i64,
    modified: (i64, i64),
    packing: Option<Packing>,
    is_used: bool,
}

/// What is looked for.
pub(crate) struct Search<'a> {
    pub(crate) path: &'a Path,
    pub(crate) ledger: &'a Ledger,
    /// Followed files whose rest is wanted.
    pub(crate) left: Vec<(FileId, Mark)>,
    /// Followed files that are read on as they are: a copy of one of them holds nothing new.
    pub(crate) followed: Vec<Mark>,
    /// Files that were born later and that nobody knows hold unread lines.
    pub(crate) since_ms: i64,
    /// Packed files may be such; while we run they are packed from what was read.
    pub(crate) packed_too: bool,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// In the order in which they were written.
    pub(crate) pieces: Vec<Piece>,
    /// All rotated files that are there.
    pub(crate) seen: HashSet<FileId>,
    /// A copy of a followed file ends before what was read of it: there is no rest.
    pub(crate) is_overtaken: bool,
}

impl Search<'_> {
    /// Looks through the directory of the path. Files that are claimed by somebody are left alone;
    /// copies of what is read elsewhere are noted as such.
    pub(crate) fn run(self) -> io::Result<Found> {
        let mut siblings = self.siblings()?;
        let mut found = Found::default();
        found.seen.extend(siblings.iter().map(|sibling| sibling.id));
        for (id, mark) in &self.left {
            self.continue_at(*id, mark, &mut siblings, &mut found.pieces);
        }
        let current = File::open(self.path).ok();
        let since_ms = self.since_ms - STAMP_MS;
        for sibling in &mut siblings {
            let is_new = sibling.born_ms >= since_ms && !sibling.is_used;
            let is_wanted = self.packed_too || sibling.packing.is_none();
            if !is_new || !is_wanted || self.ledger.is_known(sibling.id) {
                continue;
            }
            let is_copy_of = |other: &File| is_copy(&sibling.file, other).unwrap_or(false);
            let is_of_left = self.is_content_of_left(sibling);
            found.is_overtaken |= is_of_left;
            let copied = is_of_left
                || current.as_ref().is_some_and(is_copy_of)
                || found.pieces.iter().any(|piece| is_copy_of(&piece.file));
            if copied {
                self.ledger.note_copy(sibling.id, self.path);
                continue;
            }
            let piece = sibling.take(Mark::default(), None);
            found.pieces.extend(piece);
        }
        found.pieces.sort_by_key(|piece| piece.modified);
        Ok(found)
    }

    fn is_content_of_left(&self, sibling: &Sibling) -> bool {
        let mut left = self.left.iter().map(|(_, mark)| mark).filter(|mark| is_telling(mark));
        let mut followed = self.followed.iter().filter(|mark| is_telling(mark));
        // What was written between the copy and the truncation may have been read, too: then the copy
        // ends before the mark.
        let is_content = |mark: &Mark| match sibling.likeness(mark) {
            Likeness::Same => true,
            Likeness::SameHead => sibling.is_shorter_than(mark.offset),
            Likeness::Other => false,
        };
        left.any(is_content) || followed.any(|mark| sibling.likeness(mark) != Likeness::Other)
    }

    /// Finds the file itself where it was moved, or else its content.
    fn continue_at(&self, id: FileId, mark: &Mark, all: &mut [Sibling], pieces: &mut Vec<Piece>) {
        let own = all.iter().position(|sibling| sibling.id == id);
        if let Some(own) = own
            && all[own].likeness(mark) == Likeness::Same
        {
            pieces.extend(all[own].take(*mark, None));
            return;
        }
        let is_at_path = std::fs::metadata(self.path).is_ok_and(|found| FileId::of(&found) == id)
            && File::open(self.path)
                .and_then(|file| mark.compare(&file))
                .is_ok_and(|like| like == Likeness::Same);
        if is_telling(mark) && !is_at_path {
            let is_left = |id: FileId| self.left.iter().any(|(left, _)| *left == id);
            let copy = all.iter_mut().find(|sibling| {
                !sibling.is_used
                    && !is_left(sibling.id)
                    && !self.ledger.is_held(sibling.id)
                    && sibling.likeness(mark) == Likeness::Same
            });
            pieces.extend(copy.and_then(|copy| copy.take(*mark, Some(id))));
        }
        // It was written anew before it was moved.
        if let Some(own) = own {
            pieces.extend(all[own].take(Mark::default(), None));
        }
    }

    fn siblings(&self) -> io::Result<Vec<Sibling>> {
        let (Some(directory), Some(base)) = (self.path.parent(), self.path.file_name()) else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        for entry in std::fs::read_dir(directory)? {
            let Ok(entry) = entry else { continue };
            if !is_rotation_of(base.as_bytes(), entry.file_name().as_bytes()) {
                continue;
            }
            let path = entry.path();
            if let Ok(metadata) = std::fs::symlink_metadata(&path)
                && metadata.is_file()
            {
                found.push(((metadata.mtime(), metadata.mtime_nsec()), path));
            }
        }
        found.sort();
        let surplus = found.len().saturating_sub(SIBLINGS_MAX);
        let latest = found.drain(..).skip(surplus);
        Ok(latest.filter_map(|(_, path)| Sibling::open(path).ok()).collect())
    }
}

/// Something was read, so that its content can be told from that of other files.
fn is_telling(mark: &Mark) -> bool {
    mark.offset > 0 && mark.head.len > 0
}

impl Sibling {
    fn open(path: PathBuf) -> io::Result<Sibling> {
        let file = File::open(&path)?;
        let metadata = file.metadata()?;
        let id = FileId::of(&metadata);
        Ok(Sibling {
            path,
            id,
            born_ms: id.born_ms(&metadata),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            packing: Packing::of(&file)?,
            file,
            is_used: false,
        })
    }

    fn likeness(&self, mark: &Mark) -> Likeness {
        let like = match self.packing {
            None => mark.compare(&self.file),
            Some(packing) => File::open(&self.path)
                .and_then(|file| packed::resume(file, packing, mark))
                .map(|got| got.0),
        };
        like.unwrap_or(Likeness::Other)
    }

    fn is_shorter_than(&self, bytes: u64) -> bool {
        self.packing.is_none() && self.file.metadata().is_ok_and(|found| found.len() < bytes)
    }

    fn take(&mut self, mark: Mark, instead_of: Option<FileId>) -> Option<Piece> {
        self.is_used = true;
        Some(Piece {
            path: self.path.clone(),
            file: self.file.try_clone().ok()?,
            id: self.id,
            mark,
            packing: self.packing,
            instead_of,
            modified: self.modified,
        })
    }
}

/// Whether a file with this name was rotated away from the base name: `x.log.1`, `x.log-20260101`,
/// `x.log.2026-01-01T10.gz`, `x-20260101.log`, `x.1.log`, `x.log.old`.
pub(crate) fn is_rotation_of(base: &[u8], name: &[u8]) -> bool {
    let mut name = name;
    for packed in [&b".gz"[..], b".zst"] {
        name = name.strip_suffix(packed).unwrap_or(name);
    }
    if name.strip_prefix(base).is_some_and(is_counter) {
        return true;
    }
    let Some(dot) = memchr::memrchr(b'.', base).filter(|dot| *dot > 0) else { return false };
    let (stem, extension) = base.split_at(dot);
    let middle = name.strip_prefix(stem).and_then(|rest| rest.strip_suffix(extension));
    middle.is_some_and(is_counter)
}

/// `.1`, `-20260101`, `.2026-01-01T10:00`, `.old`; also nothing, which is the packed file of this name.
fn is_counter(text: &[u8]) -> bool {
    let Some((first, rest)) = text.split_first() else { return false };
    let is_separated = matches!(first, b'.' | b'-' | b'_');
    let is_digit = |byte: &u8| byte.is_ascii_digit() || b".-_:TZ+".contains(byte);
    let is_word = matches!(rest, b"old" | b"prev" | b"bak");
    is_separated && (is_word || (rest.iter().any(u8::is_ascii_digit) && rest.iter().all(is_digit)))
}

#[cfg(test)]
mod tests {
    use super::is_rotation_of;

    #[test]
    fn rotated_files_are_known_by_their_names() {
        let check = |name: &str, wanted: bool| {
            assert_eq!(is_rotation_of(b"x.log", name.as_bytes()), wanted, "{name}");
        };
        check("x.log.1", true);
        check("x.log.1.gz", true);
        check("x.log.12.zst", true);
        check("x.log-20260101", true);
        check("x.log-20260101-1767225600", true);
        check("x.log.2026-01-01T10:00", true);
        check("x-20260101.log", true);
        check("x.1.log", true);
        check("x.log.old", true);
        check("x.log", false);
        check("x.log.", false);
        check("x.log.swp", false);
        check("x.log.1.bz2", false);
        check("xy.log", false);
        check("x2.log", false);
        check("x.txt.1", false);
    }
}
