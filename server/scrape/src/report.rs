//! What is said about each scrape: `up` and the `scrape_*` series, appended like any sample.

use common_model::{Labels, METRIC_NAME, TimestampMs, stale_marker};
use server_storage::{Appender, SeriesRef, StorageError};

use crate::session::Counts;

/// The report of one scrape.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Report {
    pub(crate) up: bool,
    pub(crate) duration_seconds: f64,
    pub(crate) counts: Counts,
    /// Bytes of the body after decompression; −1 when it was refused as too large.
    pub(crate) body_bytes: i64,
}

/// The report's series of one target: names, and the store's numbers once known.
#[derive(Debug)]
pub(crate) struct ReportSeries {
    series: Vec<(&'static str, Labels, SeriesRef)>,
    timeout_seconds: f64,
    sample_limit: f64,
}

const UP: &str = "up";
const DURATION: &str = "scrape_duration_seconds";
const SCRAPED: &str = "scrape_samples_scraped";
const KEPT: &str = "scrape_samples_post_metric_relabeling";
const ADDED: &str = "scrape_series_added";
const TIMEOUT: &str = "scrape_timeout_seconds";
const SAMPLE_LIMIT: &str = "scrape_sample_limit";
const BODY: &str = "scrape_body_size_bytes";

impl ReportSeries {
    /// The series for a target with these labels; `extra` adds those that are off by default.
    pub(crate) fn new(
        target: &Labels,
        extra: bool,
        timeout_seconds: f64,
        sample_limit: usize,
    ) -> ReportSeries {
        let names = [UP, DURATION, SCRAPED, KEPT, ADDED].into_iter();
        let more = [TIMEOUT, SAMPLE_LIMIT, BODY].into_iter().filter(|_| extra);
        let series = names
            .chain(more)
            .map(|name| {
                let labels = target.to_builder().set(METRIC_NAME, name).build();
                (name, labels, SeriesRef(0))
            })
            .collect();
        ReportSeries { series, timeout_seconds, sample_limit: sample_limit as f64 }
    }

    /// Appends the report of a scrape.
    pub(crate) fn append(
        &mut self,
        mut appender: Box<dyn Appender>,
        now: TimestampMs,
        report: &Report,
    ) -> Result<(), StorageError> {
        let (timeout, limit) = (self.timeout_seconds, self.sample_limit);
        for (name, labels, series) in &mut self.series {
            let value = match *name {
                UP => f64::from(u8::from(report.up)),
                DURATION => report.duration_seconds,
                SCRAPED => report.counts.scraped as f64,
                KEPT => report.counts.kept as f64,
                ADDED => report.counts.series_added as f64,
                TIMEOUT => timeout,
                SAMPLE_LIMIT => limit,
                _ => report.body_bytes as f64,
            };
            // A report that comes out of order (the clock was set back) is left out.
            if let Ok(number) = appender.append(*series, labels, now, value) {
                *series = number;
            }
        }
        appender.commit()
    }

    /// The target is gone, and so are these series.
    pub(crate) fn end(&self, appender: &mut dyn Appender, now: TimestampMs) {
        for (_, labels, series) in &self.series {
            let _ = appender.append(*series, labels, now, stale_marker());
        }
    }
}
