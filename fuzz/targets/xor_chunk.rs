//! XOR chunks: arbitrary bytes are decoded, samples come back as they went in.
#![no_main]

use libfuzzer_sys::fuzz_target;
use server_tsdb::chunk::xor::{XorChunk, XorReader};

fuzz_target!(|input: (&[u8], Vec<(i64, u64)>)| {
    let (bytes, samples) = input;
    let mut reader = XorReader::new(bytes);
    while let Ok(Some(_)) = reader.next_sample() {}
    let mut chunk = XorChunk::default();
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
