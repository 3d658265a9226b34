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

    fn insert(&mut self, id: u32) {
        match self {
            List::One([only]) => {
                let mut many = vec![*only];
                insert_sorted(&mut many, id);
                *self = List::Many(many);
            }
            List::Many(many) => insert_sorted(many, id),
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

/// New numbers are nearly always the largest.
fn insert_sorted(list: &mut Vec<u32>, id: u32) {
    if list.last().is_none_or(|last| *last < id) {
        if list.len() == list.capacity() {
            list.reserve_exact(1 + list.len() / 4);
        }
        list.push(id);
    } else if let Err(at) = list.binary_search(&id) {
        list.insert(at, id);
    }
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

    /// Adds a series.
    pub(crate) fn insert(&mut self, id: u32, labels: &[Pair]) {
        insert_sorted(&mut self.all, id);
        for pair in labels {
            let values = self.names.entry(pair.name).or_default();
            values.entry(pair.value).and_modify(|list| list.insert(id)).or_insert(List::One([id]));
        }
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
