//! One scrape's samples on their way to the store: limits, relabeling, target labels, staleness.

use std::sync::Arc;

use common_config::RelabelConfig;
use common_model::{Exemplar, Labels, LabelsBuilder, METRIC_NAME, TimestampMs, stale_marker};
use server_storage::{AppendError, Appender, SeriesRef, StorageError};

use crate::memory::{Line, LineId, Memory};

/// A sample may be this far ahead of our clock; one that is further would stop the store from
/// taking honest samples until the clock catches up.
const FUTURE_MS_MAX: TimestampMs = 10 * 60 * 1000;

/// How samples of a target are treated; the same for all targets of a scrape configuration, but
/// for the labels.
#[derive(Clone, Debug)]
pub(crate) struct Treatment {
    /// Labels of the target, without those that begin with `__`.
    pub(crate) labels: Labels,
    pub(crate) honor_labels: bool,
    pub(crate) honor_timestamps: bool,
    pub(crate) track_timestamps_staleness: bool,
    pub(crate) relabel: Arc<[RelabelConfig]>,
    pub(crate) limits: Limits,
}

/// Limits of one scrape. Zero never stands for "no limit": a limit that is not configured is set
/// to the defaults of [`crate::defaults`].
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    pub(crate) samples: usize,
    pub(crate) labels: usize,
    pub(crate) label_name_bytes: usize,
    pub(crate) label_value_bytes: usize,
}

/// Why the samples of a scrape are refused as a whole. The texts are Prometheus'.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SessionError {
    #[error("sample limit exceeded")]
    SampleLimit,
    #[error("{0}")]
    LabelLimit(String),
    #[error("{0}")]
    Malformed(String),
    #[error("{0}")]
    Storage(StorageError),
}

/// What a scrape brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Samples on the wire.
    pub(crate) scraped: usize,
    /// Samples left after relabeling.
    pub(crate) kept: usize,
    /// Series that were not there the scrape before.
    pub(crate) series_added: usize,
    /// Samples the store did not take because of their time.
    pub(crate) out_of_order: usize,
    pub(crate) duplicate: usize,
    pub(crate) out_of_bounds: usize,
    /// Series the store did not take because it is full.
    pub(crate) refused: usize,
    /// Exemplars the store did not take because newer ones are there.
    pub(crate) exemplars_out_of_order: usize,
}

/// Takes the samples of one scrape.
pub(crate) struct Session<'a> {
    treatment: &'a Treatment,
    memory: &'a mut Memory,
    appender: Box<dyn Appender>,
    now: TimestampMs,
    counts: Counts,
}

impl<'a> Session<'a> {
    /// Begins a scrape whose samples carry the time `now` unless they bring one.
    pub(crate) fn begin(
        treatment: &'a Treatment,
        memory: &'a mut Memory,
        appender: Box<dyn Appender>,
        now: TimestampMs,
    ) -> Session<'a> {
        memory.begin();
        Session { treatment, memory, appender, now, counts: Counts::default() }
    }

    /// Takes one sample. `raw` names its series on the wire; `parse` makes labels of it when the
    /// line is new.
    pub(crate) fn sample(
        &mut self,
        raw: &[u8],
        parse: impl FnOnce() -> Result<Labels, String>,
        timestamp: Option<TimestampMs>,
        value: f64,
    ) -> Result<(), SessionError> {
        self.counts.scraped += 1;
        let id = match self.memory.find(raw) {
            Some(id) => id,
            None => {
                let wire = parse().map_err(SessionError::Malformed)?;
                let line = self.first_seen(&wire)?;
                self.memory.insert(raw, line)
            }
        };
        self.append(id, timestamp, value)
    }

    /// The bytes of the line that should come next.
    pub(crate) fn expected(&self) -> Option<&[u8]> {
        self.memory.expected()
    }

    /// Takes a sample of the expected line.
    pub(crate) fn expected_sample(
        &mut self,
        timestamp: Option<TimestampMs>,
        value: f64,
    ) -> Result<(), SessionError> {
        self.counts.scraped += 1;
        let id = self.memory.take_expected();
        self.append(id, timestamp, value)
    }

    /// Whether exemplars are worth reading.
    pub(crate) fn wants_exemplars(&self) -> bool {
        self.appender.wants_exemplars()
    }

    /// Takes an exemplar of the sample that came last.
    pub(crate) fn exemplar(&mut self, exemplar: &Exemplar) {
        if let Some(Line::Series { series, labels }) = self.memory.last() {
            // An exemplar the store does not take is no loss of data.
            let result = self.appender.append_exemplar(*series, labels, exemplar);
            let is_late = matches!(result, Err(AppendError::OutOfOrderExemplar));
            self.counts.exemplars_out_of_order += usize::from(is_late);
        }
    }

    /// What came so far.
    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    /// Ends a scrape that went well: series that did not come end, then everything is committed.
    pub(crate) fn finish(mut self) -> Result<Counts, StorageError> {
        let (appender, now) = (&mut self.appender, self.now);
        // A series that cannot be ended has newer samples already: nothing is lost.
        self.memory.end(|series, labels| {
            let _ = appender.append(series, labels, now, stale_marker());
        });
        self.appender.commit()?;
        Ok(self.counts)
    }

    /// Gives up: nothing of this scrape is kept. Says how far it came.
    pub(crate) fn abandon(self) -> Counts {
        self.appender.rollback();
        self.memory.abandon();
        self.counts
    }

    fn append(
        &mut self,
        id: LineId,
        timestamp: Option<TimestampMs>,
        value: f64,
    ) -> Result<(), SessionError> {
        let Some(Line::Series { series, labels }) = self.memory.get(id) else {
            return Ok(());
        };
        let (series, labels) = (*series, labels.clone());
        self.counts.kept += 1;
        if self.counts.kept > self.treatment.limits.samples {
            return Err(SessionError::SampleLimit);
        }
        let own_time = timestamp.filter(|_| self.treatment.honor_timestamps);
        // A series with timestamps of its own ends when its target says so, not when it stays away.
        let tracked = own_time.is_none() || self.treatment.track_timestamps_staleness;
        let at = own_time.unwrap_or(self.now);
        if at > self.now.saturating_add(FUTURE_MS_MAX) {
            self.counts.out_of_bounds += 1;
            return Ok(());
        }
        let result = self.appender.append(series, &labels, at, value);
        self.note(id, result, tracked)
    }

    fn note(
        &mut self,
        id: LineId,
        result: Result<SeriesRef, AppendError>,
        tracked: bool,
    ) -> Result<(), SessionError> {
        match result {
            Ok(series) if tracked => {
                self.counts.series_added += usize::from(self.memory.appended(id, series));
            }
            Ok(series) => self.memory.renumber(id, series),
            Err(AppendError::OutOfOrder | AppendError::TooOld) => self.counts.out_of_order += 1,
            Err(AppendError::Duplicate) => self.counts.duplicate += 1,
            Err(AppendError::OutOfBounds) => self.counts.out_of_bounds += 1,
            Err(AppendError::Limit(_)) => self.counts.refused += 1,
            Err(AppendError::Storage(error)) => return Err(SessionError::Storage(error)),
            Err(error) => return Err(SessionError::Malformed(error.to_string())),
        }
        Ok(())
    }

    /// Labels under which a new line is stored: checked, joined with the target's, relabeled.
    fn first_seen(&self, wire: &Labels) -> Result<Line, SessionError> {
        self.check(wire)?;
        let mut builder = wire.to_builder();
        join(&mut builder, &self.treatment.labels, self.treatment.honor_labels);
        let joined = builder.build();
        let Some(labels) = server_relabel::process(&joined, &self.treatment.relabel) else {
            return Ok(Line::Dropped);
        };
        if labels.get(METRIC_NAME).is_none() {
            return Err(SessionError::Malformed(format!(
                "the sample {joined} has no metric name after relabeling"
            )));
        }
        Ok(Line::Series { series: SeriesRef(0), labels })
    }

    fn check(&self, wire: &Labels) -> Result<(), SessionError> {
        let limits = &self.treatment.limits;
        let metric: String = wire.metric_name().chars().take(50).collect();
        let count = wire.len();
        if count > limits.labels {
            return Err(SessionError::LabelLimit(format!(
                "label_limit exceeded (metric: {metric}, number of labels: {count}, limit: {})",
                limits.labels
            )));
        }
        for (name, value) in wire {
            let label: String = name.chars().take(50).collect();
            if name.len() > limits.label_name_bytes {
                return Err(SessionError::LabelLimit(format!(
                    "label_name_length_limit exceeded (metric: {metric}, label name: {label}, \
                     length: {}, limit: {})",
                    name.len(),
                    limits.label_name_bytes
                )));
            }
            if value.len() > limits.label_value_bytes {
                let start: String = value.chars().take(50).collect();
                return Err(SessionError::LabelLimit(format!(
                    "label_value_length_limit exceeded (metric: {metric}, label name: {label}, \
                     value: {start:?}, length: {}, limit: {})",
                    value.len(),
                    limits.label_value_bytes
                )));
            }
        }
        Ok(())
    }
}

/// Adds the target's labels to a sample's. Where both have a label, `honor` decides: the sample's
/// wins, or it is kept under `exported_` names that are free.
fn join(sample: &mut LabelsBuilder, target: &Labels, honor: bool) {
    let mut displaced = Vec::new();
    for (name, value) in target {
        let own = sample.value(name);
        if own.is_empty() {
            sample.set(name, value);
        } else if !honor {
            displaced.push((name.to_owned(), own.to_owned()));
            sample.set(name, value);
        }
    }
    // Short names first, as upstream does it, so that the result does not depend on label order.
    displaced.sort_by_key(|(name, _)| name.len());
    for (name, value) in displaced {
        let mut free = format!("exported_{name}");
        while !sample.value(&free).is_empty() {
            free.insert_str(0, "exported_");
        }
        sample.set(&free, &value);
    }
}

/// Ends every series of a target that failed or is gone. Errors are of no use to the caller: a
/// series that cannot be ended has newer samples already.
pub(crate) fn end_all(memory: &mut Memory, appender: &mut dyn Appender, now: TimestampMs) {
    memory.end_all(|series, labels| {
        let _ = appender.append(series, labels, now, stale_marker());
    });
}
