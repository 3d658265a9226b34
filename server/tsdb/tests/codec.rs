//! Chunks, records and segments give back what was put in, and take any bytes without panicking.

use common_model::{Metadata, MetricType};
use proptest::prelude::*;
use server_tsdb::chunk::xor::{XorReader, XorWriter, count};
use server_tsdb::fs::{Fs, MemoryFs};
use server_tsdb::wal::record::{self, RecordKind, RefSample};
use server_tsdb::wal::writer::Record;
use server_tsdb::wal::{Event, SegmentReader, Wal, WalCounters};

use std::path::Path;
use std::sync::Arc;

/// Values as they come: repeated, counting, any bits.
fn values() -> impl Strategy<Value = f64> {
    prop_oneof![
        2 => Just(1.0),
        2 => (0_u32..1000).prop_map(f64::from),
        1 => any::<u64>().prop_map(f64::from_bits),
    ]
}

/// Steps as they come: steady, jittering, at the borders of the encodings, any.
fn steps() -> impl Strategy<Value = u64> {
    let border = (0_u32..21, 0_u64..3).prop_map(|(bits, more)| (1 << bits) + more);
    prop_oneof![3 => Just(15_000), 2 => 14_990_u64..15_010, 2 => border, 1 => 1..u64::MAX / 2000]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_chunk_gives_back_its_samples(
        start in prop_oneof![Just(0), any::<i32>().prop_map(i64::from), Just(i64::MIN)],
        samples in prop::collection::vec((steps(), values()), 1..600),
    ) {
        let (mut writer, mut time) = (XorWriter::default(), start);
        let mut wanted = Vec::new();
        for (step, value) in samples {
            let Some(next) = time.checked_add_unsigned(step) else { break };
            time = next;
            writer.append(time, value);
            wanted.push((time, value.to_bits()));
        }
        prop_assert_eq!(usize::from(writer.count()), wanted.len());
        let bytes = writer.finish();
        let (mut reader, mut found) = (XorReader::new(&bytes), Vec::new());
        while let Some((time, value)) = reader.next_sample().unwrap() {
            found.push((time, value.to_bits()));
        }
        prop_assert_eq!(&found, &wanted);
        // Cut anywhere it gives a beginning of the samples, and then an error.
        for len in (2..bytes.len()).step_by(11) {
            let mut reader = XorReader::new(&bytes[..len]);
            let mut read = 0;
            while let Ok(Some((time, value))) = reader.next_sample() {
                prop_assert_eq!((time, value.to_bits()), wanted[read]);
                read += 1;
            }
            prop_assert!(reader.next_sample().is_err() || read == wanted.len());
        }
    }

    #[test]
    fn any_bytes_are_read_as_a_chunk_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut reader = XorReader::new(&bytes);
        let mut read = 0;
        while let Ok(Some(_)) = reader.next_sample() {
            read += 1;
        }
        prop_assert!(read <= count(&bytes));
    }

    #[test]
    fn records_give_back_what_they_hold(
        samples in prop::collection::vec((any::<u64>(), any::<i64>(), any::<u64>()), 1..50),
        labels in prop::collection::vec((".{0,9}", ".{0,200}"), 0..9),
    ) {
        let sample = |(series, time, bits)| RefSample { series, time, value: f64::from_bits(bits) };
        let mut out = Vec::new();
        record::encode_samples(&mut out, samples.iter().copied().map(sample));
        let mut found = Vec::new();
        record::decode_samples(&out, |s, _| found.push((s.series, s.time, s.value.to_bits()))).unwrap();
        prop_assert_eq!(&found, &samples);

        let mut out = Vec::new();
        record::begin_series(&mut out);
        let pairs = labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        record::push_series(&mut out, 7, labels.len(), pairs.clone());
        record::push_series(&mut out, u64::MAX, labels.len(), pairs);
        let mut found = Vec::new();
        let each = |series, labels: &[(&str, &str)]| found.push((series, labels.len()));
        record::decode_series(&out, each).unwrap();
        prop_assert_eq!(found, [(7, labels.len()), (u64::MAX, labels.len())]);
    }

    #[test]
    fn any_bytes_are_read_as_records_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = record::decode_series(&bytes, |_, _| ());
        let _ = record::decode_samples(&bytes, |_, _| ());
        let _ = record::decode_metadata(&bytes, |_, _| ());
        let _ = record::decode_tombstones(&bytes, |_, _, _| ());
    }

    #[test]
    fn any_bytes_are_read_as_a_segment(bytes in prop::collection::vec(0_u8..12, 0..70_000)) {
        let fs = MemoryFs::default();
        fs.put(Path::new("/segment"), &bytes);
        let mut reader = SegmentReader::open(&fs, Path::new("/segment")).unwrap();
        let mut events = 0;
        while reader.next_event().unwrap() != Event::End {
            events += 1;
            prop_assert!(events <= bytes.len());
        }
    }

    #[test]
    fn a_log_gives_back_its_records(
        sizes in prop::collection::vec(prop_oneof![0_usize..300, 32_700_usize..32_800, 0_usize..150_000], 1..12),
        compressible in any::<bool>(),
    ) {
        let fs = MemoryFs::default();
        let dir = Path::new("/wal");
        fs.create_dir(dir).unwrap();
        let counters = Arc::new(WalCounters::default());
        let mut wal = Wal::new(Arc::new(fs.clone()), dir, 3 * 32 * 1024, 0, counters);
        let mut wanted = Vec::new();
        for (at, size) in sizes.into_iter().enumerate() {
            let byte = |n: usize| if compressible { at } else { n.wrapping_mul(n) >> 3 };
            let plain: Vec<u8> = (0..size).map(|n| byte(n) as u8).collect();
            wal.log(vec![Record::new(&plain)]).unwrap();
            wanted.push(plain);
        }
        let mut found = Vec::new();
        for entry in fs.list(dir).unwrap() {
            let mut reader = SegmentReader::open(&fs, &dir.join(entry.name)).unwrap();
            loop {
                match reader.next_event().unwrap() {
                    Event::Record => found.push(reader.record().to_vec()),
                    Event::End => break,
                    corrupt @ Event::Corrupt { .. } => panic!("{corrupt:?}"),
                }
            }
        }
        prop_assert!(found == wanted, "{} of {} records", found.len(), wanted.len());
    }
}

#[test]
fn records_are_laid_out_as_prometheus_lays_them_out() {
    let mut out = Vec::new();
    let sample = |series, time, value| RefSample { series, time, value };
    let samples = [sample(5, 1000, 1.0), sample(4, 1015, -2.5), sample(300, 1000, 0.0)];
    record::encode_samples(&mut out, samples);
    let wanted = "02 0000000000000005 00000000000003e8 00 00 3ff0000000000000 \
                  01 1e c004000000000000 ce04 00 0000000000000000";
    assert_eq!(hex(&out), wanted.replace(' ', ""));

    let mut out = Vec::new();
    record::begin_series(&mut out);
    record::push_series(&mut out, 1, 2, [("__name__", "up"), ("a", "b")].into_iter());
    let wanted = "01 0000000000000001 02 08 5f5f6e616d655f5f 02 7570 01 61 01 62";
    assert_eq!(hex(&out), wanted.replace(' ', ""));

    let mut out = Vec::new();
    record::begin_metadata(&mut out);
    let metadata = Metadata { kind: MetricType::Gauge, help: "H".into(), unit: "s".into() };
    record::push_metadata(&mut out, 300, &metadata);
    let wanted = "06 ac02 02 02 04 554e4954 01 73 04 48454c50 01 48";
    assert_eq!(hex(&out), wanted.replace(' ', ""));

    let mut out = Vec::new();
    record::encode_samples(&mut out, []);
    assert!(out.is_empty());
    assert_eq!(record::kind(&out), RecordKind::Unknown);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
