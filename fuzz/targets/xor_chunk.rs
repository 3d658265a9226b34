//! XOR chunks: arbitrary bytes are decoded, samples come back as they went in.
#![no_main]

use libfuzzer_sys::fuzz_target;
use server_tsdb::chunk::xor::{XorReader, XorWriter};

fuzz_target!(|input: (&[u8], Vec<(i64, u64)>)| {
    let (bytes, mut samples) = input;
    samples.sort_unstable_by_key(|(time, _)| *time);
    samples.dedup_by_key(|(time, _)| *time);
    let mut reader = XorReader::new(bytes);
    while let Ok(Some(_)) = reader.next_sample() {}
    let mut chunk = XorWriter::default();
    for (time, bits) in &samples {
        chunk.append(*time, f64::from_bits(*bits));
    }
    let mut reader = XorReader::new(chunk.bytes());
    for (time, bits) in samples {
        let (t, v) = reader.next_sample().expect("whole").expect("one more");
        assert_eq!((t, v.to_bits()), (time, bits));
    }
    assert!(matches!(reader.next_sample(), Ok(None)));
});
