//! The head's series in order of labels, as a block wants them.

use std::cmp::Ordering;

use super::{Head, Pair, Series, Symbols};

impl Head {
    /// Numbers of the series that have samples in `[first, last]`, in order of labels. Besides them
    /// only the labels of one metric are in memory at a time.
    pub(crate) fn in_order(&self, first: i64, last: i64) -> Vec<u32> {
        let mut begins: Vec<(Pair, u32)> = Vec::new();
        let pages = self.index.read().pages.all();
        for page in pages {
            let reaches = |series: &&Series| {
                self.span_of(series)
                    .is_some_and(|(oldest, newest)| oldest <= last && first <= newest)
            };
            for series in page.series.read().iter().filter(reaches) {
                begins.extend(series.labels.first().map(|pair| (*pair, series.id)));
            }
        }
        self.sort(begins)
    }

    /// The same of the series with these numbers.
    pub(crate) fn sorted(&self, ids: Vec<u32>) -> Vec<u32> {
        let begin = |id: u32| {
            let page = self.page(id)?;
            let page = page.series.read();
            page.get(id)?.labels.first().map(|pair| (*pair, id))
        };
        self.sort(ids.into_iter().filter_map(begin).collect())
    }

    /// Sorts series, of which first labels are given.
    fn sort(&self, mut begins: Vec<(Pair, u32)>) -> Vec<u32> {
        let by_begin =
            |a: &(Pair, u32), b: &(Pair, u32), symbols: &Symbols| compare(&[a.0], &[b.0], symbols);
        {
            let symbols = self.symbols.read();
            begins.sort_unstable_by(|a, b| by_begin(a, b, &symbols));
        }
        let mut ids = Vec::with_capacity(begins.len());
        for group in begins.chunk_by(|a, b| a.0 == b.0) {
            self.order(group, &mut ids);
        }
        ids
    }

    /// Appends the numbers of series whose first label is the same, in order of the others.
    fn order(&self, group: &[(Pair, u32)], ids: &mut Vec<u32>) {
        let mut pairs: Vec<Pair> = Vec::new();
        let mut series: Vec<(u32, usize, usize)> = Vec::with_capacity(group.len());
        for (_, id) in group {
            let Some(page) = self.page(*id) else { continue };
            let page = page.series.read();
            let Some(found) = page.get(*id) else { continue };
            let start = pairs.len();
            pairs.extend_from_slice(found.labels.get(1..).unwrap_or_default());
            series.push((*id, start, pairs.len()));
        }
        let symbols = self.symbols.read();
        series.sort_unstable_by(|a, b| compare(&pairs[a.1..a.2], &pairs[b.1..b.2], &symbols));
        ids.extend(series.iter().map(|(id, ..)| *id));
    }
}

/// The order of labels; texts are looked at where numbers differ.
fn compare(a: &[Pair], b: &[Pair], symbols: &Symbols) -> Ordering {
    match a.iter().zip(b).find(|(a, b)| a != b) {
        Some((a, b)) if a.name == b.name => symbols.text(a.value).cmp(symbols.text(b.value)),
        Some((a, b)) => symbols.text(a.name).cmp(symbols.text(b.name)),
        None => a.len().cmp(&b.len()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use common_model::Labels;

    use super::*;
    use crate::fs::MemoryFs;
    use crate::head::Chunking;
    use crate::head_chunks::HeadChunks;

    #[test]
    fn series_come_in_the_order_of_their_labels() {
        let files = HeadChunks::new(Arc::new(MemoryFs::default()), "data".as_ref());
        let head = Head::new(1000, files);
        let sets = [
            &[("__name__", "b"), ("x", "2")][..],
            &[("__name__", "b")],
            &[("__name__", "b"), ("x", "10"), ("y", "1")],
            &[("__name__", "b"), ("a", "9")],
            &[("__name__", "a"), ("x", "2")],
            &[("A", "z"), ("__name__", "a")],
            &[("__name__", "b"), ("x", "10")],
            &[("x", "1")],
        ];
        let mut all: Vec<Labels> = Vec::new();
        for set in sets {
            let labels = Labels::from_pairs(set.iter().copied());
            let Some((id, _)) = head.get_or_create(&labels, None, 100) else { continue };
            if let Some(page) = head.page(id)
                && let Some(series) = page.series.write().get_mut(id)
            {
                series.append((5, 0), 1.0, Chunking::ANEW);
            }
            all.push(labels);
        }
        all.sort();
        let labels = |id: u32| {
            let page = head.page(id)?;
            let page = page.series.read();
            page.get(id).map(|series| head.labels(&series.labels))
        };
        let found: Vec<_> = head.in_order(0, 10).into_iter().filter_map(labels).collect();
        assert_eq!(found, all);
        assert!(head.in_order(6, 10).is_empty());
    }
}
