//! The engine: runs an expression over a store, within limits, at one time or over a range.

mod error;
mod explain;
mod limits;
mod notes;
mod observe;
mod shared;
mod step;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use common_model::{Labels, TimestampMs};
use server_storage::{Queryable, SampleColumns};

use crate::ast::{Expr, ValueType};
use crate::eval::{Eval, Grid};
use crate::value::{Point, Sample, SampleValue, Series, Track, Value};

pub use error::QueryError;
pub use explain::{Clock, EXPLAIN_NODES_MAX, Execution, Measure, Plan, PlanNode, Recorder, Search};
pub use limits::{Interrupt, Lent, NoInterrupt, Stop};
pub use observe::{Done, Laps, Observer, Origin, Unobserved};
pub use shared::{Heap, Limit, Reservation, Share, SharedLimits};
pub use step::{SUBQUERY_STEP_MS_DEFAULT, SubqueryStep};

pub(crate) use explain::{address, address_of_selector};
pub(crate) use limits::Budget;
pub(crate) use notes::Notes;

/// Default of [`EngineOptions::lookback_delta_ms`].
pub const LOOKBACK_DELTA_MS_DEFAULT: i64 = 5 * 60 * 1000;
/// Default of [`EngineOptions::samples_max`].
pub const SAMPLES_MAX_DEFAULT: usize = 50_000_000;
/// Default of [`EngineOptions::memory_bytes_max`].
pub const MEMORY_BYTES_MAX_DEFAULT: usize = 512 * 1024 * 1024;
/// Deepest nesting of an expression that is evaluated.
pub const NESTING_MAX: usize = 1000;

/// What holds for every query of an engine.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// How long a sample counts after its time, in milliseconds, unless a query says otherwise.
    pub lookback_delta_ms: i64,
    /// Most samples one query may hold at a time.
    pub samples_max: usize,
    /// Most bytes one query may hold at a time.
    pub memory_bytes_max: usize,
    /// Step of subqueries that name none.
    pub subquery_step: SubqueryStep,
    /// Metric names are dropped at the end of a query rather than by each function.
    pub delayed_name_removal: bool,
    /// `__type__` and `__unit__` describe series (feature `type-and-unit-labels`).
    pub type_and_unit_labels: bool,
    /// `rate` and its kin look at start timestamps.
    pub use_start_timestamps: bool,
    /// What this engine's queries share, perhaps with those of other engines.
    pub shared: Arc<SharedLimits>,
    /// Who is told of queries by those who run them.
    pub observer: Arc<dyn Observer>,
}

impl Default for EngineOptions {
    fn default() -> EngineOptions {
        EngineOptions {
            lookback_delta_ms: LOOKBACK_DELTA_MS_DEFAULT,
            samples_max: SAMPLES_MAX_DEFAULT,
            memory_bytes_max: MEMORY_BYTES_MAX_DEFAULT,
            subquery_step: SubqueryStep::default(),
            delayed_name_removal: false,
            type_and_unit_labels: false,
            use_start_timestamps: false,
            shared: Arc::default(),
            observer: Arc::new(Unobserved),
        }
    }
}

/// What holds for one query.
#[derive(Clone, Copy)]
pub struct QueryOptions<'a> {
    /// The text the expression was parsed from, for places in warnings; may be empty.
    pub query: &'a str,
    /// Instead of the engine's lookback, in milliseconds.
    pub lookback_delta_ms: Option<i64>,
    /// Ends the query early.
    pub interrupt: &'a dyn Interrupt,
    /// Who asks, where memory is short.
    pub share: Share,
    /// Is told what happens, where the query is to be explained.
    pub recorder: Option<&'a Recorder<'a>>,
    /// Where the query's memory is counted; where nothing is given here, it has one of its own.
    pub memory: Option<&'a Arc<Reservation>>,
}

impl Default for QueryOptions<'_> {
    fn default() -> Self {
        QueryOptions {
            query: "",
            lookback_delta_ms: None,
            interrupt: &NoInterrupt,
            share: Share::Interactive,
            recorder: None,
            memory: None,
        }
    }
}

/// What a query gave.
#[derive(Clone, Debug)]
pub struct QueryOutput {
    /// The result.
    pub value: Value,
    /// Things that are probably wrong, as the API shows them.
    pub warnings: Vec<String>,
    /// Things worth knowing, as the API shows them.
    pub infos: Vec<String>,
    /// What it took.
    pub stats: QueryStats,
    /// The memory of the result, to be dropped after it; what is made of it can be charged here.
    pub memory: Arc<Reservation>,
}

/// What a query took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueryStats {
    /// Samples looked at, counted once for every step that looks.
    pub samples_total: u64,
    /// Most samples held at a time.
    pub samples_peak: usize,
    /// Most bytes held at a time, as charged to the budget.
    pub bytes_peak: usize,
    /// Series read from the store.
    pub series_total: u64,
}

/// Evaluates expressions. Cheap to clone; holds no data.
#[derive(Clone, Debug, Default)]
pub struct Engine {
    options: EngineOptions,
}

impl Engine {
    /// An engine with these options.
    #[must_use]
    pub fn new(options: EngineOptions) -> Engine {
        Engine { options }
    }

    /// The options.
    #[must_use]
    pub fn options(&self) -> &EngineOptions {
        &self.options
    }

    /// Evaluates at one time.
    pub fn instant(
        &self,
        store: &dyn Queryable,
        expr: &Expr,
        time: TimestampMs,
        options: &QueryOptions<'_>,
    ) -> Result<QueryOutput, QueryError> {
        self.counted(self.evaluate_instant(store, expr, time, options))
    }

    /// Evaluates at `start`, `start + step` ... up to `end`. The expression must be a scalar or an
    /// instant vector; a scalar gives one series without labels.
    pub fn range(
        &self,
        store: &dyn Queryable,
        expr: &Expr,
        start: TimestampMs,
        end: TimestampMs,
        step_ms: i64,
        options: &QueryOptions<'_>,
    ) -> Result<QueryOutput, QueryError> {
        let grid = Grid::range(start, end, step_ms);
        self.counted(grid.and_then(|grid| self.evaluate_range(store, expr, (grid, end), options)))
    }

    /// Memory for what somebody does beside evaluating queries, within the limits of one query.
    #[must_use]
    pub fn reservation(&self, share: Share) -> Reservation {
        let shared = self.options.shared.clone();
        Reservation::new(shared, share, self.options.memory_bytes_max)
    }

    /// Memory for a query that the calling thread is about to run, and for what it makes of it.
    #[must_use]
    pub fn measured(&self, share: Share) -> Reservation {
        let shared = self.options.shared.clone();
        Reservation::measured(shared, share, self.options.memory_bytes_max)
    }

    fn counted<T>(&self, result: Result<T, QueryError>) -> Result<T, QueryError> {
        if let Some(limit) = result.as_ref().err().and_then(QueryError::limit) {
            self.options.shared.count(limit);
        }
        result
    }

    fn evaluate_instant(
        &self,
        store: &dyn Queryable,
        expr: &Expr,
        time: TimestampMs,
        options: &QueryOptions<'_>,
    ) -> Result<QueryOutput, QueryError> {
        let grid = Grid::instant(time);
        let eval = Eval::new(&self.options, options, store, expr, grid, time)?;
        let value = match expr.value_type() {
            ValueType::Scalar => {
                Value::Scalar { timestamp: time, value: eval.scalar(expr, &grid)?.at(0) }
            }
            ValueType::String => {
                Value::String { timestamp: time, value: eval.string(expr)?.to_owned() }
            }
            ValueType::Vector => Value::Vector(instant_vector(&eval, expr, &grid)?),
            ValueType::Matrix => Value::Matrix(eval.raw_matrix(expr, &grid)?),
        };
        Ok(finish(&eval, options.query, value))
    }

    fn evaluate_range(
        &self,
        store: &dyn Queryable,
        expr: &Expr,
        (grid, end): (Grid, TimestampMs),
        options: &QueryOptions<'_>,
    ) -> Result<QueryOutput, QueryError> {
        let value_type = expr.value_type();
        if !matches!(value_type, ValueType::Scalar | ValueType::Vector) {
            return Err(QueryError::BadData(format!(
                "invalid expression type \"{}\" for range query, must be Scalar or instant Vector",
                value_type.describe()
            )));
        }
        let eval = Eval::new(&self.options, options, store, expr, grid, end)?;
        let mut series = Vec::new();
        if value_type == ValueType::Scalar {
            let scalars = eval.scalar(expr, &grid)?;
            eval.budget.charge(grid.steps, grid.steps * 16)?;
            let mut points = SampleColumns::default();
            for step in 0..grid.steps {
                points.push(grid.time(step), scalars.at(step));
            }
            series.push(Series { labels: Labels::empty(), points });
        } else {
            let mut sink = |track: &mut Track| {
                let points = points_of(track, &grid);
                if !points.is_empty() {
                    let bytes = points.len() * 16 + track.labels.heap_bytes();
                    eval.budget.charge(points.len(), bytes)?;
                    series.push(Series { labels: track.labels.clone(), points });
                }
                Ok(())
            };
            eval.final_tracks(expr, &grid, &mut sink)?;
            series.sort_by(|a, b| a.labels.cmp(&b.labels));
        }
        Ok(finish(&eval, options.query, Value::Matrix(series)))
    }
}

fn instant_vector(eval: &Eval<'_>, expr: &Expr, grid: &Grid) -> Result<Vec<Sample>, QueryError> {
    let mut samples = Vec::new();
    eval.final_tracks(expr, grid, &mut |track| {
        let value = match track.column.get(0) {
            Point::Absent => return Ok(()),
            Point::Float(value) => SampleValue::Float(value),
            Point::Histogram(histogram) => SampleValue::Histogram(histogram.clone()),
        };
        eval.budget.charge(1, size_of::<Sample>() + track.labels.heap_bytes())?;
        samples.push(Sample { labels: track.labels.clone(), timestamp: grid.start, value });
        Ok(())
    })?;
    Ok(samples)
}

fn points_of(track: &Track, grid: &Grid) -> SampleColumns {
    let mut points = SampleColumns::default();
    let count = track.column.samples();
    points.timestamps.reserve_exact(count);
    points.values.reserve_exact(count);
    if count == track.column.len() && track.column.histograms.is_empty() {
        points.timestamps.extend((0..count).map(|step| grid.time(step)));
        points.values.extend_from_slice(&track.column.values);
        return points;
    }
    for step in 0..track.column.len() {
        match track.column.get(step) {
            Point::Absent => {}
            Point::Float(value) => points.push(grid.time(step), value),
            Point::Histogram(histogram) => {
                points.push_histogram(grid.time(step), histogram.clone());
            }
        }
    }
    points
}

fn finish(eval: &Eval<'_>, query: &str, value: Value) -> QueryOutput {
    let (warnings, infos) = eval.notes.render(query);
    let memory = eval.budget.memory().clone();
    memory.settle();
    let stats = QueryStats {
        samples_total: eval.samples_total.load(Ordering::Relaxed),
        samples_peak: eval.budget.samples_peak(),
        bytes_peak: memory.bytes_peak(),
        series_total: eval.series_total.load(Ordering::Relaxed),
    };
    QueryOutput { value, warnings, infos, stats, memory }
}
