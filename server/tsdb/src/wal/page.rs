//! How a record lies in pages: fragments behind a header of seven bytes, none across two pages.

/// Bytes of a page.
pub const PAGE_BYTES: usize = 32 << 10;
/// Bytes before every fragment: kind, length (two), checksum (four).
pub const HEADER_BYTES: usize = 7;

/// Low three bits of the first header byte.
pub(crate) const KIND_MASK: u8 = 0b111;
/// Nothing more on this page.
pub(crate) const PAGE_END: u8 = 0;
/// A whole record.
pub(crate) const FULL: u8 = 1;
/// The beginning of one.
pub(crate) const FIRST: u8 = 2;
/// Neither beginning nor end.
pub(crate) const MIDDLE: u8 = 3;
/// The end of one.
pub(crate) const LAST: u8 = 4;
/// The record is compressed with snappy's block format.
pub(crate) const SNAPPY: u8 = 1 << 3;
/// The record is compressed with zstd.
pub(crate) const ZSTD: u8 = 1 << 4;

/// Where in its page a position of a segment is.
fn in_page(position: u64) -> usize {
    (position % PAGE_BYTES as u64) as usize
}

/// Appends a record as it is to stand at `position` of a segment, padding included; returns the
/// position behind it. `compression` is [`SNAPPY`], [`ZSTD`] or zero.
pub(crate) fn push_record(
    out: &mut Vec<u8>,
    mut position: u64,
    record: &[u8],
    compression: u8,
) -> u64 {
    let mut rest = record;
    let mut first = true;
    loop {
        let room = PAGE_BYTES - in_page(position) - HEADER_BYTES;
        let (part, behind) = rest.split_at(rest.len().min(room));
        let kind = match (first, behind.is_empty()) {
            (true, true) => FULL,
            (true, false) => FIRST,
            (false, true) => LAST,
            (false, false) => MIDDLE,
        };
        out.push(kind | compression);
        // A fragment is shorter than a page.
        out.extend_from_slice(&(part.len() as u16).to_be_bytes());
        out.extend_from_slice(&crc32c::crc32c(part).to_be_bytes());
        out.extend_from_slice(part);
        position += (HEADER_BYTES + part.len()) as u64;
        let left = PAGE_BYTES - in_page(position);
        if left < HEADER_BYTES {
            out.resize(out.len() + left, 0);
            position += left as u64;
        }
        (rest, first) = (behind, false);
        if rest.is_empty() {
            return position;
        }
    }
}

/// Appends the zeros that fill the page at `position`; returns the position behind them.
pub(crate) fn push_padding(out: &mut Vec<u8>, position: u64) -> u64 {
    let used = in_page(position);
    let left = if used == 0 { 0 } else { PAGE_BYTES - used };
    out.resize(out.len() + left, 0);
    position + left as u64
}

/// Bytes of record that still fit in a segment from `position` on.
pub(crate) fn room(position: u64, segment_bytes: u64) -> u64 {
    let payload = (PAGE_BYTES - HEADER_BYTES) as u64;
    let page = PAGE_BYTES as u64;
    let pages_after = (segment_bytes / page).saturating_sub(position / page + 1);
    let here = (PAGE_BYTES - in_page(position)).saturating_sub(HEADER_BYTES) as u64;
    here + payload * pages_after
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_fills_pages_exactly() {
        let payload = PAGE_BYTES - HEADER_BYTES;
        for (position, len, wanted) in [
            (0, 0, HEADER_BYTES),
            (0, 1, HEADER_BYTES + 1),
            (0, payload, PAGE_BYTES),
            (0, payload - 6, PAGE_BYTES),
            (0, payload - 7, PAGE_BYTES - 7),
            (0, payload + 1, PAGE_BYTES + HEADER_BYTES + 1),
            (PAGE_BYTES - 7, 1, PAGE_BYTES + HEADER_BYTES + 1),
        ] {
            let mut out = Vec::new();
            let end = push_record(&mut out, position as u64, &vec![1; len], 0);
            assert_eq!(end, wanted as u64, "{len} bytes at {position}");
            assert_eq!(out.len(), wanted - position);
        }
    }

    #[test]
    fn room_is_what_fits_in_the_pages_left() {
        let payload = (PAGE_BYTES - HEADER_BYTES) as u64;
        let segment = 2 * PAGE_BYTES as u64;
        assert_eq!(room(0, segment), 2 * payload);
        assert_eq!(room(PAGE_BYTES as u64, segment), payload);
        assert_eq!(room(segment - 7, segment), 0);
        assert_eq!(room(segment, segment), payload, "an oversize segment ends its page");
    }
}
