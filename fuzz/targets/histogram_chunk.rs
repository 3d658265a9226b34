//! Histogram chunks, without starts and with them: arbitrary bytes are decoded, and what was decoded is
//! written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use server_tsdb::chunk::ChunkError;
use server_tsdb::chunk::histogram::{Count, Fit, HistogramReader, HistogramWriter};

fuzz_target!(|bytes: &[u8]| {
    for with_starts in [false, true] {
        again::<i64>(bytes, with_starts);
        again::<f64>(bytes, with_starts);
    }
});

fn open<T: Count>(bytes: &[u8], with_starts: bool) -> Result<HistogramReader<'_, T>, ChunkError> {
    if with_starts { HistogramReader::with_starts(bytes) } else { HistogramReader::new(bytes) }
}

fn again<T: Count>(bytes: &[u8], with_starts: bool) {
    let Ok(mut reader) = open::<T>(bytes, with_starts) else { return };
    let mut writer: Option<HistogramWriter<T>> = None;
    while let Ok(Some(time)) = reader.next_time() {
        let (start, histogram) = (reader.start(), reader.histogram());
        assert!(histogram.is_sound());
        let fit = writer.as_ref().map(|writer| writer.fit(&histogram));
        match (&mut writer, fit) {
            (Some(writer), Some(fit)) if !matches!(fit, Fit::Apart { .. }) => {
                writer.append_with_start(&fit, time, start, &histogram);
            }
            _ => {
                let reset = histogram.counter_reset;
                writer = Some(match with_starts {
                    true => HistogramWriter::begin_with_start(reset, time, start, &histogram),
                    false => HistogramWriter::begin(reset, time, &histogram),
                });
            }
        }
        let Some(writer) = &writer else { return };
        let mut last = open::<T>(writer.bytes(), with_starts).expect("our own bytes");
        let mut newest = None;
        while let Some(time) = last.next_time().expect("whole") {
            newest = Some((time, last.start()));
        }
        assert_eq!(newest, Some((time, start)));
        let _ = histogram.into_float();
    }
}
