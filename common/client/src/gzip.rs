//! A gzip file (RFC 1952) into a buffer, never more of it than is allowed.

use flate2::{Crc, Decompress, FlushDecompress, Status};

use crate::error::Cause;

const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];
/// Magic, flags, time, two bytes about the method.
const HEADER_BYTES: usize = 10;
/// Checksum and length of what was packed.
const TRAILER_BYTES: usize = 8;

/// Flags of a header that say what follows it.
const CHECKSUM: u8 = 1 << 1;
const EXTRA: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const COMMENT: u8 = 1 << 4;

/// Deflate packs at most so many bytes into one.
const RATIO_MAX: usize = 1032;
/// Room that is made at a time where the trailer does not tell how much is needed.
const STEP_BYTES: usize = 64 << 10;
/// Inflating is slower where less room than that is left.
const SLACK_BYTES: usize = 320;

/// Unpacks what `packed` holds, which may be several members, to the front of `out`; says how many
/// bytes there are. `out` grows where it must and is never cleared: what is behind the bytes means
/// nothing, and who keeps the buffer for the next time saves preparing it. More than `bytes_max` is
/// [`Cause::BodyTooLarge`]. The words of errors are Go's.
pub fn gunzip(mut packed: &[u8], bytes_max: usize, out: &mut Vec<u8>) -> Result<usize, Cause> {
    let mut inflate = Decompress::new(false);
    let mut end = 0;
    loop {
        packed = behind_header(packed)?;
        let begin = end;
        (packed, end) = member(packed, &mut inflate, bytes_max, (out, begin))?;
        let (trailer, rest) = packed.split_first_chunk().ok_or(Cause::UnexpectedEof)?;
        check(*trailer, &out[begin..end])?;
        if rest.is_empty() {
            return Ok(end);
        }
        packed = rest;
        inflate.reset(false);
    }
}

/// Inflates one member to `out` from `end` on; what comes after it, and where it ends in `out`.
fn member<'a>(
    mut packed: &'a [u8],
    inflate: &mut Decompress,
    bytes_max: usize,
    (out, mut end): (&mut Vec<u8>, usize),
) -> Result<(&'a [u8], usize), Cause> {
    // One call that has room for all is the quickest: nothing need be kept for the next.
    let told = packed.last_chunk().map_or(0, |size| u32::from_le_bytes(*size) as usize);
    let mut room = told.min(packed.len().saturating_mul(RATIO_MAX));
    loop {
        // A byte more than is allowed tells that there is more.
        let left = (bytes_max - end).saturating_add(1);
        grow(out, end.saturating_add(room.min(left)).saturating_add(SLACK_BYTES));
        let (taken, written) = (inflate.total_in(), inflate.total_out());
        let status = inflate.decompress(packed, &mut out[end..], FlushDecompress::Finish);
        // Both count bytes of slices.
        let taken = (inflate.total_in() - taken) as usize;
        let written = (inflate.total_out() - written) as usize;
        (packed, end) = (packed.get(taken..).unwrap_or_default(), end + written);
        if end > bytes_max {
            return Err(Cause::BodyTooLarge);
        }
        if status.map_err(|_| corrupt(inflate.total_in()))? == Status::StreamEnd {
            return Ok((packed, end));
        }
        // Neither more input nor more room would help.
        if end < out.len() && packed.is_empty() {
            return Err(Cause::UnexpectedEof);
        }
        if end < out.len() && taken + written == 0 {
            return Err(corrupt(inflate.total_in()));
        }
        room = STEP_BYTES.max(end / 2);
    }
}

/// Makes a buffer at least that long, with a little to spare: the next page may be a little longer.
fn grow(out: &mut Vec<u8>, len: usize) {
    if out.len() >= len {
        return;
    }
    if out.capacity() < len {
        out.reserve_exact(len.saturating_add(len / 16) - out.len());
    }
    out.resize(len, 0);
}

fn corrupt(position: u64) -> Cause {
    Cause::Encoding(format!("flate: corrupt input before offset {position}"))
}

/// What comes after the header of a member.
fn behind_header(packed: &[u8]) -> Result<&[u8], Cause> {
    let shown = &packed[..packed.len().min(MAGIC.len())];
    if !MAGIC.starts_with(shown) {
        return Err(invalid_header());
    }
    let (fixed, mut rest) =
        packed.split_first_chunk::<HEADER_BYTES>().ok_or(Cause::UnexpectedEof)?;
    let flags = fixed[3];
    if flags & EXTRA != 0 {
        let (len, behind) = rest.split_first_chunk().ok_or(Cause::UnexpectedEof)?;
        rest = behind.get(usize::from(u16::from_le_bytes(*len))..).ok_or(Cause::UnexpectedEof)?;
    }
    for _ in 0..(flags & NAME).count_ones() + (flags & COMMENT).count_ones() {
        let end = rest.iter().position(|byte| *byte == 0).ok_or(Cause::UnexpectedEof)?;
        rest = &rest[end + 1..];
    }
    if flags & CHECKSUM != 0 {
        let mut crc = Crc::new();
        crc.update(&packed[..packed.len() - rest.len()]);
        let (told, behind) = rest.split_first_chunk().ok_or(Cause::UnexpectedEof)?;
        if u16::from_le_bytes(*told) != crc.sum() as u16 {
            return Err(invalid_header());
        }
        rest = behind;
    }
    Ok(rest)
}

fn invalid_header() -> Cause {
    Cause::Encoding("gzip: invalid header".to_owned())
}

/// Whether the trailer is that of these bytes.
fn check(trailer: [u8; TRAILER_BYTES], unpacked: &[u8]) -> Result<(), Cause> {
    let mut crc = Crc::new();
    crc.update(unpacked);
    let told = u64::from_le_bytes(trailer);
    // The length counts modulo 2³².
    if told as u32 == crc.sum() && (told >> 32) as u32 == unpacked.len() as u32 {
        return Ok(());
    }
    Err(Cause::Encoding("gzip: invalid checksum".to_owned()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on should fail")]

    use std::io::Write as _;

    use flate2::{Compression, GzBuilder};

    use super::*;

    const BYTES_MAX: usize = 100_000;

    fn pack(builder: GzBuilder, bytes: &[u8]) -> Vec<u8> {
        let mut encoder = builder.write(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn plain(bytes: &[u8]) -> Vec<u8> {
        pack(GzBuilder::new(), bytes)
    }

    fn unpack(packed: &[u8]) -> Result<Vec<u8>, Cause> {
        let mut out = b"of an earlier time".to_vec();
        let end = gunzip(packed, BYTES_MAX, &mut out)?;
        out.truncate(end);
        Ok(out)
    }

    #[test]
    fn members_of_any_kind_are_unpacked_one_after_the_other() {
        let long: Vec<u8> = (0..BYTES_MAX).map(|n| (n * n / 7) as u8).collect();
        let named = GzBuilder::new().filename("a.prom").comment("b").extra(vec![1, 2, 3]);
        for (packed, wanted) in [
            (plain(b""), &b""[..]),
            (plain(b"a 1\n"), b"a 1\n"),
            (plain(&long), &long),
            (pack(named, b"a 1\n"), b"a 1\n"),
            ([plain(b"a 1\n"), plain(b""), plain(b"b 2\n")].concat(), b"a 1\nb 2\n"),
        ] {
            assert_eq!(unpack(&packed).as_deref(), Ok(wanted));
            // The size in the trailer is a hint that may lie.
            let mut lying = packed.clone();
            *lying.last_mut().unwrap() ^= 0x80;
            let refused = Err(Cause::Encoding("gzip: invalid checksum".to_owned()));
            assert_eq!(unpack(&lying), refused);
        }
    }

    #[test]
    fn a_header_with_a_checksum_is_checked() {
        let mut packed = plain(b"a 1\n");
        packed[3] = CHECKSUM;
        let mut crc = Crc::new();
        crc.update(&packed[..HEADER_BYTES]);
        let sum = (crc.sum() as u16).to_le_bytes();
        packed.splice(HEADER_BYTES..HEADER_BYTES, sum);
        assert_eq!(unpack(&packed).as_deref(), Ok(&b"a 1\n"[..]));
        packed[HEADER_BYTES] ^= 1;
        assert_eq!(unpack(&packed), Err(invalid_header()));
    }

    #[test]
    fn what_is_torn_longer_than_allowed_or_not_gzip_is_refused() {
        let packed = plain(b"a 1\na 1\na 1\nb 2\n");
        for end in 0..packed.len() {
            assert_eq!(unpack(&packed[..end]), Err(Cause::UnexpectedEof), "{end} bytes");
        }
        for behind in [&b"x"[..], b"\0\0", b"\x1f\x8c"] {
            assert_eq!(unpack(&[&packed, behind].concat()), Err(invalid_header()));
        }
        let zeros = plain(&vec![0; BYTES_MAX]);
        assert_eq!(unpack(&zeros).map(|out| out.len()), Ok(BYTES_MAX));
        let more = plain(&vec![0; BYTES_MAX + 1]);
        assert_eq!(unpack(&more), Err(Cause::BodyTooLarge));
        assert_eq!(unpack(&[zeros, plain(b"x")].concat()), Err(Cause::BodyTooLarge));
        // A block of a kind that there is not.
        let mut wrong = packed.clone();
        wrong[HEADER_BYTES] = 7;
        let error = unpack(&wrong).unwrap_err().to_string();
        assert!(error.starts_with("flate: corrupt input before offset "), "{error}");
    }

    #[test]
    fn every_byte_that_is_changed_is_noticed_or_harmless() {
        let text = b"# TYPE a counter\na{b=\"c\"} 1\na{b=\"d\"} 2\n";
        let packed = plain(text);
        for at in 0..packed.len() {
            for bit in 0..8 {
                let mut changed = packed.clone();
                changed[at] ^= 1 << bit;
                if let Ok(out) = unpack(&changed) {
                    assert_eq!(out, text, "bit {bit} of byte {at}");
                }
            }
        }
    }
}
