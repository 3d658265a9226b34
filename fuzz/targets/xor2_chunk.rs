//! XOR2 chunks: arbitrary bytes are decoded, and what was decoded is written and read again; samples
//! come back as they went in, with their starts.
#![no_main]

use libfuzzer_sys::fuzz_target;
use server_tsdb::chunk::xor2::{Xor2Reader, Xor2Writer};

fuzz_target!(|input: (&[u8], Vec<(i64, i64, u64)>)| {
    let (bytes, samples) = input;
    let mut reader = Xor2Reader::new(bytes);
    let mut read = Vec::new();
    while let Ok(Some((time, start, value))) = reader.next_sample() {
        read.push((time, start, value.to_bits()));
    }
    again(&read);
    again(&samples);
});

fn again(samples: &[(i64, i64, u64)]) {
    let mut chunk = Xor2Writer::default();
    for (time, start, bits) in samples {
        chunk.append(*time, *start, f64::from_bits(*bits));
    }
    let mut reader = Xor2Reader::new(chunk.bytes());
    for sample in samples {
        let (time, start, value) = reader.next_sample().expect("whole").expect("one more");
        assert_eq!((time, start, value.to_bits()), *sample);
    }
    assert!(matches!(reader.next_sample(), Ok(None)));
}
