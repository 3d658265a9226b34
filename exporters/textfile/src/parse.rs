//! The bytes of one file to families that are ready to be merged.

use std::collections::BTreeSet;
use std::path::Path;

use common_exposition::{FamilyOptions, ParsedFamily, ParsedMetric, ParsedValue, parse_families};

use crate::read::ReadError;

/// Reads one file's text. Within a family every metric gets every label, empty where it had none;
/// buckets and quantiles are put in order.
pub(crate) fn parse(
    path: &Path,
    bytes: &[u8],
    samples_max: usize,
) -> Result<Vec<ParsedFamily>, ReadError> {
    let options = FamilyOptions { lenient: true, utf8_names: false, samples_max };
    let mut families = parse_families(bytes, options).map_err(|error| ReadError::Parse {
        path: path.display().to_string(),
        cause: error.to_string(),
    })?;
    let metrics = families.iter().flat_map(|family| &family.metrics);
    if let Some(metric) = metrics.clone().find(|metric| metric.timestamp.is_some()) {
        let path = path.display().to_string();
        return Err(ReadError::Timestamps { path, line: metric.line });
    }
    for family in &mut families {
        fill_labels(&mut family.metrics);
        for metric in &mut family.metrics {
            metric.labels.sort();
            sort_points(&mut metric.value);
        }
    }
    Ok(families)
}

fn fill_labels(metrics: &mut [ParsedMetric]) {
    let names: BTreeSet<String> = metrics
        .iter()
        .flat_map(|metric| metric.labels.iter().map(|(name, _)| name.clone()))
        .collect();
    for metric in metrics.iter_mut().filter(|metric| metric.labels.len() < names.len()) {
        for name in &names {
            if !metric.labels.iter().any(|(known, _)| known == name) {
                metric.labels.push((name.clone(), String::new()));
            }
        }
    }
}

/// Ascending, and of equal bounds the last line counts.
fn sort_points(value: &mut ParsedValue) {
    let (ParsedValue::Histogram { buckets: points, .. }
    | ParsedValue::Summary { quantiles: points, .. }) = value
    else {
        return;
    };
    points.reverse();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    points.dedup_by(|later, first| later.0 == first.0);
}
