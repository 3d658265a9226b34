//! Series that belong together: in groups of an aggregation, on two sides of an operator.

use std::hash::BuildHasher;

use common_model::{Labels, METRIC_NAME};
use hashbrown::HashTable;

use super::memo::Memo;
use crate::ast::{Aggregate, Matching};

/// How series are put into groups.
pub(super) struct Grouping<'a> {
    labels: Vec<&'a str>,
    without: bool,
}

impl<'a> Grouping<'a> {
    /// By the labels after `by`, or all but those after `without` and the name.
    pub(super) fn of_aggregate(aggregate: &'a Aggregate) -> Grouping<'a> {
        let labels = aggregate.grouping.iter().map(String::as_str).collect();
        Grouping { labels, without: aggregate.without }
    }

    /// By the labels of `on`, or all but those of `ignoring` and the name.
    pub(super) fn of_matching(matching: &'a Matching) -> Grouping<'a> {
        let labels = matching.labels.iter().map(String::as_str).collect();
        Grouping { labels, without: !matching.on }
    }

    /// Takes one more label for a group's.
    pub(super) fn add(&mut self, label: &'a str) {
        self.labels.push(label);
    }

    /// The labels of the group a series belongs to.
    pub(super) fn of(&self, labels: &Labels) -> Labels {
        labels.filter(|name| self.keeps(name))
    }

    /// Whether all series are in one group.
    fn is_one(&self) -> bool {
        !self.without && self.labels.is_empty()
    }

    /// Whether a label is one of the group's.
    fn keeps(&self, name: &str) -> bool {
        if self.without {
            name != METRIC_NAME && !self.labels.contains(&name)
        } else {
            self.labels.contains(&name)
        }
    }
}

/// The groups met so far, found by the labels of a series without making those of its group.
pub(super) struct Groups<'a> {
    grouping: Grouping<'a>,
    labels: Vec<Labels>,
    places: HashTable<usize>,
    hasher: foldhash::fast::RandomState,
    memo: Memo<usize>,
    /// The form of the labels of a series' group.
    form: Vec<u8>,
}

impl<'a> Groups<'a> {
    pub(super) fn new(grouping: Grouping<'a>) -> Groups<'a> {
        Groups {
            grouping,
            labels: Vec::new(),
            places: HashTable::new(),
            hasher: foldhash::fast::RandomState::default(),
            memo: Memo::default(),
            form: Vec::new(),
        }
    }

    /// The number of the group of a series, and whether it is a new one.
    pub(super) fn place(&mut self, series: &Labels) -> (usize, bool) {
        if self.grouping.is_one() && !self.labels.is_empty() {
            return (0, false);
        }
        let mut memo = std::mem::take(&mut self.memo);
        let before = self.labels.len();
        let place = memo.get(series, || self.find_or_add(series));
        self.memo = memo;
        (place, self.labels.len() > before)
    }

    /// The number of the group of a series, if it was met before.
    pub(super) fn find(&mut self, series: &Labels) -> Option<usize> {
        self.lookup(series).1
    }

    fn find_or_add(&mut self, series: &Labels) -> usize {
        let (hash, found) = self.lookup(series);
        if let Some(place) = found {
            return place;
        }
        let place = self.labels.len();
        self.labels.push(self.grouping.of(series));
        let Groups { labels, places, hasher, .. } = self;
        places.insert_unique(hash, place, |&at| hasher.hash_one(labels[at].form()));
        place
    }

    fn lookup(&mut self, series: &Labels) -> (u64, Option<usize>) {
        let Groups { grouping, labels, places, hasher, form, .. } = self;
        form.clear();
        series.write_form(|name| grouping.keeps(name), form);
        let hash = hasher.hash_one(form.as_slice());
        (hash, places.find(hash, |&at| labels[at].form() == form.as_slice()).copied())
    }

    /// The labels of a group.
    pub(super) fn labels(&self, place: usize) -> &Labels {
        &self.labels[place]
    }
}
