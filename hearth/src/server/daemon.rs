//! The daemon: opens the store, starts the parts in the order in which a sample travels, serves,
//! reloads, and ends them in the same order.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use common_instrument::{Family, Registry};
use common_service::clock::{Clock, SystemClock};
use common_service::notify::{Notifier, State};
use common_service::process::ProcessCollector;
use common_service::signals::{self, Request, Signals};
use common_template::prometheus::PrometheusFunctions;
use common_web::{Listener, MetricsHandler, WebConfigFile, WebOptions};
use server_api::{ApiState, Notice, Notifications, Reload, Status};
use server_tsdb::Db;
use server_tsdb::fs::RealFs;
use tokio::sync::mpsc;

use super::browser;
use super::loader::{self, Loaded};
use super::parts::{self, Parts};
use super::queries::QueryLimits;
use super::reload::{self, Reloader};
use super::settings::Settings;

/// Reloads that may wait while one is under way.
const RELOADS_WAITING_MAX: usize = 4;

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
    // Ports are bound before the log is replayed: who asks meanwhile waits instead of failing.
    let listeners = Listener::bind_all(&settings.listen)?;
    let registry = Registry::new();
    registry.register("process", Arc::new(ProcessCollector::new("/proc")));
    register_build_info(&registry);
    let now = Arc::new(|| SystemClock.now_ms());
    let subscribers = settings.notification_subscribers;
    let notifications = Arc::new(Notifications::new(subscribers, now, &registry));
    notifications.raise(Notice::Starting);
    registry.register("queries", Arc::new(QueryLimits(settings.query_shared.clone())));
    let db = open(&settings, &loaded, &registry).await?;
    let status = Arc::new(Status::new(clock.now_ms()));
    let parts = Parts::build(&settings, &db, &registry)?;
    let (reload, mut reloads) = mpsc::channel::<Reload>(RELOADS_WAITING_MAX);
    let api = Arc::new(ApiState::new(
        api_options(&settings),
        parts.asked(notifications.clone()),
        settings.engine(),
        settings.parser.clone(),
        reload,
        status.clone(),
    ));
    let router = pages(&settings, api, &registry);
    let (trigger, shutdown) = signals::shutdown();
    let web = WebOptions {
        connections_max: settings.connections_max,
        idle_deadline: settings.read_timeout,
        registry: Some(registry.clone()),
        protection: web_config.clone().map(|file| file as _),
        ..WebOptions::default()
    };
    WebConfigFile::log(web_config.as_deref(), &listeners);
    let serving = tokio::spawn(common_web::serve(listeners, router, web, shutdown.wait()));
    let reloader = Reloader::new(&settings, status.clone(), notifications.clone(), &registry);
    let first = reloader.apply(&parts, loaded).await;
    first.map_err(Failure::Configuration)?;
    status.ready.store(true, Ordering::Release);
    notifications.clear(Notice::Starting);
    let _ = notifier.tell(&State::Ready, &clock);
    tracing::info!("Server is ready to receive web requests.");
    attend(&mut signals, &mut reloads, &reloader, &parts, &notifier).await;
    let _ = notifier.tell(&State::Stopping, &clock);
    notifications.raise(Notice::Stopping);
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

/// Opens the store; replaying its log may take a while.
async fn open(settings: &Settings, loaded: &Loaded, registry: &Registry) -> Result<Db, Failure> {
    let mut options = settings.tsdb.clone();
    // Those of the log find a ring of the right size.
    options.exemplars_max = parts::exemplars_max(settings.exemplar_storage, &loaded.config);
    let db = tokio::task::spawn_blocking(move || Db::open(options, Arc::new(RealFs))).await??;
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
            discoveries: loader::DISCOVERIES.iter().copied().chain(["static"]).collect(),
            template_functions: PrometheusFunctions::names().collect(),
        },
    }
}

/// API, metrics and pages, below the route prefix.
fn pages(settings: &Settings, api: Arc<ApiState>, registry: &Registry) -> axum::Router {
    let metrics = MetricsHandler::new(registry.clone(), 0, true).instrumented(registry);
    let router =
        server_api::router(api).merge(metrics.router("/metrics")).merge(server_ui::router());
    let router = browser::protected(router);
    if settings.route_prefix.is_empty() {
        router
    } else {
        axum::Router::new().nest(&settings.route_prefix, router)
    }
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
