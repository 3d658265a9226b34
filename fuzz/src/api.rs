//! The API over a small store, with rules and no targets, in this process.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use common_config::prometheus::Config;
use common_instrument::Registry;
use server_api::{ApiOptions, ApiState, Asked, Features, Notifications, Status};
use server_promql::engine::{Engine, EngineOptions};
use server_promql::parser;
use server_rules::{LoadOptions, ManagerOptions, RuleSet, Timing};
use server_storage::SeriesRef;
use server_tsdb::fs::MemoryFs;

/// What the clock says, in milliseconds.
const NOW: i64 = 600_000;

const RULES: &str = "\
groups:
- name: one
  rules:
  - {record: job:up, expr: sum by (job) (a)}
  - {alert: Always, expr: a == 1, labels: {severity: page}}
";

const JOBS: &str = "\
scrape_configs:
- job_name: j
  relabel_configs:
  - {source_labels: [a, b], regex: '(.*);x', target_label: c}
  - {source_labels: [a], action: hashmod, modulus: 7, target_label: d}
  - {source_labels: [a], regex: 'x|y<', action: drop}
";

/// Answers as the server would with its defaults, within small limits.
///
/// # Panics
/// Where the fixed configuration is wrong.
pub async fn api() -> Router {
    let registry = Registry::new();
    let store = crate::store(1);
    let now: server_scrape::Now = Arc::new(|| NOW);
    let scrape = server_scrape::ManagerOptions {
        storage: Arc::new(store.clone()),
        now: now.clone(),
        in_process: std::collections::HashMap::new(),
        asked: std::collections::HashMap::new(),
        ready: None,
        starts: server_scrape::StartTimes::default(),
    };
    let scrape = Arc::new(server_scrape::Manager::new(scrape, &registry));
    let jobs = Config::load(JOBS, "prometheus.yml", &|_| None).expect("it is fixed");
    scrape.apply(&jobs.scrape_configs).await.expect("nothing is refused");
    let engine = Engine::new(EngineOptions {
        samples_max: 20_000,
        memory_bytes_max: 16 << 20,
        ..EngineOptions::default()
    });
    let rules = ManagerOptions {
        engine: engine.clone(),
        storage: Arc::new(store.clone()),
        appendable: Arc::new(store.clone()),
        notify: Arc::new(|_| {}),
        now: now.clone(),
        external_url: "http://h".to_owned(),
        parser: parser::Options::everything(),
        query_timeout: Duration::from_secs(1),
        timing: Timing::default(),
    };
    let rules = server_rules::Manager::new(rules, &registry);
    let groups = server_rules::load(RULES, "r.yml", &LoadOptions::default()).expect("it is fixed");
    let interval = Duration::from_secs(1_000_000);
    rules.apply(RuleSet { groups, interval, ..RuleSet::default() }).await;
    let asked = Asked {
        storage: Arc::new(store),
        db: database(),
        scrape,
        rules: Arc::new(rules),
        notify: Arc::new(server_notify::Manager::new(Default::default(), &registry)),
        notifications: Arc::new(Notifications::new(2, now.clone(), &registry)),
        now,
        replay: Arc::default(),
        random: Arc::new(|| 255),
        registry,
    };
    let status = Arc::new(Status::new(0));
    status.ready.store(true, Ordering::Release);
    let (reload, _) = tokio::sync::mpsc::channel(1);
    let parser = parser::Options::everything();
    let state = ApiState::new(options(), asked, engine, parser, reload, status);
    server_api::router(Arc::new(state))
}

fn options() -> ApiOptions {
    ApiOptions {
        query_timeout: Duration::from_secs(1),
        query_concurrency_max: 4,
        cors_origin: common_re2::Regex::anchored(".*").expect("it is fixed"),
        lifecycle: false,
        external_url: "http://h".to_owned(),
        listen_port: "9090".to_owned(),
        route_prefix: String::new(),
        flags: Vec::new(),
        storage_retention: "15d".to_owned(),
        hostname: "h".to_owned(),
        working_directory: "/".to_owned(),
        admin: true,
        search: true,
        features: Features::default(),
    }
}

/// A database with exemplars, for what asks it rather than the store.
fn database() -> server_tsdb::Db {
    let mut options = server_tsdb::Options::new("/data");
    options.exemplars_max = 100;
    let db = server_tsdb::Db::open(options, Arc::new(MemoryFs::default())).expect("it is empty");
    let mut appender = db.appender();
    for job in ["a", "b"] {
        let labels = [("__name__", "seconds_bucket"), ("job", job)];
        let labels = common_model::Labels::from_pairs(labels);
        let series = appender.append(SeriesRef(0), &labels, 3_000, 1.0).expect("it is new");
        let id = common_model::Labels::from_pairs([("trace_id", job)]);
        let exemplar = common_model::Exemplar { labels: id, value: 0.5, timestamp: Some(2_000) };
        appender.append_exemplar(series, &labels, &exemplar).expect("it is new");
    }
    appender.commit().expect("nothing fails in memory");
    db
}
