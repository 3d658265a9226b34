//! What is known of selectors from the expression around them.
//!
//! [`Compared`]: which compare histograms with those before them, to know of counter resets. The store does not say of the first sample of a chunk whether a counter was reset before it.
//! Functions that only want count and sum of a histogram are answered from reduced histograms, in
//! which a reset could not be seen any more; so it is looked for as the samples are read, and said.

use std::sync::Arc;

use common_model::{CounterReset, FloatHistogram, METRIC_NAME, is_stale_marker};
use server_storage::SampleColumns;

use super::invariant::names_one_metric;
use super::{is_metadata_label, unparen};
use crate::ast::{Aggregate, AggregateOp, Expr, Extended, VectorSelector};
use crate::engine::EngineOptions;
use crate::functions::{Implementation, implementation};
use crate::value::histogram;

/// Where in the query those selectors begin; mostly empty.
#[derive(Clone, Debug, Default)]
pub(super) struct Compared {
    starts: Vec<u32>,
}

impl Compared {
    pub(super) fn of(expr: &Expr) -> Compared {
        let mut compared = Compared::default();
        compared.visit(expr, false);
        compared
    }

    /// Says of each histogram whether there was a reset before it, if this selector is to know.
    pub(super) fn apply(&self, selector: &VectorSelector, samples: &mut SampleColumns) {
        if samples.histograms.is_empty() || !self.starts.contains(&selector.span.start) {
            return;
        }
        let mut before: Option<Arc<FloatHistogram>> = None;
        for place in samples.histograms.iter_mut().flatten() {
            if is_stale_marker(place.sum) {
                continue;
            }
            let now = place.clone();
            if let Some(before) = &before
                && now.counter_reset == CounterReset::Unknown
            {
                let reset = histogram::is_reset(before, &now);
                Arc::make_mut(place).counter_reset =
                    if reset { CounterReset::Reset } else { CounterReset::NotReset };
            }
            before = Some(now);
        }
    }

    /// Notes the selectors below a function of count and sum, but none of which a subquery picks
    /// samples, or whose buckets are wanted.
    fn visit(&mut self, expr: &Expr, reduced: bool) {
        match expr {
            Expr::Vector(selector) if reduced => self.starts.push(selector.span.start),
            Expr::Matrix(selector) if reduced => self.starts.push(selector.vector.span.start),
            Expr::Aggregate(e) => {
                self.visit(&e.expr, reduced);
                e.param.iter().for_each(|param| self.visit(param, reduced));
            }
            Expr::Binary(e) => {
                self.visit(&e.left, reduced);
                self.visit(&e.right, reduced);
            }
            Expr::Call(e) => match e.function.name {
                "histogram_quantile" | "histogram_quantiles" | "histogram_fraction" => {}
                "histogram_count" | "histogram_sum" | "histogram_avg" => {
                    e.args.iter().for_each(|arg| self.visit(arg, true));
                }
                _ => e.args.iter().for_each(|arg| self.visit(arg, reduced)),
            },
            Expr::Paren(e) => self.visit(&e.expr, reduced),
            Expr::Unary(e) => self.visit(&e.expr, reduced),
            Expr::Subquery(_)
            | Expr::Vector(_)
            | Expr::Matrix(_)
            | Expr::Number(_)
            | Expr::String(_) => {}
        }
    }
}

/// Which selectors are read only to be put into groups, and by which labels.
#[derive(Clone, Debug, Default)]
pub(super) struct Grouped {
    /// Where they begin in the query.
    starts: Vec<(u32, Arc<[String]>)>,
}

impl Grouped {
    pub(super) fn of(expr: &Expr, options: &EngineOptions) -> Grouped {
        let mut grouped = Grouped::default();
        // There names live longer, and labels beside the name are looked at.
        if !options.delayed_name_removal && !options.type_and_unit_labels {
            grouped.visit(expr);
        }
        grouped
    }

    /// The labels of a selector's series that are looked at, where it is not all.
    pub(super) fn labels(&self, selector: &VectorSelector) -> Option<Arc<[String]>> {
        let found = self.starts.iter().find(|(start, _)| *start == selector.span.start);
        found.map(|(_, labels)| labels.clone())
    }

    fn visit(&mut self, expr: &Expr) {
        if let Expr::Aggregate(aggregate) = expr
            && let Some(selector) = grouped_selector(aggregate)
        {
            let mut labels = aggregate.grouping.clone();
            // Notes tell of the metric.
            labels.push(METRIC_NAME.to_owned());
            labels.sort_unstable();
            labels.dedup();
            self.starts.push((selector.span.start, labels.into()));
        }
        for child in expr.children() {
            self.visit(child);
        }
    }
}

/// The selector whose series an aggregation puts into groups, if it looks at no other labels.
fn grouped_selector(aggregate: &Aggregate) -> Option<&VectorSelector> {
    let folds = !matches!(
        aggregate.op,
        AggregateOp::Topk
            | AggregateOp::Bottomk
            | AggregateOp::Limitk
            | AggregateOp::LimitRatio
            | AggregateOp::CountValues
    );
    let names_labels = aggregate.grouping.iter().any(|name| is_metadata_label(name));
    if !folds || aggregate.without {
        return None;
    }
    match unparen(&aggregate.expr) {
        Expr::Vector(selector) if selector.extended == Extended::No => Some(selector),
        Expr::Call(call) if !names_labels => {
            let [argument] = call.args.as_slice() else { return None };
            let Expr::Matrix(matrix) = unparen(argument) else { return None };
            let is_range =
                matches!(implementation(call.function.name), Some(Implementation::Range(_)));
            // Else series of different metrics might become one, which is an error to be found.
            (is_range && names_one_metric(&matrix.vector)).then_some(&matrix.vector)
        }
        _ => None,
    }
}
