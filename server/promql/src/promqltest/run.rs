//! Runs commands: loads, asks, asks again in other ways, compares.

use super::script::{Command, Eval, Kind, When};
use super::{Failure, Outcome, ScriptStore, annotations, compare, load};
use crate::ast::{At, Expr, ValueType};
use crate::engine::{Engine, EngineOptions, QueryOptions, QueryOutput};
use crate::eval::TIME_DEPENDENT;
use crate::parser::{Options, parse};
use crate::value::{Sample, Value};

/// Most samples a query of a script may hold.
const SAMPLES_MAX: usize = 10_000;
const MINUTE_MS: i64 = 60_000;

/// A store and an engine as upstream's tests have them.
pub(super) struct Runner<'a> {
    store: ScriptStore,
    empty: &'a dyn Fn() -> ScriptStore,
    engine: Engine,
}

impl<'a> Runner<'a> {
    pub(super) fn new(empty: &'a dyn Fn() -> ScriptStore) -> Runner<'a> {
        let engine = Engine::new(EngineOptions {
            samples_max: SAMPLES_MAX,
            delayed_name_removal: true,
            use_start_timestamps: true,
            ..EngineOptions::default()
        });
        Runner { store: empty(), empty, engine }
    }

    pub(super) fn run(mut self, commands: &[Command<'_>]) -> Outcome {
        let mut outcome = Outcome::default();
        for command in commands {
            let (expr, result) = match &command.kind {
                Err(message) => (command.text, Err(message.clone())),
                Ok(Kind::Clear) => {
                    self.store = (self.empty)();
                    continue;
                }
                Ok(Kind::Load { step_ms, with_nhcb, lines }) => {
                    match load::load(&self.store, *step_ms, *with_nhcb, lines) {
                        Ok(()) => continue,
                        Err(message) => (command.text, Err(message)),
                    }
                }
                Ok(Kind::Eval(eval)) => (eval.expr, self.eval(eval)),
            };
            match result {
                Ok(()) => outcome.passed += 1,
                Err(message) => {
                    outcome.failed += 1;
                    let expr = expr.to_owned();
                    outcome.failures.push(Failure { line: command.line, expr, message });
                }
            }
        }
        outcome
    }

    fn eval(&self, eval: &Eval<'_>) -> Result<(), String> {
        let expr = match parse(eval.expr, &Options::everything()) {
            Ok(expr) => expr,
            Err(errors) if annotations::expects_failure(&eval.expects) => {
                return annotations::check_failure(&eval.expects, &errors.to_string());
            }
            Err(errors) => return Err(errors.to_string()),
        };
        let time = match eval.when {
            When::Instant(time) => time,
            When::Range { .. } => {
                return match self.checked(eval, &expr, eval.when, true)? {
                    Some(output) => compare::check(eval, &output),
                    None => Ok(()),
                };
            }
        };
        self.instant(eval, &expr, time, true)?;
        let mut pinned = expr.clone();
        if !pin(&mut pinned, time) {
            return Ok(());
        }
        let times = if time == 0 {
            vec![-1000, 0, 1000]
        } else {
            vec![time.saturating_mul(-10), 0, time / 5, time, time.saturating_mul(10)]
        };
        for at in times {
            self.instant(eval, &pinned, at, false)
                .map_err(|message| format!("with @ {time} at {at}: {message}"))?;
        }
        Ok(())
    }

    /// An instant query, then the same as the middle step of a range query.
    fn instant(
        &self,
        eval: &Eval<'_>,
        expr: &Expr,
        time: i64,
        with_notes: bool,
    ) -> Result<(), String> {
        let Some(output) = self.checked(eval, expr, When::Instant(time), with_notes)? else {
            return Ok(());
        };
        compare::check(eval, &output)?;
        let repeatable = matches!(expr.value_type(), ValueType::Vector | ValueType::Scalar);
        if eval.ordered || !repeatable || speaks_of_the_query(expr) {
            return Ok(());
        }
        let when = When::Range {
            start: time.saturating_sub(MINUTE_MS),
            end: time.saturating_add(MINUTE_MS),
            step_ms: MINUTE_MS,
        };
        let Some(mut range) = self.checked(eval, expr, when, false)? else { return Ok(()) };
        range.value = middle(range.value, time, matches!(output.value, Value::Scalar { .. }));
        compare::check(eval, &range).map_err(|message| format!("as a range query: {message}"))
    }

    /// Runs a query; nothing where it failed as expected.
    fn checked(
        &self,
        eval: &Eval<'_>,
        expr: &Expr,
        when: When,
        with_notes: bool,
    ) -> Result<Option<QueryOutput>, String> {
        let options = QueryOptions { query: eval.expr, ..QueryOptions::default() };
        let store = &*self.store.read;
        let result = match when {
            When::Instant(time) => self.engine.instant(store, expr, time, &options),
            When::Range { start, end, step_ms } => {
                self.engine.range(store, expr, start, end, step_ms, &options)
            }
        };
        match (result, annotations::expects_failure(&eval.expects)) {
            (Err(error), true) => {
                annotations::check_failure(&eval.expects, &error.to_string()).map(|()| None)
            }
            (Err(error), false) => Err(error.to_string()),
            (Ok(output), true) => Err(format!("expected failure, got {:?}", output.value)),
            (Ok(output), false) => {
                if with_notes {
                    annotations::check(&eval.expects, &output)?;
                }
                Ok(Some(output))
            }
        }
    }
}

/// What a range query has at one time, as an instant query would give it.
fn middle(value: Value, time: i64, scalar: bool) -> Value {
    let Value::Matrix(series) = value else { return value };
    let samples: Vec<Sample> = series
        .into_iter()
        .filter_map(|one| {
            let at = one.points.timestamps.binary_search(&time).ok()?;
            let value = compare::point(&one.points, at);
            Some(Sample { labels: one.labels, timestamp: time, value })
        })
        .collect();
    match samples.first() {
        Some(Sample { value: crate::value::SampleValue::Float(value), .. }) if scalar => {
            Value::Scalar { timestamp: time, value: *value }
        }
        _ => Value::Vector(samples),
    }
}

/// Puts `@ time` on every selector and subquery that has none; what stands in a subquery stays as
/// it is. False when a function depends on the time of evaluation, so that the result would differ.
fn pin(expr: &mut Expr, time: i64) -> bool {
    match expr {
        Expr::Vector(selector) => {
            selector.shift.at.get_or_insert(At::Time(time));
            true
        }
        Expr::Matrix(selector) => {
            selector.vector.shift.at.get_or_insert(At::Time(time));
            true
        }
        Expr::Subquery(subquery) => {
            subquery.shift.at.get_or_insert(At::Time(time));
            !is_time_dependent(&subquery.expr)
        }
        Expr::Aggregate(e) => {
            let inner = pin(&mut e.expr, time);
            e.param.as_mut().is_none_or(|param| pin(param, time)) && inner
        }
        Expr::Binary(e) => {
            let left = pin(&mut e.left, time);
            pin(&mut e.right, time) && left
        }
        Expr::Call(e) => {
            let fixed = !TIME_DEPENDENT.contains(&e.function.name);
            e.args.iter_mut().fold(fixed, |all, arg| pin(arg, time) && all)
        }
        Expr::Paren(e) => pin(&mut e.expr, time),
        Expr::Unary(e) => pin(&mut e.expr, time),
        Expr::Number(_) | Expr::String(_) => true,
    }
}

/// Whether a function in the expression depends on the time of evaluation.
fn is_time_dependent(expr: &Expr) -> bool {
    !pin(&mut expr.clone(), 0)
}

/// Whether the expression asks for the query's own start, end, range or step.
fn speaks_of_the_query(expr: &Expr) -> bool {
    let text = expr.to_string();
    ["start()", "end()", "range()", "step()"].iter().any(|call| text.contains(call))
}
