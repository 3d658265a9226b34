//! The daemon: opens the store, starts the parts in the order in which a sample travels, serves,
//! reloads, and ends them in the same order.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use arc_swap::ArcSwap;
use common_instrument::{Family, Registry};
use common_service::clock::{Clock, SystemClock};
use common_service::notify::{Notifier, State};
use common_service::process::ProcessCollector;
use common_service::resident::release_start_up_pages;
use common_service::signals::{self, Request, Signals};
use common_template::prometheus::PrometheusFunctions;
use common_web::{Listener, RequestMetrics, WebConfigFile, WebOptions};
use server_api::{ApiState, Notice, Notifications, Reload, Starting, Status};
use server_tsdb::fs::RealFs;
use server_tsdb::{Db, ReplayProgress};
use tokio::sync::mpsc;

use super::loader::{self, Loaded};
use super::never::Never;
use super::pages;
use super::parts::{self, Parts};
use super::queries::QueryLimits;
use super::query_log::QueryLog;
use super::reload::{self, Reloader};
use super::settings::{Settings, out_of_order_window_ms, retention_of, wants_xor2};

/// Reloads that may wait while one is under way.
const RELOADS_WAITING_MAX: usize = 4;

/// So long after it is ready the code that only the start needed is let go.
const START_OVER: Duration = Duration::from_secs(15);

/// Why the daemon ended.
pub(crate) enum Failure {
    /// The first configuration cannot be used.
    Configuration(String),
    /// Anything else.
    Other(String),
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure::Other(error.to_string())
    }
}

/// Runs until told to end.
pub(crate) async fn run(settings: Settings) -> Result<(), Failure> {
    let clock = SystemClock;
    tracing::info!(version = common_service::build_info::VERSION, "Starting Hearth");
    let web_config = WebConfigFile::from_flag(&settings.web_config).map_err(|error| {
        Failure::Other(format!("Unable to validate web configuration file: {error}"))
    })?;
    let loaded = settings.files.load().map_err(Failure::Configuration)?;
    let mut signals = Signals::install()?;
    let notifier = Notifier::from_env()?;
    // Ports are served before the log is replayed: who asks meanwhile hears of it.
    let listeners = Listener::bind_all(&settings.listen)?;
    let status = Arc::new(Status::new(clock.now_ms()));
    let registry = own_metrics(&settings, &status);
    let now = Arc::new(|| SystemClock.now_ms());
    let subscribers = settings.notification_subscribers;
    let notifications = Arc::new(Notifications::new(subscribers, now, &registry));
    notifications.raise(Notice::Starting);
    let replay = Arc::new(ReplayProgress::default());
    let extras = pages::extras(&registry);
    let requests = RequestMetrics::register(&registry, "prometheus");
    let starting = Starting {
        notifications: notifications.clone(),
        status: status.clone(),
        replay: replay.clone(),
    };
    let starting = server_api::starting_router(starting).merge(extras.clone());
    let pages =
        Arc::new(ArcSwap::from_pointee(pages::below_prefix(&settings, &requests, starting)));
    let (trigger, shutdown) = signals::shutdown();
    let web = web_options(&settings, web_config.clone(), &registry);
    WebConfigFile::log(web_config.as_deref(), &listeners);
    let router = pages::switching(pages.clone());
    let serving = tokio::spawn(common_web::serve(listeners, router, web, shutdown.wait()));
    let db = open(&settings, &loaded, &registry, replay.clone()).await?;
    let queries = Arc::new(QueryLog::new(&registry, settings.query_concurrency));
    let parts = Parts::build(&settings, &db, &registry, queries.clone())?;
    let (reload, mut reloads) = mpsc::channel::<Reload>(RELOADS_WAITING_MAX);
    let api = Arc::new(ApiState::new(
        api_options(&settings),
        parts.asked(notifications.clone(), replay, registry.clone()),
        settings.engine(queries),
        settings.parser.clone(),
        reload,
        status.clone(),
    ));
    let reloader = Reloader::new(&settings, status.clone(), notifications.clone(), &registry);
    let first = reloader.apply(&parts, loaded).await;
    first.map_err(Failure::Configuration)?;
    status.ready.store(true, Ordering::Release);
    let router = server_api::router(api).merge(extras);
    pages.store(Arc::new(pages::below_prefix(&settings, &requests, router)));
    notifications.clear(Notice::Starting);
    let _ = notifier.tell(&State::Ready, &clock);
    tracing::info!("Server is ready to receive web requests.");
    tokio::spawn(forget_start());
    attend(&mut signals, &mut reloads, &reloader, &parts, &notifier).await;
    let _ = notifier.tell(&State::Stopping, &clock);
    notifications.raise(Notice::Stopping);
    status.stopping.store(true, Ordering::Release);
    parts.shutdown().await;
    notifications.close();
    trigger.pull();
    if let Ok(Err(error)) = serving.await {
        tracing::warn!(%error, "Serving ended with an error");
    }
    tokio::task::spawn_blocking(move || db.close()).await??;
    tracing::info!("See you next time!");
    Ok(())
}

/// Gives back the memory of what only a start needs, when that is over.
async fn forget_start() {
    tokio::time::sleep(START_OVER).await;
    // Nothing comes of it where it fails.
    let _ = tokio::task::spawn_blocking(release_start_up_pages).await;
}

/// How connections are served.
fn web_options(
    settings: &Settings,
    web_config: Option<Arc<WebConfigFile>>,
    registry: &Registry,
) -> WebOptions {
    WebOptions {
        connections_max: settings.connections_max,
        idle_deadline: settings.read_timeout,
        registry: Some(registry.clone()),
        listener_name: Some("http"),
        protection: web_config.map(|file| file as _),
        ..WebOptions::default()
    }
}

/// Does what operators and systemd ask for, until somebody asks for the end.
async fn attend(
    signals: &mut Signals,
    reloads: &mut mpsc::Receiver<Reload>,
    reloader: &Reloader,
    parts: &Parts,
    notifier: &Notifier,
) {
    let mut watchdog = reload::Watchdog::new(notifier);
    loop {
        tokio::select! {
            request = signals.next() => match request {
                Request::Reload => {
                    let _ = notifier.tell(&State::Reloading, &SystemClock);
                    // What went wrong is logged and stands in the metrics.
                    let _ = reloader.reload(parts).await;
                    let _ = notifier.tell(&State::Ready, &SystemClock);
                }
                Request::Shutdown(signal) => {
                    tracing::warn!(signal, "Received an OS signal, exiting gracefully...");
                    return;
                }
            },
            Some(answer) = reloads.recv() => {
                let _ = answer.send(reloader.reload(parts).await);
            }
            () = watchdog.tick() => {
                let _ = notifier.tell(&State::Watchdog, &SystemClock);
            }
        }
    }
}

/// A start waits so long for the log to be replayed; if it takes longer queries are answered from
/// what is read so far, and what is scraped waits.
const REPLAY_PATIENCE: Duration = Duration::from_millis(200);

/// Opens the store; replaying its log may go on behind it.
async fn open(
    settings: &Settings,
    loaded: &Loaded,
    registry: &Registry,
    replay: Arc<ReplayProgress>,
) -> Result<Db, Failure> {
    let mut options = settings.tsdb.clone();
    // Those of the log find a ring of the right size.
    options.exemplars_max = parts::exemplars_max(settings.exemplar_storage, &loaded.config);
    (options.retention_ms, options.retention_bytes, options.retention_percentage) =
        retention_of(&loaded.config, (options.retention_ms, options.retention_bytes));
    options.out_of_order_window_ms = out_of_order_window_ms(&loaded.config);
    options.xor2 = wants_xor2(&loaded.config);
    let work = move || Db::open_behind(options, Arc::new(RealFs), replay, REPLAY_PATIENCE);
    let db = tokio::task::spawn_blocking(work).await??;
    registry.register("tsdb", Arc::new(db.clone()));
    Ok(db)
}

fn api_options(settings: &Settings) -> server_api::ApiOptions {
    let here = std::env::current_dir().unwrap_or_default();
    server_api::ApiOptions {
        query_timeout: settings.query_timeout,
        query_concurrency_max: settings.query_concurrency,
        cors_origin: settings.cors_origin.clone(),
        lifecycle: settings.lifecycle,
        external_url: settings.external_url.clone(),
        listen_port: settings.listen_port().to_owned(),
        route_prefix: settings.route_prefix.clone(),
        flags: settings.shown.clone(),
        storage_retention: settings.retention_text.clone(),
        hostname: settings.hostname.clone(),
        working_directory: here.display().to_string(),
        admin: settings.admin,
        search: settings.search,
        features: server_api::Features {
            delayed_name_removal: settings.delayed_name_removal,
            exemplar_storage: settings.exemplar_storage,
            start_timestamp_zeros: settings.starts.zeros,
            discoveries: loader::DISCOVERIES.iter().copied().chain(["static"]).collect(),
            template_functions: PrometheusFunctions::names().collect(),
        },
    }
}

/// The metrics of the process, and of what is there from the start.
fn own_metrics(settings: &Settings, status: &Arc<Status>) -> Registry {
    let registry = Registry::new();
    registry.register("process", Arc::new(ProcessCollector::new("/proc")));
    register_build_info(&registry);
    registry.register("never", Arc::new(Never));
    registry.register("queries", Arc::new(QueryLimits(settings.query_shared.clone())));
    register_ready(&registry, status);
    registry
}

fn register_ready(registry: &Registry, status: &Arc<Status>) {
    let status = status.clone();
    registry.gauge_fn(
        "prometheus_ready",
        "Whether Prometheus startup was fully completed and the server is ready for normal operation.",
        move || f64::from(u8::from(status.ready.load(Ordering::Acquire))),
    );
}

fn register_build_info(registry: &Registry) {
    struct BuildInfo;
    impl common_instrument::Collector for BuildInfo {
        fn collect(
            &self,
            samples: &mut common_instrument::Samples,
        ) -> Result<(), common_instrument::CollectError> {
            const FAMILY: Family = Family::gauge(
                "prometheus_build_info",
                "A metric with a constant '1' value labeled by version, revision, branch, \
                 goversion from which prometheus was built, and the goos and goarch for the build.",
            );
            samples.push(&FAMILY, &common_service::build_info::labels(), 1.0);
            Ok(())
        }
    }
    registry.register("build_info", Arc::new(BuildInfo));
}
