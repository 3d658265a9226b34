//! Limits where the configuration sets none. Prometheus has none there; these are generous for an
//! honest target and keep a hostile one from taking the host's memory.

use common_config::prometheus::ScrapeConfig;

use crate::treatment::Limits;

/// Bytes of one body after decompression.
pub const BODY_BYTES_MAX: usize = 32 << 20;

/// Samples of one scrape after relabeling.
pub const SAMPLES_MAX: usize = 250_000;

/// Labels of one series.
pub const LABELS_MAX: usize = 128;

/// Bytes of a label's name.
pub const LABEL_NAME_BYTES_MAX: usize = 1024;

/// Bytes of a label's value.
pub const LABEL_VALUE_BYTES_MAX: usize = 64 << 10;

/// The limits in force for a configuration.
pub(crate) fn limits(config: &ScrapeConfig) -> Limits {
    Limits {
        samples: or(config.limits.samples, SAMPLES_MAX),
        labels: or(config.limits.labels, LABELS_MAX),
        label_name_bytes: or(config.limits.label_name_length, LABEL_NAME_BYTES_MAX),
        label_value_bytes: or(config.limits.label_value_length, LABEL_VALUE_BYTES_MAX),
    }
}

/// The limit on a body's bytes in force for a configuration.
pub(crate) fn body_bytes(config: &ScrapeConfig) -> usize {
    or(config.limits.body_size, BODY_BYTES_MAX)
}

fn or(configured: u64, default: usize) -> usize {
    match usize::try_from(configured) {
        Ok(0) | Err(_) => default,
        Ok(configured) => configured,
    }
}
