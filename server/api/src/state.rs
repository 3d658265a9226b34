//! What the handlers share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use common_instrument::Registry;
use common_model::TimestampMs;
use common_re2::Regex;
use server_promql::engine::Engine;
use server_promql::parser;
use server_storage::Queryable;
use tokio::sync::{mpsc, oneshot};

use crate::running::Queries;

use crate::features::Features;
use crate::notifications::Notifications;

/// Settings of the API, from flags.
pub struct ApiOptions {
    /// `--query.timeout`.
    pub query_timeout: Duration,
    /// `--query.max-concurrency`.
    pub query_concurrency_max: usize,
    /// `--web.cors.origin`, anchored.
    pub cors_origin: Regex,
    /// `--web.enable-lifecycle`.
    pub lifecycle: bool,
    /// `--web.external-url`, without a slash at the end.
    pub external_url: String,
    /// The port of the first `--web.listen-address`.
    pub listen_port: String,
    /// `--web.route-prefix`, empty or `/prefix`.
    pub route_prefix: String,
    /// All flags with their values, for `/api/v1/status/flags`.
    pub flags: Vec<(String, String)>,
    /// Where data lies, for `/api/v1/status/runtimeinfo`.
    pub storage_retention: String,
    /// Hostname, for `/api/v1/status/runtimeinfo`.
    pub hostname: String,
    /// Working directory, for `/api/v1/status/runtimeinfo`.
    pub working_directory: String,
    /// `--web.enable-admin-api`.
    pub admin: bool,
    /// `--enable-feature=search-api`.
    pub search: bool,
    /// What else `/api/v1/features` shows.
    pub features: Features,
}

/// A request to reload, answered with what went wrong.
pub type Reload = oneshot::Sender<Result<(), String>>;

/// A source of numbers that nobody foretells.
pub type Random = Arc<dyn Fn() -> u64 + Send + Sync>;

/// The parts of the daemon that handlers ask.
pub struct Asked {
    /// Samples.
    pub storage: Arc<dyn Queryable>,
    /// The database behind `storage`, for its statistics.
    pub db: server_tsdb::Db,
    /// Targets.
    pub scrape: Arc<server_scrape::Manager>,
    /// Rules and alerts.
    pub rules: Arc<server_rules::Manager>,
    /// Alertmanagers.
    pub notify: Arc<server_notify::Manager>,
    /// What operators should know.
    pub notifications: Arc<Notifications>,
    /// The wall clock in milliseconds.
    pub now: server_scrape::Now,
    /// How the replay of the log went.
    pub replay: Arc<server_tsdb::ReplayProgress>,
    /// Numbers that tell blocks and snapshots apart.
    pub random: Random,
    /// What the process says of itself on `/metrics`.
    pub registry: Registry,
}

/// What the handlers share.
pub struct ApiState {
    pub(crate) options: ApiOptions,
    pub(crate) asked: Asked,
    /// Evaluates queries.
    pub(crate) engine: Engine,
    /// What the parser accepts.
    pub(crate) parser: parser::Options,
    /// Asks the daemon to reload.
    pub(crate) reload: mpsc::Sender<Reload>,
    pub(crate) status: Arc<Status>,
    /// Queries that run beside each other.
    pub(crate) queries: Queries,
}

impl ApiState {
    /// What the handlers share, before the first request.
    #[must_use]
    pub fn new(
        options: ApiOptions,
        asked: Asked,
        engine: Engine,
        parser: parser::Options,
        reload: mpsc::Sender<Reload>,
        status: Arc<Status>,
    ) -> ApiState {
        let queries = Queries::new(options.query_concurrency_max);
        ApiState { options, asked, engine, parser, reload, status, queries }
    }
}

impl std::ops::Deref for ApiState {
    type Target = Asked;

    fn deref(&self) -> &Asked {
        &self.asked
    }
}

/// What changes while the process runs; the daemon writes it.
pub struct Status {
    /// Whether queries can be answered.
    pub ready: AtomicBool,
    /// Whether the process is about to end.
    pub stopping: AtomicBool,
    /// The configuration in force as YAML, secrets hidden.
    pub config_yaml: ArcSwap<String>,
    /// Labels added to what leaves this server, for federation.
    pub external_labels: ArcSwap<common_model::Labels>,
    /// When the process started.
    pub started: TimestampMs,
    /// When the configuration was last loaded without error.
    pub last_reload: ArcSwap<(bool, TimestampMs)>,
}

impl Status {
    /// A status of a process that has just begun: not ready, nothing loaded.
    #[must_use]
    pub fn new(started: TimestampMs) -> Status {
        Status {
            ready: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            config_yaml: ArcSwap::default(),
            external_labels: ArcSwap::default(),
            started,
            last_reload: ArcSwap::new(Arc::new((false, started))),
        }
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire) && !self.is_stopping()
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }
}
