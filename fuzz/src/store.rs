//! Small stores with everything that a series may hold.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use common_model::{CUSTOM_BUCKETS_SCHEMA, CounterReset, FloatHistogram, Labels, STALE_NAN, Span};
use common_testkit::Rng;
use server_storage::memory::MemoryStore;
use server_storage::{Appendable as _, SeriesRef};

/// Samples of a series, at most.
const SAMPLES_MAX: u64 = 24;
/// Values that are worth more than others.
const VALUES: &[f64] = &[
    0.0,
    -0.0,
    1.0,
    -1.0,
    2.5,
    0.1,
    1e300,
    -1e300,
    5e-324,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
    f64::MAX,
    f64::MIN,
    9_007_199_254_740_993.0,
    1e9,
    -62_135_596_800.0,
    3e11,
];

/// Names and other labels of the series.
const SERIES: &[&[(&str, &str)]] = &[
    &[("__name__", "a"), ("x", "1")],
    &[("__name__", "a"), ("x", "2"), ("y", "b")],
    &[("__name__", "a"), ("x", "")],
    &[("__name__", "b"), ("x", "1")],
    &[("__name__", "b"), ("x", "2"), ("instance", "i"), ("job", "j")],
    &[("__name__", "target_info"), ("instance", "i"), ("job", "j"), ("v", "1")],
    &[("__name__", "h_bucket"), ("le", "1"), ("x", "1")],
    &[("__name__", "h_bucket"), ("le", "2.5"), ("x", "1")],
    &[("__name__", "h_bucket"), ("le", "+Inf"), ("x", "1")],
    &[("__name__", "h_bucket"), ("le", "none"), ("x", "1")],
    &[("__name__", "h"), ("x", "1")],
    &[("__name__", "h"), ("x", "2")],
    &[("__name__", "h"), ("x", "3"), ("y", "b")],
    &[("__name__", "a"), ("x", "é\n\"")],
];

thread_local! {
    static STORES: RefCell<HashMap<u8, MemoryStore>> = RefCell::default();
}

/// The store of a number, made once.
#[must_use]
pub fn store(number: u8) -> MemoryStore {
    STORES.with_borrow_mut(|stores| stores.entry(number).or_insert_with(|| filled(number)).clone())
}

fn filled(number: u8) -> MemoryStore {
    let mut rng = Rng::new(u64::from(number));
    let store = MemoryStore::default();
    let mut appender = store.appender();
    for labels in SERIES {
        let labels = Labels::from_pairs(labels.iter().copied());
        let mut time = -(rng.below(100_000) as i64);
        let wild = rng.chance(1, 3);
        let histograms = rng.below(4) + 4 * u64::from(labels.metric_name() == "h");
        let mut sum = 0.0;
        for _ in 0..rng.below(SAMPLES_MAX) {
            time += [1, 10_000, 15_000, 15_000, 15_000, 60_000, 400_000][rng.index(7)];
            let added = if rng.below(8) < histograms {
                let histogram = Arc::new(histogram(&mut rng, wild));
                appender.append_histogram(SeriesRef(0), &labels, time, &histogram)
            } else {
                sum += rng.unit() * 10.0;
                let value = match rng.below(20) {
                    0 => f64::from_bits(STALE_NAN),
                    1 => 0.0,
                    _ if wild => *rng.pick(VALUES),
                    _ => sum,
                };
                appender.append(SeriesRef(0), &labels, time, value)
            };
            added.expect("times of a series rise");
        }
    }
    appender.commit().expect("nothing is written");
    store
}

/// A histogram as the database would give it back.
fn histogram(rng: &mut Rng, wild: bool) -> FloatHistogram {
    if rng.chance(1, 12) {
        return FloatHistogram { sum: f64::from_bits(STALE_NAN), ..FloatHistogram::default() };
    }
    let count = |rng: &mut Rng| match rng.below(16) {
        0 if wild => f64::INFINITY,
        1 if wild => 1e300,
        _ => rng.below(50) as f64 / 2.0,
    };
    let custom = rng.chance(1, 3);
    let hints = [CounterReset::Unknown, CounterReset::Reset, CounterReset::NotReset];
    let mut made = FloatHistogram {
        counter_reset: if rng.chance(1, 5) { CounterReset::Gauge } else { *rng.pick(&hints) },
        schema: rng.below(13) as i32 - 4,
        sum: if wild { *rng.pick(VALUES) } else { rng.unit() * 100.0 },
        ..FloatHistogram::default()
    };
    if custom {
        made.schema = CUSTOM_BUCKETS_SCHEMA;
        let first = rng.below(4) as f64 - 2.0;
        made.custom_values = (0..rng.below(5)).map(|at| first + at as f64 * 1.5).collect();
        let length = made.custom_values.len() as u32 + 1;
        made.positive_spans = vec![Span { offset: 0, length }];
    } else {
        made.zero_threshold = *rng.pick(&[0.0, 0.001, 1.0, 3.0]);
        made.zero_count = count(rng);
        made.positive_spans = spans(rng, wild);
        made.negative_spans = spans(rng, wild);
    }
    let buckets = |spans: &[Span]| spans.iter().map(|span| span.length).sum::<u32>();
    let lengths = [buckets(&made.positive_spans), buckets(&made.negative_spans)];
    made.positive_buckets = (0..lengths[0]).map(|_| count(rng)).collect();
    made.negative_buckets = (0..lengths[1]).map(|_| count(rng)).collect();
    let all = made.positive_buckets.iter().chain(&made.negative_buckets);
    made.count = made.zero_count + all.sum::<f64>();
    made
}

fn spans(rng: &mut Rng, wild: bool) -> Vec<Span> {
    let mut spans = Vec::new();
    for at in 0..rng.below(4) {
        let offset = if at == 0 { rng.below(9) as i32 - 4 } else { rng.below(5) as i32 };
        let far = if wild && rng.chance(1, 8) { 1_000 } else { 0 };
        spans.push(Span { offset: offset + far, length: rng.below(4) as u32 });
    }
    spans
}
