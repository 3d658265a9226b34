//! The pages beside `/metrics`.

use std::fmt::Write as _;
use std::sync::Arc;

use common_web::axum::Router;
use common_web::axum::extract::Request;
use common_web::axum::http::header::CONTENT_TYPE;
use common_web::axum::http::{StatusCode, Uri};
use common_web::axum::response::{Html, IntoResponse, Response};
use common_web::axum::routing::any;
use common_web::{MetricsHandler, plain};
use parking_lot::Mutex;

use super::push::Push;
use super::vars;
use crate::engine::Engine;
use crate::source::Stats;
use crate::store::output::{graphite, json_list, varz};

/// What the pages show.
pub(super) struct Pages {
    pub(super) engine: Arc<Mutex<Engine>>,
    pub(super) stats: Arc<Stats>,
    pub(super) metrics: MetricsHandler,
    pub(super) host: String,
    pub(super) program_label: bool,
    pub(super) graphite_prefix: String,
    /// `/varz` and `/progz` are there.
    pub(super) with_info: bool,
    /// `/debug/vars` is there.
    pub(super) with_debug: bool,
    pub(super) logs: Vec<String>,
    pub(super) push: Arc<Push>,
}

pub(super) fn router(pages: Pages) -> Router {
    let pages = Arc::new(pages);
    let route = |show: fn(&Pages, &Uri) -> Response| {
        let pages = Arc::clone(&pages);
        any(move |uri: Uri| async move {
            // Large stores take a while to be written.
            let shown = tokio::task::spawn_blocking(move || show(&pages, &uri)).await;
            shown.unwrap_or_else(|_| plain(StatusCode::INTERNAL_SERVER_ERROR, "failed\n"))
        })
    };
    let scraped = Arc::clone(&pages);
    let metrics =
        any(move |request: Request| async move { scraped.metrics.answer(request.headers()).await });
    let mut router = Router::new()
        .route("/metrics", metrics)
        .route("/json", route(Pages::json))
        .route("/graphite", route(Pages::graphite))
        .route("/favicon.ico", route(|_, _| StatusCode::NO_CONTENT.into_response()));
    if pages.with_info {
        router = router.route("/varz", route(Pages::varz)).route("/progz", route(Pages::progz));
    }
    if pages.with_debug {
        router = router.route("/debug/vars", route(Pages::vars));
    }
    // As in mtail, whatever else is asked for is answered with the status.
    router.fallback(route(Pages::status))
}

fn text(kind: &'static str, body: String) -> Response {
    ([(CONTENT_TYPE, kind)], body).into_response()
}

impl Pages {
    fn json(&self, _: &Uri) -> Response {
        match json_list(self.engine.lock().store()) {
            Some(body) => text("application/json", body),
            None => plain(
                StatusCode::INTERNAL_SERVER_ERROR,
                "json: a value is not finite, which JSON cannot say\n",
            ),
        }
    }

    fn varz(&self, _: &Uri) -> Response {
        let engine = self.engine.lock();
        text("text/plain", varz(engine.store(), &self.host, self.program_label))
    }

    fn graphite(&self, _: &Uri) -> Response {
        text("text/plain", graphite(self.engine.lock().store(), &self.graphite_prefix))
    }

    fn vars(&self, _: &Uri) -> Response {
        let engine = self.engine.lock();
        let body = vars::json(&engine, &self.stats, &self.push.receivers);
        text("application/json; charset=utf-8", body)
    }

    fn progz(&self, uri: &Uri) -> Response {
        let wanted = uri.query().and_then(|query| {
            query.split('&').find_map(|pair| pair.strip_prefix("prog=")).map(str::to_owned)
        });
        let engine = self.engine.lock();
        let Some(wanted) = wanted else {
            let mut body = String::from("<ul>");
            for program in engine.programs() {
                let name = escaped(&program.name);
                // Writing to a string cannot fail.
                let _ = write!(body, "<li><a href=\"?prog={name}\">{name}</a></li>");
            }
            return text("text/html", body + "</ul>");
        };
        match engine.programs().iter().find(|program| program.name == wanted) {
            Some(program) => text("text/plain; charset=utf-8", program.listing()),
            None => plain(StatusCode::NOT_FOUND, "No program found\n"),
        }
    }

    fn status(&self, _: &Uri) -> Response {
        let engine = self.engine.lock();
        let version = common_service::build_info::VERSION;
        let mut body = format!(
            "<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n<title>mtail on {host}</title>\n\
             </head>\n<body>\n<h1>mtail on {host}</h1>\n<p>Build: Hearth {version}</p>\n\
             <p>Metrics: <a href=\"/json\">json</a>, <a href=\"/graphite\">graphite</a>, \
             <a href=\"/metrics\">prometheus</a></p>\n<p>Info: <a href=\"/varz\">varz</a>, \
             <a href=\"/progz\">progz</a></p>\n<h2 id=\"loader\">Program Loader</h2>\n\
             <table border=\"1\">\n<tr><th>program name</th><th>lines</th><th>runtime errors</th>\
             <th>last runtime error</th></tr>\n",
            host = escaped(&self.host)
        );
        for program in engine.programs() {
            let (name, last) = (escaped(&program.name), escaped(&program.last_error()));
            let (lines, errors) = (program.lines_total, program.runtime_errors_total());
            let _ = writeln!(
                body,
                "<tr><td><a href=\"/progz?prog={name}\">{name}</a></td><td>{lines}</td>\
                 <td>{errors}</td><td><pre>{last}</pre></td></tr>"
            );
        }
        body.push_str("</table>\n<h2 id=\"tailer\">Log Tailer</h2>\n<h3>Patterns</h3>\n<ul>\n");
        for pattern in &self.logs {
            let _ = writeln!(body, "<li><pre>{}</pre></li>", escaped(pattern));
        }
        body.push_str("</ul>\n<h3>Log files</h3>\n<table border=\"1\">\n");
        body.push_str("<tr><th>pathname</th><th>errors</th><th>rotations</th>");
        body.push_str("<th>truncations</th><th>lines read</th></tr>\n");
        for (log, counters) in self.stats.logs() {
            let counts =
                [&counters.errors, &counters.rotations, &counters.truncates, &counters.lines];
            let _ = write!(body, "<tr><td><pre>{}</pre></td>", escaped(&log));
            for count in counts {
                let _ = write!(body, "<td>{}</td>", count.get());
            }
            body.push_str("</tr>\n");
        }
        body.push_str("</table>\n</body>\n</html>\n");
        Html(body).into_response()
    }
}

/// A text in HTML.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&#34;"),
            c => out.push(c),
        }
    }
    out
}
