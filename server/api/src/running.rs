//! Queries as they run: so many at a time, each until its deadline or until nobody waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use server_promql::engine::{Interrupt, QueryError, Stop};

use crate::error::{ApiError, ErrorType};
use crate::state::ApiState;

/// Ends a query at its deadline, or when its request is dropped.
struct Deadline {
    at: Instant,
    canceled: AtomicBool,
}

impl Interrupt for Deadline {
    fn stop(&self) -> Option<Stop> {
        if self.canceled.load(Ordering::Relaxed) {
            Some(Stop::Canceled)
        } else if Instant::now() >= self.at {
            Some(Stop::Timeout)
        } else {
            None
        }
    }
}

/// Cancels when dropped before the query is done: the client went away.
struct CancelOnDrop(Arc<Deadline>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.canceled.store(true, Ordering::Relaxed);
    }
}

/// Runs `work` on a thread that may block, as one of the queries that may run at a time.
pub(crate) async fn run<T: Send + 'static>(
    state: &Arc<ApiState>,
    timeout: Duration,
    work: impl FnOnce(&ApiState, &dyn Interrupt) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let deadline =
        Arc::new(Deadline { at: Instant::now() + timeout, canceled: AtomicBool::new(false) });
    let queued = tokio::time::timeout(timeout, state.queries.acquire()).await;
    let Ok(Ok(_permit)) = queued else {
        let message = "query timed out in query queue".to_owned();
        return Err(ApiError { kind: ErrorType::Timeout, message });
    };
    let guard = CancelOnDrop(deadline.clone());
    let (state, interrupt) = (state.clone(), deadline);
    let result = tokio::task::spawn_blocking(move || work(&state, &*interrupt)).await;
    drop(guard);
    // The task ends abnormally only by a panic, which the panic hook has logged.
    result.unwrap_or_else(|_| Err(ApiError::internal("the query failed unexpectedly")))
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> ApiError {
        let kind = match error.error_type() {
            "timeout" => ErrorType::Timeout,
            "canceled" => ErrorType::Canceled,
            "bad_data" => ErrorType::BadData,
            "internal" => ErrorType::Internal,
            _ => ErrorType::Execution,
        };
        ApiError { kind, message: error.to_string() }
    }
}
