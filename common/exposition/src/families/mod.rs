//! Whole documents in the text format, assembled to families: for files and checks, not for scrapes.

mod cursor;
mod read;

use common_model::{MetricType, TimestampMs};

pub use read::{FamilyOptions, parse_families};

/// A metric family with all its metrics.
#[derive(Clone, Debug, PartialEq)]
pub struct ParsedFamily {
    /// Full name.
    pub name: String,
    /// Help text, unescaped, where a HELP line stands.
    pub help: Option<String>,
    /// Declared type; unknown where no TYPE line stands.
    pub kind: MetricType,
    /// Metrics in order of appearance; a histogram or summary is one.
    pub metrics: Vec<ParsedMetric>,
}

/// One metric of a family.
#[derive(Clone, Debug, PartialEq)]
pub struct ParsedMetric {
    /// Names and values, in order of appearance, without `le` and `quantile` of their types.
    pub labels: Vec<(String, String)>,
    /// The value.
    pub value: ParsedValue,
    /// The timestamp, where one stands.
    pub timestamp: Option<TimestampMs>,
    /// The line of its first sample, from 1.
    pub line: usize,
}

/// The value of a [`ParsedMetric`].
#[derive(Clone, Debug, PartialEq)]
pub enum ParsedValue {
    /// Counter, gauge or untyped.
    Number(f64),
    /// Buckets (upper bound, cumulative count) in order of appearance; zero for what is missing.
    Histogram {
        /// (upper bound, cumulative count)
        buckets: Vec<(f64, f64)>,
        /// Sum of all observations.
        sum: f64,
        /// Number of observations.
        count: f64,
    },
    /// Quantiles in order of appearance; zero for what is missing.
    Summary {
        /// (quantile, value)
        quantiles: Vec<(f64, f64)>,
        /// Sum of all observations.
        sum: f64,
        /// Number of observations.
        count: f64,
    },
}

/// Why a document was refused, in the words of the original's text parser.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("text format parsing error in line {line}: {message}")]
pub struct FamilyError {
    /// Line, from 1.
    pub line: usize,
    /// Byte in the line, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}
