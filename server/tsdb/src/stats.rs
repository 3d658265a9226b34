//! What there is in the head: the figures of `/api/v1/status/tsdb`.

use std::collections::HashMap;

use crate::db::Db;
use common_model::METRIC_NAME;

/// Sizes of the head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Series.
    pub series: u64,
    /// Chunks, the open ones included.
    pub chunks: u64,
    /// Bytes of all chunks.
    pub chunk_bytes: u64,
    /// Distinct pairs of label name and value.
    pub label_pairs: u64,
    /// Time of the oldest sample; `i64::MAX` when there is none, as Prometheus has it.
    pub min_time: i64,
    /// Time of the newest sample; `i64::MIN` when there is none.
    pub max_time: i64,
}

/// A name and its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Metric, label, or `label=value`.
    pub name: String,
    /// How many, or how many bytes.
    pub value: u64,
}

/// The largest of their kind, largest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cardinality {
    /// `seriesCountByMetricName`
    pub series_by_metric: Vec<Stat>,
    /// `labelValueCountByLabelName`
    pub values_by_label: Vec<Stat>,
    /// `memoryInBytesByLabelName`
    pub bytes_by_label: Vec<Stat>,
    /// `seriesCountByLabelValuePair`
    pub series_by_pair: Vec<Stat>,
}

impl Db {
    /// Sizes of the head.
    #[must_use]
    pub fn stats(&self) -> Stats {
        use std::sync::atomic::Ordering::Relaxed;
        let head = &self.inner.head;
        let (min_time, max_time) = head.span();
        let index = head.index.read();
        Stats {
            series: index.len() as u64,
            chunks: head.counters.chunks.load(Relaxed),
            chunk_bytes: head.counters.chunk_bytes.load(Relaxed),
            label_pairs: index.postings.names().map(|(_, values)| values as u64).sum(),
            min_time,
            max_time,
        }
    }

    /// The `limit` largest of every kind.
    #[must_use]
    pub fn cardinality(&self, limit: usize) -> Cardinality {
        let head = &self.inner.head;
        let index = head.index.read();
        let symbols = head.symbols.read();
        let mut sums = Cardinality::default();
        let mut pairs: Vec<(u32, u32, u64)> = Vec::new();
        for (name, values) in index.postings.names() {
            let label = symbols.text(name);
            let mut bytes = 0;
            for (value, series) in index.postings.values(name) {
                let count = series.len() as u64;
                // As Prometheus counts: the value's length once per series.
                bytes += symbols.text(value).len() as u64 * count;
                pairs.push((name, value, count));
                if label == METRIC_NAME {
                    let metric = symbols.text(value).to_owned();
                    sums.series_by_metric.push(Stat { name: metric, value: count });
                }
            }
            sums.values_by_label.push(Stat { name: label.to_owned(), value: values as u64 });
            sums.bytes_by_label.push(Stat { name: label.to_owned(), value: bytes });
            // Texts are made for those that will be shown alone.
            pairs.sort_unstable_by_key(|pair| std::cmp::Reverse(pair.2));
            pairs.truncate(limit);
        }
        sums.series_by_pair = pairs
            .into_iter()
            .map(|(name, value, count)| {
                let name = format!("{}={}", symbols.text(name), symbols.text(value));
                Stat { name, value: count }
            })
            .collect();
        for list in [
            &mut sums.series_by_metric,
            &mut sums.values_by_label,
            &mut sums.bytes_by_label,
            &mut sums.series_by_pair,
        ] {
            list.sort_by(|a, b| b.value.cmp(&a.value).then_with(|| a.name.cmp(&b.name)));
            list.truncate(limit);
        }
        sums
    }
}

impl crate::head::Head {
    /// Metric names and metadata of all series, each pair once.
    pub(crate) fn metric_metadata(&self) -> Vec<(String, common_model::Metadata)> {
        let mut seen: HashMap<(u32, u32), ()> = HashMap::new();
        let pages = self.index.read().pages.all();
        let mut found = Vec::new();
        for page in pages {
            let series = page.series.read();
            let symbols = self.symbols.read();
            let table = self.metadata.read();
            let Some(name) = symbols.find(METRIC_NAME) else { continue };
            for series in series.iter().filter(|series| series.metadata > 0) {
                let Some(metric) = series.labels.iter().find(|pair| pair.name == name) else {
                    continue;
                };
                let new = seen.insert((metric.value, series.metadata), ()).is_none();
                if let Some(metadata) = table.get(series.metadata).filter(|_| new) {
                    let metric = symbols.text(metric.value).to_owned();
                    found.push((metric, common_model::Metadata::clone(metadata)));
                }
            }
        }
        found.sort_by(|a, b| a.0.cmp(&b.0));
        found
    }
}
