//! Which series have which label: name, value, sorted series numbers.

use std::collections::HashMap;

use super::Pair;

type Map<V> = HashMap<u32, V, foldhash::fast::FixedState>;

/// Sorted numbers of the series with one label; most label values of a large store have one series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum List {
    One([u32; 1]),
    Many(Vec<u32>),
}

impl List {
    pub(crate) fn as_slice(&self) -> &[u32] {
        match self {
            List::One(one) => one,
            List::Many(many) => many,
        }
    }

    /// A list of ascending numbers.
    fn of(ids: &[u32]) -> List {
        match ids {
            [only] => List::One([*only]),
            many => List::Many(many.to_vec()),
        }
    }

    /// Adds ascending numbers.
    fn insert_all(&mut self, ids: &[u32]) {
        match self {
            List::One([only]) => {
                let mut many = vec![*only];
                insert_sorted(&mut many, ids);
                *self = List::Many(many);
            }
            List::Many(many) => insert_sorted(many, ids),
        }
    }

    /// Takes sorted numbers out; says whether any are left.
    fn subtract(&mut self, gone: &[u32]) -> bool {
        match self {
            List::One([only]) => gone.binary_search(only).is_err(),
            List::Many(many) => {
                many.retain(|id| gone.binary_search(id).is_err());
                if many.len() * 2 < many.capacity() {
                    many.shrink_to_fit();
                }
                !many.is_empty()
            }
        }
    }
}

/// Adds ascending numbers, which are nearly always larger than those that are there.
fn insert_sorted(list: &mut Vec<u32>, ids: &[u32]) {
    let behind = ids.first().is_none_or(|first| list.last().is_none_or(|last| last < first));
    if list.capacity() - list.len() < ids.len() {
        list.reserve_exact(ids.len().max(1 + list.len() / 4));
    }
    if behind {
        list.extend_from_slice(ids);
        return;
    }
    for id in ids {
        if let Err(at) = list.binary_search(id) {
            list.insert(at, *id);
        }
    }
}

/// Series that have a label, and no others between them.
#[derive(Debug)]
struct Run {
    pair: Pair,
    ids: Vec<u32>,
}

/// Series by label.
#[derive(Debug, Default)]
pub(crate) struct Postings {
    all: Vec<u32>,
    names: Map<Map<List>>,
}

impl Postings {
    /// Every series.
    pub(crate) fn all(&self) -> &[u32] {
        &self.all
    }

    /// Series with this very label.
    pub(crate) fn label(&self, name: u32, value: u32) -> &[u32] {
        let list = self.names.get(&name).and_then(|values| values.get(&value));
        list.map_or(&[], List::as_slice)
    }

    /// Values of a label with the series that have them, in no order.
    pub(crate) fn values(&self, name: u32) -> impl Iterator<Item = (u32, &[u32])> {
        let values = self.names.get(&name).into_iter().flatten();
        values.map(|(value, list)| (*value, list.as_slice()))
    }

    /// Label names with the number of their values, in no order.
    pub(crate) fn names(&self) -> impl Iterator<Item = (u32, usize)> {
        self.names.iter().map(|(name, values)| (*name, values.len()))
    }

    /// Adds series in the order of their numbers. Neighbours have much in common: what several of
    /// them have at the same place goes to its list at once.
    pub(crate) fn insert_all<'a>(&mut self, series: impl Iterator<Item = (u32, &'a [Pair])>) {
        let mut all = Vec::new();
        let mut runs: Vec<Run> = Vec::new();
        for (id, labels) in series {
            all.push(id);
            for (at, pair) in labels.iter().enumerate() {
                match runs.get_mut(at) {
                    Some(run) if run.pair == *pair => run.ids.push(id),
                    Some(run) => {
                        self.insert_run(run);
                        run.pair = *pair;
                        run.ids.clear();
                        run.ids.push(id);
                    }
                    None => runs.push(Run { pair: *pair, ids: vec![id] }),
                }
            }
        }
        runs.iter().for_each(|run| self.insert_run(run));
        insert_sorted(&mut self.all, &all);
    }

    fn insert_run(&mut self, run: &Run) {
        let values = self.names.entry(run.pair.name).or_default();
        let list = values.entry(run.pair.value);
        list.and_modify(|list| list.insert_all(&run.ids)).or_insert_with(|| List::of(&run.ids));
    }

    /// Takes out sorted series whose labels are among `touched`.
    pub(crate) fn remove(&mut self, gone: &[u32], touched: &[Pair]) {
        if gone.is_empty() {
            return;
        }
        self.all.retain(|id| gone.binary_search(id).is_err());
        self.all.shrink_to_fit();
        let mut touched = touched.to_vec();
        touched.sort_unstable_by_key(|pair| (pair.name, pair.value));
        touched.dedup();
        for pair in touched {
            let Some(values) = self.names.get_mut(&pair.name) else { continue };
            if let Some(list) = values.get_mut(&pair.value)
                && !list.subtract(gone)
            {
                values.remove(&pair.value);
            }
            if values.is_empty() {
                self.names.remove(&pair.name);
            }
        }
    }
}
