//! Queries as they run: so many at a time, each until its deadline or until nobody waits for it.
//!
//! A query has a *seat* (`--query.max-concurrency` of them) and computes while it has a *turn* (one
//! a core, handed round by [`turns`]). When all seats are taken a query may still *try*: it runs for
//! a moment, and only if that is not enough it waits for a seat and begins again. So a small query
//! is answered at once, however many large ones there are.
//!
//! What asks for little is done *here*, on the thread that reads the request, if a turn is free: to
//! wake another thread, and this one again, takes longer than most queries of a dashboard. Whatever
//! turns out to be more work than that begins again on a thread that may block.

mod turns;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use server_promql::engine::{Interrupt, Lent, Limit, QueryError, Reservation, Share, Stop};
use server_storage::Watch;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{ApiError, ErrorType};
use crate::state::ApiState;
use turns::{Outcome, Turn, Turns};

/// How long a query may compute without a seat.
const TRIAL: Duration = Duration::from_millis(100);

/// Work that is done here, as foreseen in nanoseconds, and for how long at most.
const HERE_WORK: usize = 1_500_000;
const HERE: Duration = Duration::from_millis(5);

/// Bytes of parameters up to which a request may be looked at here.
const HERE_BYTES: usize = 4096;
/// Instead of a request's bytes: never here.
pub(crate) const ELSEWHERE: usize = usize::MAX;

/// Requests with more bytes of parameters are worked on one at a time: nobody counts what it takes
/// to understand them, which is some forty times as much.
const LARGE_BYTES: usize = 128 << 10;

/// Queries that may try at a time.
const TRIALS_MAX: usize = 4;

/// Seats and turns of all queries.
pub(crate) struct Queries {
    seats: Arc<Semaphore>,
    trials: Arc<Semaphore>,
    large: Arc<Semaphore>,
    turns: Arc<Turns>,
}

impl Queries {
    /// Seats for `concurrency_max` queries, and a turn for every core.
    pub(crate) fn new(concurrency_max: usize) -> Queries {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Queries {
            seats: Arc::new(Semaphore::new(concurrency_max.max(1))),
            trials: Arc::new(Semaphore::new(TRIALS_MAX)),
            large: Arc::new(Semaphore::new(1)),
            turns: Arc::new(Turns::new(cores)),
        }
    }
}

/// Ends a query at its deadline, when its request is dropped, or when it has tried for long enough.
pub(crate) struct Running {
    end: Arc<End>,
    /// It tried, and the time was not enough.
    outran: AtomicBool,
    turn: Turn,
    here: Option<Here>,
    /// Leave to find out what is asked for; kept by somebody else where that may happen again.
    leave: Mutex<Leave>,
}

/// Leave to work on a request, where it is a large one.
pub(crate) type Leave = Option<OwnedSemaphorePermit>;

/// What is left for a query that runs here.
struct Here {
    until: Instant,
    work_left: AtomicUsize,
}

impl Running {
    fn new(
        state: &ApiState,
        deadline: Instant,
        time_max: Option<Duration>,
        here: Option<Here>,
    ) -> Running {
        Running {
            end: Arc::new(End { deadline, canceled: AtomicBool::new(false) }),
            outran: AtomicBool::new(false),
            turn: state.queries.turns.clone().take_part(time_max),
            here,
            leave: Mutex::default(),
        }
    }

    /// What is asked for has been understood, and what that took is counted: the next large request
    /// may be worked on.
    pub(crate) fn understood(&self, memory: &Reservation) -> Result<(), QueryError> {
        memory.charge(0)?;
        drop(self.leave.lock().take());
        Ok(())
    }
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
        if self.here.as_ref().is_some_and(|here| Instant::now() >= here.until) {
            self.outran.store(true, Ordering::Relaxed);
            return Some(Stop::Canceled);
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
        let until = self.here.as_ref().map(|here| here.until);
        let here = move || until.is_none_or(|until| Instant::now() < until);
        Watch::new(Arc::new(move || end.is_over().is_none() && here()))
    }

    fn affords(&self, nanos: usize) -> bool {
        let Some(here) = &self.here else { return true };
        let less = |left: usize| left.checked_sub(nanos);
        let afforded =
            here.work_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok();
        if !afforded {
            self.outran.store(true, Ordering::Relaxed);
        }
        afforded
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

/// What is done for a request.
pub(crate) trait Work<T>:
    Fn(&ApiState, &Running, &Arc<Reservation>) -> Result<T, ApiError> + Send + Sync + 'static
{
}

impl<T, F> Work<T> for F where
    F: Fn(&ApiState, &Running, &Arc<Reservation>) -> Result<T, ApiError> + Send + Sync + 'static
{
}

/// Runs `work` as one of the queries that may run at a time, with memory in which counts what its
/// thread allocates: here, if what was asked for has few `bytes` and proves to be little work, else
/// on a thread that may block. It may be run more than once.
pub(crate) async fn run<T: Send + 'static>(
    state: &Arc<ApiState>,
    timeout: Duration,
    bytes: usize,
    work: impl Work<T>,
) -> Result<T, ApiError> {
    run_with_leave(state, timeout, bytes, None, work).await
}

/// Like [`run`], with leave to work on what was asked for.
pub(crate) async fn run_with_leave<T: Send + 'static>(
    state: &Arc<ApiState>,
    timeout: Duration,
    bytes: usize,
    leave: Leave,
    work: impl Work<T>,
) -> Result<T, ApiError> {
    let deadline = Instant::now() + timeout;
    let work = Arc::new(work);
    let queries = &state.queries;
    if let Ok(seat) = queries.seats.clone().try_acquire_owned() {
        if bytes <= HERE_BYTES
            && let Some(result) = attempt_here(state, deadline, &*work)
        {
            return result;
        }
        let running =
            Running { leave: Mutex::new(leave), ..Running::new(state, deadline, None, None) };
        let ended = attempt(state, running, seat, &work).await;
        // Only who tries can outrun the time for it.
        return ended.unwrap_or_else(|| Err(ApiError::internal("the query lost its seat")));
    }
    let trial = permit(state, &queries.trials, deadline).await?;
    // Who begins again has to understand again, and keeps the leave for that.
    let trying = Running::new(state, deadline, Some(TRIAL), None);
    if let Some(result) = attempt(state, trying, trial, &work).await {
        return result;
    }
    let seat = permit(state, &queries.seats, deadline).await?;
    let running = Running { leave: Mutex::new(leave), ..Running::new(state, deadline, None, None) };
    let ended = attempt(state, running, seat, &work).await;
    ended.unwrap_or_else(|| Err(ApiError::internal("the query lost its seat")))
}

/// Waits until a request with so many bytes of parameters may be worked on; what is given is kept
/// as long as that lasts.
pub(crate) async fn admit(state: &ApiState, bytes: usize) -> Result<Leave, ApiError> {
    if bytes <= LARGE_BYTES {
        return Ok(None);
    }
    let deadline = Instant::now() + state.options.query_timeout;
    permit(state, &state.queries.large, deadline).await.map(Some)
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

/// Runs the work once; nothing if it computed longer than it may.
async fn attempt<T: Send + 'static>(
    state: &Arc<ApiState>,
    running: Running,
    permit: OwnedSemaphorePermit,
    work: &Arc<impl Work<T>>,
) -> Option<Result<T, ApiError>> {
    let running = Arc::new(running);
    let guard = CancelOnDrop(running.clone());
    let (state, work, interrupt) = (state.clone(), work.clone(), running.clone());
    let task = tokio::task::spawn_blocking(move || {
        // When the request is dropped the work still goes on for a moment, and so keeps its seat.
        let _permit = permit;
        let result = match interrupt.stop() {
            // The work itself says what that means, where it looks first.
            None | Some(Stop::Timeout) => measured(&state, &interrupt, &*work),
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
    Some(result.unwrap_or_else(|_| Err(ApiError::internal(PANICKED))))
}

/// What is said of a query that panicked; the log says more.
const PANICKED: &str = "the query failed unexpectedly";

/// Runs the work once on this thread, if a turn is free; nothing if it is too much work for that.
fn attempt_here<T>(
    state: &ApiState,
    deadline: Instant,
    work: &impl Work<T>,
) -> Option<Result<T, ApiError>> {
    let here = Here { until: Instant::now() + HERE, work_left: AtomicUsize::new(HERE_WORK) };
    let until = here.until;
    let running = Running::new(state, deadline, None, Some(here));
    if !running.turn.begin_now() {
        return None;
    }
    let result = catch_unwind(AssertUnwindSafe(|| measured(state, &running, work)));
    let result = result.unwrap_or_else(|_| Err(ApiError::internal(PANICKED)));
    // The store does not say why it stopped.
    let outran = running.outran.load(Ordering::Relaxed) || Instant::now() >= until;
    if outran && result.is_err() { None } else { Some(result) }
}

/// Runs the work with memory that measures this thread.
fn measured<T>(state: &ApiState, interrupt: &Running, work: &impl Work<T>) -> Result<T, ApiError> {
    let memory = Arc::new(state.engine.measured(Share::Interactive));
    let result = work(state, interrupt, &memory);
    memory.rest();
    result
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
