//! What is known of queries when they are done: metrics under Prometheus' names, and the query log
//! (`query_log_file`), a line of JSON for each.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use common_instrument::{Counter, Gauge, Registry, Summary, SummaryVec};
use common_service::clock::{Clock, SystemClock};
use common_service::line_file::LineFile;
use common_service::logging::format_time_ms;
use serde::Serialize;
use server_promql::engine::{Done, Observer, Origin};

const QUANTILES: &[f64] = &[0.5, 0.9, 0.99];

/// Counts queries, and writes them down where that is asked for.
pub(crate) struct QueryLog {
    file: Arc<ArcSwapOption<LineFile>>,
    queries: Gauge,
    samples: Counter,
    queue: Summary,
    prepare: Summary,
    eval: Summary,
}

impl QueryLog {
    /// A log without a file; the metrics go to `registry`.
    pub(crate) fn new(registry: &Registry, concurrency_max: usize) -> QueryLog {
        let file: Arc<ArcSwapOption<LineFile>> = Arc::default();
        let slices = registry.add(SummaryVec::new(
            "prometheus_engine_query_duration_seconds",
            "Query timings",
            ["slice"],
            QUANTILES.to_vec(),
        ));
        // Results come out of the evaluation in order; the original sorts them.
        let _ = slices.with(["result_sort"]);
        let most = registry.gauge(
            "prometheus_engine_queries_concurrent_max",
            "The max number of concurrent queries.",
        );
        most.set(concurrency_max as f64);
        let shown = file.clone();
        registry.gauge_fn(
            "prometheus_engine_query_log_enabled",
            "State of the query log.",
            move || f64::from(u8::from(shown.load().is_some())),
        );
        let shown = file.clone();
        registry.counter_fn(
            "prometheus_engine_query_log_failures_total",
            "The number of query log failures.",
            move || shown.load().as_ref().map_or(0, |file| file.failures()) as f64,
        );
        QueryLog {
            file,
            queries: registry.gauge(
                "prometheus_engine_queries",
                "The current number of queries being executed or waiting.",
            ),
            samples: registry.counter(
                "prometheus_engine_query_samples_total",
                "The total number of samples loaded by all queries.",
            ),
            queue: slices.with(["queue_time"]),
            prepare: slices.with(["prepare_time"]),
            eval: slices.with(["inner_eval"]),
        }
    }

    /// Opens the file anew, or none where the path is empty.
    pub(crate) fn reopen(&self, path: &str) -> Result<(), String> {
        let file = match path {
            "" => None,
            path => Some(Arc::new(LineFile::open(Path::new(path)).map_err(|error| {
                format!("could not open the query log file {path:?}: {error}")
            })?)),
        };
        self.file.store(file);
        Ok(())
    }
}

impl std::fmt::Debug for QueryLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "QueryLog({:?})", self.file.load())
    }
}

impl Observer for QueryLog {
    fn begun(&self) {
        self.queries.inc();
    }

    fn done(&self, query: Option<&Done<'_>>) {
        self.queries.dec();
        let Some(query) = query else { return };
        self.samples.add(query.stats.samples_total);
        for (summary, took) in [
            (&self.queue, query.laps.queue),
            (&self.prepare, query.laps.prepare),
            (&self.eval, query.laps.eval),
        ] {
            summary.observe(took.as_secs_f64());
        }
        if let Some(file) = &*self.file.load()
            && let Ok(line) = serde_json::to_string(&Line::new(query, SystemClock.now_ms()))
        {
            file.append(&line);
        }
    }
}

/// A line, with the keys of the original.
#[derive(Serialize)]
struct Line<'a> {
    time: String,
    level: &'static str,
    msg: &'static str,
    params: Params<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    stats: Stats,
    #[serde(rename = "httpRequest", skip_serializing_if = "Option::is_none")]
    http_request: Option<HttpRequest<'a>>,
    #[serde(rename = "ruleGroup", skip_serializing_if = "Option::is_none")]
    rule_group: Option<RuleGroup<'a>>,
}

#[derive(Serialize)]
struct Params<'a> {
    end: String,
    query: &'a str,
    start: String,
    /// In seconds.
    step: i64,
}

#[derive(Serialize)]
struct Stats {
    timings: BTreeMap<&'static str, f64>,
    samples: Samples,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Samples {
    total_queryable_samples: u64,
    peak_samples: usize,
}

#[derive(Serialize)]
struct HttpRequest<'a> {
    #[serde(rename = "clientIP", skip_serializing_if = "Option::is_none")]
    client: Option<IpAddr>,
    method: &'a str,
    path: &'a str,
}

#[derive(Serialize)]
struct RuleGroup<'a> {
    file: &'a str,
    name: &'a str,
}

impl<'a> Line<'a> {
    fn new(query: &Done<'a>, now_ms: i64) -> Line<'a> {
        let (http_request, rule_group) = match query.origin {
            Origin::Request { client, method, path } => {
                (Some(HttpRequest { client, method, path }), None)
            }
            Origin::Rule { file, group } => (None, Some(RuleGroup { file, name: group })),
        };
        Line {
            time: format_time_ms(now_ms),
            level: "INFO",
            msg: "promql query logged",
            params: Params {
                end: format_time_ms(query.end),
                query: query.query,
                start: format_time_ms(query.start),
                step: query.step_ms / 1000,
            },
            error: query.error,
            stats: Stats {
                timings: query.laps.named().map(|(name, time)| (name, time.as_secs_f64())).into(),
                samples: Samples {
                    total_queryable_samples: query.stats.samples_total,
                    peak_samples: query.stats.samples_peak,
                },
            },
            http_request,
            rule_group,
        }
    }
}
