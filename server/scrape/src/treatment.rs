//! What becomes of a target's samples: limits, target labels, relabeling.

use std::sync::Arc;

use common_config::RelabelConfig;
use common_model::{
    Labels, LabelsBuilder, METRIC_NAME, is_legacy_label_name, is_legacy_metric_name,
};

use crate::session::SessionError;

/// How samples of a target are treated; the same for all targets of a scrape configuration, but
/// for the labels.
#[derive(Clone, Debug)]
pub(crate) struct Treatment {
    /// Labels of the target, without those that begin with `__`.
    pub(crate) labels: Labels,
    pub(crate) honor_labels: bool,
    pub(crate) honor_timestamps: bool,
    pub(crate) track_timestamps_staleness: bool,
    /// Whether only names of the old character set are taken.
    pub(crate) legacy_names: bool,
    pub(crate) relabel: Arc<[RelabelConfig]>,
    pub(crate) limits: Limits,
    pub(crate) starts: StartTimes,
}

/// What becomes of the start times that OpenMetrics pages tell in `_created` lines. Where something
/// does, these lines of counters, histograms and summaries are no series any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StartTimes {
    /// They are stored with the samples.
    pub stored: bool,
    /// A series begins with a zero at its start time.
    pub zeros: bool,
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

impl Treatment {
    /// Labels under which a new line is stored: checked, joined with the target's, relabeled. None
    /// where relabeling drops it.
    pub(crate) fn labels(
        &self,
        parse: impl FnOnce() -> Result<Labels, String>,
    ) -> Result<Option<Labels>, SessionError> {
        let wire = parse().map_err(SessionError::Malformed)?;
        self.check(&wire)?;
        let mut builder = wire.to_builder();
        join(&mut builder, &self.labels, self.honor_labels);
        let joined = builder.build();
        let labels = server_relabel::process(&joined, &self.relabel);
        if labels.as_ref().is_some_and(|labels| labels.get(METRIC_NAME).is_none()) {
            return Err(SessionError::Malformed(format!(
                "the sample {joined} has no metric name after relabeling"
            )));
        }
        if let Some(labels) =
            labels.as_ref().filter(|labels| self.legacy_names && !is_legacy(labels))
        {
            let problem = format!("invalid metric name or label names: {labels}");
            return Err(SessionError::Malformed(problem));
        }
        Ok(labels)
    }

    fn check(&self, wire: &Labels) -> Result<(), SessionError> {
        let limits = &self.limits;
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

/// Whether all names are of the old character set.
fn is_legacy(labels: &Labels) -> bool {
    is_legacy_metric_name(labels.metric_name())
        && labels.iter().all(|(name, _)| is_legacy_label_name(name))
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
