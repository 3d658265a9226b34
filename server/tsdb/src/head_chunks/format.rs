//! How a file of head chunks is laid out: magic, version, padding, and chunks with what they need to
//! be found again (`head_chunks.md` of Prometheus).

use crate::codec::{Cursor, push_uvarint};

/// First four bytes of a file.
const MAGIC: u32 = 0x0130_bc91;
const VERSION: u8 = 1;
/// Bytes before the first chunk.
pub(crate) const HEADER_BYTES: usize = 8;
/// Bytes of a chunk besides its own and their length: series, two times, encoding, checksum.
const FRAME_BYTES: usize = 8 + 8 + 8 + 1 + CHECKSUM_BYTES;
const CHECKSUM_BYTES: usize = 4;
/// Most bytes a length takes.
const LENGTH_BYTES_MAX: usize = 5;
/// Set in the encoding of chunks of samples that came out of order.
const OUT_OF_ORDER: u8 = 0x80;

/// A chunk in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stored<'a> {
    /// Number of the series in the log.
    pub(crate) series: u64,
    /// Time of the first sample.
    pub(crate) min_time: i64,
    /// Time of the last sample.
    pub(crate) max_time: i64,
    /// Number of the encoding.
    pub(crate) encoding: u8,
    /// Whether its samples came out of order.
    pub(crate) late: bool,
    /// The samples.
    pub(crate) bytes: &'a [u8],
}

/// What stands where a chunk should begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next<'a> {
    /// A good chunk, and where it ends.
    Chunk(Stored<'a>, usize),
    /// Nothing more; zeros do not count.
    End,
    /// The file ends before the chunk does, as a crash leaves it.
    Torn,
    /// Something that was never written.
    Damaged(String),
}

/// The bytes a file begins with.
pub(crate) fn header() -> [u8; HEADER_BYTES] {
    let [a, b, c, d] = MAGIC.to_be_bytes();
    [a, b, c, d, VERSION, 0, 0, 0]
}

/// Why bytes are not the beginning of a file, if they are not.
pub(crate) fn header_problem(file: &[u8]) -> Option<String> {
    match file.first_chunk::<HEADER_BYTES>() {
        None => Some(format!("{} bytes are no file of head chunks", file.len())),
        Some(found) if found[..5] != header()[..5] => {
            Some(format!("begins with {:02x?}, expected {:02x?}", &found[..5], &header()[..5]))
        }
        Some(_) => None,
    }
}

/// Most bytes that a chunk of so many takes in a file.
pub(crate) fn stored_bytes_max(len: usize) -> usize {
    FRAME_BYTES + LENGTH_BYTES_MAX + len
}

/// Appends a chunk.
pub(crate) fn push(out: &mut Vec<u8>, chunk: &Stored<'_>) {
    let start = out.len();
    out.extend_from_slice(&chunk.series.to_be_bytes());
    out.extend_from_slice(&chunk.min_time.to_be_bytes());
    out.extend_from_slice(&chunk.max_time.to_be_bytes());
    out.push(chunk.encoding | if chunk.late { OUT_OF_ORDER } else { 0 });
    push_uvarint(out, chunk.bytes.len() as u64);
    out.extend_from_slice(chunk.bytes);
    let checksum = crc32c::crc32c(&out[start..]);
    out.extend_from_slice(&checksum.to_be_bytes());
}

/// Reads what begins at `start`.
pub(crate) fn parse(file: &[u8], start: usize) -> Next<'_> {
    let rest = file.get(start..).unwrap_or_default();
    // Prometheus allocates files beforehand: what was never written is zero, and no series is.
    let beginning = &rest[..rest.len().min(FRAME_BYTES + LENGTH_BYTES_MAX)];
    if beginning.iter().all(|byte| *byte == 0) {
        return if rest.iter().all(|byte| *byte == 0) {
            Next::End
        } else {
            damaged(start, "zeros")
        };
    }
    let mut cursor = Cursor { rest };
    let head = (|| {
        let (series, min_time, max_time) = (cursor.be64()?, cursor.be64()?, cursor.be64()?);
        Some((series, min_time as i64, max_time as i64, cursor.byte()?, cursor.uvarint()?))
    })();
    let Some((series, min_time, max_time, encoding, len)) = head else {
        // A length that does not end is none, unless the file does.
        let cut = rest.len() < FRAME_BYTES + LENGTH_BYTES_MAX;
        return if cut { Next::Torn } else { damaged(start, "an impossible length") };
    };
    let len = usize::try_from(len).unwrap_or(usize::MAX);
    let body = rest.len() - cursor.rest.len();
    let Some((bytes, behind)) = cursor.rest.split_at_checked(len) else { return Next::Torn };
    let Some((stored, _)) = behind.split_first_chunk::<CHECKSUM_BYTES>() else {
        return Next::Torn;
    };
    let (wanted, found) = (u32::from_be_bytes(*stored), crc32c::crc32c(&rest[..body + len]));
    if wanted != found {
        return damaged(start, &format!("checksum {found:08x}, expected {wanted:08x}"));
    }
    let late = encoding & OUT_OF_ORDER != 0;
    let encoding = encoding & !OUT_OF_ORDER;
    let chunk = Stored { series, min_time, max_time, encoding, late, bytes };
    Next::Chunk(chunk, start + body + len + CHECKSUM_BYTES)
}

fn damaged(at: usize, problem: &str) -> Next<'static> {
    Next::Damaged(format!("{problem} at byte {at}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> Vec<u8> {
        let mut file = header().to_vec();
        for (series, bytes) in [(1, &b"first"[..]), (300, &[7; 200]), (u64::MAX, b"")] {
            let (min_time, max_time, late) = (-5, 1 << 40, bytes.is_empty());
            push(&mut file, &Stored { series, min_time, max_time, encoding: 1, late, bytes });
        }
        file
    }

    /// Chunks as far as they can be read, and what stands behind them.
    fn read(file: &[u8]) -> (Vec<Stored<'_>>, Next<'_>) {
        let (mut chunks, mut at) = (Vec::new(), HEADER_BYTES);
        loop {
            match parse(file, at) {
                Next::Chunk(chunk, end) => {
                    chunks.push(chunk);
                    at = end;
                }
                other => return (chunks, other),
            }
        }
    }

    #[test]
    fn what_was_written_is_read_and_a_cut_is_no_damage() {
        let file = file();
        let (all, end) = read(&file);
        assert_eq!((all.len(), end), (3, Next::End));
        assert_eq!((all[1].series, all[1].bytes.len(), all[2].late), (300, 200, true));
        for len in HEADER_BYTES..file.len() {
            let (some, end) = read(&file[..len]);
            assert_eq!(some, all[..some.len()]);
            assert!(some.len() < 3 && matches!(end, Next::Torn | Next::End), "{len}: {end:?}");
        }
        let mut longer = file.clone();
        longer.resize(file.len() + 100, 0);
        assert_eq!(read(&longer), (all, Next::End));
    }

    #[test]
    fn no_flipped_bit_goes_unnoticed() {
        let file = file();
        let (all, _) = read(&file);
        for bit in 0..file.len() * 8 {
            let mut bad = file.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            if bit / 8 < HEADER_BYTES {
                // The padding means nothing.
                assert_eq!(header_problem(&bad).is_some(), bit / 8 < 5, "bit {bit}");
                continue;
            }
            let (some, end) = read(&bad);
            assert_eq!(some, all[..some.len()], "bit {bit}");
            assert!(some.len() < 3 && end != Next::End, "bit {bit}: {end:?}");
        }
    }
}
