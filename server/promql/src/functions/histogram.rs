//! Functions of histograms: native ones, and classic ones whose buckets are series with `le`.

use common_model::{FloatHistogram, Labels, parse_float, push_float};
use hashbrown::HashMap;

use super::classic::{self, ClassicBucket};
use crate::ast::{Call, Expr};
use crate::engine::QueryError;
use crate::eval::{Eval, Grid, Merger, Sink, argument};
use crate::value::histogram::{self, NanEffect};
use crate::value::{Column, Point, Scalars, Track};

const BUCKET_LABEL: &str = "le";

/// A histogram of whatever kind over all steps.
struct Group {
    labels: Labels,
    drop_name: bool,
    classic: Vec<(f64, Column)>,
    native: Option<Column>,
}

/// Histograms brought together from the series of a vector.
struct Groups {
    groups: Vec<Group>,
    places: HashMap<Labels, usize>,
    samples: usize,
    bytes: usize,
}

impl Groups {
    fn place(&mut self, labels: &Labels, drop_name: bool) -> &mut Group {
        let next = self.groups.len();
        let at = *self.places.entry(labels.clone()).or_insert(next);
        if at == next {
            let labels = labels.clone();
            self.groups.push(Group { labels, drop_name, classic: Vec::new(), native: None });
        }
        &mut self.groups[at]
    }
}

/// Sorts the series of a vector into histograms.
fn collect(eval: &Eval<'_>, vector: &Expr, grid: &Grid) -> Result<Groups, QueryError> {
    let mut all = Groups { groups: Vec::new(), places: HashMap::new(), samples: 0, bytes: 0 };
    eval.vector(vector, grid, &mut |track| {
        let mut column = std::mem::take(&mut track.column);
        let bytes = column.heap_bytes() + track.labels.heap_bytes() + size_of::<Group>();
        eval.budget.charge(column.len(), bytes)?;
        all.samples += column.len();
        all.bytes += bytes;
        if !column.histograms.is_empty() {
            let mut native = column.clone();
            let mut floats = 0;
            for step in 0..grid.steps {
                if matches!(column.get(step), Point::Histogram(_)) {
                    column.clear(step);
                } else if column.has(step) {
                    native.clear(step);
                    floats += 1;
                }
            }
            column.histograms.clear();
            all.place(&track.labels, track.drop_name).native = Some(native);
            if floats == 0 {
                return Ok(());
            }
        }
        let text = track.labels.value(BUCKET_LABEL);
        match parse_float(text) {
            Some(upper) => {
                let labels = track.labels.filter(|name| name != BUCKET_LABEL);
                all.place(&labels, track.drop_name).classic.push((upper, column));
            }
            None => {
                let named = named(eval, &track.labels);
                let quoted = crate::lexer::go_quote(text);
                eval.notes.warn(
                    format!(
                        "bucket label \"le\" is missing or has a malformed value of {quoted}{named}"
                    ),
                    vector.span(),
                );
            }
        }
        Ok(())
    })?;
    Ok(all)
}

/// ` for metric name "x"`, where the name is still there.
fn named(eval: &Eval<'_>, labels: &Labels) -> String {
    let name = labels.metric_name();
    if name.is_empty() || !eval.options.delayed_name_removal {
        return String::new();
    }
    format!(" for metric name {}", crate::lexer::go_quote(name))
}

/// What is computed of a histogram: numbers `0..outputs`, each at every step.
struct Measure<L, N, C> {
    outputs: usize,
    /// Labels of an output.
    label: L,
    /// Output, step, group, histogram to number.
    native: N,
    /// Output, step, group, buckets to number.
    classic: C,
}

/// Computes the numbers of every histogram.
fn each(
    eval: &Eval<'_>,
    vector: &Expr,
    grid: &Grid,
    sink: &mut Sink<'_>,
    measure: &Measure<
        impl Fn(usize, &Labels) -> Labels,
        impl Fn(usize, usize, &Group, &FloatHistogram) -> f64,
        impl Fn(usize, usize, &Group, &mut [ClassicBucket]) -> f64,
    >,
) -> Result<(), QueryError> {
    let Measure { outputs, label, native, classic } = measure;
    let all = collect(eval, vector, grid)?;
    let mut merger = Merger::new(eval);
    let mut buckets: Vec<ClassicBucket> = Vec::new();
    for output in 0..*outputs {
        for group in &all.groups {
            let mut column = Column::absent(grid.steps);
            for step in 0..grid.steps {
                buckets.clear();
                for (upper, counts) in &group.classic {
                    if let Point::Float(count) = counts.get(step) {
                        buckets.push(ClassicBucket { upper: *upper, count });
                    }
                }
                let whole = match group.native.as_ref().map(|native| native.get(step)) {
                    Some(Point::Histogram(histogram)) => Some(histogram),
                    _ => None,
                };
                match whole {
                    Some(_) if !buckets.is_empty() => {
                        let named = named(eval, &group.labels);
                        let text = format!(
                            "vector contains a mix of classic and native histograms{named}"
                        );
                        eval.notes.warn(text, vector.span());
                    }
                    Some(histogram) => {
                        column.set(step, native(output, step, group, histogram));
                    }
                    None if buckets.is_empty() => {}
                    None => column.set(step, classic(output, step, group, &mut buckets)),
                }
            }
            if column.is_blank() {
                continue;
            }
            let mut track =
                Track { labels: group.labels.clone(), drop_name: group.drop_name, column };
            eval.drop_name(&mut track);
            track.labels = label(output, &track.labels);
            merger.push(&mut track)?;
        }
    }
    eval.budget.release(all.samples, all.bytes);
    merger.drain(sink)
}

/// `histogram_quantile(φ, v)`
pub(super) fn quantile(
    eval: &Eval<'_>,
    call: &Call,
    grid: &Grid,
    sink: &mut Sink<'_>,
) -> Result<(), QueryError> {
    let quantile = argument(call, 0)?;
    let scalars = vec![quantile_scalars(eval, quantile, grid)?];
    let vector = argument(call, 1)?;
    quantiles_of(eval, vector, grid, sink, &scalars, |_, labels| labels.clone())
}

/// `histogram_quantiles(v, label, φ...)`
pub(super) fn quantiles(
    eval: &Eval<'_>,
    call: &Call,
    grid: &Grid,
    sink: &mut Sink<'_>,
) -> Result<(), QueryError> {
    let vector = argument(call, 0)?;
    let label = eval.string(argument(call, 1)?)?;
    let mut scalars = Vec::new();
    for quantile in call.args.iter().skip(2) {
        scalars.push(quantile_scalars(eval, quantile, grid)?);
    }
    let texts: Vec<String> = scalars.iter().map(|s| open_metrics_float(s.at(0))).collect();
    quantiles_of(eval, vector, grid, sink, &scalars, |output, labels| {
        let mut builder = labels.to_builder();
        builder.set(label, &texts[output]);
        builder.build()
    })
}

/// As OpenMetrics writes `quantile` labels: always with a point or exponent.
fn open_metrics_float(value: f64) -> String {
    let mut text = String::new();
    push_float(&mut text, value);
    if value.is_finite() && !text.contains(['.', 'e']) {
        text.push_str(".0");
    }
    text
}

fn quantile_scalars(eval: &Eval<'_>, expr: &Expr, grid: &Grid) -> Result<Scalars, QueryError> {
    let scalars = eval.scalar(expr, grid)?;
    for step in 0..scalars.distinct(grid.steps) {
        eval.check_quantile(scalars.at(step), expr.span());
    }
    Ok(scalars)
}

fn quantiles_of(
    eval: &Eval<'_>,
    vector: &Expr,
    grid: &Grid,
    sink: &mut Sink<'_>,
    quantiles: &[Scalars],
    label: impl Fn(usize, &Labels) -> Labels,
) -> Result<(), QueryError> {
    let native = |output: usize, step: usize, group: &Group, whole: &FloatHistogram| {
        let (value, effect) = histogram::quantile(whole, quantiles[output].at(step));
        let what = match effect {
            NanEffect::None => return value,
            NanEffect::Result => "is NaN",
            NanEffect::Skew => "is skewed higher",
        };
        let named = named(eval, &group.labels);
        let text =
            format!("input to histogram_quantile has NaN observations, result {what}{named}");
        eval.notes.info(text, vector.span());
        value
    };
    let classic = |output: usize, step: usize, group: &Group, buckets: &mut [ClassicBucket]| {
        let (value, forced) = classic::quantile(quantiles[output].at(step), buckets);
        if forced {
            let named = named(eval, &group.labels);
            let text = format!(
                "input to histogram_quantile needed to be fixed for monotonicity (see \
                 https://prometheus.io/docs/prometheus/latest/querying/functions/\
                 #histogram_quantile){named}"
            );
            eval.notes.info(text, vector.span());
        }
        value
    };
    let measure = Measure { outputs: quantiles.len(), label, native, classic };
    each(eval, vector, grid, sink, &measure)
}

/// `histogram_fraction(lower, upper, v)`
pub(super) fn fraction(
    eval: &Eval<'_>,
    call: &Call,
    grid: &Grid,
    sink: &mut Sink<'_>,
) -> Result<(), QueryError> {
    let lower = eval.scalar(argument(call, 0)?, grid)?;
    let upper = eval.scalar(argument(call, 1)?, grid)?;
    let vector = argument(call, 2)?;
    let native = |_: usize, step: usize, group: &Group, whole: &FloatHistogram| {
        let (value, has_nan) = histogram::fraction(whole, lower.at(step), upper.at(step));
        if has_nan {
            let named = named(eval, &group.labels);
            let text = format!(
                "input to histogram_fraction has NaN observations, which are excluded from all \
                 fractions{named}"
            );
            eval.notes.info(text, vector.span());
        }
        value
    };
    let classic = |_: usize, step: usize, _: &Group, buckets: &mut [ClassicBucket]| {
        classic::fraction(lower.at(step), upper.at(step), buckets)
    };
    let label = |_: usize, labels: &Labels| labels.clone();
    each(eval, vector, grid, sink, &Measure { outputs: 1, label, native, classic })
}

/// Maps native histograms to numbers; floats are left out.
fn map(
    eval: &Eval<'_>,
    call: &Call,
    grid: &Grid,
    sink: &mut Sink<'_>,
    f: impl Fn(&FloatHistogram) -> f64,
) -> Result<(), QueryError> {
    let vector = argument(call, 0)?;
    eval.nameless(vector, sink, |sink| {
        eval.vector(vector, grid, &mut |track| {
            if track.column.histograms.is_empty() {
                return Ok(());
            }
            for step in 0..grid.steps {
                match track.column.get(step) {
                    Point::Absent => {}
                    Point::Float(_) => track.column.clear(step),
                    Point::Histogram(histogram) => {
                        let value = f(histogram);
                        track.column.set(step, value);
                    }
                }
            }
            track.column.histograms.clear();
            if track.column.is_blank() { Ok(()) } else { sink(track) }
        })
    })
}

/// `histogram_count(v)`
pub(super) fn count(
    eval: &Eval<'_>,
    call: &Call,
    grid: &Grid,
    sink: &mut Sink<'_>,
) -> Result<(), QueryError> {
    map(eval, call, grid, sink, |histogram| histogram.count)
}

/// `histogram_sum(v)`
pub(super) fn sum(
    eval: &Eval<'_>,
    call: &Call,
    grid: &Grid,
    sink: &mut Sink<'_>,
) -> Result<(), QueryError> {
    map(eval, call, grid, sink, |histogram| histogram.sum)
}

/// `histogram_avg(v)`
pub(super) fn avg(
    eval: &Eval<'_>,
    call: &Call,
    grid: &Grid,
    sink: &mut Sink<'_>,
) -> Result<(), QueryError> {
    map(eval, call, grid, sink, |histogram| histogram.sum / histogram.count)
}

/// `histogram_stddev(v)`
pub(super) fn stddev(
    eval: &Eval<'_>,
    call: &Call,
    grid: &Grid,
    sink: &mut Sink<'_>,
) -> Result<(), QueryError> {
    map(eval, call, grid, sink, |histogram| variance(histogram).sqrt())
}

/// `histogram_stdvar(v)`
pub(super) fn stdvar(
    eval: &Eval<'_>,
    call: &Call,
    grid: &Grid,
    sink: &mut Sink<'_>,
) -> Result<(), QueryError> {
    map(eval, call, grid, sink, variance)
}

/// Every observation is taken to be in the middle of its bucket: the arithmetic one of custom
/// buckets, zero in the zero bucket, the geometric one elsewhere.
fn variance(whole: &FloatHistogram) -> f64 {
    let mean = whole.sum / whole.count;
    let mut squares = super::sum::Kahan::default();
    for bucket in histogram::all_buckets(whole).iter().filter(|b| b.count != 0.0) {
        let middle = if histogram::is_custom(whole) {
            (bucket.upper + bucket.lower) / 2.0
        } else if bucket.lower <= 0.0 && bucket.upper >= 0.0 {
            0.0
        } else {
            (bucket.upper * bucket.lower).sqrt().copysign(bucket.upper)
        };
        squares.add(bucket.count * (middle - mean) * (middle - mean));
    }
    squares.total() / whole.count
}
