//! `/federate`: the newest sample of chosen series, in the text format.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Response, StatusCode};
use common_model::{
    Labels, METRIC_NAME, Matcher, TimestampMs, is_legacy_label_name, is_legacy_metric_name,
    is_stale_marker, push_float,
};
use server_promql::engine::Interrupt;
use server_storage::{SampleColumns, SelectHints};

use crate::answer::text;
use crate::error::ApiError;
use crate::params::Params;
use crate::pieces;
use crate::running;
use crate::state::ApiState;

/// A series counts as current this long, as in queries.
const LOOKBACK_MS: TimestampMs = 5 * 60 * 1000;

/// What a sample takes beside its labels, held and written.
const SAMPLE_BYTES: usize = 128;

/// Answers a federation request.
pub(crate) async fn federate(state: Arc<ApiState>, params: Params) -> Response<Body> {
    let sets: Vec<Vec<Matcher>> = match params.selectors() {
        // A selector that matches everything gives nothing, as in the original.
        Ok(sets) => {
            sets.into_iter().filter(|set| !set.iter().all(Matcher::matches_empty)).collect()
        }
        Err(error) => return text(StatusCode::BAD_REQUEST, format!("{}\n", error.message)),
    };
    let now = (state.now)();
    let external = state.status.external_labels.load_full();
    let errors = state.federation_errors.clone();
    let result = running::run(
        &state,
        state.options.query_timeout,
        running::ELSEWHERE,
        move |state, interrupt, memory| {
            let (start, end) = (now - LOOKBACK_MS + 1, now);
            let mut querier = state.storage.querier(start, end)?;
            querier.watch(interrupt.watch());
            let hints = SelectHints { start, end, ..SelectHints::default() };
            let mut newest: BTreeMap<Labels, (TimestampMs, f64)> = BTreeMap::new();
            let mut samples = SampleColumns::default();
            for set in &sets {
                let mut series = querier.select(false, &hints, set)?;
                while let Some(labels) = series.next(&mut samples)? {
                    running::check(interrupt)?;
                    // Native histograms have no form in the text format.
                    let last =
                        samples.len().checked_sub(1).filter(|at| samples.histogram(*at).is_none());
                    let Some(last) = last else { continue };
                    if !is_stale_marker(samples.values[last]) {
                        // Held, and written once.
                        memory.charge(2 * labels.heap_bytes() + SAMPLE_BYTES)?;
                        newest.insert(labels, (samples.timestamps[last], samples.values[last]));
                    }
                }
            }
            Ok((write(&newest, &external), memory.clone()))
        },
    )
    .await;
    match result {
        Ok((body, memory)) => {
            let mut response = text(StatusCode::OK, "");
            *response.body_mut() = pieces::body(vec![body.into_bytes()], Some(&memory));
            let kind = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";
            response.headers_mut().insert(
                axum::http::header::CONTENT_TYPE,
                axum::http::HeaderValue::from_static(kind),
            );
            response
        }
        Err(ApiError { kind, message }) => {
            errors.inc();
            text(kind.status(), format!("{message}\n"))
        }
    }
}

fn write(newest: &BTreeMap<Labels, (TimestampMs, f64)>, external: &Labels) -> String {
    let mut by_name: Vec<_> = newest.iter().collect();
    by_name.sort_by(|a, b| a.0.metric_name().cmp(b.0.metric_name()).then_with(|| a.0.cmp(b.0)));
    let (mut body, mut family) = (String::new(), "");
    for (labels, (at, value)) in by_name {
        let name = labels.metric_name();
        // Names outside the classic alphabet need the 1.0.0 format, which this answer is not in.
        if name.is_empty() || !is_legacy_metric_name(name) {
            continue;
        }
        if name != family {
            body.push_str("# TYPE ");
            body.push_str(name);
            body.push_str(" untyped\n");
            family = name;
        }
        body.push_str(name);
        let mut full = external.to_builder();
        for (name, value) in labels {
            full.set(name, value);
        }
        full.remove(METRIC_NAME);
        if full.value("instance").is_empty() {
            // The one who federates must not put its own target's instance here.
            body.push_str("{instance=\"\"");
        }
        let mut opened = full.value("instance").is_empty();
        for (name, value) in full.iter().filter(|(name, _)| is_legacy_label_name(name)) {
            body.push(if opened { ',' } else { '{' });
            opened = true;
            body.push_str(name);
            body.push_str("=\"");
            escape(&mut body, value);
            body.push('"');
        }
        body.push_str("} ");
        push_float(&mut body, *value);
        body.push(' ');
        body.push_str(&at.to_string());
        body.push('\n');
    }
    body
}

fn escape(body: &mut String, value: &str) {
    for c in value.chars() {
        match c {
            '\\' => body.push_str("\\\\"),
            '"' => body.push_str("\\\""),
            '\n' => body.push_str("\\n"),
            c => body.push(c),
        }
    }
}
