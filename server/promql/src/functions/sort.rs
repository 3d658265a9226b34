//! Functions that order instant vectors. Range queries are always in order of the labels.

use std::cmp::Ordering;

use common_model::Labels;

use crate::ast::Call;
use crate::engine::QueryError;
use crate::eval::{Eval, Grid, Sink, argument};
use crate::value::{Point, Track};

/// `sort(v)`: ascending, NaN last.
pub(super) fn sort(
    eval: &Eval<'_>,
    call: &Call,
    grid: &Grid,
    sink: &mut Sink<'_>,
) -> Result<(), QueryError> {
    by_value(eval, call, grid, sink, |a, b| a.total_cmp(&b))
}

/// `sort_desc(v)`: descending, NaN last.
pub(super) fn sort_desc(
    eval: &Eval<'_>,
    call: &Call,
    grid: &Grid,
    sink: &mut Sink<'_>,
) -> Result<(), QueryError> {
    by_value(eval, call, grid, sink, |a, b| b.total_cmp(&a))
}

fn by_value(
    eval: &Eval<'_>,
    call: &Call,
    grid: &Grid,
    sink: &mut Sink<'_>,
    compare: impl Fn(f64, f64) -> Ordering,
) -> Result<(), QueryError> {
    let value = |track: &Track| match track.column.get(0) {
        Point::Float(value) => Some(value),
        Point::Absent | Point::Histogram(_) => None,
    };
    // Histograms have no place in the order, so they go, in range queries too.
    let mut floats = |track: &mut Track| {
        track.column.map_floats(|value| value);
        if track.column.is_blank() { Ok(()) } else { sink(track) }
    };
    ordered(eval, call, grid, &mut floats, |tracks| {
        tracks.retain(|track| value(track).is_some());
        tracks.sort_by(|a, b| match (value(a), value(b)) {
            (Some(a), Some(b)) if !a.is_nan() && !b.is_nan() => compare(a, b),
            (a, b) => {
                let nan = |v: Option<f64>| v.is_none_or(f64::is_nan);
                nan(a).cmp(&nan(b))
            }
        });
    })
}

/// `sort_by_label(v, label...)`: ascending in natural order, then by all labels.
pub(super) fn sort_by_label(
    eval: &Eval<'_>,
    call: &Call,
    grid: &Grid,
    sink: &mut Sink<'_>,
) -> Result<(), QueryError> {
    by_label(eval, call, grid, sink, |order| order)
}

/// `sort_by_label_desc(v, label...)`
pub(super) fn sort_by_label_desc(
    eval: &Eval<'_>,
    call: &Call,
    grid: &Grid,
    sink: &mut Sink<'_>,
) -> Result<(), QueryError> {
    by_label(eval, call, grid, sink, Ordering::reverse)
}

fn by_label(
    eval: &Eval<'_>,
    call: &Call,
    grid: &Grid,
    sink: &mut Sink<'_>,
    turn: fn(Ordering) -> Ordering,
) -> Result<(), QueryError> {
    let mut names = Vec::new();
    for name in call.args.iter().skip(1) {
        names.push(eval.string(name)?);
    }
    let compare = |a: &Labels, b: &Labels| {
        let by_name = |name: &&str| {
            let (a, b) = (a.value(name), b.value(name));
            if a == b { Ordering::Equal } else { natural(a, b) }
        };
        names.iter().map(by_name).find(|o| o.is_ne()).unwrap_or_else(|| a.cmp(b))
    };
    ordered(eval, call, grid, sink, |tracks| {
        tracks.sort_by(|a, b| turn(compare(&a.labels, &b.labels)));
    })
}

/// Collects an instant vector, orders it and hands it on.
fn ordered(
    eval: &Eval<'_>,
    call: &Call,
    grid: &Grid,
    sink: &mut Sink<'_>,
    order: impl FnOnce(&mut Vec<Track>),
) -> Result<(), QueryError> {
    if eval.whole.steps > 1 {
        let text = "sort is ineffective for range queries since results are always ordered by \
                    labels";
        eval.notes.warn(text, call.span);
    }
    let vector = argument(call, 0)?;
    if grid.steps > 1 {
        return eval.vector(vector, grid, sink);
    }
    let mut tracks = Vec::new();
    let mut bytes = 0;
    eval.vector(vector, grid, &mut |track| {
        let size = track.labels.heap_bytes() + size_of::<Track>();
        eval.budget.charge(1, size)?;
        bytes += size;
        tracks.push(track.clone());
        Ok(())
    })?;
    eval.budget.release(tracks.len(), bytes);
    order(&mut tracks);
    tracks.iter_mut().try_for_each(sink)
}

/// Runs of digits compare as numbers, everything else as text.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let (x, y) = (run(&mut a), run(&mut b));
        let order = match (x, y) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(x), Some(y)) => {
                let digits = |run: &str| run.starts_with(|c: char| c.is_ascii_digit());
                if digits(x) && digits(y) {
                    let (p, q) = (x.trim_start_matches('0'), y.trim_start_matches('0'));
                    p.len().cmp(&q.len()).then_with(|| p.cmp(q))
                } else {
                    x.cmp(y)
                }
            }
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// Takes the next run of digits, or of other characters, from a text.
fn run<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let first = rest.chars().next()?;
    let digits = first.is_ascii_digit();
    let end = rest.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(rest.len());
    let (run, after) = rest.split_at(end);
    *rest = after;
    Some(run)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_inside_texts_order_as_numbers() {
        let mut texts = ["node10", "node9", "node", "a1b2", "a1b10", "a01", "10", "9", ""];
        texts.sort_by(|a, b| natural(a, b));
        assert_eq!(texts, ["", "9", "10", "a01", "a1b2", "a1b10", "node", "node9", "node10"]);
    }
}
