//! Writing what rules give, and marking the end of what they no longer give.

use std::collections::HashMap;

use common_model::{Labels, stale_marker};
use server_promql::value::{Sample, SampleValue};
use server_storage::{AppendError, Appendable, SeriesRef};

/// What a batch came to.
pub(crate) struct Written {
    /// The series that got a sample.
    pub(crate) series: HashMap<Labels, SeriesRef>,
    /// The last complaint about a sample.
    pub(crate) problem: Option<String>,
}

/// Writes a rule's samples in one batch, with stale markers at `time` for series of `previous`
/// that are not among them.
pub(crate) fn write(
    storage: &dyn Appendable,
    samples: &[Sample],
    previous: &HashMap<Labels, SeriesRef>,
    time: i64,
    rule: &str,
) -> Result<Written, String> {
    let mut appender = storage.appender();
    let mut written = Written { series: HashMap::with_capacity(samples.len()), problem: None };
    let mut dropped = 0_usize;
    for sample in samples {
        let known = previous.get(&sample.labels).copied().unwrap_or_default();
        let result = match &sample.value {
            SampleValue::Float(value) => {
                appender.append(known, &sample.labels, sample.timestamp, *value)
            }
            SampleValue::Histogram(histogram) => {
                appender.append_histogram(known, &sample.labels, sample.timestamp, histogram)
            }
        };
        match result {
            Ok(series) => {
                written.series.insert(sample.labels.clone(), series);
            }
            Err(AppendError::Storage(error)) => return Err(error.to_string()),
            Err(error) => {
                dropped += 1;
                written.problem = Some(error.to_string());
            }
        }
    }
    if let (1.., Some(error)) = (dropped, &written.problem) {
        tracing::warn!(rule, dropped, error, "Rule evaluation results discarded");
    }
    for (labels, &series) in previous {
        if !written.series.contains_key(labels) {
            mark(&mut *appender, series, labels, time);
        }
    }
    appender.commit().map_err(|error| error.to_string())?;
    Ok(written)
}

/// Marks the end of series whose rule is gone.
pub(crate) fn end(
    storage: &dyn Appendable,
    series: &[(Labels, SeriesRef)],
    time: i64,
) -> Result<(), String> {
    if series.is_empty() {
        return Ok(());
    }
    let mut appender = storage.appender();
    for (labels, series) in series {
        mark(&mut *appender, *series, labels, time);
    }
    appender.commit().map_err(|error| error.to_string())
}

fn mark(
    appender: &mut dyn server_storage::Appender,
    series: SeriesRef,
    labels: &Labels,
    time: i64,
) {
    match appender.append(series, labels, time, stale_marker()) {
        // Another rule goes on with the series.
        Ok(_) | Err(AppendError::OutOfOrder | AppendError::TooOld | AppendError::Duplicate) => {}
        Err(error) => tracing::warn!(series = %labels, %error, "Adding stale sample failed"),
    }
}
