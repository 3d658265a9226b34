//! One set of data in both engines, and questions to both.

use std::sync::Arc;
use std::time::Duration;

use common_client::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use common_client::{Client, ClientOptions, Method, Request};
use common_config::HttpClientConfig;
use common_testkit::Rng;
use server_promql::engine::{Engine, EngineOptions, QueryOptions};
use server_promql::parser;
use server_storage::memory::MemoryStore;
use server_storage::{Appendable as _, SeriesRef};

use super::answer::{self, Answer};
use super::data::{self, LENGTH_MS, Point, START_MS, Series};
use super::tree::Node;
use super::wire;
use crate::support::child::Program;

/// What the peer must be told that ours is told by options.
const FEATURES: &str = "promql-experimental-functions,promql-duration-expr,native-histograms";

/// Samples that are written may be older than those before them: series are not in step.
const CONFIG: &str = "storage: {tsdb: {out_of_order_time_window: 1h}}\n";

/// A query with its times.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) query: Node,
    pub(super) when: When,
    /// In milliseconds.
    pub(super) lookback: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    Instant(i64),
    Range { start: i64, end: i64, step_ms: i64 },
}

impl When {
    /// Times in and just around the data.
    pub(super) fn random(rng: &mut Rng) -> When {
        let time = START_MS - 60_000 + rng.below(LENGTH_MS as u64 + 400_000) as i64;
        let start = if rng.chance(1, 2) { time / 15_000 * 15_000 } else { time };
        if rng.chance(1, 2) {
            return When::Instant(start);
        }
        let step_ms = *rng.pick(&[1_000, 15_000, 17_500, 60_000, 60_000, 133_000, 600_000]);
        let end = start + step_ms * rng.below(30) as i64 + rng.below(2) as i64 * 400;
        When::Range { start, end, step_ms }
    }
}

impl When {
    /// Times at which a subquery may look, half a minute apart.
    pub(super) fn around(self) -> When {
        let (start, end) = match self {
            When::Instant(time) => (time, time),
            When::Range { start, end, .. } => (start, end),
        };
        let step_ms = ((end - start + 3_600_000) / 3_600_000) * 30_000;
        When::Range { start: start - 2_700_000, end: end + 900_000, step_ms }
    }
}

/// Both engines with the same data.
pub(super) struct World {
    engine: Engine,
    store: MemoryStore,
    parser: parser::Options,
    peer: Program,
    _folder: tempfile::TempDir,
}

impl World {
    /// Starts the peer and fills both.
    pub(super) async fn new(rng: &mut Rng, delayed_name_removal: bool) -> World {
        let folder = tempfile::tempdir().unwrap();
        let program = common_testkit::peer("prometheus").unwrap();
        std::fs::write(folder.path().join("prometheus.yml"), CONFIG).unwrap();
        let delayed = if delayed_name_removal { ",promql-delayed-name-removal" } else { "" };
        let features = format!("--enable-feature={FEATURES}{delayed}");
        let args = [
            "--config.file=prometheus.yml",
            "--web.enable-remote-write-receiver",
            "--storage.tsdb.path=data",
            &features,
        ];
        let peer = Program::start(program, &args, folder.path()).await;
        let series = data::series(rng);
        write(peer.api.address(), &series).await;
        let engine =
            Engine::new(EngineOptions { delayed_name_removal, ..EngineOptions::default() });
        let parser = parser::Options {
            extended_selectors: false,
            fill_modifiers: false,
            ..parser::Options::everything()
        };
        World { engine, store: fill(&series), parser, peer, _folder: folder }
    }

    /// Our answer and theirs.
    pub(super) async fn ask(&self, question: &Question) -> (Answer, Answer) {
        let query = question.query.to_string();
        (self.ours(question, &query), self.theirs(question, &query).await)
    }

    fn ours(&self, question: &Question, query: &str) -> Answer {
        let expr = match parser::parse(query, &self.parser) {
            Ok(expr) => expr,
            Err(error) => {
                let text = format!("invalid parameter \"query\": {error}");
                return Answer::Error("bad_data".to_owned(), text);
            }
        };
        let lookback_delta_ms = question.lookback;
        let options = QueryOptions { query, lookback_delta_ms, ..QueryOptions::default() };
        let output = match question.when {
            When::Instant(time) => self.engine.instant(&self.store, &expr, time, &options),
            When::Range { start, end, step_ms } => {
                self.engine.range(&self.store, &expr, start, end, step_ms, &options)
            }
        };
        match output {
            Ok(output) => Answer::Result(answer::ours(output)),
            Err(error) => {
                let kind = error.error_type().to_owned();
                let place = if kind == "bad_data" { "invalid parameter \"query\": " } else { "" };
                Answer::Error(kind, format!("{place}{error}"))
            }
        }
    }

    async fn theirs(&self, question: &Question, query: &str) -> Answer {
        let seconds = |milliseconds: i64| format!("{:.3}", milliseconds as f64 / 1000.0);
        let mut form = vec![("query", query.to_owned())];
        let path = match question.when {
            When::Instant(time) => {
                form.push(("time", seconds(time)));
                "/api/v1/query"
            }
            When::Range { start, end, step_ms } => {
                form.push(("start", seconds(start)));
                form.push(("end", seconds(end)));
                form.push(("step", seconds(step_ms)));
                "/api/v1/query_range"
            }
        };
        form.extend(question.lookback.map(|delta| ("lookback_delta", seconds(delta))));
        let form: Vec<(&str, &str)> = form.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let (_, body) = self.peer.api.post(path, &form).await.unwrap();
        answer::theirs(&body).unwrap()
    }
}

fn fill(all: &[Series]) -> MemoryStore {
    let store = MemoryStore::default();
    let mut appender = store.appender();
    for series in all {
        for (time, point) in &series.points {
            let appended = match point {
                Point::Float(value) => {
                    appender.append(SeriesRef::default(), &series.labels, *time, *value)
                }
                Point::Histogram(histogram, _) => {
                    let histogram = Arc::new(histogram.clone());
                    appender.append_histogram(
                        SeriesRef::default(),
                        &series.labels,
                        *time,
                        &histogram,
                    )
                }
            };
            appended.unwrap();
        }
    }
    appender.commit().unwrap();
    store
}

async fn write(address: &str, series: &[Series]) {
    let client = Client::new(&HttpClientConfig::default(), ClientOptions::default()).unwrap();
    for message in wire::messages(series) {
        let url = format!("http://{address}/api/v1/write");
        let mut request = Request::new(Method::POST, url).timeout(Duration::from_secs(20));
        let kind = HeaderValue::from_static("application/x-protobuf");
        request.headers.insert(CONTENT_TYPE, kind);
        request.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("snappy"));
        request.body = message.into();
        let answer = client.send(request).await.unwrap();
        let body = String::from_utf8_lossy(&answer.body);
        assert!(answer.status.is_success(), "{}: {body}", answer.status);
    }
}
