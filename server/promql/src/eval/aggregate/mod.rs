//! Aggregations: every series is folded into its group as it arrives.

mod count_values;
mod fold;
mod select;

use common_model::Labels;

use super::groups::{Grouping, Groups};
use super::{Eval, Grid, Sink};
use crate::ast::{Aggregate, AggregateOp, Span};
use crate::engine::QueryError;
use crate::value::{Column, Scalars, Track};

use fold::Fold;

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
        let mut names = Groups::new(Grouping::of_aggregate(aggregate));
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
