//! Foresees what a query will hold, from the first of its series, so that one that cannot fit is
//! refused when it has read a few of them and not when it has filled its memory.
//!
//! Only where something of every series stays: nothing can be foreseen of groups, of which there may
//! be no more than one has seen, or behind conditions.

use std::sync::atomic::Ordering;

use server_storage::SeriesSet;

use super::binary::is_swapped;
use super::{Eval, unparen};
use crate::ast::{Aggregate, AggregateOp, Binary, BinaryOp, Call, Expr, ValueType, VectorSelector};
use crate::engine::QueryError;
use crate::functions::{Implementation, implementation};

/// Series after which somebody looks for the first time; then whenever there are twice as many.
const SERIES_FIRST: usize = 2;
/// So many stand for the rest: half as much again as may be held is too much.
const SERIES_ENOUGH: usize = 256;
/// Of fewer one cannot be so sure: it must be so many times too much, ...
const TIMES_OF_FEW: usize = 8;
/// ... and the more the fewer they are: this divided by their number. Two of which each would take
/// a part of what all may hold are two labels of a megabyte, and take long to make.
const TIMES_OF_FEWEST: usize = 128;
/// Below this part of what the query may hold nothing is foreseen.
const PART_MIN: usize = 64;

/// Bytes of a replacement up to which it does not matter how many labels it is written to.
const REPLACEMENT_ALIKE_MAX: usize = 256;

/// Functions whose series are those of their argument, beside functions of one value or range.
const ONE_TO_ONE: &[&str] =
    &["label_join", "label_replace", "sort", "sort_by_label", "sort_by_label_desc", "sort_desc"];

/// Functions that gather all series of their argument before the first one comes out.
const GATHERING: &[&str] = &["histogram_fraction", "histogram_quantile", "histogram_quantiles"];

/// How many series of an expression are kept at least.
#[derive(Clone, Copy)]
enum Keeps {
    /// Nobody knows.
    Unknown,
    /// All of them, or as many as this if there are more.
    Up(usize),
}

const ALL: Keeps = Keeps::Up(usize::MAX);

/// A selector of whose series something is kept.
#[derive(Clone, Copy, Debug)]
struct KeptSelector {
    /// Where it begins in the query.
    start: u32,
    /// Of how many series at most.
    count: usize,
    /// How often the same series are read and kept once more while these are held: in `x + x + x`
    /// the last ones come first.
    again: usize,
}

/// The selectors of a query of whose series something is kept.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept {
    selectors: Vec<KeptSelector>,
}

impl Kept {
    pub(super) fn of(expr: &Expr) -> Kept {
        let mut kept = Kept::default();
        kept.visit(expr, ALL);
        kept
    }

    /// The one that begins there.
    fn find(&self, start: u32) -> Option<&KeptSelector> {
        self.selectors.iter().find(|known| known.start == start)
    }

    fn visit(&mut self, expr: &Expr, keeps: Keeps) {
        match expr {
            Expr::Vector(selector) => self.note(selector, keeps),
            Expr::Matrix(selector) => self.note(&selector.vector, keeps),
            Expr::Paren(e) => self.visit(&e.expr, keeps),
            Expr::Unary(e) => self.visit(&e.expr, keeps),
            Expr::Subquery(e) => self.visit(&e.expr, keeps),
            Expr::Aggregate(e) => self.visit(&e.expr, of_aggregation(e)),
            Expr::Call(e) => {
                let keeps = of_call(e, keeps);
                e.args.iter().for_each(|arg| self.visit(arg, keeps));
            }
            Expr::Binary(e) => {
                let (left, right) = of_binary(e, keeps);
                self.visit(&e.left, left);
                self.visit(&e.right, right);
                self.note_again(e);
            }
            Expr::Number(_) | Expr::String(_) => {}
        }
    }

    fn note(&mut self, selector: &VectorSelector, keeps: Keeps) {
        if let Keeps::Up(count) = keeps {
            self.selectors.push(KeptSelector { start: selector.span.start, count, again: 0 });
        }
    }

    /// What the other side of a join keeps of the same selector.
    fn note_again(&mut self, binary: &Binary) {
        let Some((held, flowing)) = sides_of_join(binary) else { return };
        let Some(selector) = source(held) else { return };
        let again = held_again(flowing, selector);
        let start = selector.span.start;
        if let Some(known) = self.selectors.iter_mut().find(|known| known.start == start) {
            known.again = again;
        }
    }
}

/// The side of a join whose series are held while those of the other one pass.
fn sides_of_join(binary: &Binary) -> Option<(&Expr, &Expr)> {
    let vector = |side: &Expr| side.value_type() == ValueType::Vector;
    let is_set = matches!(binary.op, BinaryOp::And | BinaryOp::Or | BinaryOp::Unless);
    if is_set || !vector(&binary.left) || !vector(&binary.right) {
        return None;
    }
    let (left, right) = (&binary.left, &binary.right);
    Some(if is_swapped(binary) { (left, right) } else { (right, left) })
}

/// The selector whose series are those of an expression, one for one.
fn source(expr: &Expr) -> Option<&VectorSelector> {
    match expr {
        Expr::Vector(selector) => Some(selector),
        Expr::Paren(e) => source(&e.expr),
        Expr::Unary(e) => source(&e.expr),
        _ => None,
    }
}

/// How often the series of a selector are held while an expression is evaluated, and at the same
/// time.
fn held_again(expr: &Expr, selector: &VectorSelector) -> usize {
    let (mut expr, mut again) = (expr, 0);
    loop {
        expr = match expr {
            Expr::Paren(e) => &e.expr,
            Expr::Unary(e) => &e.expr,
            Expr::Binary(e) => {
                let Some((held, flowing)) = sides_of_join(e) else { return again };
                let is_same = |other: &VectorSelector| {
                    other.matchers == selector.matchers && other.shift == selector.shift
                };
                again += usize::from(source(held).is_some_and(is_same));
                flowing
            }
            _ => return again,
        };
    }
}

fn of_aggregation(aggregate: &Aggregate) -> Keeps {
    match (aggregate.op, &aggregate.param) {
        // Every value is kept.
        (AggregateOp::Quantile, _) => ALL,
        // At the first step alone there are so many, in one group or more.
        (AggregateOp::Topk | AggregateOp::Bottomk | AggregateOp::Limitk, Some(Expr::Number(k))) => {
            Keeps::Up(k.value as usize)
        }
        _ => Keeps::Unknown,
    }
}

fn of_call(call: &Call, keeps: Keeps) -> Keeps {
    let function = call.function.name;
    if makes_unlike(call) {
        return Keeps::Unknown;
    }
    if GATHERING.contains(&function) {
        return ALL;
    }
    let one_to_one = ONE_TO_ONE.contains(&function)
        || matches!(
            implementation(function),
            Some(Implementation::Range(_) | Implementation::RangeNamed(_) | Implementation::Map(_))
        );
    if one_to_one { keeps } else { Keeps::Unknown }
}

/// Whether a call makes some series large, where a pattern matches, and others not.
fn makes_unlike(call: &Call) -> bool {
    let text = |at: usize| match call.args.get(at).map(unparen) {
        Some(Expr::String(text)) => text.value.as_str(),
        _ => "",
    };
    let (replacement, pattern) = (text(2), text(4));
    call.function.name == "label_replace"
        && replacement.len() > REPLACEMENT_ALIKE_MAX
        && !matches!(pattern, ".*" | "(.*)")
}

/// What is kept of the left and the right side.
fn of_binary(binary: &Binary, keeps: Keeps) -> (Keeps, Keeps) {
    let scalar = |side: &Expr| side.value_type() == ValueType::Scalar;
    let with_scalar = scalar(&binary.left) || scalar(&binary.right);
    match binary.op {
        BinaryOp::Or => (ALL, ALL),
        BinaryOp::And | BinaryOp::Unless => (Keeps::Unknown, Keeps::Unknown),
        op if with_scalar && op.is_comparison() => (Keeps::Unknown, Keeps::Unknown),
        _ if with_scalar => (keeps, keeps),
        // The "one" side waits for the other; of that one it is a matter of luck.
        _ if is_swapped(binary) => (ALL, Keeps::Unknown),
        _ => (Keeps::Unknown, ALL),
    }
}

/// What is foreseen of one selector.
pub(super) struct Forecast {
    held_before: usize,
    /// Series that are read.
    series: usize,
    /// Of how many of them something is kept at most.
    kept_max: usize,
    again: usize,
    seen: usize,
    blank_before: usize,
    look_at: usize,
}

impl Eval<'_> {
    /// Begins before the first series of a selector.
    pub(super) fn forecast(&self, selector: &VectorSelector, set: &dyn SeriesSet) -> Forecast {
        let known = self.kept.find(selector.span.start);
        let (kept_max, again) = known.map_or((0, 0), |known| (known.count, known.again));
        let series = set.size().series;
        let is_many = series.min(kept_max) > SERIES_ENOUGH;
        Forecast {
            held_before: self.budget.memory().bytes(),
            series,
            kept_max,
            again,
            seen: 0,
            blank_before: self.blank.load(Ordering::Relaxed),
            look_at: if is_many { SERIES_FIRST } else { usize::MAX },
        }
    }
}

impl Forecast {
    /// After another series: an error where it is plain that more will be needed than may be held.
    pub(super) fn look(&mut self, eval: &Eval<'_>) -> Result<(), QueryError> {
        self.seen += 1;
        if self.seen < self.look_at {
            return Ok(());
        }
        self.look_at = self.seen.saturating_mul(2);
        let memory = eval.budget.memory();
        let ahead = eval.ahead.load(Ordering::Relaxed);
        let held = memory.bytes().saturating_sub(ahead);
        let (grown, limit) = (held.saturating_sub(self.held_before), memory.bytes_reach());
        if grown.saturating_mul(1 + self.again) < limit / PART_MIN {
            return Ok(());
        }
        let blank = eval.blank.load(Ordering::Relaxed).saturating_sub(self.blank_before);
        let all = self.kept_max.min(expected(self.series, self.seen, blank));
        let one = grown / self.seen;
        let rest = one.saturating_mul(all.saturating_sub(self.seen));
        let rest = rest.saturating_add(one.saturating_mul(all).saturating_mul(self.again));
        let wanted = held.saturating_add(rest);
        let plain = match self.seen {
            ..SERIES_ENOUGH => limit.saturating_mul(TIMES_OF_FEW.max(TIMES_OF_FEWEST / self.seen)),
            _ => limit.saturating_add(limit / 2),
        };
        if wanted <= plain {
            return Ok(());
        }
        Err(QueryError::TooMuchMemory { limit, wanted })
    }
}

/// How many of all series will have samples, when some had and others were blank.
fn expected(series: usize, seen: usize, blank: usize) -> usize {
    let read = seen.saturating_add(blank).max(1) as u128;
    usize::try_from(series as u128 * seen as u128 / read).unwrap_or(usize::MAX)
}
