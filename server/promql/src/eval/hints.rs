//! Which selectors compare histograms with those before them, to know of counter resets.
//!
//! The store does not say of the first sample of a chunk whether a counter was reset before it.
//! Functions that only want count and sum of a histogram are answered from reduced histograms, in
//! which a reset could not be seen any more; so it is looked for as the samples are read, and said.

use std::sync::Arc;

use common_model::{CounterReset, FloatHistogram, is_stale_marker};
use server_storage::SampleColumns;

use crate::ast::{Expr, VectorSelector};
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
