//! The exporter over HTTP: listeners, signals, reloads, and which path leads where.

mod probe;
mod routes;

use std::sync::Arc;
use std::time::Duration;

use common_client::ProxyEnv;
use common_instrument::Registry;
use common_service::flags::{Matches, World};
use common_service::listen::{Inherited, inherited};
use common_service::notify::tell_ready;
use common_service::process::{ProcessCollector, raise_file_limit};
use common_service::resident::release_start_up_pages;
use common_service::signals::{Request as Signal, Signals};
use common_service::{SystemClock, build_info};
use common_web::{Listener, MetricsHandler, WebConfigFile, WebOptions};

use crate::history::History;
use crate::probe::{Level, SystemResolver};
use crate::state::State;
use probe::ProbePage;
use routes::{Routes, router};

/// Threads that serve and probe; most of the time goes by waiting.
const WORKERS: usize = 2;

/// Threads for name lookups, reading files and heavy matching.
const BLOCKING_THREADS_MAX: usize = 96;

/// How long such a thread waits for more work.
const THREAD_KEEP_ALIVE: Duration = Duration::from_secs(10);

/// Probes in flight at the end get as long.
const DRAIN_DEADLINE: Duration = Duration::from_secs(2);

/// Probes of a scraper can be many at once, each a connection.
const CONNECTIONS_MAX: usize = 8192;

/// Why the exporter cannot run.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Serves until a signal says to stop.
pub(crate) fn serve(matches: &Matches) -> Result<(), Failure> {
    tracing::info!(version = build_info::VERSION, "Starting blackbox_exporter");
    raise_file_limit();
    let own = Registry::new();
    let clock = Arc::new(SystemClock);
    let state = Arc::new(State::new(matches.str("config.file"), clock.clone(), &own));
    state.reload().inspect_err(|error| {
        tracing::error!(err = %error, "Error loading config");
    })?;
    tracing::info!("Loaded config file");
    own.register("blackbox_exporter_build_info", Arc::new(routes::BuildInfo));
    own.register("process", Arc::new(ProcessCollector::new("/proc")));
    let metrics = MetricsHandler::new(own.clone(), 0, true).instrumented(&own);
    let limit = usize::try_from(matches.int("history.limit")).unwrap_or(0);
    let history = Arc::new(History::new(limit));
    let probes = ProbePage {
        state: Arc::clone(&state),
        history: Arc::clone(&history),
        clock,
        resolver: Arc::new(SystemResolver::default()),
        proxies: Arc::new(proxy_variables(&World::real())),
        offset: matches.float("timeout-offset"),
        least: Level::parse(matches.str("log.prober")).unwrap_or(Level::Info),
    };
    let outside = routes::outside(
        matches.opt_str("web.external-url").unwrap_or(""),
        matches.opt_str("web.route-prefix").unwrap_or(""),
    )?;
    let routes = Routes { state: Arc::clone(&state), history, metrics, probes };
    let router = router(routes, &outside);
    let web_config = WebConfigFile::from_flag(matches.str("web.config.file"))?;
    runtime()?.block_on(async {
        let listeners = listeners(matches)?;
        WebConfigFile::log(web_config.as_deref(), &listeners);
        let options = WebOptions {
            drain_deadline: DRAIN_DEADLINE,
            connections_max: CONNECTIONS_MAX,
            protection: web_config.map(|file| file as _),
            registry: Some(own),
            ..WebOptions::default()
        };
        if matches.bool("config.enable-auto-reload") {
            let seconds = u64::try_from(matches.int("config.auto-reload-interval")).unwrap_or(0);
            let interval = Duration::from_secs(seconds.max(1));
            tokio::spawn(watch(Arc::clone(&state), interval));
        }
        tell_ready();
        release_start_up_pages();
        let stopped = stopped(Signals::install()?, state);
        common_web::serve(listeners, router, options, stopped).await?;
        Ok(())
    })
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .thread_keep_alive(THREAD_KEEP_ALIVE)
        .enable_all()
        .build()
}

/// The process's proxies; the original, too, asks in capitals first.
pub fn proxy_variables(world: &World<'_>) -> ProxyEnv {
    let variable = |name: &str| {
        let value = (world.env)(name).filter(|value| !value.is_empty());
        value.or_else(|| (world.env)(&name.to_ascii_lowercase())).unwrap_or_default()
    };
    ProxyEnv {
        http: variable("HTTP_PROXY"),
        https: variable("HTTPS_PROXY"),
        none: variable("NO_PROXY"),
    }
}

/// The sockets that a supervisor opened, else the addresses of the flags.
fn listeners(matches: &Matches) -> Result<Vec<Listener>, Failure> {
    let mut listeners = Vec::new();
    for socket in inherited()? {
        listeners.push(match socket {
            Inherited::Tcp(socket) => Listener::from_tcp(socket)?,
            Inherited::Unix(socket) => Listener::from_unix(socket)?,
        });
    }
    if !listeners.is_empty() {
        return Ok(listeners);
    }
    if matches.bool("web.systemd-socket") {
        return Err("no socket activation file descriptors found".into());
    }
    Ok(Listener::bind_all(&matches.strs("web.listen-address"))?)
}

async fn stopped(mut signals: Signals, state: Arc<State>) {
    while let Signal::Reload = signals.next().await {
        // It has told of it; there is nobody to answer.
        let _ = reload(&state).await;
    }
}

/// Looks at the file again and again.
async fn watch(state: Arc<State>, interval: Duration) {
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let state = Arc::clone(&state);
        match tokio::task::spawn_blocking(move || state.reload_if_changed()).await {
            Ok(Ok(true)) => tracing::info!("Reloaded config file"),
            Ok(Err(error)) => tracing::error!(err = %error, "Error reloading config"),
            _ => {}
        }
    }
}

/// Reads the configuration again, off the threads that serve; the error is for the one who asked.
async fn reload(state: &Arc<State>) -> Result<(), String> {
    let state = Arc::clone(state);
    let outcome = tokio::task::spawn_blocking(move || state.reload()).await;
    let outcome = match outcome {
        Ok(outcome) => outcome.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    match &outcome {
        Ok(()) => tracing::info!("Reloaded config file"),
        Err(error) => tracing::error!(err = %error, "Error reloading config"),
    }
    outcome
}
