//! What is answered while the log is replayed: the same paths and methods as later, of which those
//! that need the store say that they cannot be asked yet.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Method, Response};
use axum::routing::{MethodRouter, any};

use crate::answer::respond;
use crate::methods::{failed_method, only, read, unknown};
use crate::notifications::Notifications;
use crate::router::{healthy, not_ready};
use crate::state::Status;
use crate::status;

/// What there is before the store.
#[derive(Clone)]
pub struct Starting {
    /// What operators should know.
    pub notifications: Arc<Notifications>,
    /// Ready or not, ending or not.
    pub status: Arc<Status>,
    /// How far the replay is.
    pub replay: Arc<server_tsdb::ReplayProgress>,
}

const GET: &str = "GET, OPTIONS";
const ASK: &str = "GET, OPTIONS, POST";
const ADMIN: &str = "OPTIONS, POST, PUT";

/// Paths that have to wait for the store, and the methods they have then.
pub const WAITING: &[(&str, &str)] = &[
    ("/federate", GET),
    ("/-/ready", "GET, HEAD, OPTIONS"),
    ("/api/v1/query", ASK),
    ("/api/v1/query_range", ASK),
    ("/api/v1/query_exemplars", ASK),
    ("/api/v1/series", "DELETE, GET, OPTIONS, POST"),
    ("/api/v1/labels", ASK),
    ("/api/v1/label/{name}/values", GET),
    ("/api/v1/metadata", GET),
    ("/api/v1/targets", GET),
    ("/api/v1/targets/metadata", GET),
    ("/api/v1/targets/relabel_steps", GET),
    ("/api/v1/scrape_pools", GET),
    ("/api/v1/scrape_pools/config", GET),
    ("/api/v1/rules", GET),
    ("/api/v1/alerts", GET),
    ("/api/v1/alertmanagers", GET),
    ("/api/v1/search/metric_names", ASK),
    ("/api/v1/search/label_names", ASK),
    ("/api/v1/search/label_values", ASK),
    ("/api/v1/format_query", ASK),
    ("/api/v1/parse_query", ASK),
    ("/api/v1/features", GET),
    ("/api/v1/status/config", GET),
    ("/api/v1/status/flags", GET),
    ("/api/v1/status/buildinfo", GET),
    ("/api/v1/status/runtimeinfo", GET),
    ("/api/v1/openapi.yaml", GET),
    ("/api/v1/status/self_metrics", GET),
    ("/api/v1/status/tsdb", GET),
    ("/api/v1/status/tsdb/blocks", GET),
    ("/api/v1/admin/tsdb/delete_series", ADMIN),
    ("/api/v1/admin/tsdb/clean_tombstones", ADMIN),
    ("/api/v1/admin/tsdb/snapshot", ADMIN),
];

/// The routes until [`crate::router`] can take over, below the route prefix.
pub fn starting_router(starting: Starting) -> Router {
    let mut router = Router::new();
    for (path, allow) in WAITING {
        router = router.route(path, waits(allow));
    }
    let live = read(|State(s): State<Starting>| async move { s.notifications.live() });
    let list = read(|State(s): State<Starting>| async move { respond(Ok(s.notifications.list())) });
    let replay = read(|State(s): State<Starting>| async move {
        respond(Ok(status::wal_replay(s.replay.segments(), false)))
    });
    router
        .route("/-/healthy", only("GET, HEAD, OPTIONS").get(healthy))
        // What was read a moment ago is not read again before it is in force.
        .route("/-/reload", waits("GET, OPTIONS, POST, PUT"))
        .route("/api/v1/notifications", list)
        .route("/api/v1/notifications/live", live)
        .route("/api/v1/status/walreplay", replay)
        .route("/version", read(status::version))
        .fallback(unknown)
        .with_state(starting)
}

/// A route that says that it cannot be asked yet.
fn waits(allow: &'static str) -> MethodRouter<Starting> {
    any(move |State(s): State<Starting>, method: Method| async move {
        let is_served = allow.split(", ").any(|allowed| allowed == method.as_str());
        let answer: Response<Body> =
            if is_served { not_ready(&s.status) } else { failed_method(allow) };
        answer
    })
}
