//! `info(v, {selector})`: labels of info metrics such as `target_info` put on other series.

use std::sync::Arc;

use common_model::{Labels, METRIC_NAME, MatchOp, Matcher, Pattern, is_stale_marker};
use hashbrown::HashMap;
use server_storage::{SampleColumns, SelectHints};

use crate::ast::{Call, Expr};
use crate::engine::QueryError;
use crate::eval::{Eval, FixedShift, Grid, Merger, Reading, Sink, argument, unparen};
use crate::value::{Column, Track};

const TARGET_INFO: &str = "target_info";
/// Labels that say which target a series is of.
const IDENTIFYING: [&str; 2] = ["instance", "job"];

/// Which info metrics are looked at, and which of their labels are wanted.
struct Wanted {
    names: Vec<Matcher>,
    /// Empty: all labels.
    data: Vec<Matcher>,
}

/// An info series: at every step the time of its sample.
struct InfoSeries {
    labels: Labels,
    times: Column,
}

/// Info series of a target, by the name of the metric.
type Targets = HashMap<Labels, Vec<Vec<InfoSeries>>>;

/// `info(v, {selector})`
pub(super) fn info(
    eval: &Eval<'_>,
    call: &Call,
    grid: &Grid,
    sink: &mut Sink<'_>,
) -> Result<(), QueryError> {
    let base = argument(call, 0)?;
    let wanted = wanted(call);
    let shift = first_shift(eval, base)?.unwrap_or_default();
    let (targets, bytes) = info_series(eval, &wanted, shift, grid)?;
    let mut merger = Merger::new(eval);
    eval.vector(base, grid, &mut |track| {
        let name = track.labels.metric_name();
        let is_info = !wanted.names.is_empty() && wanted.names.iter().all(|m| m.matches(name));
        let groups = if is_info { None } else { targets.get(&identity(&track.labels)) };
        match groups {
            None if is_info || wanted.data.iter().all(Matcher::matches_empty) => merger.push(track),
            None => Ok(()),
            Some(groups) => enrich(track, groups, &wanted, &mut merger),
        }
    })?;
    eval.budget.release(0, bytes);
    merger.drain(sink)
}

fn wanted(call: &Call) -> Wanted {
    let Some(Expr::Vector(selector)) = call.args.get(1).map(unparen) else {
        let names = vec![Matcher::equal(METRIC_NAME, TARGET_INFO)];
        return Wanted { names, data: Vec::new() };
    };
    let (mut names, data): (Vec<Matcher>, Vec<Matcher>) =
        selector.matchers.iter().cloned().partition(|m| m.name == METRIC_NAME);
    let positive = |m: &Matcher| matches!(m.op, MatchOp::Equal | MatchOp::Regex);
    // Saying only which metrics are not meant leaves all that are info metrics by their name.
    if !names.is_empty() && !names.iter().any(positive) {
        names.push(Matcher::regex(METRIC_NAME, ".+_info", Arc::new(InfoName), false));
    }
    Wanted { names, data }
}

/// `.+_info`
#[derive(Debug)]
struct InfoName;

impl Pattern for InfoName {
    fn is_match(&self, text: &str) -> bool {
        text.len() > "_info".len() && text.ends_with("_info")
    }
}

/// The labels that identify a target; empty where there are none.
fn identity(labels: &Labels) -> Labels {
    labels.filter(|name| IDENTIFYING.contains(&name))
}

/// Info series are looked up at the times at which the first base selector looks.
fn first_shift(eval: &Eval<'_>, expr: &Expr) -> Result<Option<FixedShift>, QueryError> {
    let times = eval.times();
    match expr {
        Expr::Vector(e) => times.shift(&e.shift).map(Some),
        Expr::Matrix(e) => times.shift(&e.vector.shift).map(Some),
        Expr::Subquery(e) => {
            let outer = times.shift(&e.shift)?;
            Ok(first_shift(eval, &e.expr)?.map(|inner| inner.within(outer)))
        }
        Expr::Aggregate(e) => first_shift(eval, &e.expr),
        Expr::Paren(e) => first_shift(eval, &e.expr),
        Expr::Unary(e) => first_shift(eval, &e.expr),
        Expr::Binary(e) => match first_shift(eval, &e.left)? {
            None => first_shift(eval, &e.right),
            found => Ok(found),
        },
        Expr::Call(e) => {
            for arg in &e.args {
                if let Some(found) = first_shift(eval, arg)? {
                    return Ok(Some(found));
                }
            }
            Ok(None)
        }
        Expr::Number(_) | Expr::String(_) => Ok(None),
    }
}

/// Reads the info series; also the bytes charged for them.
fn info_series(
    eval: &Eval<'_>,
    wanted: &Wanted,
    shift: FixedShift,
    grid: &Grid,
) -> Result<(Targets, usize), QueryError> {
    let lookback_ms = eval.lookback_ms;
    let mut matchers = wanted.data.clone();
    matchers.extend(wanted.names.iter().cloned());
    if wanted.names.is_empty() {
        matchers.push(Matcher::equal(METRIC_NAME, TARGET_INFO));
    }
    let hints = SelectHints {
        start: shift.apply(grid.start).saturating_sub(lookback_ms).saturating_add(1),
        end: shift.apply(grid.end()),
        ..SelectHints::default()
    };
    let (mut targets, mut names, mut bytes) = (Targets::new(), HashMap::new(), 0);
    if hints.start > hints.end {
        return Ok((targets, bytes));
    }
    let mut set = eval.querier.select(false, &hints, &matchers)?;
    let mut samples = SampleColumns::default();
    let mut reading = Reading::new(eval);
    while let Some(labels) = set.next(&mut samples)? {
        reading.series(samples.len())?;
        if samples.histograms.iter().any(Option::is_some) {
            return Err(QueryError::Execution(format!(
                "this should be an info metric, with float samples: {labels}"
            )));
        }
        let mut times = Column::absent(grid.steps);
        for step in 0..grid.steps {
            let time = shift.apply(grid.time(step));
            let at = samples.timestamps.partition_point(|&t| t <= time).checked_sub(1);
            let Some(at) = at else { continue };
            let too_old = samples.timestamps[at] <= time.saturating_sub(lookback_ms);
            if !too_old && !is_stale_marker(samples.values[at]) {
                times.set(step, samples.timestamps[at] as f64);
            }
        }
        let id = identity(&labels);
        if times.is_blank() || id.is_empty() {
            continue;
        }
        let size = times.heap_bytes() + labels.heap_bytes() + size_of::<InfoSeries>();
        eval.budget.charge(0, size)?;
        bytes += size;
        let next = names.len();
        let name = *names.entry(labels.metric_name().to_owned()).or_insert(next);
        let groups: &mut Vec<Vec<InfoSeries>> = targets.entry(id).or_default();
        if groups.len() <= name {
            groups.resize_with(name + 1, Vec::new);
        }
        groups[name].push(InfoSeries { labels, times });
    }
    Ok((targets, bytes))
}

/// Hands on a series with the labels of its info series, which may differ from step to step.
fn enrich(
    track: &mut Track,
    groups: &[Vec<InfoSeries>],
    wanted: &Wanted,
    merger: &mut Merger<'_, '_>,
) -> Result<(), QueryError> {
    let steps = track.column.len();
    let mut results: Vec<(Vec<Option<usize>>, Column)> = Vec::new();
    for step in 0..steps {
        if !track.column.has(step) {
            continue;
        }
        let mut choice = Vec::with_capacity(groups.len());
        for group in groups {
            choice.push(newest(group, step)?);
        }
        let at = match results.iter().position(|(other, _)| *other == choice) {
            Some(at) => at,
            None => {
                results.push((choice, Column::absent(steps)));
                results.len() - 1
            }
        };
        results[at].1.copy_from(step, &track.column, step);
    }
    let matches_nothing = wanted.data.iter().all(Matcher::matches_empty);
    for (choice, column) in results {
        let chosen: Vec<&Labels> = groups
            .iter()
            .zip(&choice)
            .filter_map(|(group, at)| at.map(|at| &group[at].labels))
            .collect();
        if chosen.is_empty() && !matches_nothing {
            continue;
        }
        let labels = combined(&track.labels, &chosen, wanted)?;
        merger.push(&mut Track { labels, drop_name: track.drop_name, column })?;
    }
    Ok(())
}

/// The series of one info metric whose sample is newest.
fn newest(group: &[InfoSeries], step: usize) -> Result<Option<usize>, QueryError> {
    let mut best: Option<usize> = None;
    for at in (0..group.len()).filter(|at| group[*at].times.has(step)) {
        let time = group[at].times.values[step];
        let Some(kept) = best else {
            best = Some(at);
            continue;
        };
        let kept_time = group[kept].times.values[step];
        if time > kept_time {
            best = Some(at);
        } else if time >= kept_time {
            let (old, new) = (&group[kept].labels, &group[at].labels);
            return Err(QueryError::Execution(format!(
                "found duplicate series for info metric: existing {old} @ {kept_time}, new {new} @ \
                 {time}"
            )));
        }
    }
    Ok(best)
}

/// A series' own labels win; info metrics must not contradict each other.
fn combined(own: &Labels, chosen: &[&Labels], wanted: &Wanted) -> Result<Labels, QueryError> {
    let mut builder = own.to_builder();
    let mut added: HashMap<&str, &str> = HashMap::new();
    for (name, value) in chosen.iter().flat_map(|labels| labels.iter()) {
        let asked = wanted.data.is_empty() || wanted.data.iter().any(|m| m.name == name);
        if name == METRIC_NAME || !asked {
            continue;
        }
        if *added.entry(name).or_insert(value) != value {
            return Err(QueryError::Execution(format!("conflicting label: {name}")));
        }
        if own.get(name).is_none() {
            builder.set(name, value);
        }
    }
    Ok(builder.build())
}
