//! What a sample is: labels, matchers, timestamps, values, histograms. No I/O.
//!
//! Everything here is spoken on both sides of the wire: exporters describe samples with it, the
//! server stores and queries them.

mod float;
mod histogram;
mod labels;
mod matcher;
mod metric;
mod name;
mod sample;

pub use float::{format_float, format_float_fixed, parse_float, push_float};
pub use histogram::{CUSTOM_BUCKETS_SCHEMA, CounterReset, FloatHistogram, Span};
pub use labels::{Labels, LabelsBuilder, METRIC_NAME};
pub use matcher::{MatchOp, Matcher, Pattern};
pub use metric::{Metadata, MetricType};
pub use name::{is_legacy_label_name, is_legacy_metric_name};
pub use sample::{
    Exemplar, NORMAL_NAN, STALE_NAN, Sample, TimestampMs, is_stale_marker, stale_marker,
};
