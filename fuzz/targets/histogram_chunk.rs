//! Histogram chunks: arbitrary bytes are decoded, and what was decoded is written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use server_tsdb::chunk::histogram::{Count, Fit, HistogramReader, HistogramWriter};

fuzz_target!(|bytes: &[u8]| {
    again::<i64>(bytes);
    again::<f64>(bytes);
});

fn again<T: Count>(bytes: &[u8]) {
    let Ok(mut reader) = HistogramReader::<T>::new(bytes) else { return };
    let mut writer: Option<HistogramWriter<T>> = None;
    while let Ok(Some(time)) = reader.next_time() {
        let histogram = reader.histogram();
        assert!(histogram.is_sound());
        let fit = writer.as_ref().map(|writer| writer.fit(&histogram));
        match (&mut writer, fit) {
            (Some(writer), Some(fit)) if !matches!(fit, Fit::Apart { .. }) => {
                writer.append(&fit, time, &histogram);
            }
            _ => {
                writer = Some(HistogramWriter::begin(histogram.counter_reset, time, &histogram));
            }
        }
        let Some(writer) = &writer else { return };
        let mut last = HistogramReader::<T>::new(writer.bytes()).expect("our own bytes");
        let mut newest = None;
        while let Some(time) = last.next_time().expect("whole") {
            newest = Some(time);
        }
        assert_eq!(newest, Some(time));
        let _ = histogram.into_float();
    }
}
