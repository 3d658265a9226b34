//! Random series: all that is odd about samples, over two hours, with labels that overlap.

use common_model::{CounterReset, FloatHistogram, Labels, NORMAL_NAN, Span, stale_marker};
use common_testkit::Rng;

/// Time of the first samples, in milliseconds.
pub(super) const START_MS: i64 = 1_700_000_000_000;
/// Time from the first samples to the last.
pub(super) const LENGTH_MS: i64 = 2 * 60 * 60 * 1000;

/// One sample.
#[derive(Clone, Debug)]
pub(super) enum Point {
    Float(f64),
    /// A native histogram; whole numbers travel as such where the flag says so.
    Histogram(FloatHistogram, bool),
}

/// One series with its samples in order of time.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) labels: Labels,
    pub(super) points: Vec<(i64, Point)>,
}

/// Values that arithmetic trips over.
const SPECIAL: &[f64] = &[
    0.0,
    -0.0,
    1.0,
    -1.0,
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    1e300,
    -1e300,
    f64::MAX,
    5e-324,
    1e-300,
    9_007_199_254_740_993.0,
    0.1,
    1e16,
];

/// What a bucket holds at least after a reset: 3.5.3 extrapolates the rates of native histograms
/// below zero (prometheus#15976), so zero must be far away.
const BASE: f64 = 2000.0;

/// Upper bounds of the classic buckets; the same as those of the custom buckets.
const BOUNDS: &[(&str, f64)] =
    &[("0.1", 0.1), ("0.5", 0.5), ("1", 1.0), ("2.5", 2.5), ("10", 10.0)];

/// All series of a seed, sorted by labels.
pub(super) fn series(rng: &mut Rng) -> Vec<Series> {
    let mut all = Vec::new();
    for (job, instance) in pairs(&["a", "b", "c"], &["0", "1", "2"]) {
        let labels = |name: &str| {
            vec![("__name__", name.to_owned()), ("job", job.into()), ("instance", instance.into())]
        };
        add(&mut all, rng, labels("g"), walk);
        add(&mut all, rng, labels("c_total"), counter);
        add(&mut all, rng, labels("h"), integer_histogram);
        add(&mut all, rng, labels("h0"), young_histogram);
        if job != "c" {
            add(&mut all, rng, labels("odd"), special);
            add(&mut all, rng, labels("hf"), gauge_histogram);
            add(&mut all, rng, labels("hc"), custom_histogram);
            add(&mut all, rng, labels("hx"), bounds_that_differ);
            add(&mut all, rng, labels("mixed"), mixed);
            for mode in ["x", "y"] {
                let more = [("mode", mode.to_owned())];
                add(&mut all, rng, labels("g2").into_iter().chain(more).collect(), whole);
            }
            let version = [("version", format!("v{}", rng.below(2)))];
            add(&mut all, rng, labels("target_info").into_iter().chain(version).collect(), one);
            classic(&mut all, rng, job, instance);
        }
    }
    for job in ["a", "b", "d"] {
        let labels = |name: &str| vec![("__name__", name.to_owned()), ("job", job.to_owned())];
        add(
            &mut all,
            rng,
            labels("team").into_iter().chain([("team", format!("t-{job}"))]).collect(),
            one,
        );
        add(&mut all, rng, labels("sparse"), whole);
        let odd = [("λ.x", format!("ü {job}"))];
        add(&mut all, rng, labels("my.gauge-ü").into_iter().chain(odd).collect(), walk);
    }
    all.sort_by(|a, b| a.labels.cmp(&b.labels));
    all
}

fn pairs<'a>(a: &'a [&'a str], b: &'a [&'a str]) -> Vec<(&'a str, &'a str)> {
    a.iter().flat_map(|a| b.iter().map(|b| (*a, *b))).collect()
}

type Values = fn(&mut Rng, usize) -> Vec<Point>;

fn add(all: &mut Vec<Series>, rng: &mut Rng, labels: Vec<(&str, String)>, values: Values) {
    let labels = Labels::from_pairs(labels);
    let times = times(rng, labels.metric_name() == "sparse");
    let values = values(rng, times.len());
    all.push(Series { labels, points: holes(rng, times.into_iter().zip(values).collect()) });
}

/// Times 15 to 60 s apart, exact or jittered. The first lies at the start in every series, so that
/// both stores meet the series in the same order.
fn times(rng: &mut Rng, sparse: bool) -> Vec<i64> {
    let interval = if sparse { 1_700_000 } else { *rng.pick(&[15_000, 30_000, 30_000, 60_000]) };
    let jitter = if rng.chance(1, 2) { 1 } else { interval / 3 };
    let mut times = vec![START_MS];
    let mut at = interval;
    while at <= LENGTH_MS {
        times.push(START_MS + at + rng.below(jitter as u64) as i64);
        at += interval;
    }
    times
}

/// Takes runs of samples away and puts stale markers.
fn holes(rng: &mut Rng, points: Vec<(i64, Point)>) -> Vec<(i64, Point)> {
    let (holey, stale) = (rng.chance(1, 2), rng.chance(1, 3));
    let mut left_out = 0;
    let mut kept = Vec::new();
    for (at, (time, point)) in points.into_iter().enumerate() {
        if at > 0 && left_out > 0 {
            left_out -= 1;
            continue;
        }
        if holey && rng.chance(1, 40) {
            left_out = rng.below(30);
        }
        if at > 0 && stale && rng.chance(1, 30) {
            kept.push((time, Point::Float(stale_marker())));
        } else {
            kept.push((time, point));
        }
    }
    kept
}

fn walk(rng: &mut Rng, count: usize) -> Vec<Point> {
    let mut value = rng.unit() * 100.0 - 50.0;
    (0..count)
        .map(|_| {
            value += rng.unit() * 10.0 - 5.0;
            Point::Float(value)
        })
        .collect()
}

fn whole(rng: &mut Rng, count: usize) -> Vec<Point> {
    (0..count).map(|_| Point::Float(rng.below(20) as f64 - 5.0)).collect()
}

fn one(_: &mut Rng, count: usize) -> Vec<Point> {
    vec![Point::Float(1.0); count]
}

fn counter(rng: &mut Rng, count: usize) -> Vec<Point> {
    let mut value = 0.0;
    (0..count)
        .map(|_| {
            value = if rng.chance(1, 30) { 0.0 } else { value + (rng.below(200) as f64) / 8.0 };
            Point::Float(value)
        })
        .collect()
}

fn special(rng: &mut Rng, count: usize) -> Vec<Point> {
    let often = rng.below(4);
    (0..count)
        .map(|_| {
            let value = if rng.chance(often, 6) { *rng.pick(SPECIAL) } else { rng.unit() * 4.0 };
            Point::Float(if value.is_nan() { f64::from_bits(NORMAL_NAN) } else { value })
        })
        .collect()
}

/// Floats for a while, histograms for a while.
fn mixed(rng: &mut Rng, count: usize) -> Vec<Point> {
    let (floats, histograms) = (counter(rng, count), integer_histogram(rng, count));
    let mut is_float = true;
    floats
        .into_iter()
        .zip(histograms)
        .map(|(float, histogram)| {
            is_float ^= rng.chance(1, 15);
            if is_float { float } else { histogram }
        })
        .collect()
}

/// A counter of observations in exponential buckets, with resets and now and then another schema.
fn integer_histogram(rng: &mut Rng, count: usize) -> Vec<Point> {
    let mut schema = *rng.pick(&[-1, 0, 0, 2, 3]);
    let (first, width) = (rng.below(8) as i32 - 4, 2 + rng.index(8));
    let mut histogram = exponential(schema, first, width);
    observe(rng, &mut histogram, |rng| 2.0 * BASE + rng.below(500) as f64);
    (0..count)
        .map(|_| {
            if rng.chance(1, 40) {
                if rng.chance(1, 3) {
                    schema = *rng.pick(&[-1, 0, 1, 3]);
                }
                histogram = exponential(schema, first, width);
                observe(rng, &mut histogram, |rng| BASE + rng.below(500) as f64);
            }
            observe(rng, &mut histogram, |rng| rng.below(4) as f64);
            Point::Histogram(histogram.clone(), true)
        })
        .collect()
}

/// A counter that often starts again at zero.
fn young_histogram(rng: &mut Rng, count: usize) -> Vec<Point> {
    let schema = *rng.pick(&[0, 1, 2]);
    let mut histogram = exponential(schema, 0, 4);
    (0..count)
        .map(|_| {
            if rng.chance(1, 15) {
                histogram = exponential(schema, 0, 4);
            }
            observe(rng, &mut histogram, |rng| rng.below(9) as f64);
            Point::Histogram(histogram.clone(), true)
        })
        .collect()
}

fn exponential(schema: i32, first: i32, width: usize) -> FloatHistogram {
    let (low, high) = (width / 2, width - width / 2);
    FloatHistogram {
        schema,
        zero_threshold: 0.001,
        positive_spans: vec![
            Span { offset: first, length: low as u32 },
            Span { offset: 2, length: high as u32 },
        ],
        positive_buckets: vec![0.0; width],
        negative_spans: vec![Span { offset: 0, length: 2 }],
        negative_buckets: vec![0.0; 2],
        ..FloatHistogram::default()
    }
}

/// Adds to every bucket, and to the totals what was added.
fn observe(rng: &mut Rng, histogram: &mut FloatHistogram, mut more: impl FnMut(&mut Rng) -> f64) {
    let mut total = 0.0;
    let buckets = histogram.positive_buckets.iter_mut().chain(&mut histogram.negative_buckets);
    for bucket in buckets {
        let seen = more(rng);
        *bucket += seen;
        total += seen;
    }
    if histogram.custom_values.is_empty() {
        let seen = more(rng);
        histogram.zero_count += seen;
        total += seen;
    }
    histogram.count += total;
    histogram.sum += total * (rng.unit() * 3.0);
}

fn gauge_histogram(rng: &mut Rng, count: usize) -> Vec<Point> {
    let (schema, width) = (*rng.pick(&[-2, 0, 1, 8]), 2 + rng.index(6));
    (0..count)
        .map(|_| {
            let mut histogram = exponential(schema, -2, width);
            histogram.counter_reset = CounterReset::Gauge;
            observe(rng, &mut histogram, |rng| rng.unit() * 5.0);
            Point::Histogram(histogram, false)
        })
        .collect()
}

fn custom_histogram(rng: &mut Rng, count: usize) -> Vec<Point> {
    custom(rng, count, BOUNDS.iter().map(|(_, bound)| *bound).collect())
}

/// Custom buckets, in some series with other bounds than in the rest.
fn bounds_that_differ(rng: &mut Rng, count: usize) -> Vec<Point> {
    match rng.below(2) {
        0 => custom(rng, count, vec![0.5, 2.5, 7.0]),
        _ => custom_histogram(rng, count),
    }
}

fn custom(rng: &mut Rng, count: usize, custom_values: Vec<f64>) -> Vec<Point> {
    let width = custom_values.len() + 1;
    let empty = FloatHistogram {
        schema: common_model::CUSTOM_BUCKETS_SCHEMA,
        positive_spans: vec![Span { offset: 0, length: width as u32 }],
        positive_buckets: vec![0.0; width],
        custom_values,
        ..FloatHistogram::default()
    };
    let mut histogram = empty.clone();
    observe(rng, &mut histogram, |rng| 2.0 * BASE + rng.below(500) as f64);
    (0..count)
        .map(|_| {
            if rng.chance(1, 40) {
                histogram = empty.clone();
                observe(rng, &mut histogram, |rng| BASE + rng.below(500) as f64);
            }
            observe(rng, &mut histogram, |rng| rng.below(4) as f64);
            Point::Histogram(histogram.clone(), true)
        })
        .collect()
}

/// `req_bucket`, `req_sum` and `req_count` of one target; some lack the last bucket, some are torn.
fn classic(all: &mut Vec<Series>, rng: &mut Rng, job: &str, instance: &str) {
    let times = times(rng, false);
    let torn = rng.chance(1, 4);
    let mut counts = vec![0.0; BOUNDS.len() + 1];
    let mut columns = vec![Vec::new(); BOUNDS.len() + 2];
    for &time in &times {
        if rng.chance(1, 50) {
            counts.fill(0.0);
        }
        counts.iter_mut().for_each(|count| *count += rng.below(5) as f64);
        let mut total = 0.0;
        for (at, count) in counts.iter().enumerate() {
            total += count;
            let shown = if torn && rng.chance(1, 4) { total - 4.0 } else { total };
            columns[at].push((time, Point::Float(shown)));
        }
        columns[BOUNDS.len() + 1].push((time, Point::Float(total * 1.5)));
    }
    let les = BOUNDS.iter().map(|(le, _)| *le).chain(["+Inf"]);
    for (at, le) in les.enumerate() {
        if le == "+Inf" && instance == "2" && job == "b" {
            continue;
        }
        let name = [("__name__", "req_bucket"), ("job", job), ("instance", instance), ("le", le)];
        all.push(Series { labels: Labels::from_pairs(name), points: columns[at].clone() });
    }
    for (name, at) in [("req_count", BOUNDS.len()), ("req_sum", BOUNDS.len() + 1)] {
        let name = [("__name__", name), ("job", job), ("instance", instance)];
        all.push(Series { labels: Labels::from_pairs(name), points: columns[at].clone() });
    }
}
