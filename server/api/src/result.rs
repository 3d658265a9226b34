//! Results of queries in JSON.

use common_model::FloatHistogram;
use server_promql::value::{SampleValue, Value};

use crate::histogram;
use crate::json::Json;

/// A result as it stands under `data.result` of an answer.
#[must_use]
pub fn result_json(value: &Value) -> Vec<u8> {
    let mut json = Json::default();
    write_value(&mut json, value);
    json.bytes
}

/// Appends a result.
pub(crate) fn write_value(json: &mut Json, value: &Value) {
    match value {
        Value::Scalar { timestamp, value } => {
            json.scalar(*timestamp, *value);
        }
        Value::String { timestamp, value } => {
            json.raw("[").number(*timestamp as f64 / 1000.0).raw(",").string(value).raw("]");
        }
        Value::Vector(samples) => {
            json.list(samples, |json, sample| {
                json.raw("{\"metric\":").labels(&sample.labels);
                match &sample.value {
                    SampleValue::Float(value) => {
                        json.raw(",\"value\":").point(sample.timestamp, *value);
                    }
                    SampleValue::Histogram(value) => {
                        json.raw(",\"histogram\":");
                        histogram_point(json, sample.timestamp, value);
                    }
                }
                json.raw("}");
            });
        }
        Value::Matrix(series) => {
            json.list(series, |json, series| {
                json.raw("{\"metric\":").labels(&series.labels);
                let points = &series.points;
                let count = points.len();
                let is_float = |at: &usize| points.histogram(*at).is_none();
                if (0..count).any(|at| is_float(&at)) {
                    json.raw(",\"values\":");
                    json.list((0..count).filter(is_float), |json, at| {
                        json.point(points.timestamps[at], points.values[at]);
                    });
                }
                if !points.histograms.is_empty() {
                    json.raw(",\"histograms\":");
                    let histograms = (0..count).filter_map(|at| Some((at, points.histogram(at)?)));
                    json.list(histograms, |json, (at, value)| {
                        histogram_point(json, points.timestamps[at], value);
                    });
                }
                json.raw("}");
            });
        }
    }
}

fn histogram_point(json: &mut Json, at: i64, value: &FloatHistogram) {
    json.raw("[").time(at).raw(",");
    histogram::write(json, value);
    json.raw("]");
}
