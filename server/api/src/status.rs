//! `/api/v1/status/*`.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Response, StatusCode};

use crate::answer::{Answer, text};
use crate::error::ApiError;
use crate::json::Json;
use crate::params::Params;
use crate::state::ApiState;
use crate::time::rfc3339;

/// The Prometheus whose API this is: Grafana chooses features by it.
const COMPATIBLE_VERSION: &str = "3.5.0";

/// Entries of each list in `/api/v1/status/tsdb` unless asked otherwise, and at most.
const TOP_DEFAULT: usize = 10;
const TOP_MAX: usize = 10_000;

/// `/api/v1/status/config`
pub(crate) async fn config(state: Arc<ApiState>) -> Result<Answer, ApiError> {
    let yaml = state.status.config_yaml.load();
    Ok(Answer::write(|json| {
        json.raw("{\"yaml\":").string(&yaml).raw("}");
    }))
}

/// `/api/v1/status/flags`
pub(crate) async fn flags(state: Arc<ApiState>) -> Result<Answer, ApiError> {
    Ok(Answer::write(|json| {
        json.raw("{");
        for (i, (name, value)) in state.options.flags.iter().enumerate() {
            json.raw(if i > 0 { "," } else { "" }).key(name).string(value);
        }
        json.raw("}");
    }))
}

/// `/api/v1/status/buildinfo`
pub(crate) async fn build_info() -> Result<Answer, ApiError> {
    Ok(Answer::write(|json| write_texts(json, &build_fields())))
}

/// `/version`: the same without an envelope.
pub(crate) async fn version() -> Response<Body> {
    let mut json = Json::default();
    write_texts(&mut json, &build_fields());
    text(StatusCode::OK, String::from_utf8_lossy(&json.bytes))
}

fn build_fields() -> [(&'static str, &'static str); 8] {
    [
        ("version", COMPATIBLE_VERSION),
        ("revision", option_env!("HEARTH_REVISION").unwrap_or("")),
        ("branch", ""),
        ("buildUser", ""),
        ("buildDate", ""),
        ("goVersion", ""),
        ("application", "hearth"),
        ("hearthVersion", env!("CARGO_PKG_VERSION")),
    ]
}

fn write_texts(json: &mut Json, fields: &[(&str, &str)]) {
    json.raw("{");
    for (i, (name, value)) in fields.iter().enumerate() {
        json.raw(if i > 0 { "," } else { "" }).key(name).string(value);
    }
    json.raw("}");
}

/// `/api/v1/status/runtimeinfo`
pub(crate) async fn runtime_info(state: Arc<ApiState>) -> Result<Answer, ApiError> {
    let (reloaded, reloaded_at) = **state.status.last_reload.load();
    let corruptions = state.db.replay_report().corruptions;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Ok(Answer::write(|json| {
        json.raw("{\"startTime\":").string(&rfc3339(state.status.started));
        json.raw(",\"CWD\":").string(&state.options.working_directory);
        json.raw(",\"hostname\":").string(&state.options.hostname);
        json.raw(",\"serverTime\":").string(&rfc3339((state.now)()));
        json.raw(",\"reloadConfigSuccess\":").raw(if reloaded { "true" } else { "false" });
        json.raw(",\"lastConfigTime\":").string(&rfc3339(reloaded_at));
        json.raw(",\"corruptionCount\":").number(corruptions);
        json.raw(",\"goroutineCount\":0,\"GOMAXPROCS\":").number(cores);
        json.raw(",\"GOMEMLIMIT\":0,\"GOGC\":\"\",\"GODEBUG\":\"\",\"storageRetention\":");
        json.string(&state.options.storage_retention).raw("}");
    }))
}

/// `/api/v1/status/tsdb`
pub(crate) async fn tsdb(state: Arc<ApiState>, params: Params) -> Result<Answer, ApiError> {
    let limit = match params.get("limit") {
        "" => TOP_DEFAULT,
        text => match text.parse::<usize>() {
            Ok(limit) if (1..=TOP_MAX).contains(&limit) => limit,
            Ok(limit) if limit > TOP_MAX => {
                return Err(ApiError::bad_data(format!("limit must not exceed {TOP_MAX}")));
            }
            _ => return Err(ApiError::bad_data("limit must be a positive number")),
        },
    };
    let stats = state.db.stats();
    let top = state.db.cardinality(limit);
    Ok(Answer::write(|json| {
        json.raw("{\"headStats\":{\"numSeries\":").number(stats.series);
        json.raw(",\"numLabelPairs\":").number(stats.label_pairs);
        json.raw(",\"chunkCount\":").number(stats.chunks);
        json.raw(",\"minTime\":").number(stats.min_time);
        json.raw(",\"maxTime\":").number(stats.max_time).raw("}");
        for (key, entries) in [
            (",\"seriesCountByMetricName\":", &top.series_by_metric),
            (",\"labelValueCountByLabelName\":", &top.values_by_label),
            (",\"memoryInBytesByLabelName\":", &top.bytes_by_label),
            (",\"seriesCountByLabelValuePair\":", &top.series_by_pair),
        ] {
            json.raw(key).list(entries, |json, entry| {
                json.raw("{\"name\":").string(&entry.name);
                json.raw(",\"value\":").number(entry.value).raw("}");
            });
        }
        json.raw("}");
    }))
}

/// `/api/v1/status/tsdb/blocks`: what each block says of itself.
pub(crate) async fn blocks(state: Arc<ApiState>) -> Result<Answer, ApiError> {
    let blocks = serde_json::to_string(&state.db.blocks()).map_err(ApiError::internal)?;
    Ok(Answer::write(|json| {
        json.raw("{\"blocks\":").raw(&blocks).raw("}");
    }))
}

/// `/api/v1/status/walreplay`: the segments of the log that were read, or are being read.
pub(crate) fn wal_replay((min, max, current): (u64, u64, u64), is_done: bool) -> Answer {
    Answer::write(|json| {
        json.raw("{\"min\":").number(min).raw(",\"max\":").number(max);
        json.raw(",\"current\":").number(current).raw(",\"state\":");
        json.string(if is_done { "done" } else { "in progress" }).raw("}");
    })
}
