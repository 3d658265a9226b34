//! Parameters of a search.

use common_model::{Matcher, TimestampMs};

use super::Place;
use super::matching::{Algorithm, Terms};
use crate::error::ApiError;
use crate::params::{Params, go_integer, parse_time};

/// How far back names are searched unless `start` says otherwise.
const LOOKBACK_MS: TimestampMs = 3_600_000;

/// Results, and results in one line, unless asked otherwise.
const LIMIT_DEFAULT: usize = 100;

/// In which order results come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// By the alphabet.
    Rising,
    /// Against it.
    Falling,
    /// The best first.
    Score,
}

/// A search that can be done.
#[derive(Clone, Debug)]
pub(super) struct SearchRequest {
    pub(super) place: Place,
    /// Whose values are searched, for [`Place::LabelValues`].
    pub(super) label: String,
    pub(super) start: TimestampMs,
    pub(super) end: TimestampMs,
    /// Which series count; empty for all.
    pub(super) sets: Vec<Vec<Matcher>>,
    pub(super) terms: Terms,
    pub(super) order: Order,
    pub(super) with_score: bool,
    pub(super) with_metadata: bool,
    /// Results at most, not zero.
    pub(super) limit: usize,
    /// Results of one line, not zero.
    pub(super) batch: usize,
}

impl SearchRequest {
    /// Reads and checks everything, in the order in which the original complains.
    pub(super) fn read(
        params: &Params,
        place: Place,
        now: TimestampMs,
    ) -> Result<SearchRequest, ApiError> {
        let start = time(params, "start", now - LOOKBACK_MS)?;
        let end = time(params, "end", now)?;
        let sets = params.matchers()?;
        let threshold = threshold(params)?;
        let algorithm = algorithm(params)?;
        let is_case_sensitive = boolean(params, "case_sensitive", true)?;
        let with_score = boolean(params, "include_score", false)?;
        let texts: Vec<&str> = params.all("search[]").collect();
        let order = order(params, !texts.is_empty())?;
        let limit = amount(params, "limit")?;
        let batch = amount(params, "batch_size")?;
        let mut with_metadata = false;
        let mut label = String::new();
        match place {
            Place::MetricNames => with_metadata = boolean(params, "include_metadata", false)?,
            Place::LabelNames => {}
            Place::LabelValues => params.get("label").clone_into(&mut label),
        }
        if place == Place::LabelValues && label.is_empty() {
            return Err(ApiError::bad_data("missing required parameter \"label\""));
        }
        let sort_by = params.get("sort_by");
        if !matches!(sort_by, "" | "alpha" | "score") {
            return Err(ApiError::bad_data(format!(
                "invalid sort_by {sort_by:?} for {}: must be \"alpha\" or \"score\"",
                place.name()
            )));
        }
        let terms = Terms::new(&texts, algorithm, threshold, is_case_sensitive);
        Ok(SearchRequest {
            place,
            label,
            start,
            end,
            sets,
            terms,
            order,
            with_score,
            with_metadata,
            limit,
            batch,
        })
    }
}

fn time(params: &Params, name: &str, default: TimestampMs) -> Result<TimestampMs, ApiError> {
    match params.get(name) {
        "" => Ok(default),
        text => parse_time(text).map_err(|error| {
            ApiError::bad_data(format!("invalid time value for '{name}': {error}"))
        }),
    }
}

/// 0 to 1.
fn threshold(params: &Params) -> Result<f64, ApiError> {
    let text = params.get("fuzz_threshold");
    if text.is_empty() {
        return Ok(0.0);
    }
    match text.parse::<u8>() {
        Ok(percent @ 0..=100) => Ok(f64::from(percent) / 100.0),
        _ => Err(ApiError::bad_data(format!("invalid fuzz_threshold {text:?}: must be 0-100"))),
    }
}

fn algorithm(params: &Params) -> Result<Algorithm, ApiError> {
    match params.get("fuzz_alg") {
        "" | "subsequence" => Ok(Algorithm::Subsequence),
        "jarowinkler" => Ok(Algorithm::JaroWinkler),
        other => Err(ApiError::bad_data(format!(
            "unsupported fuzz_alg {other:?}: must be one of [subsequence jarowinkler]"
        ))),
    }
}

/// A truth value as Go reads it.
fn boolean(params: &Params, name: &str, default: bool) -> Result<bool, ApiError> {
    match params.get(name) {
        "" => Ok(default),
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        other => Err(ApiError::bad_data(format!("invalid {name} {other:?}: must be boolean"))),
    }
}

fn order(params: &Params, has_terms: bool) -> Result<Order, ApiError> {
    let wrong = |problem: &str| Err(ApiError::bad_data(problem));
    let (by, direction) = (params.get("sort_by"), params.get("sort_dir"));
    match (by, direction) {
        ("", direction) if !direction.is_empty() => {
            wrong("sort_dir is only valid when sort_by is set")
        }
        ("score", direction) if !direction.is_empty() => {
            wrong("sort_dir is not supported for sort_by=score")
        }
        (_, direction) if !matches!(direction, "" | "asc" | "dsc") => {
            wrong(&format!("invalid sort_dir {direction:?}: must be \"asc\" or \"dsc\""))
        }
        ("score", _) if !has_terms => wrong("sort_by=score requires search[] to be set"),
        ("score", _) => Ok(Order::Score),
        ("alpha", "dsc") => Ok(Order::Falling),
        _ => Ok(Order::Rising),
    }
}

/// A number of results; zero, like nothing, is the default.
fn amount(params: &Params, name: &str) -> Result<usize, ApiError> {
    let text = params.get(name);
    if text.is_empty() {
        return Ok(LIMIT_DEFAULT);
    }
    match go_integer("Atoi", text).ok().and_then(|amount| usize::try_from(amount).ok()) {
        Some(0) => Ok(LIMIT_DEFAULT),
        Some(amount) => Ok(amount),
        None => {
            let problem = format!("invalid {name} {text:?}: must be non-negative integer");
            Err(ApiError::bad_data(problem))
        }
    }
}
