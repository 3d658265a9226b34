//! `/api/v1/series`, `/api/v1/labels` and `/api/v1/label/NAME/values`.

use std::sync::Arc;

use common_model::{Labels, Matcher, TimestampMs};
use server_promql::engine::{Interrupt, QueryError, Reservation};
use server_storage::{SampleColumns, SelectHints, StorageError};

use crate::answer::Answer;
use crate::error::ApiError;
use crate::params::{Params, TIME_MAX, TIME_MIN};
use crate::running;
use crate::state::ApiState;

/// What an item takes in a list and around its text in the answer.
const ITEM_BYTES: usize = 64;

/// How many series pass between two looks at the interrupt.
const SERIES_BETWEEN_CHECKS: usize = 64;

/// What these three share: a range, sets of matchers, a limit.
struct Selection {
    start: TimestampMs,
    end: TimestampMs,
    sets: Vec<Vec<Matcher>>,
    limit: usize,
}

impl Selection {
    fn read(params: &Params) -> Result<Selection, ApiError> {
        let limit = params.limit("limit")?;
        let start = params.time("start")?.unwrap_or(TIME_MIN);
        let end = params.time("end")?.unwrap_or(TIME_MAX);
        Ok(Selection { start, end, sets: params.matchers()?, limit })
    }

    /// Takes names or values of every set together, sorted and without duplicates.
    fn union(
        &self,
        interrupt: &dyn Interrupt,
        memory: &Arc<Reservation>,
        mut find: impl FnMut(&[Matcher]) -> Result<Vec<String>, StorageError>,
    ) -> Result<Answer, ApiError> {
        let mut all = Vec::new();
        let none: &[Vec<Matcher>] = &[Vec::new()];
        let sets = if self.sets.is_empty() { none } else { &self.sets };
        for set in sets {
            running::check(interrupt)?;
            for text in find(set)? {
                // Held as a text of its own, and written once.
                memory.charge(2 * text.len() + ITEM_BYTES)?;
                all.push(text);
            }
        }
        unite(&mut all, sets.len());
        let cut = self.limit > 0 && all.len() > self.limit;
        let shown = if cut { self.limit } else { all.len() };
        let mut answer = Answer::write(|json| {
            json.list(all.iter().take(shown), |json, text| {
                json.string(text).cut();
            });
        });
        if cut {
            answer.warnings.push("results truncated due to limit".to_owned());
        }
        answer.memory = Some(memory.clone());
        Ok(answer)
    }

    /// One more than the limit, so that it is seen whether something was left out.
    fn probe(&self) -> usize {
        if self.limit == 0 { 0 } else { self.limit + 1 }
    }
}

impl From<StorageError> for ApiError {
    fn from(error: StorageError) -> ApiError {
        match error {
            StorageError::Interrupted => QueryError::Timeout.into(),
            error => ApiError::internal(error),
        }
    }
}

/// `/api/v1/labels`
pub(crate) async fn labels(state: Arc<ApiState>, params: Params) -> Result<Answer, ApiError> {
    let selection = Selection::read(&params)?;
    let bytes = params.bytes();
    running::run(&state, state.options.query_timeout, bytes, move |state, interrupt, memory| {
        let mut querier = state.storage.querier(selection.start, selection.end)?;
        querier.watch(interrupt.watch());
        selection
            .union(interrupt, memory, |matchers| querier.label_names(matchers, selection.probe()))
    })
    .await
}

/// `/api/v1/label/NAME/values`
pub(crate) async fn label_values(
    state: Arc<ApiState>,
    name: String,
    params: Params,
) -> Result<Answer, ApiError> {
    let name = unescape(&name);
    if name.is_empty() {
        return Err(ApiError::bad_data(format!("invalid label name: {name:?}")));
    }
    let selection = Selection::read(&params)?;
    let bytes = params.bytes();
    running::run(&state, state.options.query_timeout, bytes, move |state, interrupt, memory| {
        let mut querier = state.storage.querier(selection.start, selection.end)?;
        querier.watch(interrupt.watch());
        selection.union(interrupt, memory, |matchers| {
            querier.label_values(&name, matchers, selection.probe())
        })
    })
    .await
}

/// `/api/v1/series`
pub(crate) async fn series(state: Arc<ApiState>, params: Params) -> Result<Answer, ApiError> {
    params.insist()?;
    if params.all("match[]").next().is_none() {
        return Err(ApiError::bad_data("no match[] parameter provided"));
    }
    params.limit("limit")?;
    params.time("start")?;
    params.time("end")?;
    // Only here are wrong selectors reported under their parameter's name.
    params.matchers().map_err(|error| ApiError::parameter("match[]", error.message))?;
    let selection = Selection::read(&params)?;
    let bytes = params.bytes();
    running::run(&state, state.options.query_timeout, bytes, move |state, interrupt, memory| {
        let mut querier = state.storage.querier(selection.start, selection.end)?;
        querier.watch(interrupt.watch());
        let hints = SelectHints {
            start: selection.start,
            end: selection.end,
            labels_only: true,
            limit: selection.probe(),
            ..SelectHints::default()
        };
        let mut found: Vec<Labels> = Vec::new();
        let mut samples = SampleColumns::default();
        for set in &selection.sets {
            let mut series = querier.select(true, &hints, set)?;
            while let Some(labels) = series.next(&mut samples)? {
                if found.len().is_multiple_of(SERIES_BETWEEN_CHECKS) {
                    running::check(interrupt)?;
                }
                memory.charge(2 * labels.heap_bytes() + ITEM_BYTES)?;
                found.push(labels);
            }
        }
        unite(&mut found, selection.sets.len());
        let cut = selection.limit > 0 && found.len() > selection.limit;
        let shown = if cut { selection.limit } else { found.len() };
        let mut answer = Answer::write(|json| {
            json.list(found.iter().take(shown), |json, labels| {
                json.labels(labels).cut();
            });
        });
        if cut {
            answer.warnings.push("results truncated due to limit".to_owned());
        }
        answer.memory = Some(memory.clone());
        Ok(answer)
    })
    .await
}

/// Makes one set of several, which stand behind each other and are each in order.
fn unite<T: Ord>(items: &mut Vec<T>, sets: usize) {
    if sets > 1 {
        items.sort();
        items.dedup();
    }
}

/// A label name in the `values` escaping (`U__` prefix, `_2e_` for a dot, `__` for an underscore);
/// any other name stands for itself.
fn unescape(name: &str) -> String {
    let Some(mut rest) = name.strip_prefix("U__") else { return name.to_owned() };
    let mut plain = String::new();
    while let Some(at) = rest.find('_') {
        plain.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let Some(end) = rest.find('_') else { return name.to_owned() };
        let code = &rest[..end];
        rest = &rest[end + 1..];
        if code.is_empty() {
            plain.push('_');
            continue;
        }
        match u32::from_str_radix(code, 16).ok().and_then(char::from_u32) {
            Some(c) => plain.push(c),
            None => return name.to_owned(),
        }
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_label_names_are_read() {
        for (name, plain) in [
            ("job", "job"),
            ("U__http_2e_status", "http.status"),
            ("U__a__b", "a_b"),
            ("U__a_zz_", "U__a_zz_"),
            ("U__a_", "U__a_"),
        ] {
            assert_eq!(unescape(name), plain);
        }
    }
}
