//! XOR2 chunks: laid out as Prometheus lays them out, given back as they were put in with their
//! starts, and any bytes read without panicking.

use common_model::stale_marker;
use proptest::prelude::*;
use server_storage::SampleColumns;
use server_tsdb::chunk::xor2::{Xor2Reader, Xor2Writer};
use server_tsdb::chunk::{self, ChunkError, Encoding};

/// Time, start and value.
pub(crate) type Sample = (i64, i64, f64);

pub(crate) fn write(samples: &[Sample]) -> Xor2Writer {
    let mut writer = Xor2Writer::default();
    for (time, start, value) in samples {
        writer.append(*time, *start, *value);
        assert_eq!(writer.last_time(), *time);
        assert_eq!(writer.last_value().to_bits(), value.to_bits());
    }
    assert_eq!(usize::from(writer.count()), samples.len());
    writer
}

fn bits(samples: &[Sample]) -> Vec<(i64, i64, u64)> {
    samples.iter().map(|(time, start, value)| (*time, *start, value.to_bits())).collect()
}

/// The samples of a chunk up to the first that cannot be read, and why.
fn read(bytes: &[u8]) -> (Vec<Sample>, Option<ChunkError>) {
    let (mut reader, mut samples) = (Xor2Reader::new(bytes), Vec::new());
    loop {
        match reader.next_sample() {
            Ok(Some(sample)) => samples.push(sample),
            Ok(None) => return (samples, None),
            Err(error) => return (samples, Some(error)),
        }
    }
}

/// Bytes from words of bits, or of hexadecimal digits behind an `x`; the last byte is filled up.
pub(crate) fn laid_out(words: &str) -> Vec<u8> {
    let mut bits = Vec::new();
    for word in words.split_whitespace() {
        let (digits, radix, width) = match word.strip_prefix('x') {
            Some(digits) => (digits, 16, 4),
            None => (word, 2, 1),
        };
        for digit in digits.chars().map(|digit| digit.to_digit(radix).unwrap()) {
            bits.extend((0..width).rev().map(|at| digit >> at & 1));
        }
    }
    bits.chunks(8)
        .map(|byte| (0..8).fold(0, |all, at| all << 1 | byte.get(at).map_or(0, |bit| *bit as u8)))
        .collect()
}

fn check(samples: &[Sample], words: &str) {
    let wanted = laid_out(words);
    let mut writer = write(samples);
    assert_eq!(*writer.finish(), *wanted, "{samples:?}");
    assert_eq!((writer.count(), writer.heap_bytes()), (0, 0));
    let (found, error) = read(&wanted);
    assert_eq!((bits(&found), error), (bits(samples), None));
}

#[test]
fn times_and_values_share_a_code() {
    // The first two samples as XOR has them, behind a byte about starts.
    check(&[(1000, 0, 1.0)], "x0001 x00 xd00f x3ff0000000000000");
    check(
        &[(1000, 0, 1.0), (2000, 0, 1.0), (3000, 0, 1.0)],
        "x0003 x00 xd00f x3ff0000000000000  xe807 0  0",
    );
    // A window on time and beside it: new, new, as before, as before, and no other value.
    check(
        &[
            (1000, 0, 1.0),
            (2000, 0, 2.0),
            (3000, 0, 3.0),
            (4000, 0, 2.0),
            (5005, 0, 3.0),
            (1914, 0, 3.0),
        ],
        "x0006 x00 xd00f x3ff0000000000000
         xe807 110 00001 001011 11111111111
         10 1 01100 000001 1
         10 0 1
         110 0000000000101 10 1
         110 1000000000000 0",
    );
    // At most 31 leading zeros, and 64 bits are 0.
    let all = f64::from_bits(1 << 63 | 1);
    check(
        &[(0, 0, 0.0), (1, 0, f64::from_bits(1)), (2, 0, 0.0), (3, 0, all)],
        "x0004 x00 x00 x0000000000000000
         x01 110 11111 100001 000000000000000000000000000000001
         10 0 000000000000000000000000000000001
         10 1 00000 000000 x8000000000000001",
    );
}

#[test]
fn a_change_of_the_step_takes_as_few_bits_as_hold_it() {
    for (change, code) in [
        (0, "0"),
        (1, "110 0000000000001 0"),
        (-1, "110 1111111111111 0"),
        (4095, "110 0111111111111 0"),
        (4096, "1110 x01000 0"),
        (-4096, "110 1000000000000 0"),
        (-4097, "1110 xfefff 0"),
        (524_287, "1110 x7ffff 0"),
        (524_288, "11110 x0000000000080000 0"),
        (-524_288, "1110 x80000 0"),
        (-524_289, "11110 xfffffffffff7ffff 0"),
    ] {
        let step = 10_000_000;
        check(
            &[(0, 0, 0.0), (step, 0, 0.0), (2 * step + change, 0, 0.0)],
            &format!("x0003 x00 x00 x0000000000000000  x80ade204 0  {code}"),
        );
    }
}

#[test]
fn stale_markers_have_codes_and_are_never_compared_with() {
    let stale = stale_marker();
    check(
        &[
            (1000, 0, 1.0),
            (2000, 0, stale),
            (3000, 0, stale),
            (4000, 0, 1.0),
            (5001, 0, stale),
            (6002, 0, 2.0),
        ],
        "x0006 x00 xd00f x3ff0000000000000
         xe807 111
         11111
         0
         110 0000000000001 111
         10 1 00001 001011 11111111111",
    );
    // Behind a first one the next is compared with zero. Another NaN is a value.
    let nan = f64::from_bits(0x7ff8_0000_0000_0001);
    check(
        &[(0, 0, stale), (1, 0, 0.0), (2, 0, 1.0), (3, 0, nan)],
        "x0004 x00 x00 x7ff0000000000002
         x01 0
         10 1 00010 001010 1111111111
         10 1 00001 111111 100 x008000000000001",
    );
}

#[test]
fn starts_are_written_from_where_they_change() {
    let at = |time, start| (time, start, 1.0);
    for (samples, words) in [
        // The first alone: the time since, with a sign.
        (vec![at(1000, 400), at(2000, 400)], "x0002 x80 xd00f x3ff0000000000000 xb009  xe807 0"),
        (vec![at(1000, 1001)], "x0001 x80 xd00f x3ff0000000000000 x01"),
        (
            vec![at(0, i64::MIN), at(1, i64::MIN)],
            "x0002 x80 x00 x3ff0000000000000 xffffffffffffffffff01  x01 0",
        ),
        // From the second on, then a change of the distance, then none.
        (
            vec![at(1000, 0), at(2000, 400), at(3000, 400), at(4000, 0)],
            "x0004 x01 xd00f x3ff0000000000000
             xe807 0 11110 001001011000
             0 11110 001111101000
             0 11110 010101111000",
        ),
        // Both; a delta, whose start is the time before, costs a bit.
        (
            vec![at(1000, 400), at(2000, 1000), at(3000, 2000)],
            "x0003 x81 xd00f x3ff0000000000000 xb009  xe807 0 0  0 0",
        ),
        // From the fourth on.
        (
            vec![at(1000, 0), at(2000, 0), at(3000, 0), at(4000, 3000), at(5000, 3000)],
            "x0005 x03 xd00f x3ff0000000000000  xe807 0  0  0 0  0 11110 001111101000",
        ),
        // Behind a time and a value that are not as expected.
        (
            vec![at(1000, 0), at(2000, 0), (3001, 1999, 2.0)],
            "x0003 x02 xd00f x3ff0000000000000  xe807 0
             110 0000000000001 110 00001 001011 11111111111 10 001",
        ),
    ] {
        check(&samples, words);
    }
}

#[test]
fn the_last_sample_with_a_number_has_a_start_in_any_case() {
    let times = |count, start| (0..count).map(|time| (time, start, 0.0)).collect::<Vec<_>>();
    let zeros = "0".repeat(125);
    check(&times(127, 0), &format!("x007f x00 x00 x0000000000000000  x01 0 {zeros}"));
    check(
        &times(130, 0),
        &format!(
            "x0082 x7f x00 x0000000000000000  x01 0 {zeros}  0 1110 001111110  0 10 001  0 10 001"
        ),
    );
    check(
        &times(130, -5),
        &format!(
            "x0082 xff x00 x0000000000000000 x0a  x01 0 {zeros}
             0 1110 010000011  0 10 001  0 10 001"
        ),
    );
}

#[test]
fn a_window_of_more_than_64_bits_is_refused() {
    for (words, sample) in [
        ("x0002 x00 x00 x0000000000000000  x01 110 11111 100010", 1),
        ("x0003 x00 x00 x0000000000000000  x01 0  10 1 00001 000000 xffffffffffffffff", 2),
    ] {
        assert_eq!(read(&laid_out(words)).1, Some(ChunkError::Window { sample }));
    }
    assert_eq!(read(&[]), (Vec::new(), None));
    assert_eq!(read(&[0, 0, 0]), (Vec::new(), None));
    for len in 2..17 {
        let bytes = &laid_out("x0001 x80 xd00f x3ff0000000000000 xb009")[..len.min(14)];
        assert_eq!(read(bytes).1, Some(ChunkError::Short { sample: 0 }), "{len} bytes");
    }
}

/// Values as they come: repeated, counting, any bits, stale.
fn values() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => Just(1.0),
        3 => (0_u32..1000).prop_map(f64::from),
        1 => any::<u64>().prop_map(f64::from_bits),
        1 => Just(stale_marker()),
        1 => any::<u64>().prop_map(|low| f64::from_bits(0x7ff0 << 48 | low & 3)),
    ]
}

/// Steps as they come: steady, jittering, at the borders of the encodings, any.
fn steps() -> impl Strategy<Value = i64> {
    let border = (0_u32..21, 0_i64..3).prop_map(|(bits, more)| (1 << bits) + more);
    prop_oneof![6 => Just(15_000), 2 => 14_990_i64..15_010, 2 => border, 1 => any::<i64>()]
}

/// How a start follows from the start before and the time before.
#[derive(Clone, Copy, Debug)]
enum Start {
    Same,
    None,
    /// As of delta samples.
    TimeBefore,
    Any(i64),
}

/// Starts that seldom change, and change all the time.
fn starts() -> impl Strategy<Value = Vec<Start>> {
    let any_start = || any::<i64>().prop_map(Start::Any);
    let seldom = prop_oneof![200 => Just(Start::Same), 1 => Just(Start::None), 1 => any_start()];
    let near = (-2000_i64..2000).prop_map(Start::Any);
    let often = prop_oneof![
        6 => Just(Start::TimeBefore),
        2 => Just(Start::Same),
        1 => Just(Start::None),
        1 => near,
        1 => any_start(),
    ];
    let seldom = prop::collection::vec(seldom, 400);
    let often = prop::collection::vec(often, 400);
    // From somewhere on they are as they were.
    let late = (0_usize..200, often.clone()).prop_map(|(from, often)| {
        let before = std::iter::repeat_n(Start::None, from);
        before.chain(often).collect()
    });
    prop_oneof![Just(vec![Start::None; 400]), seldom, often, late]
}

fn samples() -> impl Strategy<Value = Vec<Sample>> {
    let first = prop_oneof![Just(0), any::<i32>().prop_map(i64::from), any::<i64>()];
    let rest = prop::collection::vec((steps(), values()), 0..400);
    (first, rest, starts()).prop_map(|(first, rest, starts)| {
        let (mut time, mut start, mut samples) = (first, 0, Vec::new());
        for ((step, value), next) in rest.into_iter().zip(starts) {
            start = match next {
                Start::Same => start,
                Start::None => 0,
                Start::TimeBefore => time,
                Start::Any(start) => start,
            };
            time = time.wrapping_add(step);
            samples.push((time, start, value));
        }
        samples
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_chunk_gives_back_its_samples_and_their_starts(samples in samples()) {
        let bytes = write(&samples).finish();
        prop_assert_eq!(chunk::samples(Encoding::Xor2, &bytes), samples.len() as u16);
        let (found, error) = read(&bytes);
        prop_assert_eq!((bits(&found), error), (bits(&samples), None));
        // Cut anywhere it gives a beginning of the samples, and then an error.
        for len in (2..bytes.len()).step_by(if bytes.len() < 100 { 1 } else { 11 }) {
            let (found, error) = read(&bytes[..len]);
            prop_assert_eq!(&bits(&found), &bits(&samples)[..found.len()]);
            prop_assert_eq!(error, Some(ChunkError::Short { sample: found.len() as u16 }));
        }
    }

    #[test]
    fn columns_hold_the_samples_of_a_range(
        samples in samples(), from in 0_usize..400, to in 0_usize..400,
    ) {
        let mut samples = samples;
        samples.sort_by_key(|sample| sample.0);
        samples.dedup_by_key(|sample| sample.0);
        let time = |at: usize, none| samples.get(at).map_or(none, |sample| sample.0);
        let (from, to) = (time(from, i64::MIN), time(to, i64::MAX));
        let mut columns = SampleColumns::default();
        let bytes = write(&samples).finish();
        chunk::read(Encoding::Xor2, &bytes, from, to, &mut columns).unwrap();
        samples.retain(|sample| (from..=to).contains(&sample.0));
        let start = |at| columns.start(at).unwrap_or_default();
        let found: Vec<Sample> = (0..columns.len())
            .map(|at| (columns.timestamps[at], start(at), columns.values[at]))
            .collect();
        prop_assert_eq!(bits(&found), bits(&samples));
    }

    #[test]
    fn any_bytes_are_read_as_a_chunk_or_refused(
        bytes in prop::collection::vec(any::<u8>(), 0..200), count in 0_u8..40,
    ) {
        let mut bytes = bytes;
        for few in [false, true] {
            if few && bytes.len() >= 2 {
                bytes[..2].copy_from_slice(&[0, count]);
            }
            let (found, _) = read(&bytes);
            prop_assert!(found.len() <= usize::from(chunk::samples(Encoding::Xor2, &bytes)));
            let (again, error) = read(write(&found).bytes());
            prop_assert_eq!((bits(&again), error), (bits(&found), None));
        }
    }
}
