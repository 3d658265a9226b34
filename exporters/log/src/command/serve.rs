//! The exporter over HTTP, while logs are followed.

use std::sync::Arc;
use std::time::Duration;

use common_instrument::{CollectError, Collector, Family, Registry, Samples};
use common_service::flags::Matches;
use common_service::listen::{Inherited, inherited};
use common_service::notify::tell_ready;
use common_service::process::{ProcessCollector, hostname, raise_file_limit};
use common_service::signals::{Request as Signal, Signals};
use common_service::{SystemClock, build_info};
use common_web::{Listener, MetricsHandler, WebOptions};
use parking_lot::Mutex;

use super::changes::Changes;
use super::loader::Loader;
use super::pages::{Pages, router};
use super::push::Push;
use super::{Failure, prometheus_options, source_options};
use crate::collector::LogCollector;
use crate::engine::Engine;
use crate::line::{Line, LineSink};
use crate::source::{Ledger, Sources};

/// Requests in flight at the end get as long.
const DRAIN_DEADLINE: Duration = Duration::from_secs(2);

/// Scrapes at the same time.
const SCRAPES_MAX: usize = 40;

const BUILD_INFO: Family = Family::gauge(
    "mtail_build_info",
    "A metric with a constant '1' value labeled by version, revision, branch, goversion from which \
     mtail was built, and the goos and goarch for the build.",
);

/// The engine as a sink of many threads.
pub(super) struct SharedEngine(pub(super) Arc<Mutex<Engine>>);

impl LineSink for SharedEngine {
    fn line(&mut self, line: Line<'_>) {
        self.0.lock().line(line);
    }

    fn chunk(&mut self, source: &str, lines: &[u8]) -> u64 {
        self.0.lock().chunk(source, lines)
    }
}

struct BuildInfo;

impl Collector for BuildInfo {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        samples.push(&BUILD_INFO, &build_info::labels(), 1.0);
        Ok(())
    }
}

/// Follows logs and serves until a signal says to stop.
pub(super) fn serve(
    matches: &Matches,
    logs: Vec<String>,
    engine: Arc<Mutex<Engine>>,
    loader: Loader,
) -> Result<(), Failure> {
    raise_file_limit();
    let directory = std::env::current_dir().map_err(|error| error.to_string())?;
    let options = source_options(matches, logs.clone())?;
    let sink = Box::new(SharedEngine(Arc::clone(&engine)));
    let sources = Sources::start(options, &directory, Box::new(SystemClock), vec![sink])
        .map_err(|error| error.to_string())?;
    let push = Arc::new(Push::new(matches));
    let pages = pages(matches, logs, &engine, &sources, Arc::clone(&push));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(SCRAPES_MAX)
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let served = runtime.block_on(async {
        let listeners = listeners(matches).map_err(|error| error.to_string())?;
        for address in listeners.iter().filter_map(Listener::local_addr) {
            tracing::info!(%address, "Listening on");
        }
        let signals = Signals::install().map_err(|error| error.to_string())?;
        let web = WebOptions { drain_deadline: DRAIN_DEADLINE, ..WebOptions::default() };
        tell_ready();
        let interval = matches.duration("expired_metrics_gc_interval");
        let garbage = tokio::spawn(collect_garbage(Arc::clone(&engine), interval));
        let (pushed, ledger) = (Arc::clone(&engine), Arc::clone(sources.ledger()));
        let pushing = tokio::spawn(push_metrics(push, pushed, ledger));
        let end = until_stopped(signals, Arc::clone(&engine), loader);
        let served = common_web::serve(listeners, router(pages), web, end).await;
        garbage.abort();
        pushing.abort();
        served.map_err(|error| error.to_string())
    });
    sources.stop();
    served
}

fn pages(
    matches: &Matches,
    logs: Vec<String>,
    engine: &Arc<Mutex<Engine>>,
    sources: &Sources,
    push: Arc<Push>,
) -> Pages {
    let options = prometheus_options(matches);
    let registry = Registry::new();
    registry.register("build_info", Arc::new(BuildInfo));
    registry.register("process", Arc::new(ProcessCollector::new("/proc")));
    registry.register(
        "log",
        Arc::new(LogCollector {
            engine: Arc::clone(engine),
            ledger: Arc::clone(sources.ledger()),
            stats: Arc::clone(sources.stats()),
            options,
        }),
    );
    Pages {
        engine: Arc::clone(engine),
        stats: Arc::clone(sources.stats()),
        metrics: MetricsHandler::new(registry, SCRAPES_MAX, false),
        host: hostname(),
        program_label: options.program_label,
        graphite_prefix: matches.str("graphite_prefix").to_owned(),
        with_info: matches.bool("http_info_endpoint"),
        with_debug: matches.bool("http_debugging_endpoint"),
        logs,
        push,
    }
}

/// The sockets that a supervisor opened, else the address of the flags.
fn listeners(matches: &Matches) -> Result<Vec<Listener>, Box<dyn std::error::Error>> {
    let mut listeners = Vec::new();
    for socket in inherited()? {
        listeners.push(match socket {
            Inherited::Tcp(socket) => Listener::from_tcp(socket)?,
            Inherited::Unix(socket) => Listener::from_unix(socket)?,
        });
    }
    if listeners.is_empty() {
        let address = match matches.str("unix_socket") {
            "" => tcp_address(matches.str("address"), matches.str("port")),
            path => format!("unix:{path}"),
        };
        listeners.push(Listener::bind(&address)?);
    }
    Ok(listeners)
}

/// Host and port as one address; an IPv6 address goes into brackets.
fn tcp_address(host: &str, port: &str) -> String {
    if host.contains(':') && !host.starts_with('[') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

/// SIGHUP and changed files reload programs, other signals end the server.
async fn until_stopped(mut signals: Signals, engine: Arc<Mutex<Engine>>, loader: Loader) {
    let mut changes = Changes::new(&loader.path);
    let loader = Arc::new(Mutex::new(loader));
    loop {
        let request = tokio::select! {
            request = signals.next() => request,
            () = changes.next() => Signal::Reload,
        };
        if request != Signal::Reload {
            return;
        }
        load(&engine, &loader).await;
    }
}

/// Loads what changed.
pub(super) async fn load(engine: &Arc<Mutex<Engine>>, loader: &Arc<Mutex<Loader>>) {
    let (engine, loader) = (Arc::clone(engine), Arc::clone(loader));
    // Compiling takes its time.
    let done = tokio::task::spawn_blocking(move || {
        let mut complain = |message: String| super::complain(&message);
        loader.lock().load(&engine, &mut complain)
    });
    if let Ok(Err(message)) = done.await {
        tracing::error!("{message}");
    }
}

/// Sends the metrics to those who wait for them; an interval of zero means never.
async fn push_metrics(push: Arc<Push>, engine: Arc<Mutex<Engine>>, ledger: Arc<Ledger>) {
    if push.receivers.is_empty() || push.interval.is_zero() {
        return;
    }
    let mut ticks = tokio::time::interval(push.interval);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    // The first tick is at once.
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let (push, engine, ledger) = (Arc::clone(&push), Arc::clone(&engine), Arc::clone(&ledger));
        // Whoever does not take them must not keep scrapes waiting.
        let _ = tokio::task::spawn_blocking(move || push.push(&engine, &ledger)).await;
    }
}

/// Every now and then removes what is too old; an interval of zero means never.
pub(super) async fn collect_garbage(engine: Arc<Mutex<Engine>>, interval: Duration) {
    if interval.is_zero() {
        return;
    }
    loop {
        tokio::time::sleep(interval).await;
        engine.lock().collect_garbage();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_put_together_with_its_port() {
        for (host, expected) in
            [("", ":3903"), ("127.0.0.1", "127.0.0.1:3903"), ("::1", "[::1]:3903")]
        {
            assert_eq!(tcp_address(host, "3903"), expected);
        }
    }
}
