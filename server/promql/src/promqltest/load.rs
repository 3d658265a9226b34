//! `load`: series descriptions into a store, with their custom-bucket histograms where asked.

use std::collections::BTreeMap;
use std::sync::Arc;

use common_model::{
    CUSTOM_BUCKETS_SCHEMA, CounterReset, FloatHistogram, Labels, METRIC_NAME, is_stale_marker,
    parse_float,
};
use hashbrown::HashMap;
use server_storage::{Appender, SeriesRef};

use super::ScriptStore;
use crate::parser::{SequenceValue, SeriesDescription, parse_series_description_with};
use crate::value::histogram;

/// Reads a series line; histograms in it are added as queries add them.
pub(super) fn series(line: &str) -> Result<SeriesDescription, String> {
    let combine = |a: &FloatHistogram, b: &FloatHistogram, add: bool| {
        let sum = if add { histogram::added(a, b) } else { histogram::subtracted(a, b) };
        sum.map(|sum| sum.histogram).map_err(|_| "histograms are incompatible".to_owned())
    };
    parse_series_description_with(line, &combine).map_err(|errors| errors.to_string())
}

/// A series and the start times of its samples.
type Described = (SeriesDescription, Vec<SequenceValue>);

/// Adds the lines' samples, `step_ms` apart from time zero on. Lines of start
/// times hold for the line of the same series after them.
pub(super) fn load(
    store: &ScriptStore,
    step_ms: i64,
    with_nhcb: bool,
    lines: &[&str],
) -> Result<(), String> {
    let mut appender = store.write.appender();
    let mut classic = Classic::default();
    for (series, starts) in described(lines)? {
        let mut time = 0;
        let mut before: Option<Arc<FloatHistogram>> = None;
        for (at, value) in series.values.iter().enumerate() {
            match value {
                SequenceValue::Omitted => {}
                SequenceValue::Float(value) => {
                    append(&mut *appender, &series.labels, time, *value)?;
                    if with_nhcb {
                        classic.add(&series.labels, time, *value);
                    }
                }
                SequenceValue::Histogram { histogram, .. } => {
                    let known = match store.finds_resets {
                        true => histogram.clone(),
                        false => hinted(histogram, before.as_deref()),
                    };
                    append_histogram(&mut *appender, &series.labels, time, &known)?;
                    before = Some(histogram.clone());
                }
            }
            if let Some(SequenceValue::Float(offset)) = starts.get(at)
                && *value != SequenceValue::Omitted
            {
                appender.set_start(time.saturating_add((offset * 1000.0).round() as i64));
            }
            time = time.saturating_add(step_ms);
        }
    }
    for ((labels, time), parts) in &classic.parts {
        if let Some(histogram) = parts.histogram() {
            append_histogram(&mut *appender, labels, *time, &histogram)?;
        }
    }
    appender.commit().map_err(|error| error.to_string())
}

/// Series with the start times of their samples; of one that is there twice the last line counts.
fn described(lines: &[&str]) -> Result<Vec<Described>, String> {
    let mut all: Vec<Described> = Vec::new();
    let mut places: HashMap<Labels, usize> = HashMap::new();
    let mut starts: Vec<(Labels, Vec<SequenceValue>)> = Vec::new();
    for line in lines {
        let series = series(line)?;
        if series.start_times {
            starts.push((series.labels, series.values));
            continue;
        }
        let own = starts.iter().position(|(labels, _)| *labels == series.labels);
        let starts = own.map(|at| starts.swap_remove(at).1).unwrap_or_default();
        match places.get(&series.labels) {
            Some(&at) => all[at] = (series, starts),
            None => {
                places.insert(series.labels.clone(), all.len());
                all.push((series, starts));
            }
        }
    }
    Ok(all)
}

/// What is known of resets before a sample once the database has stored it after another. The
/// first sample of a chunk says nothing of what was before it, and a reset starts a chunk.
pub(super) fn hinted(
    histogram: &Arc<FloatHistogram>,
    before: Option<&FloatHistogram>,
) -> Arc<FloatHistogram> {
    let given = histogram.counter_reset;
    if given == CounterReset::Gauge {
        return histogram.clone();
    }
    let mut open = FloatHistogram::clone(histogram);
    let before = before.filter(|before| before.counter_reset != CounterReset::Gauge);
    open.counter_reset = CounterReset::Unknown;
    if given != CounterReset::Reset
        && before.is_some_and(|before| !histogram::is_reset(before, &open))
    {
        open.counter_reset = CounterReset::NotReset;
    }
    Arc::new(open)
}

fn append(appender: &mut dyn Appender, labels: &Labels, time: i64, v: f64) -> Result<(), String> {
    let added = appender.append(SeriesRef::default(), labels, time, v);
    added.map(drop).map_err(|error| error.to_string())
}

fn append_histogram(
    appender: &mut dyn Appender,
    labels: &Labels,
    time: i64,
    histogram: &Arc<FloatHistogram>,
) -> Result<(), String> {
    let added = appender.append_histogram(SeriesRef::default(), labels, time, histogram);
    added.map(drop).map_err(|error| error.to_string())
}

/// Classic histograms on their way to custom buckets.
#[derive(Default)]
struct Classic {
    parts: BTreeMap<(Labels, i64), Parts>,
}

#[derive(Default)]
struct Parts {
    /// Cumulative counts by bound.
    buckets: Vec<(f64, f64)>,
    count: Option<f64>,
    sum: f64,
}

impl Classic {
    fn add(&mut self, labels: &Labels, time: i64, value: f64) {
        if is_stale_marker(value) {
            return;
        }
        let name = labels.metric_name();
        let split = ["_bucket", "_count", "_sum"]
            .iter()
            .find_map(|suffix| Some((name.strip_suffix(suffix)?, *suffix)));
        let Some((base, suffix)) = split else { return };
        let bound = parse_float(labels.value("le")).filter(|bound| !bound.is_nan());
        if suffix == "_bucket" && bound.is_none() {
            return;
        }
        let mut builder = labels.to_builder();
        builder.remove("le").set(METRIC_NAME, base);
        let parts = self.parts.entry((builder.build(), time)).or_default();
        match (suffix, bound) {
            ("_bucket", Some(bound)) => parts.buckets.push((bound, value)),
            ("_count", _) => parts.count = Some(value),
            _ => parts.sum = value,
        }
    }
}

impl Parts {
    /// Nothing where the counts fall.
    fn histogram(&self) -> Option<Arc<FloatHistogram>> {
        let mut buckets = self.buckets.clone();
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        buckets.dedup_by(|a, b| a.0.total_cmp(&b.0).is_eq());
        let highest = buckets.last().map(|b| b.1);
        let count = self.count.or(highest)?;
        if buckets.last().is_none_or(|last| last.0 != f64::INFINITY) {
            buckets.push((f64::INFINITY, count));
        }
        let mut pairs = Vec::new();
        let mut below = 0.0;
        for (index, (_, cumulative)) in buckets.iter().enumerate() {
            if *cumulative < below {
                return None;
            }
            pairs.push((i32::try_from(index).ok()?, cumulative - below));
            below = *cumulative;
        }
        let (positive_spans, positive_buckets) = histogram::from_pairs(&pairs);
        Some(Arc::new(FloatHistogram {
            schema: CUSTOM_BUCKETS_SCHEMA,
            count,
            sum: self.sum,
            positive_spans,
            positive_buckets,
            custom_values: buckets[..buckets.len() - 1].iter().map(|b| b.0).collect(),
            ..FloatHistogram::default()
        }))
    }
}
