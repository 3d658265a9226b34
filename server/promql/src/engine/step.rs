//! The step of subqueries that name none.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Default of [`SubqueryStep`], in milliseconds.
pub const SUBQUERY_STEP_MS_DEFAULT: i64 = 60 * 1000;

/// How often rules are evaluated, in milliseconds: clones share it, so that engines follow a new
/// configuration. A query keeps the step it began with.
#[derive(Clone, Debug)]
pub struct SubqueryStep(Arc<AtomicI64>);

impl SubqueryStep {
    /// A step of so many milliseconds.
    #[must_use]
    pub fn new(milliseconds: i64) -> SubqueryStep {
        SubqueryStep(Arc::new(AtomicI64::new(milliseconds)))
    }

    /// Milliseconds for queries that begin now.
    #[must_use]
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Queries that begin from now on take this, in every engine that shares it.
    pub fn set(&self, milliseconds: i64) {
        self.0.store(milliseconds, Ordering::Relaxed);
    }
}

impl Default for SubqueryStep {
    fn default() -> SubqueryStep {
        SubqueryStep::new(SUBQUERY_STEP_MS_DEFAULT)
    }
}
