//! What a query gives back, and the columns the evaluator computes with.

mod column;
pub(crate) mod histogram;
mod scalars;

use std::sync::Arc;

use common_model::{FloatHistogram, Labels, TimestampMs};
use server_storage::SampleColumns;

use crate::ast::ValueType;

pub(crate) use column::{ABSENT, Column, Point, Track, is_absent};
pub(crate) use scalars::Scalars;

/// A histogram as upstream prints it: `{count:4, sum:5, (1,2]:4}`; empty buckets are left out.
#[must_use]
pub fn histogram_text(histogram: &FloatHistogram) -> String {
    histogram::text(histogram)
}

/// The result of a query.
#[derive(Clone, Debug)]
pub enum Value {
    /// One number at one time.
    Scalar {
        /// The time asked for.
        timestamp: TimestampMs,
        /// The number.
        value: f64,
    },
    /// One text at one time.
    String {
        /// The time asked for.
        timestamp: TimestampMs,
        /// The text.
        value: String,
    },
    /// One sample a series, in no order unless the expression sorts.
    Vector(Vec<Sample>),
    /// Samples over time, in order of the labels.
    Matrix(Vec<Series>),
}

impl Value {
    /// The type of the value.
    #[must_use]
    pub fn value_type(&self) -> ValueType {
        match self {
            Value::Scalar { .. } => ValueType::Scalar,
            Value::String { .. } => ValueType::String,
            Value::Vector(_) => ValueType::Vector,
            Value::Matrix(_) => ValueType::Matrix,
        }
    }

    /// As the HTTP API names the type: `scalar`, `string`, `vector`, `matrix`.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Scalar { .. } => "scalar",
            Value::String { .. } => "string",
            Value::Vector(_) => "vector",
            Value::Matrix(_) => "matrix",
        }
    }
}

/// A float or a native histogram.
#[derive(Clone, Debug, PartialEq)]
pub enum SampleValue {
    /// A float.
    Float(f64),
    /// A native histogram.
    Histogram(Arc<FloatHistogram>),
}

/// One element of an instant vector.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Labels.
    pub labels: Labels,
    /// Time of the evaluation.
    pub timestamp: TimestampMs,
    /// Value.
    pub value: SampleValue,
}

/// One element of a range vector.
#[derive(Clone, Debug)]
pub struct Series {
    /// Labels.
    pub labels: Labels,
    /// Samples in order of time.
    pub points: SampleColumns,
}
