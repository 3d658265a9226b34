//! Which code computes which function.

use crate::ast::{Call, Expr, Span, ValueType};
use crate::engine::QueryError;
use crate::eval::{Eval, Grid, RangeTrack, Sink, Windows};
use crate::value::{Column, Scalars};

use super::{
    absent, clock, histogram, info, labels, math, over_time, rate, regression, scalar, sort,
};

/// How a function computes.
#[derive(Clone, Copy)]
pub(crate) enum Implementation {
    /// From every window of a range vector, and scalars. The name is dropped.
    Range(RangeFn),
    /// The same, and the name is kept.
    RangeNamed(RangeFn),
    /// From every float of an instant vector; histograms are left out.
    Map(fn(f64) -> f64),
    /// From an instant vector and whatever else it wants.
    Vector(VectorFn),
    /// A scalar.
    Scalar(ScalarFn),
}

pub(crate) type RangeFn = fn(&RangeCall<'_, '_>, &RangeTrack, &Windows, &mut Column);
pub(crate) type VectorFn = fn(&Eval<'_>, &Call, &Grid, &mut Sink<'_>) -> Result<(), QueryError>;
pub(crate) type ScalarFn = fn(&Eval<'_>, &Call, &Grid) -> Result<Scalars, QueryError>;

/// A call of a function of a range vector, its other arguments evaluated.
pub(crate) struct RangeCall<'a, 'q> {
    pub(crate) eval: &'a Eval<'q>,
    pub(crate) call: &'a Call,
    /// Which argument is the range vector.
    pub(crate) matrix: usize,
    /// The scalar arguments, in order.
    pub(crate) scalars: Vec<Scalars>,
}

impl RangeCall<'_, '_> {
    /// The place of an argument, for notes. As upstream has it, what is said of a subquery is said
    /// of the start of the whole query.
    pub(crate) fn span(&self, argument: usize) -> Span {
        let mut argument = self.call.args.get(argument);
        while let Some(Expr::Paren(paren)) = argument
            && paren.expr.value_type() == ValueType::Matrix
        {
            argument = Some(&paren.expr);
        }
        match argument {
            Some(Expr::Subquery(_)) => Span::default(),
            _ => argument.map_or(self.call.span, Expr::span),
        }
    }

    /// A scalar argument at a step.
    pub(crate) fn scalar(&self, number: usize, step: usize) -> f64 {
        self.scalars.get(number).map_or(f64::NAN, |scalars| scalars.at(step))
    }

    /// Notes that floats and histograms stand in one window.
    pub(crate) fn warn_mixed(&self, track: &RangeTrack) {
        let name = track.labels.metric_name();
        self.eval.notes.warn(
            format!("encountered a mix of histograms and floats for metric name \"{name}\""),
            self.span(self.matrix),
        );
    }

    /// Notes that histograms stand in one window with floats and are left out. The place is the
    /// first argument's, whatever it is.
    pub(crate) fn note_ignored(&self, track: &RangeTrack) {
        let name = track.labels.metric_name();
        self.eval.notes.info(
            format!(
                "ignored histograms in a range containing both floats and histograms for metric \
                 name \"{name}\""
            ),
            self.span(0),
        );
    }
}

use Implementation::{Map, Range, RangeNamed, Scalar, Vector};

/// Every function, sorted by name; each row of the signature table has one.
const IMPLEMENTATIONS: &[(&str, Implementation)] = &[
    ("abs", Map(math::abs)),
    ("absent", Vector(absent::absent)),
    ("absent_over_time", Vector(absent::absent_over_time)),
    ("acos", Map(math::acos)),
    ("acosh", Map(math::acosh)),
    ("asin", Map(math::asin)),
    ("asinh", Map(math::asinh)),
    ("atan", Map(math::atan)),
    ("atanh", Map(math::atanh)),
    ("avg_over_time", Range(over_time::avg)),
    ("ceil", Map(math::ceil)),
    ("changes", Range(rate::changes)),
    ("clamp", Vector(math::clamp)),
    ("clamp_max", Vector(math::clamp_max)),
    ("clamp_min", Vector(math::clamp_min)),
    ("cos", Map(math::cos)),
    ("cosh", Map(math::cosh)),
    ("count_over_time", Range(over_time::count)),
    ("day_of_month", Vector(clock::day_of_month)),
    ("day_of_week", Vector(clock::day_of_week)),
    ("day_of_year", Vector(clock::day_of_year)),
    ("days_in_month", Vector(clock::days_in_month)),
    ("deg", Map(math::deg)),
    ("delta", Range(rate::delta)),
    ("deriv", Range(regression::deriv)),
    ("double_exponential_smoothing", Vector(regression::smoothing)),
    ("end", Scalar(scalar::end)),
    ("exp", Map(math::exp)),
    ("first_over_time", RangeNamed(over_time::first)),
    ("floor", Map(math::floor)),
    ("histogram_avg", Vector(histogram::avg)),
    ("histogram_count", Vector(histogram::count)),
    ("histogram_fraction", Vector(histogram::fraction)),
    ("histogram_quantile", Vector(histogram::quantile)),
    ("histogram_quantiles", Vector(histogram::quantiles)),
    ("histogram_stddev", Vector(histogram::stddev)),
    ("histogram_stdvar", Vector(histogram::stdvar)),
    ("histogram_sum", Vector(histogram::sum)),
    ("hour", Vector(clock::hour)),
    ("idelta", Range(rate::idelta)),
    ("increase", Range(rate::increase)),
    ("info", Vector(info::info)),
    ("irate", Range(rate::irate)),
    ("label_join", Vector(labels::join)),
    ("label_replace", Vector(labels::replace)),
    ("last_over_time", RangeNamed(over_time::last)),
    ("ln", Map(math::ln)),
    ("log10", Map(math::log10)),
    ("log2", Map(math::log2)),
    ("mad_over_time", Range(over_time::mad)),
    ("max_of", Scalar(scalar::max_of)),
    ("max_over_time", Range(over_time::max)),
    ("min_of", Scalar(scalar::min_of)),
    ("min_over_time", Range(over_time::min)),
    ("minute", Vector(clock::minute)),
    ("month", Vector(clock::month)),
    ("pi", Scalar(scalar::pi)),
    ("predict_linear", Range(regression::predict_linear)),
    ("present_over_time", Range(over_time::present)),
    ("quantile_over_time", Range(over_time::quantile)),
    ("rad", Map(math::rad)),
    ("range", Scalar(scalar::range)),
    ("rate", Range(rate::rate)),
    ("resets", Range(rate::resets)),
    ("round", Vector(math::round)),
    ("scalar", Scalar(scalar::scalar)),
    ("sgn", Map(math::sgn)),
    ("sin", Map(math::sin)),
    ("sinh", Map(math::sinh)),
    ("sort", Vector(sort::sort)),
    ("sort_by_label", Vector(sort::sort_by_label)),
    ("sort_by_label_desc", Vector(sort::sort_by_label_desc)),
    ("sort_desc", Vector(sort::sort_desc)),
    ("sqrt", Map(math::sqrt)),
    ("start", Scalar(scalar::start)),
    ("start_timestamp", Vector(clock::start_timestamp)),
    ("stddev_over_time", Range(over_time::stddev)),
    ("stdvar_over_time", Range(over_time::stdvar)),
    ("step", Scalar(scalar::step)),
    ("sum_over_time", Range(over_time::sum)),
    ("tan", Map(math::tan)),
    ("tanh", Map(math::tanh)),
    ("time", Scalar(scalar::time)),
    ("timestamp", Vector(clock::timestamp)),
    ("ts_of_first_over_time", Range(over_time::ts_of_first)),
    ("ts_of_last_over_time", Range(over_time::ts_of_last)),
    ("ts_of_max_over_time", Range(over_time::ts_of_max)),
    ("ts_of_min_over_time", Range(over_time::ts_of_min)),
    ("vector", Vector(scalar::vector)),
    ("year", Vector(clock::year)),
];

/// The code of a function.
pub(crate) fn implementation(name: &str) -> Option<Implementation> {
    let at = IMPLEMENTATIONS.binary_search_by(|(other, _)| (*other).cmp(name)).ok()?;
    Some(IMPLEMENTATIONS[at].1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::FUNCTIONS;

    #[test]
    fn every_signature_has_its_code_and_the_other_way_round() {
        let signatures: Vec<&str> = FUNCTIONS.iter().map(|function| function.name).collect();
        let code: Vec<&str> = IMPLEMENTATIONS.iter().map(|(name, _)| *name).collect();
        assert_eq!(signatures, code);
    }
}
