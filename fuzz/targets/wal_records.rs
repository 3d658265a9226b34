//! A segment of the write-ahead log with arbitrary bytes, down to its records.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use server_tsdb::fs::{Fs, MemoryFs};
use server_tsdb::wal::{Event, SegmentReader, record};

fuzz_target!(|bytes: &[u8]| {
    each_record(bytes);
    let fs = MemoryFs::new();
    let path = Path::new("/00000000");
    let mut file = fs.create(path).expect("an empty file system takes a file");
    file.append(bytes).expect("memory takes bytes");
    let mut reader = SegmentReader::open(&fs, path).expect("the file is there");
    while let Ok(Event::Record) = reader.next_event() {
        each_record(reader.record());
        assert!(reader.good_end() <= bytes.len() as u64);
    }
});

fn each_record(bytes: &[u8]) {
    let _ = record::kind(bytes);
    let _ = record::decode_series(bytes, |_, _| {});
    let _ = record::decode_samples(bytes, |_| {});
    let _ = record::decode_metadata(bytes, |_, _| {});
    let _ = record::decode_tombstones(bytes, |_, _, _| {});
}
