//! The times an expression is evaluated at.

use common_model::TimestampMs;

use crate::engine::QueryError;

/// `steps` times, `step_ms` apart. All arithmetic saturates: a time beyond the range of a
/// timestamp has no samples anyway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    pub(crate) start: TimestampMs,
    pub(crate) step_ms: i64,
    pub(crate) steps: usize,
}

impl Grid {
    /// One time.
    pub(crate) fn instant(time: TimestampMs) -> Grid {
        Grid { start: time, step_ms: 1, steps: 1 }
    }

    /// Every time from `start` to `end`, both included where the steps meet them.
    pub(crate) fn range(
        start: TimestampMs,
        end: TimestampMs,
        step_ms: i64,
    ) -> Result<Grid, QueryError> {
        if step_ms <= 0 {
            return Err(QueryError::BadData(
                "zero or negative query resolution step widths are not accepted. Try a positive integer"
                    .to_owned(),
            ));
        }
        if end < start {
            return Err(QueryError::BadData(
                "end timestamp must not be before start time".to_owned(),
            ));
        }
        let steps = end.abs_diff(start) / step_ms.unsigned_abs();
        // Far more steps than any budget allows; how many exactly does not matter.
        let steps = usize::try_from(steps).unwrap_or(usize::MAX).saturating_add(1);
        Ok(Grid { start, step_ms, steps })
    }

    /// The time of a step.
    #[inline]
    pub(crate) fn time(&self, step: usize) -> TimestampMs {
        let passed = i64::try_from(step).unwrap_or(i64::MAX).saturating_mul(self.step_ms);
        self.start.saturating_add(passed)
    }

    /// The time of the last step.
    pub(crate) fn end(&self) -> TimestampMs {
        self.time(self.steps.saturating_sub(1))
    }

    /// Only the first step.
    pub(crate) fn first(&self) -> Grid {
        Grid { steps: 1, ..*self }
    }
}
