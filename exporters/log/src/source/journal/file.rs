//! One file of journald, read as <https://systemd.io/JOURNAL_FILE_FORMAT/> describes it.
//!
//! A file is only ever appended to: entry number n is always the same entry. So a position is the
//! file's identifier and a number of entries, whatever the file is named and whatever clocks say.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use ruzstd::decoding::StreamingDecoder;

/// First bytes of every journal file.
const SIGNATURE: &[u8] = b"LPKSHHRH";

/// The part of the header that every version has.
const HEADER_BYTES: usize = 208;

/// Properties of a file that a reader must know: payloads compressed with xz, lz4, zstd; keyed
/// hashes; short offsets.
const KNOWN_FLAGS: u32 = 0b1_1111;
const COMPACT: u32 = 1 << 4;

const TYPE_DATA: u8 = 1;
const TYPE_ENTRY: u8 = 3;
const TYPE_ENTRY_ARRAY: u8 = 6;

/// Bytes before what an object holds: type, flags and size.
const OBJECT_BYTES: u64 = 16;

/// Bytes of an array of entries before its items.
const ARRAY_BYTES: u64 = 24;

/// Bytes of an entry before its items; no entry is smaller.
const ENTRY_BYTES: u64 = 64;

/// Bytes of an object that are read at once; most data is smaller.
const GLANCE_BYTES: usize = 512;

/// Fields of one entry that are looked at; journald itself writes at most 1024.
const FIELDS_MAX: u64 = 1024;

/// Payloads that are remembered, as most entries have most of theirs in common.
const REMEMBERED_MAX: usize = 1024;

/// Longer payloads are read again.
const REMEMBERED_BYTES_MAX: usize = 256;

/// Bytes of a field's name and its equal sign, for the bound of a payload.
const NAME_BYTES: usize = 64;

/// The fields that make a line; the others are passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Message,
    Identifier,
    Command,
    SyslogProcess,
    Process,
    Host,
}

const FIELDS: [(&[u8], Field); 6] = [
    (b"MESSAGE=", Field::Message),
    (b"SYSLOG_IDENTIFIER=", Field::Identifier),
    (b"_COMM=", Field::Command),
    (b"SYSLOG_PID=", Field::SyslogProcess),
    (b"_PID=", Field::Process),
    (b"_HOSTNAME=", Field::Host),
];

/// What is read of an entry; of a field that stands twice, the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) realtime_us: u64,
    values: [Option<Vec<u8>>; FIELDS.len()],
    /// A value was longer than the limit.
    pub(super) is_cut: bool,
}

impl Entry {
    pub(super) fn get(&self, field: Field) -> Option<&[u8]> {
        self.values[field as usize].as_deref()
    }
}

/// Why a file, or an entry of it, cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum JournalError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("byte {at}: {problem}")]
    Damaged { at: u64, problem: &'static str },
    #[error("the file has properties {0:#x} that are not known")]
    Unknown(u32),
    #[error("a payload is compressed with xz, which is not read")]
    Xz,
}

fn damaged<T>(at: u64, problem: &'static str) -> Result<T, JournalError> {
    Err(JournalError::Damaged { at, problem })
}

/// An open journal file.
#[derive(Debug)]
pub(super) struct JournalFile {
    file: File,
    pub(super) id: [u8; 16],
    is_compact: bool,
    first_array: u64,
    /// Where the last look-up in the chain of arrays ended: an array, and the number of its first entry.
    place: (u64, u64),
    remembered: HashMap<u64, Option<(Field, Vec<u8>)>>,
}

/// What the header says now.
#[derive(Clone, Copy, Debug)]
struct Header {
    id: [u8; 16],
    is_compact: bool,
    entries: u64,
    first_array: u64,
}

/// Type, flags, size and first bytes of an object.
struct Glance {
    flags: u8,
    size: u64,
    bytes: Vec<u8>,
}

impl JournalFile {
    pub(super) fn open(file: File) -> Result<JournalFile, JournalError> {
        let Header { id, is_compact, first_array, .. } = header(&file)?;
        let remembered = HashMap::new();
        Ok(JournalFile { file, id, is_compact, first_array, place: (0, 0), remembered })
    }

    /// Number of entries now.
    pub(super) fn entries(&mut self) -> Result<u64, JournalError> {
        let now = header(&self.file)?;
        if now.id != self.id {
            return damaged(24, "another file was written over this one");
        }
        self.first_array = now.first_array;
        Ok(now.entries)
    }

    /// Offset of an entry by its number; zero if it is not there yet.
    pub(super) fn find(&mut self, number: u64) -> Result<u64, JournalError> {
        let item_bytes = if self.is_compact { 4 } else { 8 };
        let (mut array, mut first) = match self.place {
            (array, first) if array > 0 && first <= number => (array, first),
            _ => (self.first_array, 0),
        };
        while array > 0 {
            let seen = self.glance(array, TYPE_ENTRY_ARRAY, ARRAY_BYTES as usize)?;
            let count = (seen.size - OBJECT_BYTES).saturating_sub(8) / item_bytes;
            if number - first < count {
                self.place = (array, first);
                let at = array + ARRAY_BYTES + (number - first) * item_bytes;
                let mut item = [0; 8];
                self.file.read_exact_at(&mut item[..item_bytes as usize], at)?;
                return Ok(u64::from_le_bytes(item));
            }
            let next = word(&seen.bytes, 16);
            // Later arrays stand behind earlier ones: a ring would have no end.
            if next > 0 && next <= array {
                return damaged(array, "the next array of entries stands before this one");
            }
            first += count;
            array = next;
        }
        Ok(0)
    }

    /// Reads an entry; values are cut at `bytes_max`.
    pub(super) fn entry(&mut self, at: u64, bytes_max: usize) -> Result<Entry, JournalError> {
        let seen = self.glance(at, TYPE_ENTRY, ENTRY_BYTES as usize)?;
        let mut entry = Entry { realtime_us: word(&seen.bytes, 24), ..Entry::default() };
        let item_bytes = if self.is_compact { 4 } else { 16 };
        let count = ((seen.size - ENTRY_BYTES) / item_bytes).min(FIELDS_MAX);
        let mut items = vec![0; (count * item_bytes) as usize];
        self.file.read_exact_at(&mut items, at + ENTRY_BYTES)?;
        for item in items.chunks_exact(item_bytes as usize) {
            let mut offset = [0; 8];
            let of = item.len().min(8);
            offset[..of].copy_from_slice(&item[..of]);
            self.add_field(u64::from_le_bytes(offset), bytes_max, &mut entry)?;
        }
        Ok(entry)
    }

    fn add_field(
        &mut self,
        at: u64,
        bytes_max: usize,
        entry: &mut Entry,
    ) -> Result<(), JournalError> {
        if let Some(known) = self.remembered.get(&at) {
            if let Some((field, value)) = known {
                entry.values[*field as usize].get_or_insert_with(|| value.clone());
            }
            return Ok(());
        }
        let payload_bytes_max = bytes_max.saturating_add(NAME_BYTES);
        let (mut payload, is_cut) = self.payload(at, payload_bytes_max)?;
        let found = FIELDS.iter().find(|(name, _)| payload.starts_with(name));
        let found = found.map(|(name, field)| (*field, payload.split_off(name.len())));
        if let Some((field, mut value)) = found.clone() {
            entry.is_cut |= is_cut || value.len() > bytes_max;
            value.truncate(bytes_max);
            entry.values[field as usize].get_or_insert(value);
        }
        if found
            .as_ref()
            .is_none_or(|(_, value)| value.len() <= REMEMBERED_BYTES_MAX.min(bytes_max))
        {
            if self.remembered.len() >= REMEMBERED_MAX {
                self.remembered.clear();
            }
            self.remembered.insert(at, found);
        }
        Ok(())
    }

    /// The beginning of a field, as `NAME=value`; whether it is cut. Of a field that makes no part
    /// of a line only the name is sure to be there.
    fn payload(&self, at: u64, bytes_max: usize) -> Result<(Vec<u8>, bool), JournalError> {
        let head: u64 = if self.is_compact { 72 } else { 64 };
        let Glance { flags, size, mut bytes } = self.glance(at, TYPE_DATA, GLANCE_BYTES)?;
        if size < head {
            return damaged(at, "data is smaller than its head");
        }
        bytes.drain(..bytes.len().min(head as usize));
        let packing = flags & 0b111;
        let is_wanted = FIELDS.iter().any(|(name, _)| bytes.starts_with(name));
        let there = usize::try_from(size - head).unwrap_or(usize::MAX);
        if (is_wanted || packing != 0) && bytes.len() < there {
            bytes.resize(there.min(bytes_max), 0);
            self.file.read_exact_at(&mut bytes, at + head)?;
        }
        match packing {
            0 => Ok((bytes, is_wanted && there > bytes_max)),
            1 => Err(JournalError::Xz),
            2 => Ok((unpack_lz4(&bytes, at, bytes_max)?, false)),
            4 => unpack_zstd(&bytes, bytes_max),
            _ => damaged(at, "data is compressed in two ways"),
        }
    }

    /// The first bytes of an object, which must be of this type; at least its head.
    fn glance(&self, at: u64, kind: u8, bytes: usize) -> Result<Glance, JournalError> {
        let mut seen = vec![0; bytes];
        let got = read_up_to(&self.file, &mut seen, at)?;
        seen.truncate(got);
        if at == 0 || !at.is_multiple_of(8) || got < OBJECT_BYTES as usize {
            return damaged(at, "expected an object, found the end of the file");
        }
        let size = word(&seen, 8);
        if seen[0] != kind {
            return damaged(at, "an object of another type than expected");
        }
        let least = match kind {
            TYPE_ENTRY => ENTRY_BYTES,
            TYPE_ENTRY_ARRAY => ARRAY_BYTES,
            _ => OBJECT_BYTES,
        };
        let whole = usize::try_from(size).unwrap_or(usize::MAX);
        if size < least || got < whole.min(bytes) {
            return damaged(at, "an object with an impossible size");
        }
        seen.truncate(whole);
        Ok(Glance { flags: seen[1], size, bytes: seen })
    }
}

fn header(file: &File) -> Result<Header, JournalError> {
    let mut bytes = [0; HEADER_BYTES];
    let got = read_up_to(file, &mut bytes, 0)?;
    if got < HEADER_BYTES || !bytes.starts_with(SIGNATURE) {
        return damaged(0, "expected the header of a journal");
    }
    let flags = word(&bytes, 8) >> 32;
    let flags = u32::try_from(flags).unwrap_or(u32::MAX);
    if flags & !KNOWN_FLAGS != 0 {
        return Err(JournalError::Unknown(flags & !KNOWN_FLAGS));
    }
    let mut id = [0; 16];
    id.copy_from_slice(&bytes[24..40]);
    // No more than there is room for, whatever is said.
    let entries_max = file.metadata()?.len() / ENTRY_BYTES;
    Ok(Header {
        id,
        is_compact: flags & COMPACT != 0,
        entries: word(&bytes, 152).min(entries_max),
        first_array: word(&bytes, 176),
    })
}

/// Eight bytes of something that has them; zeros where it has not.
fn word(bytes: &[u8], at: usize) -> u64 {
    let mut eight = [0; 8];
    if let Some(there) = bytes.get(at..at + 8) {
        eight.copy_from_slice(there);
    }
    u64::from_le_bytes(eight)
}

fn read_up_to(file: &File, into: &mut [u8], at: u64) -> io::Result<usize> {
    let mut got = 0;
    while got < into.len() {
        match file.read_at(&mut into[got..], at.saturating_add(got as u64)) {
            Ok(0) => break,
            Ok(more) => got += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(got)
}

/// journald writes the size before the block.
fn unpack_lz4(bytes: &[u8], at: u64, bytes_max: usize) -> Result<Vec<u8>, JournalError> {
    let size = usize::try_from(word(bytes, 0)).unwrap_or(usize::MAX);
    if bytes.len() < 8 || size > bytes_max {
        return damaged(at, "data is longer than a line may be, or without its size");
    }
    match lz4_flex::block::decompress(&bytes[8..], size) {
        Ok(payload) => Ok(payload),
        Err(_) => damaged(at, "data that lz4 cannot decompress"),
    }
}

fn unpack_zstd(bytes: &[u8], bytes_max: usize) -> Result<(Vec<u8>, bool), JournalError> {
    let decoder = StreamingDecoder::new(bytes).map_err(io::Error::other)?;
    let mut payload = Vec::new();
    decoder.take(bytes_max as u64 + 1).read_to_end(&mut payload)?;
    let is_cut = payload.len() > bytes_max;
    payload.truncate(bytes_max);
    Ok((payload, is_cut))
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Read as _, Write as _};
    use std::os::unix::fs::FileExt as _;

    use super::{Field, JournalError, JournalFile};

    fn journal() -> Vec<u8> {
        let packed = include_bytes!("../../../tests/data/box.journal.gz");
        let mut bytes = Vec::new();
        flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut bytes).unwrap();
        bytes
    }

    fn on_disk(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    fn read(file: &File, bytes_max: usize) -> Result<Vec<Result<String, String>>, JournalError> {
        let mut file = JournalFile::open(file.try_clone().unwrap())?;
        let mut all = Vec::new();
        for number in 0..file.entries()?.min(100) {
            let at = file.find(number)?;
            let entry = file.entry(at, bytes_max);
            all.push(entry.map_err(|error| error.to_string()).map(|entry| {
                let message = entry.get(Field::Message).unwrap_or_default();
                assert!(message.len() <= bytes_max);
                format!("{} {}", String::from_utf8_lossy(message), entry.is_cut)
            }));
        }
        Ok(all)
    }

    #[test]
    fn values_are_cut_at_the_limit() {
        let all = read(&on_disk(&journal()), 7).unwrap();
        let all: Vec<String> = all.into_iter().map(Result::unwrap).collect();
        assert_eq!(all.len(), 8);
        assert!(all.contains(&"message true".to_owned()), "{all:?}");
        assert!(all.contains(&"oom false".to_owned()), "{all:?}");
        assert!(all.contains(&"long xx true".to_owned()), "{all:?}");
    }

    #[test]
    fn a_damaged_file_is_an_error_with_its_place_and_never_more() {
        let whole = journal();
        let file = on_disk(&whole);
        // Changes bytes, reads, and puts them back.
        let check = |bytes: &[(usize, u8)], wanted: Option<&str>| {
            for (at, byte) in bytes {
                file.write_all_at(&[*byte], *at as u64).unwrap();
            }
            let got = read(&file, 1000);
            if let Some(wanted) = wanted {
                assert_eq!(got.unwrap_err().to_string(), wanted);
            }
            for (at, _) in bytes {
                file.write_all_at(&[whole[*at]], *at as u64).unwrap();
            }
        };
        check(&[(0, b'X')], Some("byte 0: expected the header of a journal"));
        check(&[(12, 0xff)], Some("the file has properties 0xe0 that are not known"));
        assert_eq!(
            read(&on_disk(&whole[..100]), 100).unwrap_err().to_string(),
            "byte 0: expected the header of a journal"
        );
        // Whatever is in it, reading ends. Most of the file is empty tables and room.
        let used: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] != 0).collect();
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..2000 {
            let changes = [0; 3].map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                let at = used[(state % used.len() as u64) as usize];
                (at, whole[at] ^ (state >> 40) as u8)
            });
            check(&changes, None);
        }
        assert_eq!(read(&file, 1000).unwrap().len(), 8);
    }
}
