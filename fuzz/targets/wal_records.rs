//! A segment of the write-ahead log with arbitrary bytes, down to its records.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use server_tsdb::fs::{Fs, MemoryFs};
use server_tsdb::wal::{Event, SegmentReader, histograms, markers, record};

fuzz_target!(|bytes: &[u8]| {
    each_record(bytes);
    let fs = MemoryFs::default();
    let path = Path::new("00000000");
    let file = fs.create(path).expect("an empty file system takes a file");
    file.write_at(bytes, 0).expect("memory takes bytes");
    let mut reader = SegmentReader::open(&fs, path).expect("the file is there");
    // Every event but the last consumes at least a byte.
    for _ in 0..=bytes.len() {
        match reader.next_event().expect("memory can be read") {
            Event::Record => each_record(reader.record()),
            Event::Corrupt { offset, .. } => assert!(offset <= bytes.len() as u64),
            Event::End => return,
        }
        assert!(reader.good_end() <= bytes.len() as u64);
    }
    panic!("more events than bytes");
});

fn each_record(bytes: &[u8]) {
    let _ = record::kind(bytes);
    let _ = record::decode_series(bytes, |_, _| {});
    let _ = record::decode_samples(bytes, |_, _| {});
    let _ = markers::decode(bytes, |_, _| {});
    let _ = record::decode_metadata(bytes, |_, _| {});
    let _ = record::decode_tombstones(bytes, |_, _, _| {});
    let _ = histograms::decode(bytes, |_, _| {});
}
