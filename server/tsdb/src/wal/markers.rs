//! Records that say where samples out of order went: those of a series that the log has before such
//! a record stand in a chunk, at that place in the files of head chunks. Prometheus' documents do not
//! describe them.

use crate::codec::Cursor;

/// First byte of such a record.
const KIND: u8 = 5;

/// Writes a record of series and places, which are number of the file, in the upper half, and
/// position in it; none write none.
pub fn encode(out: &mut Vec<u8>, markers: impl IntoIterator<Item = (u64, u64)>) {
    let mut markers = markers.into_iter().peekable();
    if markers.peek().is_none() {
        return;
    }
    out.push(KIND);
    for (series, place) in markers {
        out.extend_from_slice(&series.to_be_bytes());
        out.extend_from_slice(&place.to_be_bytes());
    }
}

/// Reads such a record, calling `each` with series and place. Place zero is that of no chunk:
/// Prometheus writes it where the first sample of a series comes.
pub fn decode(record: &[u8], mut each: impl FnMut(u64, u64)) -> Result<(), String> {
    let mut cursor = Cursor { rest: record.get(1..).unwrap_or_default() };
    while !cursor.rest.is_empty() {
        let marker = (|| Some((cursor.be64()?, cursor.be64()?)))();
        let (series, place) = marker.ok_or("markers record ends inside a marker")?;
        each(series, place);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wal::record::{RecordKind, kind};

    #[test]
    fn markers_are_read_as_they_were_written_and_a_cut_is_an_error() {
        let markers = [(1, 0), (7, 1 << 32 | 8), (u64::MAX, u64::MAX)];
        let mut record = Vec::new();
        encode(&mut record, []);
        assert!(record.is_empty());
        encode(&mut record, markers);
        assert_eq!((kind(&record), record.len()), (RecordKind::MmapMarkers, 1 + 3 * 16));
        for len in 0..=record.len() {
            let mut found = Vec::new();
            let outcome = decode(&record[..len], |series, place| found.push((series, place)));
            assert_eq!(found, markers[..found.len()]);
            assert_eq!(outcome.is_ok(), len == 0 || len % 16 == 1, "{len}");
        }
    }
}
