//! The exporter over HTTP: the metrics page with its filters, and a page that leads there.

use std::sync::Arc;
use std::time::Duration;

use common_instrument::{CollectError, Collector, Family, Registry, Samples};
use common_service::build_info;
use common_service::flags::Matches;
use common_service::listen::{Inherited, inherited};
use common_service::notify::tell_ready;
use common_service::process::{ProcessCollector, raise_file_limit};
use common_service::resident::release_start_up_pages;
use common_service::signals::{Request as Signal, Signals};
use common_web::axum::Router;
use common_web::axum::extract::Request;
use common_web::axum::http::{StatusCode, Uri};
use common_web::axum::response::{Html, IntoResponse, Response};
use common_web::axum::routing::any;
use common_web::{Listener, MetricsHandler, WebConfigFile, WebOptions, plain};

use crate::command::options;
use crate::query::Query;
use crate::{FilterError, NodeExporter};

/// Threads that collect at the same time when the number of requests is not limited.
const COLLECTING_THREADS_MAX: usize = 64;

/// How long a collecting thread waits for the next scrape before it ends.
const THREAD_KEEP_ALIVE: Duration = Duration::from_secs(90);

/// Requests in flight at the end get as long.
const DRAIN_DEADLINE: Duration = Duration::from_secs(2);

const BUILD_INFO: Family = Family::gauge(
    "node_exporter_build_info",
    "A metric with a constant '1' value labeled by version, revision, branch, goversion from which \
     node_exporter was built, and the goos and goarch for the build.",
);

/// Why the exporter cannot run.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Serves until a signal says to stop.
pub(crate) fn serve(matches: &Matches) -> Result<(), Failure> {
    tracing::info!(version = build_info::VERSION, "Starting node_exporter");
    raise_file_limit();
    let exporter = Arc::new(NodeExporter::new(options(matches))?);
    tracing::info!("Enabled collectors");
    for name in exporter.enabled() {
        tracing::info!(collector = name, "Enabled collector");
    }
    let web_config = WebConfigFile::from_flag(matches.str("web.config.file"))?;
    let in_flight_max = usize::try_from(matches.int("web.max-requests")).unwrap_or(0);
    let page = Page::new(exporter, in_flight_max, !matches.bool("web.disable-exporter-metrics"));
    let router = router(page, matches.str("web.telemetry-path"));
    let threads = usize::try_from(matches.int("runtime.gomaxprocs")).unwrap_or(1);
    runtime(threads, in_flight_max)?.block_on(async {
        let listeners = listeners(matches)?;
        WebConfigFile::log(web_config.as_deref(), &listeners);
        let options = WebOptions {
            drain_deadline: DRAIN_DEADLINE,
            protection: web_config.map(|file| file as _),
            ..WebOptions::default()
        };
        tell_ready();
        release_start_up_pages();
        common_web::serve(listeners, router, options, stopped(Signals::install()?)).await?;
        Ok(())
    })
}

fn runtime(threads: usize, in_flight_max: usize) -> std::io::Result<tokio::runtime::Runtime> {
    let mut builder = match threads {
        0 | 1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    if threads > 1 {
        builder.worker_threads(threads);
    }
    let collecting = if in_flight_max == 0 { COLLECTING_THREADS_MAX } else { in_flight_max };
    builder.max_blocking_threads(collecting).thread_keep_alive(THREAD_KEEP_ALIVE);
    builder.enable_all().build()
}

/// The sockets that a supervisor opened, else the addresses of the flags. Handed sockets are taken
/// also without `--web.systemd-socket`: their ports could not be bound again.
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

async fn stopped(mut signals: Signals) {
    while let Signal::Reload = signals.next().await {
        tracing::info!("Nothing to reload: there is no configuration file");
    }
}

/// The metrics page.
#[derive(Clone)]
struct Page {
    exporter: Arc<NodeExporter>,
    /// What the exporter tells of itself.
    own: Registry,
    handler: MetricsHandler,
}

impl Page {
    fn new(exporter: Arc<NodeExporter>, in_flight_max: usize, with_own: bool) -> Page {
        let own = Registry::new();
        own.register("node_exporter_build_info", Arc::new(BuildInfo));
        if with_own {
            own.register("process", Arc::new(ProcessCollector::new("/proc")));
        }
        let all = Registry::new();
        all.register("exporter", Arc::new(Nested(own.clone())));
        all.register("node", Arc::clone(&exporter) as Arc<dyn Collector>);
        let handler = MetricsHandler::new(all, in_flight_max, false);
        let handler = if with_own { handler.instrumented(&own) } else { handler };
        Page { exporter, own, handler }
    }

    async fn answer(self, request: Request) -> Response {
        let query = Query::parse(request.uri().query().unwrap_or(""));
        if query.is_empty() {
            return self.handler.answer(request.headers()).await;
        }
        if let Err(refused) = self.exporter.check_filter(&query.collect, &query.exclude) {
            return bad_request(&refused);
        }
        let some = Registry::new();
        some.register("exporter", Arc::new(Nested(self.own.clone())));
        some.register("node", Arc::new(Chosen { exporter: self.exporter, query }));
        self.handler.answer_from(request.headers(), Some(some)).await
    }
}

fn bad_request(refused: &FilterError) -> Response {
    plain(StatusCode::BAD_REQUEST, refused.to_string())
}

fn router(page: Page, path: &str) -> Router {
    let metrics = any(move |request: Request| page.clone().answer(request));
    if path == "/" {
        return Router::new().fallback_service(metrics);
    }
    let landing = landing_page(path);
    Router::new()
        .route(path, metrics)
        .route("/", any(move || async move { Html(landing).into_response() }))
        .fallback(|_: Uri| async { plain(StatusCode::NOT_FOUND, "404 page not found\n") })
}

fn landing_page(path: &str) -> String {
    let version = build_info::VERSION;
    let path: String = path.chars().filter(|c| !matches!(c, '<' | '>' | '"' | '&')).collect();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">\
         <title>Node Exporter</title></head>\n<body>\n<h1>Node Exporter</h1>\n\
         <p>Metrics of this host, by Hearth {version}.</p>\n\
         <p><a href=\"{path}\">Metrics</a></p>\n</body>\n</html>\n"
    )
}

struct BuildInfo;

impl Collector for BuildInfo {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        samples.push(&BUILD_INFO, &build_info::labels(), 1.0);
        Ok(())
    }
}

/// All of another registry.
struct Nested(Registry);

impl Collector for Nested {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        match self.0.gather(samples).first() {
            Some(error) => Err(CollectError::Failed(error.to_string())),
            None => Ok(()),
        }
    }
}

/// The collectors that a request names.
struct Chosen {
    exporter: Arc<NodeExporter>,
    query: Query,
}

impl Collector for Chosen {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let Query { collect, exclude } = &self.query;
        let collected = self.exporter.collect_filtered(collect, exclude, samples);
        collected.map_err(|refused| CollectError::Failed(refused.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use common_service::clock::system_time;
    use common_web::axum::body::{Body, to_bytes};
    use jiff::tz::TimeZone;

    use super::*;
    use crate::NodeOptions;

    fn page() -> Page {
        let enabled = vec!["loadavg".to_owned(), "uname".to_owned()];
        let options = NodeOptions::new(system_time, TimeZone::UTC);
        let exporter = NodeExporter::new(NodeOptions { enabled, ..options }).unwrap();
        Page::new(Arc::new(exporter), 1, true)
    }

    async fn get(uri: &str) -> (u16, String) {
        let request = Request::builder().uri(uri).body(Body::empty()).unwrap();
        let response = page().answer(request).await;
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn the_page_shows_the_collectors_that_are_asked_for() {
        for (uri, load, uname) in [
            ("/metrics", true, true),
            ("/metrics?collect[]=loadavg", true, false),
            ("/metrics?collect%5B%5D=loadavg&collect[]=uname", true, true),
            ("/metrics?exclude[]=loadavg", false, true),
            ("/metrics?exclude[]=nope", true, true),
            ("/metrics?name[]=x", true, true),
        ] {
            let (status, body) = get(uri).await;
            assert_eq!(status, 200, "{uri}");
            assert_eq!(body.contains("\nnode_load1 "), load, "{uri}");
            assert_eq!(body.contains("\nnode_uname_info{"), uname, "{uri}");
            assert!(body.contains("\nprocess_cpu_seconds_total "), "{uri}");
            assert!(body.contains("node_exporter_build_info{"), "{uri}");
        }
    }

    #[tokio::test]
    async fn filters_are_refused_in_the_words_of_the_original() {
        let prefix = "Couldn't create filtered metrics handler: couldn't create collector";
        for (query, expected) in [
            (
                "collect[]=a&exclude[]=b",
                "Combined collect and exclude queries are not allowed.".to_owned(),
            ),
            ("collect[]=nope", format!("{prefix}: missing collector: nope")),
            ("collect[]=cpu", format!("{prefix}: disabled collector: cpu")),
        ] {
            assert_eq!(get(&format!("/metrics?{query}")).await, (400, expected));
        }
    }
}
