//! Queries as they run: so many at a time, each until its deadline or until nobody waits for it.
//!
//! A query has a *seat* (`--query.max-concurrency` of them) and computes while it has a *turn* (one
//! a core, handed round by [`turns`]). When all seats are taken a query may still *try*: it runs for
//! a moment, and only if that is not enough it waits for a seat and begins again. So a small query
//! is answered at once, however many large ones there are.

mod turns;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use server_promql::engine::{Interrupt, Lent, Limit, QueryError, Stop};
use server_storage::Watch;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{ApiError, ErrorType};
use crate::state::ApiState;
use turns::{Outcome, Turn, Turns};

/// How long a query may compute without a seat.
const TRIAL: Duration = Duration::from_millis(100);

/// Queries that may try at a time.
const TRIALS_MAX: usize = 4;

/// Seats and turns of all queries.
pub(crate) struct Queries {
    seats: Arc<Semaphore>,
    trials: Arc<Semaphore>,
    turns: Arc<Turns>,
}

impl Queries {
    /// Seats for `concurrency_max` queries, and a turn for every core.
    pub(crate) fn new(concurrency_max: usize) -> Queries {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Queries {
            seats: Arc::new(Semaphore::new(concurrency_max.max(1))),
            trials: Arc::new(Semaphore::new(TRIALS_MAX)),
            turns: Arc::new(Turns::new(cores)),
        }
    }
}

/// Ends a query at its deadline, when its request is dropped, or when it has tried for long enough.
struct Running {
    end: Arc<End>,
    /// It tried, and the time was not enough.
    outran: AtomicBool,
    turn: Turn,
}

/// When a query is over at the latest.
struct End {
    deadline: Instant,
    canceled: AtomicBool,
}

impl End {
    fn is_over(&self) -> Option<Stop> {
        if self.canceled.load(Ordering::Relaxed) {
            Some(Stop::Canceled)
        } else if Instant::now() >= self.deadline {
            Some(Stop::Timeout)
        } else {
            None
        }
    }
}

impl Interrupt for Running {
    fn stop(&self) -> Option<Stop> {
        if let Some(stop) = self.end.is_over() {
            return Some(stop);
        }
        match self.turn.go_on(&|| self.end.is_over().is_some()) {
            Outcome::Go => None,
            Outcome::Over => self.end.is_over(),
            Outcome::Outran => {
                self.outran.store(true, Ordering::Relaxed);
                Some(Stop::Canceled)
            }
        }
    }

    fn watch(&self) -> Watch {
        let end = self.end.clone();
        Watch::new(Arc::new(move || end.is_over().is_none()))
    }

    fn lend(&self) -> Option<Box<dyn Lent>> {
        self.turn.lend().map(|extra| Box::new(extra) as Box<dyn Lent>)
    }
}

/// Cancels when dropped before the query is done: the client went away.
struct CancelOnDrop(Arc<Running>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.end.canceled.store(true, Ordering::Relaxed);
    }
}

/// Runs `work` on a thread that may block, as one of the queries that may run at a time. It may be
/// run twice.
pub(crate) async fn run<T: Send + 'static>(
    state: &Arc<ApiState>,
    timeout: Duration,
    work: impl Fn(&ApiState, &dyn Interrupt) -> Result<T, ApiError> + Send + Sync + 'static,
) -> Result<T, ApiError> {
    let deadline = Instant::now() + timeout;
    let work = Arc::new(work);
    let queries = &state.queries;
    if let Ok(seat) = queries.seats.clone().try_acquire_owned() {
        let ended = attempt(state, deadline, None, seat, &work).await;
        // Only who tries can outrun the time for it.
        return ended.unwrap_or_else(|| Err(ApiError::internal("the query lost its seat")));
    }
    let trial = permit(state, &queries.trials, deadline).await?;
    if let Some(result) = attempt(state, deadline, Some(TRIAL), trial, &work).await {
        return result;
    }
    let seat = permit(state, &queries.seats, deadline).await?;
    let ended = attempt(state, deadline, None, seat, &work).await;
    ended.unwrap_or_else(|| Err(ApiError::internal("the query lost its seat")))
}

async fn permit(
    state: &ApiState,
    semaphore: &Arc<Semaphore>,
    deadline: Instant,
) -> Result<OwnedSemaphorePermit, ApiError> {
    let permit = semaphore.clone().acquire_owned();
    if let Ok(Ok(permit)) = tokio::time::timeout_at(deadline.into(), permit).await {
        return Ok(permit);
    }
    state.engine.options().shared.count(Limit::Queue);
    let message = "query timed out in query queue".to_owned();
    Err(ApiError { kind: ErrorType::Timeout, message })
}

/// Runs the work once; nothing if it computed longer than `time_max`.
async fn attempt<T: Send + 'static>(
    state: &Arc<ApiState>,
    deadline: Instant,
    time_max: Option<Duration>,
    permit: OwnedSemaphorePermit,
    work: &Arc<impl Fn(&ApiState, &dyn Interrupt) -> Result<T, ApiError> + Send + Sync + 'static>,
) -> Option<Result<T, ApiError>> {
    let running = Arc::new(Running {
        end: Arc::new(End { deadline, canceled: AtomicBool::new(false) }),
        outran: AtomicBool::new(false),
        turn: state.queries.turns.clone().take_part(time_max),
    });
    let guard = CancelOnDrop(running.clone());
    let (state, work, interrupt) = (state.clone(), work.clone(), running.clone());
    let task = tokio::task::spawn_blocking(move || {
        // When the request is dropped the work still goes on for a moment, and so keeps its seat.
        let _permit = permit;
        let result = match interrupt.stop() {
            // The work itself says what that means, where it looks first.
            None | Some(Stop::Timeout) => work(&state, &*interrupt),
            Some(Stop::Canceled) => Err(ApiError::from(QueryError::Canceled)),
        };
        interrupt.turn.end();
        result
    });
    let result = task.await;
    drop(guard);
    if running.outran.load(Ordering::Relaxed) && matches!(&result, Ok(Err(_))) {
        return None;
    }
    // The task ends abnormally only by a panic, which the panic hook has logged.
    Some(result.unwrap_or_else(|_| Err(ApiError::internal("the query failed unexpectedly"))))
}

/// An error when the asker does not want the answer any more.
pub(crate) fn check(interrupt: &dyn Interrupt) -> Result<(), ApiError> {
    match interrupt.stop() {
        None => Ok(()),
        Some(Stop::Timeout) => Err(QueryError::Timeout.into()),
        Some(Stop::Canceled) => Err(QueryError::Canceled.into()),
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> ApiError {
        let kind = match error.error_type() {
            "timeout" => ErrorType::Timeout,
            "canceled" => ErrorType::Canceled,
            "bad_data" => ErrorType::BadData,
            "internal" => ErrorType::Internal,
            "unavailable" => ErrorType::Unavailable,
            _ => ErrorType::Execution,
        };
        match error {
            QueryError::BadData(problem) => ApiError::parameter("query", problem),
            error => ApiError { kind, message: error.to_string() },
        }
    }
}
