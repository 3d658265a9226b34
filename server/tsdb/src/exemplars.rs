//! Exemplars on their way into the log and the head, and back out.

use std::sync::atomic::Ordering;

use common_instrument::{Family, Samples};
use common_model::{Exemplar, Labels, Matcher, TimestampMs};
use server_storage::{AppendError, ExemplarQuerier, SeriesExemplars, StorageError};

use crate::db::Db;
use crate::head::{Head, LABEL_CHARS_MAX, Offered, Verdict};
use crate::wal::count;
use crate::wal::record::{self, RefExemplar};
use crate::wal::writer::Record;

/// Exemplars in one record of the log; a larger batch makes several.
const RECORD_EXEMPLARS: usize = 1 << 12;

/// The exemplars of one batch.
#[derive(Debug, Default)]
pub(crate) struct PendingExemplars {
    taken: Vec<(u32, Labels, Offered)>,
}

impl PendingExemplars {
    /// Takes an exemplar of a series; where it has no time, `sample_time` is when it was seen.
    /// Says whether it is going to be logged.
    pub(crate) fn offer(
        &mut self,
        head: &Head,
        id: u32,
        series: &Labels,
        exemplar: &Exemplar,
        sample_time: i64,
    ) -> Result<bool, AppendError> {
        let offered = Offered {
            labels: without_empty(&exemplar.labels),
            value: exemplar.value,
            time: exemplar.timestamp.unwrap_or(sample_time),
            own_time: exemplar.timestamp.is_some(),
        };
        match head.exemplars.judge(series, &offered) {
            Verdict::Fresh => {
                self.taken.push((id, series.clone(), offered));
                Ok(true)
            }
            Verdict::Superfluous => Ok(false),
            Verdict::OutOfOrder => Err(AppendError::OutOfOrderExemplar),
            Verdict::TooLong => {
                count(&head.exemplars.refused, 1);
                Err(AppendError::ExemplarTooLong(LABEL_CHARS_MAX))
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.taken.len()
    }

    pub(crate) fn clear(&mut self) {
        self.taken.clear();
    }

    /// What the log is told. A series may have been removed meanwhile: its exemplars go with it.
    pub(crate) fn records(&mut self, head: &Head) -> Vec<Record> {
        self.taken.retain(|(id, _, _)| head.has(u64::from(*id)));
        let mut plain = Vec::new();
        let chunks = self.taken.chunks(RECORD_EXEMPLARS);
        chunks
            .map(|taken| {
                plain.clear();
                let exemplars = taken.iter().map(|(id, _, offered)| RefExemplar {
                    series: u64::from(*id),
                    time: offered.time,
                    value: offered.value,
                    labels: &offered.labels,
                });
                record::encode_exemplars(&mut plain, exemplars);
                Record::new(&plain)
            })
            .collect()
    }

    /// Makes them visible, but for those that came out of order meanwhile.
    pub(crate) fn apply(&mut self, head: &Head) {
        for (_, series, offered) in std::mem::take(&mut self.taken) {
            head.exemplars.add(&series, offered);
        }
    }
}

fn without_empty(labels: &Labels) -> Labels {
    match labels.iter().any(|(_, value)| value.is_empty()) {
        true => Labels::from_pairs(labels),
        false => labels.clone(),
    }
}

impl Db {
    /// Sets how many exemplars are kept at a time, zero being none; the newest stay.
    pub fn resize_exemplars(&self, max: usize) {
        let (before, stayed) = self.inner.head.exemplars.resize(max);
        if before != max {
            tracing::info!(from = before, to = max, migrated = stayed, "Exemplar storage resized");
        }
    }
}

impl ExemplarQuerier for Db {
    fn select(
        &self,
        start: TimestampMs,
        end: TimestampMs,
        sets: &[Vec<Matcher>],
    ) -> Result<Vec<SeriesExemplars>, StorageError> {
        Ok(self.inner.head.exemplars.select(start, end, sets))
    }
}

const APPENDED: Family = Family::counter(
    "prometheus_tsdb_exemplar_exemplars_appended_total",
    "Total number of appended exemplars.",
);
const IN_STORAGE: Family = Family::gauge(
    "prometheus_tsdb_exemplar_exemplars_in_storage",
    "Number of exemplars currently in circular storage.",
);
const SERIES: Family = Family::gauge(
    "prometheus_tsdb_exemplar_series_with_exemplars_in_storage",
    "Number of series with exemplars currently in circular storage.",
);
const OLDEST: Family = Family::gauge(
    "prometheus_tsdb_exemplar_last_exemplars_timestamp_seconds",
    "The timestamp of the oldest exemplar stored in circular storage. Useful to check for what time range the current exemplar buffer limit allows.",
);
const MAX: Family = Family::gauge(
    "prometheus_tsdb_exemplar_max_exemplars",
    "Total number of exemplars the exemplar storage can store, resizeable.",
);
const OUT_OF_ORDER: Family = Family::counter(
    "prometheus_tsdb_exemplar_out_of_order_exemplars_total",
    "Total number of out of order exemplar ingestion failed attempts.",
);
const REFUSED: Family = Family::counter(
    "hearth_tsdb_exemplars_refused_total",
    "Exemplars refused because their labels are too long or their series is not known.",
);

/// What the ring says of itself.
pub(crate) fn collect(samples: &mut Samples, head: &Head) {
    let exemplars = &head.exemplars;
    let filling = exemplars.filling();
    for (family, value) in [
        (&APPENDED, exemplars.appended.load(Ordering::Relaxed) as f64),
        (&IN_STORAGE, filling.exemplars as f64),
        (&SERIES, filling.series as f64),
        (&OLDEST, filling.oldest_time as f64 / 1000.0),
        (&MAX, filling.max as f64),
        (&OUT_OF_ORDER, exemplars.out_of_order.load(Ordering::Relaxed) as f64),
        (&REFUSED, exemplars.refused.load(Ordering::Relaxed) as f64),
    ] {
        samples.push(family, &[], value);
    }
}
