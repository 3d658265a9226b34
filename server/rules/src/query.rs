//! A rule's expression at a time, as a vector.

use std::time::Instant;

use common_model::Labels;
use common_template::prometheus::{Env, QuerySample};
use server_promql::ast::Expr;
use server_promql::engine::{Done, Laps, Origin, QueryOptions, QueryStats, Share};
use server_promql::parser;
use server_promql::value::{Sample, SampleValue, Value};

use crate::evaluator::Evaluator;

/// Evaluates an expression; a scalar counts as a vector of one element without labels.
pub(crate) fn vector(
    evaluator: &Evaluator,
    expr: &Expr,
    text: &str,
    time: i64,
    origin: Origin<'_>,
) -> Result<Vec<Sample>, String> {
    let deadline = evaluator.deadline();
    let options = QueryOptions {
        query: text,
        interrupt: &deadline,
        share: Share::Rules,
        ..QueryOptions::default()
    };
    let engine = &evaluator.options.engine;
    let observer = &engine.options().observer;
    observer.begun();
    let began = Instant::now();
    let output = engine
        .instant(&*evaluator.options.storage, expr, time, &options)
        .map_err(|error| error.to_string());
    observer.done(Some(&Done {
        query: text,
        start: time,
        end: time,
        step_ms: 0,
        origin,
        laps: Laps { eval: began.elapsed(), ..Laps::default() },
        stats: output.as_ref().map_or_else(|_| QueryStats::default(), |output| output.stats),
        error: output.as_ref().err().map(String::as_str),
    }));
    let output = output?;
    match output.value {
        Value::Vector(samples) => Ok(samples),
        Value::Scalar { timestamp, value } => {
            let value = SampleValue::Float(value);
            Ok(vec![Sample { labels: Labels::empty(), timestamp, value }])
        }
        _ => Err("rule result is not a vector or scalar".to_owned()),
    }
}

/// The value as a float; what templates and the API show of a histogram is its absence, zero.
pub(crate) fn float(value: &SampleValue) -> f64 {
    match value {
        SampleValue::Float(value) => *value,
        SampleValue::Histogram(_) => 0.0,
    }
}

/// `query` in templates.
pub(crate) struct TemplateEnv<'a> {
    pub(crate) evaluator: &'a Evaluator,
    pub(crate) time: i64,
    pub(crate) origin: Origin<'a>,
}

impl Env for TemplateEnv<'_> {
    fn query(&self, expr: &str) -> Result<Vec<QuerySample>, String> {
        let parsed = parser::parse(expr, &self.evaluator.options.parser)
            .map_err(|error| error.to_string())?;
        let samples = vector(self.evaluator, &parsed, expr, self.time, self.origin)?;
        Ok(samples
            .into_iter()
            .map(|sample| QuerySample { value: float(&sample.value), labels: sample.labels })
            .collect())
    }
}
