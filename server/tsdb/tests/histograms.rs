//! Native histograms: in chunks, in the head, across restarts and checkpoints, at the seam.

use std::sync::Arc;

use common_model::{
    CUSTOM_BUCKETS_SCHEMA, CounterReset, FloatHistogram, Labels, Span, is_stale_marker,
    stale_marker,
};
use server_storage::{AppendError, Queryable, SampleColumns, SelectHints, SeriesRef};
use server_tsdb::chunk::histogram::{Count, Fit, Histogram, HistogramReader, HistogramWriter};
use server_tsdb::chunk::{self, Encoding};
use server_tsdb::fs::MemoryFs;
use server_tsdb::{Db, Options};

use crate::support::{DIR, Random, labels, open, open_with};

/// Counters that grow at random in random buckets, seldom reset; sometimes gauges, custom bounds,
/// stale markers, and changes of scale.
pub(crate) struct Source {
    random: Random,
    integer: bool,
    gauge: bool,
    histogram: FloatHistogram,
    counts: [std::collections::BTreeMap<i32, f64>; 2],
}

impl Source {
    pub(crate) fn new(seed: u64, integer: bool) -> Source {
        let mut random = Random::new(seed);
        let custom = random.below(4) == 0;
        let histogram = FloatHistogram {
            schema: if custom { CUSTOM_BUCKETS_SCHEMA } else { random.below(13) as i32 - 4 },
            zero_threshold: match random.below(3) {
                _ if custom => 0.0,
                0 => 0.0,
                1 => 2_f64.powi(-128),
                _ => 0.003,
            },
            custom_values: match custom {
                true => vec![-1.0, 0.001, 0.25, 1.0 / 3.0, 7.0, 40_000.0, 1e300],
                false => Vec::new(),
            },
            ..FloatHistogram::default()
        };
        let gauge = random.below(4) == 0;
        Source { random, integer, gauge, histogram, counts: Default::default() }
    }

    /// The next sample.
    pub(crate) fn next(&mut self) -> FloatHistogram {
        let random = &mut self.random;
        let custom = !self.histogram.custom_values.is_empty();
        match random.below(60) {
            0 => self.counts = Default::default(),
            1 if !custom => self.histogram.schema = random.below(13) as i32 - 4,
            2 => return FloatHistogram { sum: stale_marker(), ..FloatHistogram::default() },
            3 => self.gauge = !self.gauge,
            _ => {}
        }
        let (integer, gauge) = (self.integer, self.gauge);
        let more = |random: &mut Random| match integer {
            true => random.below(1000) as f64,
            false => random.below(1000) as f64 / 7.0,
        };
        for (side, counts) in self.counts.iter_mut().enumerate() {
            for _ in 0..random.below(5) {
                let at = match custom {
                    true if side == 1 => break,
                    true => random.below(8) as i32,
                    false => random.below(40) as i32 - 20,
                };
                let value = more(random);
                let count = counts.entry(at).or_default();
                *count = if gauge { value } else { *count + value };
            }
            if gauge && random.below(5) == 0 {
                counts.pop_first();
            }
        }
        let h = &mut self.histogram;
        if !custom {
            h.zero_count = if gauge { 0.0 } else { h.zero_count } + more(random);
        }
        (h.positive_spans, h.positive_buckets) = spans(&self.counts[0]);
        (h.negative_spans, h.negative_buckets) = spans(&self.counts[1]);
        h.count = h.zero_count + h.positive_buckets.iter().chain(&h.negative_buckets).sum::<f64>();
        h.sum = random.next() as f64 / 1e12;
        h.counter_reset = if gauge { CounterReset::Gauge } else { CounterReset::Unknown };
        h.clone()
    }
}

fn spans(counts: &std::collections::BTreeMap<i32, f64>) -> (Vec<Span>, Vec<f64>) {
    let (mut spans, mut end) = (Vec::<Span>::new(), 0);
    for &at in counts.keys() {
        match spans.last_mut().filter(|_| at == end) {
            Some(span) => span.length += 1,
            None => spans.push(Span { offset: at - end, length: 1 }),
        }
        end = at + 1;
    }
    (spans, counts.values().copied().collect())
}

/// A histogram without empty buckets, its hint and the cut of its spans: what queries see.
pub(crate) fn meaning(h: &FloatHistogram) -> String {
    if is_stale_marker(h.sum) {
        return "stale".to_owned();
    }
    let side = |spans: &[Span], counts: &[f64]| {
        let (mut end, mut filled) = (0, Vec::new());
        let mut counts = counts.iter();
        for span in spans {
            for at in end + span.offset..end + span.offset + span.length as i32 {
                let count = *counts.next().unwrap();
                if count != 0.0 {
                    filled.push((at, count));
                }
            }
            end += span.offset + span.length as i32;
        }
        filled
    };
    let positive = side(&h.positive_spans, &h.positive_buckets);
    let negative = side(&h.negative_spans, &h.negative_buckets);
    format!(
        "{} {:?} {} {} {:?} {positive:?} {negative:?} {:?} {}",
        h.schema,
        h.zero_threshold,
        h.count,
        h.zero_count,
        h.sum,
        h.custom_values,
        h.counter_reset == CounterReset::Gauge,
    )
}

/// Every sample of a store, floats by their value.
pub(crate) fn all(store: &dyn Queryable) -> Vec<(Labels, Vec<(i64, String)>)> {
    let querier = store.querier(i64::MIN, i64::MAX).unwrap();
    let hints = SelectHints { start: i64::MIN, end: i64::MAX, ..SelectHints::default() };
    let mut set = querier.select(true, &hints, &[]).unwrap();
    let (mut columns, mut found) = (SampleColumns::default(), Vec::new());
    while let Some(labels) = set.next(&mut columns).unwrap() {
        let sample = |at: usize| match columns.histogram(at) {
            Some(histogram) => meaning(histogram),
            None if is_stale_marker(columns.values[at]) => "stale".to_owned(),
            None => columns.values[at].to_string(),
        };
        let times = columns.timestamps.iter().enumerate();
        found.push((labels, times.map(|(at, time)| (*time, sample(at))).collect()));
    }
    found
}

/// Puts histograms into as many chunks as they need and takes them out again.
fn through_chunks<T: Count>(histograms: &[(i64, Histogram<T>)]) -> (Vec<(i64, String)>, usize) {
    let (mut chunks, mut open): (Vec<Box<[u8]>>, Option<HistogramWriter<T>>) = (Vec::new(), None);
    for (time, histogram) in histograms {
        let fit = open.as_ref().map(|writer| writer.fit(histogram));
        match (&mut open, fit) {
            (Some(writer), Some(fit)) if !matches!(fit, Fit::Apart { .. }) => {
                writer.append(&fit, *time, histogram);
                assert!(writer.last().same_counts(histogram));
            }
            _ => {
                let hint = histogram.counter_reset;
                let before = open.replace(HistogramWriter::begin(hint, *time, histogram));
                chunks.extend(before.map(HistogramWriter::finish));
            }
        }
    }
    chunks.extend(open.map(HistogramWriter::finish));
    let mut columns = SampleColumns::default();
    for bytes in &chunks {
        chunk::read(T::ENCODING, bytes, i64::MIN, i64::MAX, &mut columns).unwrap();
        cut_anywhere::<T>(bytes);
    }
    let found = columns.histograms.iter().map(|h| meaning(h.as_ref().unwrap()));
    (columns.timestamps.iter().copied().zip(found).collect(), chunks.len())
}

/// A chunk that was cut gives a beginning of its samples and then an error.
fn cut_anywhere<T: Count>(bytes: &[u8]) {
    for len in (0..bytes.len()).step_by(37) {
        let Ok(mut reader) = HistogramReader::<T>::new(&bytes[..len]) else { continue };
        while let Ok(Some(_)) = reader.next_time() {
            let _ = reader.histogram();
        }
    }
}

#[test]
fn chunks_give_back_their_histograms() {
    let (mut samples, mut chunks) = (0, 0);
    for seed in 0..60 {
        let integer = seed % 2 == 0;
        let mut source = Source::new(seed, integer);
        let mut random = Random::new(seed);
        let mut time = random.next() as i64 >> random.below(60);
        let mut next = || {
            time = time.saturating_add(1 + random.below(30_000) as i64);
            (time, source.next())
        };
        let taken: Vec<(i64, FloatHistogram)> = (0..200).map(|_| next()).collect();
        let wanted: Vec<(i64, String)> = taken.iter().map(|(t, h)| (*t, meaning(h))).collect();
        let (found, count) = match integer {
            true => {
                let integer = |(t, h): &(i64, _)| (*t, Histogram::<i64>::from_float(h).unwrap());
                through_chunks(&taken.iter().map(integer).collect::<Vec<_>>())
            }
            false => {
                let float = |(t, h): &(i64, _)| (*t, Histogram::<f64>::from(h));
                through_chunks(&taken.iter().map(float).collect::<Vec<_>>())
            }
        };
        assert_eq!(found, wanted, "seed {seed}");
        (samples, chunks) = (samples + found.len(), chunks + count);
    }
    println!("{samples} histograms in {chunks} chunks");
    assert!(chunks < samples / 3, "hardly anything was recoded");
}

#[test]
fn any_bytes_are_read_as_a_chunk_or_refused() {
    let mut random = Random::new(5);
    let mut read = 0;
    for _ in 0..20_000 {
        let len = random.below(60) as usize;
        let mut bytes: Vec<u8> =
            (0..len).map(|_| (random.next() >> random.below(64)) as u8).collect();
        if let Some(count) = bytes.first_mut() {
            *count = 0;
        }
        for encoding in [Encoding::Histogram, Encoding::FloatHistogram] {
            let mut columns = SampleColumns::default();
            let whole = chunk::read(encoding, &bytes, i64::MIN, i64::MAX, &mut columns);
            read += usize::from(whole.is_ok() && !columns.is_empty());
        }
    }
    assert!(read > 10, "no bytes made sense: {read}");
}

fn gauge(sum: f64) -> FloatHistogram {
    FloatHistogram { count: 1.0, zero_count: 1.0, sum, ..FloatHistogram::default() }
}

fn mixed(db: &Db, steps: std::ops::Range<i64>) {
    let mut sources: Vec<Source> = (0..12).map(|n| Source::new(n, n % 2 == 0)).collect();
    for step in 0..steps.end {
        let mut batch = db.appender();
        for (n, source) in sources.iter_mut().enumerate() {
            let (time, id) = (step * 15_000, n.to_string());
            let series = labels(&[("__name__", "h"), ("n", id.as_str())]);
            let histogram = source.next();
            if step < steps.start {
                continue;
            }
            match n {
                // A series that is now this, now that; and twice in one batch.
                0 if step % 7 < 3 => {
                    batch.append(SeriesRef(0), &series, time, step as f64).unwrap();
                    batch.append_histogram(SeriesRef(0), &series, time + 1, &histogram).unwrap();
                    batch.append(SeriesRef(0), &series, time + 2, step as f64).unwrap();
                }
                _ if n % 2 == 0 => {
                    batch
                        .append_integer_histogram(SeriesRef(0), &series, time, &histogram)
                        .unwrap();
                }
                _ => {
                    batch.append_histogram(SeriesRef(0), &series, time, &histogram).unwrap();
                }
            }
        }
        let floats = labels(&[("__name__", "f")]);
        if steps.contains(&step) {
            batch.append(SeriesRef(0), &floats, step * 15_000, step as f64).unwrap();
            batch.commit().unwrap();
        }
    }
}

#[test]
fn histograms_are_found_and_survive_a_kill_and_a_checkpoint() {
    let fs = MemoryFs::default();
    let options = Options { wal_segment_bytes: 64 * 1024, ..Options::new(DIR) };
    let db = open_with(Arc::new(fs.clone()), options.clone());
    mixed(&db, 0..400);
    let before = all(&db);
    assert_eq!(before.iter().map(|(_, samples)| samples.len()).sum::<usize>(), 5200 + 2 * 172);
    let again = open_with(Arc::new(fs.after_kill()), options.clone());
    assert_eq!(all(&again), before);
    assert_eq!(again.replay_report().records_invalid, 0);
    db.map_head_chunks().unwrap();
    assert_eq!(again.stats().chunk_bytes, db.stats().chunk_bytes);

    let cut = 200 * 15_000;
    db.truncate(cut).unwrap();
    let after = open_with(Arc::new(fs.after_kill()), options);
    let newer = |all: Vec<(Labels, Vec<(i64, String)>)>| -> Vec<(Labels, Vec<(i64, String)>)> {
        let newer = |samples: Vec<(i64, String)>| {
            samples.into_iter().filter(|sample| sample.0 >= cut).collect()
        };
        all.into_iter().map(|(labels, samples)| (labels, newer(samples))).collect()
    };
    assert_eq!(newer(all(&after)), newer(before));
    db.truncate(i64::MAX).unwrap();
    assert_eq!((db.stats().series, db.stats().chunk_bytes), (0, 0), "every byte was accounted for");
}

#[test]
fn a_series_of_histograms_ends_with_a_stale_histogram() {
    let db = open(&MemoryFs::default());
    let up = labels(&[("__name__", "h")]);
    for (time, integer) in [(1, true), (3, false)] {
        let mut batch = db.appender();
        match integer {
            true => batch.append_integer_histogram(SeriesRef(0), &up, time, &gauge(1.0)).unwrap(),
            false => batch.append_histogram(SeriesRef(0), &up, time, &gauge(1.0)).unwrap(),
        };
        batch.commit().unwrap();
        let mut batch = db.appender();
        batch.append(SeriesRef(0), &up, time + 1, stale_marker()).unwrap();
        batch.commit().unwrap();
    }
    let querier = db.querier(0, 10);
    let hints = SelectHints { start: 0, end: 10, ..SelectHints::default() };
    let mut columns = SampleColumns::default();
    querier.select(true, &hints, &[]).unwrap().next(&mut columns).unwrap();
    assert_eq!(columns.timestamps, [1, 2, 3, 4]);
    for at in [1, 3] {
        assert!(is_stale_marker(columns.values[at]) && columns.histogram(at).is_some());
    }
    assert_eq!(db.stats().chunks, 2, "markers are written like the samples before them");
}

#[test]
fn histograms_out_of_turn_are_refused_like_floats() {
    let db = open(&MemoryFs::default());
    let up = labels(&[("__name__", "h")]);
    let mut batch = db.appender();
    batch.append_histogram(SeriesRef(0), &up, 10_000_000, &gauge(1.0)).unwrap();
    batch.commit().unwrap();
    for (time, sum, wanted) in [
        (10_000_000, 1.0, None),
        (10_000_000, 2.0, Some(AppendError::Duplicate)),
        (9_999_999, 1.0, Some(AppendError::OutOfOrder)),
        (10_000_000 - 3_600_001, 1.0, Some(AppendError::OutOfBounds)),
        (10_000_001, 2.0, None),
    ] {
        let got = db.appender().append_histogram(SeriesRef(0), &up, time, &gauge(sum)).err();
        assert_eq!(got, wanted, "{time} {sum}");
    }
    let float = db.appender().append(SeriesRef(0), &up, 10_000_000, 1.0).err();
    assert_eq!(float, Some(AppendError::Duplicate));
}

#[test]
fn histograms_that_contradict_themselves_are_refused() {
    let db = open(&MemoryFs::default());
    let up = labels(&[("__name__", "h")]);
    let span = |offset, length| Span { offset, length };
    let custom = FloatHistogram { schema: CUSTOM_BUCKETS_SCHEMA, ..FloatHistogram::default() };
    for (histogram, wanted) in [
        (FloatHistogram { schema: 9, ..gauge(1.0) }, "schema 9: unknown"),
        (
            FloatHistogram { positive_spans: vec![span(0, 2)], ..gauge(1.0) },
            "positive side: spans need 2 buckets, have 0 buckets",
        ),
        (
            FloatHistogram {
                negative_spans: vec![span(0, 1), span(-1, 1)],
                negative_buckets: vec![1.0, 1.0],
                ..gauge(1.0)
            },
            "negative side: span number 2 with offset -1: negative offset",
        ),
        (
            FloatHistogram {
                positive_spans: vec![span(0, 1)],
                positive_buckets: vec![-1.0],
                ..gauge(1.0)
            },
            "positive side: bucket number 1 has observation count of -1: negative",
        ),
        (
            FloatHistogram { custom_values: vec![2.0, 1.0], ..custom.clone() },
            "custom buckets: previous bound is 2 and current is 1",
        ),
        (
            FloatHistogram { custom_values: vec![f64::INFINITY], ..custom.clone() },
            "custom buckets: last +Inf bound must not be explicitly defined",
        ),
        (
            FloatHistogram {
                positive_spans: vec![span(1, 1)],
                positive_buckets: vec![1.0],
                ..custom
            },
            "custom buckets: only 0 custom bounds defined",
        ),
    ] {
        let got = db.appender().append_histogram(SeriesRef(0), &up, 1, &histogram).err();
        assert_eq!(got, Some(AppendError::InvalidHistogram(wanted.to_owned())));
    }
}
