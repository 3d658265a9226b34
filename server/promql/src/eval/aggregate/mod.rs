//! Aggregations: every series is folded into its group as it arrives.

mod count_values;
mod fold;
mod select;

use std::hash::{BuildHasher, Hash, Hasher};

use common_model::{Labels, METRIC_NAME};
use hashbrown::HashTable;

use super::memo::Memo;
use super::{Eval, Grid, Sink};
use crate::ast::{Aggregate, AggregateOp, Span};
use crate::engine::QueryError;
use crate::value::{Column, Scalars, Track};

use fold::Fold;

/// How series are put into groups.
pub(super) struct Grouping<'a> {
    labels: Vec<&'a str>,
    without: bool,
}

impl<'a> Grouping<'a> {
    pub(super) fn new(aggregate: &'a Aggregate) -> Grouping<'a> {
        let labels = aggregate.grouping.iter().map(String::as_str).collect();
        Grouping { labels, without: aggregate.without }
    }

    /// The labels of the group a series belongs to.
    pub(super) fn of(&self, labels: &Labels) -> Labels {
        if self.without {
            labels.filter(|name| name != METRIC_NAME && !self.labels.contains(&name))
        } else if self.labels.is_empty() {
            Labels::empty()
        } else {
            labels.filter(|name| self.labels.contains(&name))
        }
    }

    /// Whether a label counts, where some do and some do not.
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
}

impl<'a> Groups<'a> {
    pub(super) fn new(aggregate: &'a Aggregate) -> Groups<'a> {
        Groups {
            grouping: Grouping::new(aggregate),
            labels: Vec::new(),
            places: HashTable::new(),
            hasher: foldhash::fast::RandomState::default(),
            memo: Memo::default(),
        }
    }

    /// The number of the group of a series, and whether it is a new one.
    pub(super) fn place(&mut self, series: &Labels) -> (usize, bool) {
        let mut memo = std::mem::take(&mut self.memo);
        let before = self.labels.len();
        let place = memo.get(series, || self.find(series));
        self.memo = memo;
        (place, self.labels.len() > before)
    }

    fn find(&mut self, series: &Labels) -> usize {
        let Groups { grouping, labels, places, hasher, .. } = self;
        let kept = || series.iter().filter(|(name, _)| grouping.keeps(name));
        let hash = |pairs: &mut dyn Iterator<Item = (&str, &str)>| {
            let mut state = hasher.build_hasher();
            pairs.for_each(|pair| pair.hash(&mut state));
            state.finish()
        };
        let wanted = hash(&mut kept());
        if let Some(&place) = places.find(wanted, |&at| kept().eq(labels[at].iter())) {
            return place;
        }
        let place = labels.len();
        labels.push(grouping.of(series));
        places.insert_unique(wanted, place, |&at| hash(&mut labels[at].iter()));
        place
    }

    /// The labels of a group.
    pub(super) fn labels(&self, place: usize) -> &Labels {
        &self.labels[place]
    }
}

struct Group {
    labels: Labels,
    drop_name: bool,
    fold: Fold,
}

impl Eval<'_> {
    pub(super) fn aggregate(
        &self,
        aggregate: &Aggregate,
        grid: &Grid,
        sink: &mut Sink<'_>,
    ) -> Result<(), QueryError> {
        match aggregate.op {
            AggregateOp::CountValues => self.count_values(aggregate, grid, sink),
            AggregateOp::Topk | AggregateOp::Bottomk | AggregateOp::Limitk => {
                self.select_k(aggregate, grid, sink)
            }
            AggregateOp::LimitRatio => self.limit_ratio(aggregate, grid, sink),
            _ => self.fold(aggregate, grid, sink),
        }
    }

    fn fold(
        &self,
        aggregate: &Aggregate,
        grid: &Grid,
        sink: &mut Sink<'_>,
    ) -> Result<(), QueryError> {
        let quantile = self.quantile_parameter(aggregate, grid)?;
        let mut names = Groups::new(aggregate);
        let mut groups: Vec<Group> = Vec::new();
        let (mut samples, mut bytes) = (0, 0);
        let span = aggregate.expr.span();
        self.vector(&aggregate.expr, grid, &mut |track| {
            let (place, is_new) = names.place(&track.labels);
            if is_new {
                let labels = names.labels(place).clone();
                let fold = Fold::new(aggregate.op, grid.steps);
                let size = fold.heap_bytes() + labels.heap_bytes() + size_of::<Group>();
                self.budget.charge(grid.steps, size)?;
                samples += grid.steps;
                bytes += size;
                groups.push(Group { labels, drop_name: false, fold });
            }
            let group = &mut groups[place];
            group.drop_name |= track.drop_name;
            let kept = group.fold.add(track, self, span);
            self.budget.charge(0, kept)?;
            bytes += kept;
            Ok(())
        })?;
        drop(names);
        for group in groups {
            let mut column = Column::absent(grid.steps);
            group.fold.finish(&mut column, quantile.as_ref(), self, span);
            if !column.is_blank() {
                sink(&mut Track { labels: group.labels, drop_name: group.drop_name, column })?;
            }
        }
        self.budget.release(samples, bytes);
        Ok(())
    }

    /// The first argument of `quantile`, with a warning where it is not between 0 and 1.
    fn quantile_parameter(
        &self,
        aggregate: &Aggregate,
        grid: &Grid,
    ) -> Result<Option<Scalars>, QueryError> {
        if aggregate.op != AggregateOp::Quantile {
            return Ok(None);
        }
        let Some(param) = &aggregate.param else {
            return Err(QueryError::BadData("quantile needs a parameter".to_owned()));
        };
        let scalars = self.scalar(param, grid)?;
        for step in 0..scalars.distinct(grid.steps) {
            self.check_quantile(scalars.at(step), param.span());
        }
        Ok(Some(scalars))
    }

    /// Warns of a quantile that is none.
    pub(crate) fn check_quantile(&self, quantile: f64, span: Span) {
        if !(0.0..=1.0).contains(&quantile) {
            let got = common_model::format_float(quantile);
            let text = format!("quantile value should be between 0 and 1, got {got}");
            self.notes.warn(text, span);
        }
    }
}
