//! An API over a store with a few series, a manager with two groups of rules, and a clock by hand.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use common_config::prometheus::Config;
use common_instrument::Registry;
use common_model::Labels;
use http_body_util::BodyExt;
use server_api::{ApiOptions, ApiState, Asked, Notifications, Status};
use server_promql::engine::Engine;
use server_promql::parser;
use server_rules::{LoadOptions, RuleSet};
use server_storage::memory::MemoryStore;
use server_storage::{Appendable, SeriesRef};
use tower::ServiceExt;

/// What the clock says, in milliseconds.
pub(crate) const NOW: i64 = 600_000;

const RULES: &str = "\
groups:
- name: one
  rules:
  - {record: job:up, expr: sum by (job) (up)}
  - {alert: Always, expr: up == 1, labels: {severity: page}}
- name: two
  rules:
  - {record: job:up2, expr: sum by (job) (up), labels: {a: b}}
";

/// A job without targets.
const JOBS: &str = "\
scrape_configs:
- job_name: j
  relabel_configs:
  - {source_labels: [a, b], target_label: c}
  - {source_labels: [a], regex: x|y<, action: drop}
  - {target_label: late, replacement: ''}
";

/// What is asked, with what must live as long as it.
pub(crate) struct World {
    pub(crate) router: Router,
    pub(crate) notifications: Arc<Notifications>,
    pub(crate) status: Arc<Status>,
    files: tempfile::TempDir,
}

impl World {
    /// Everything is allowed.
    pub(crate) async fn new() -> World {
        World::with(options_of_the_api()).await
    }

    /// What the flags allow by default.
    pub(crate) async fn restricted() -> World {
        World::with(ApiOptions { admin: false, search: false, ..options_of_the_api() }).await
    }

    async fn with(api: ApiOptions) -> World {
        let files = tempfile::tempdir().unwrap();
        let mut options = server_tsdb::Options::new(files.path().join("data"));
        options.exemplars_max = 100;
        let db = server_tsdb::Db::open(options, Arc::new(server_tsdb::fs::RealFs)).unwrap();
        exemplars(&db);
        let (registry, store) = (Registry::new(), store());
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
        let jobs = Config::load(JOBS, "prometheus.yml", &|_| None).unwrap().scrape_configs;
        scrape.apply(&jobs).await.unwrap();
        let rules = server_rules::Manager::new(
            server_rules::ManagerOptions {
                engine: Engine::default(),
                storage: Arc::new(store.clone()),
                appendable: Arc::new(store.clone()),
                notify: Arc::new(|_| {}),
                now: now.clone(),
                external_url: "http://h".to_owned(),
                parser: parser::Options::default(),
                query_timeout: server_rules::QUERY_TIMEOUT_DEFAULT,
                timing: server_rules::Timing::default(),
            },
            &registry,
        );
        let groups = server_rules::load(RULES, "r.yml", &LoadOptions::default()).unwrap();
        let interval = Duration::from_secs(1_000_000);
        rules.apply(RuleSet { groups, interval, ..RuleSet::default() }).await;
        let notifications = Arc::new(Notifications::new(2, now.clone(), &registry));
        let asked = Asked {
            storage: Arc::new(store),
            db,
            scrape,
            rules: Arc::new(rules),
            notify: Arc::new(server_notify::Manager::new(Default::default(), &registry)),
            notifications: notifications.clone(),
            now,
            replay: Arc::default(),
            random: Arc::new(|| 255),
            registry,
        };
        let status = Arc::new(Status::new(0));
        status.ready.store(true, Ordering::Release);
        let (reload, _) = tokio::sync::mpsc::channel(1);
        let parser = parser::Options::default();
        let state = ApiState::new(api, asked, Engine::default(), parser, reload, status.clone());
        let router = server_api::router(Arc::new(state));
        World { router, notifications, status, files }
    }

    /// The data directory.
    pub(crate) fn data(&self) -> std::path::PathBuf {
        self.files.path().join("data")
    }

    /// Asks for something that may not end.
    pub(crate) async fn open(&self, path: &str) -> axum::http::Response<Body> {
        let request = Request::get(format!("/api/v1/{path}")).body(Body::empty()).unwrap();
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// Asks `GET path?query` or `POST path?query form`, below `/api/v1`.
    pub(crate) async fn ask(&self, request: &str) -> (StatusCode, String) {
        let mut words = request.split(' ');
        let method = words.next().unwrap();
        let uri = format!("/api/v1/{}", words.next().unwrap());
        let form = words.next().unwrap_or_default().to_owned();
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(form))
            .unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }
}

fn options_of_the_api() -> ApiOptions {
    ApiOptions {
        query_timeout: Duration::from_secs(60),
        query_concurrency_max: 4,
        cors_origin: common_re2::Regex::anchored(".*").unwrap(),
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
        features: server_api::Features {
            discoveries: vec!["static"],
            template_functions: vec!["humanize"],
            ..server_api::Features::default()
        },
    }
}

/// Two series with exemplars, one of them with two.
fn exemplars(db: &server_tsdb::Db) {
    let mut appender = db.appender();
    let exemplars = [
        ("a", "t\"1", 0.5, Some(1_500)),
        ("a", "t2", 1e-7, Some(2_000)),
        ("b", "", f64::INFINITY, None),
    ];
    for (job, id, value, timestamp) in exemplars {
        let labels = Labels::from_pairs([("__name__", "seconds_bucket"), ("job", job)]);
        let series = appender.append(SeriesRef(0), &labels, 3_000, 1.0).unwrap();
        let labels_of_exemplar = Labels::from_pairs([("trace_id", id)]);
        let exemplar = common_model::Exemplar { labels: labels_of_exemplar, value, timestamp };
        appender.append_exemplar(series, &labels, &exemplar).unwrap();
    }
    appender.commit().unwrap();
}

fn store() -> MemoryStore {
    let store = MemoryStore::default();
    let mut appender = store.appender();
    for (job, value) in [("a", 1.0), ("b", 0.0)] {
        let labels = Labels::from_pairs([("__name__", "up"), ("job", job)]);
        for time in [0, 60_000] {
            appender.append(SeriesRef(0), &labels, time, value).unwrap();
        }
    }
    appender.commit().unwrap();
    store
}
