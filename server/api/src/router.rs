//! Which path is answered by whom.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::extract::{OriginalUri, Path, Request, State};
use axum::http::{HeaderValue, Method, Response, StatusCode, header};
use axum::middleware::{self, Next};
use axum::routing::any;
use http_body_util::{BodyExt, Limited};
use server_promql::engine::Share;
use tokio::sync::oneshot;

use crate::answer::{Answer, respond, text};
use crate::compress::compressed;
use crate::error::ApiError;
use crate::methods::{ask, only, read, unknown};
use crate::params::{Asker, BODY_BYTES_MAX, Params};
use crate::state::{ApiState, Status};
use crate::{
    admin, cors, exemplars, explain, features, federate, openapi, pools, query, rules, running,
    search, self_metrics, series, status, targets, tree,
};

/// What a byte of a form may take: as it came, in a buffer that grows, and decoded.
const FORM_BYTES_FACTOR: usize = 3;

type Shared = State<Arc<ApiState>>;

/// All routes, below the route prefix.
pub fn router(state: Arc<ApiState>) -> Router {
    let api = Router::new()
        .merge(queries())
        .merge(statuses())
        .merge(admins())
        .route_layer(middleware::from_fn_with_state(state.clone(), shared_with_others))
        .route_layer(middleware::from_fn(compressed))
        .route_layer(middleware::from_fn_with_state(state.clone(), ready))
        .fallback(unknown_api);
    let federate = read(federated).layer(middleware::from_fn(compressed));
    let reload = only("GET, OPTIONS, POST, PUT").get(only_post).post(reload).put(reload);
    Router::new()
        .nest("/api/v1", api)
        // Not a part of what is nested.
        .route("/api/v1/", any(unknown_api))
        .route("/federate", federate)
        .route("/-/healthy", only("GET, HEAD, OPTIONS").get(healthy))
        .route("/-/ready", only("GET, HEAD, OPTIONS").get(is_ready))
        .route("/-/reload", reload)
        .route("/version", read(status::version))
        .fallback(unknown)
        .with_state(state)
}

fn queries() -> Router<Arc<ApiState>> {
    let series = only("DELETE, GET, OPTIONS, POST");
    let series = series.get(all_series).post(all_series).delete(delete_series);
    Router::new()
        .route("/query", ask(instant))
        .route("/query_range", ask(range))
        .route("/query_exemplars", ask(all_exemplars))
        .route("/explain", ask(explained))
        .route("/series", series)
        .route("/labels", ask(labels))
        .route("/label/{name}/values", read(label_values))
        .route("/metadata", read(metadata))
        .route("/targets", read(all_targets))
        .route("/targets/metadata", read(target_metadata))
        .route("/targets/relabel_steps", read(relabel_steps))
        .route("/scrape_pools/config", read(pool_config))
        .route("/rules", read(all_rules))
        .route(
            "/alertmanagers",
            read(|State(s): Shared| async move { respond(Ok(rules::alertmanagers(&s))) }),
        )
        .route("/search/metric_names", ask(metric_names))
        .route("/search/label_names", ask(label_names))
        .route("/search/label_values", ask(searched_values))
        .route("/format_query", ask(formatted))
        .route("/parse_query", ask(parsed))
        .route("/alerts", read(|State(s): Shared| async move { respond(Ok(rules::alerts(&s))) }))
        .route("/scrape_pools", read(|State(s): Shared| async { respond(pools::pools(s).await) }))
}

fn statuses() -> Router<Arc<ApiState>> {
    Router::new()
        .route(
            "/notifications",
            read(|State(s): Shared| async move { respond(Ok(s.notifications.list())) }),
        )
        .route(
            "/notifications/live",
            read(|State(s): Shared| async move { s.notifications.clone().live() }),
        )
        .route("/features", read(|State(s): Shared| async { respond(features::features(s).await) }))
        .route(
            "/status/config",
            read(|State(s): Shared| async { respond(status::config(s).await) }),
        )
        .route("/status/flags", read(|State(s): Shared| async { respond(status::flags(s).await) }))
        .route("/status/buildinfo", read(|| async { respond(status::build_info().await) }))
        .route(
            "/status/runtimeinfo",
            read(|State(s): Shared| async { respond(status::runtime_info(s).await) }),
        )
        .route("/openapi.yaml", read(description))
        .route("/status/self_metrics", read(own_metrics))
        .route("/status/tsdb", read(tsdb))
        .route(
            "/status/tsdb/blocks",
            read(|State(s): Shared| async { respond(status::blocks(s).await) }),
        )
        .route(
            "/status/walreplay",
            read(|State(s): Shared| async move {
                respond(Ok(status::wal_replay(s.replay.segments(), s.db.is_replayed())))
            }),
        )
}

/// What changes the store.
fn admins() -> Router<Arc<ApiState>> {
    let delete = only("OPTIONS, POST, PUT").post(admin_delete).put(admin_delete);
    let clean = |State(s): Shared| async { admin::clean_tombstones(s).await };
    let clean = only("OPTIONS, POST, PUT").post(clean).put(clean);
    let snapshot = only("OPTIONS, POST, PUT").post(admin_snapshot).put(admin_snapshot);
    Router::new()
        .route("/admin/tsdb/delete_series", delete)
        .route("/admin/tsdb/clean_tombstones", clean)
        .route("/admin/tsdb/snapshot", snapshot)
}

async fn admin_delete(State(state): Shared, request: Request) -> Response<Body> {
    match params(&state, request).await {
        Ok(params) => admin::delete_series(state, params).await,
        Err(error) => respond(Err(error)),
    }
}

async fn admin_snapshot(State(state): Shared, request: Request) -> Response<Body> {
    match params(&state, request).await {
        Ok(params) => admin::snapshot(state, params).await,
        Err(error) => respond(Err(error)),
    }
}

/// Parameters of the query string, then those of a form body.
async fn params(state: &ApiState, request: Request) -> Result<Params, ApiError> {
    let (head, body) = request.into_parts();
    let mut params = Params::of(Asker::of(&head));
    if matches!(head.method, Method::POST | Method::PUT) {
        let memory = Arc::new(state.engine.reservation(Share::Interactive));
        let mut body = Limited::new(body, BODY_BYTES_MAX);
        // What is announced but never comes takes no memory either.
        let announced = usize::try_from(body.size_hint().lower()).unwrap_or(0);
        let mut bytes = Vec::with_capacity(announced.min(BODY_BYTES_MAX));
        let mut refused = None;
        while let Some(frame) = body.frame().await {
            let frame = frame
                .map_err(|_| ApiError::bad_data("error parsing form values: body too large"))?;
            if let Ok(data) = frame.into_data() {
                match memory.charge(data.len() * FORM_BYTES_FACTOR) {
                    Ok(()) if refused.is_none() => bytes.extend_from_slice(&data),
                    Ok(()) => {}
                    // The rest is read all the same, so that the client gets to see the answer.
                    Err(error) => {
                        refused.get_or_insert(error);
                        bytes = Vec::new();
                    }
                }
            }
        }
        if let Some(error) = refused {
            return Err(error.into());
        }
        let leave = running::admit(state, bytes.len()).await?;
        params.extend(&bytes);
        drop(bytes);
        params.hold(memory, leave);
    }
    params.extend(head.uri.query().unwrap_or("").as_bytes());
    Ok(params)
}

/// Makes a handler of a function that takes parameters.
macro_rules! handlers {
    ($($name:ident => $answer:path),* $(,)?) => {
        $(async fn $name(State(state): Shared, request: Request) -> Response<Body> {
            match params(&state, request).await {
                Ok(params) => respond($answer(state, params).await),
                Err(error) => respond(Err(error)),
            }
        })*
    };
}

/// Makes a handler of a function that takes parameters and asks the store for samples.
macro_rules! store_handlers {
    ($($name:ident => $answer:path),* $(,)?) => {
        $(async fn $name(State(state): Shared, request: Request) -> Response<Body> {
            let whole = state.db.is_replayed();
            match params(&state, request).await {
                Ok(params) => respond_with($answer(state, params).await, whole),
                Err(error) => respond(Err(error)),
            }
        })*
    };
}

/// What is said of answers that are given while the log is being replayed.
const PARTIAL: &str = "the write-ahead log is being replayed: samples may be missing";

/// Responds with what the store knew; it was the `whole` of it or what is replayed so far.
fn respond_with(mut result: Result<Answer, ApiError>, whole: bool) -> Response<Body> {
    if let Ok(answer) = &mut result
        && !whole
    {
        answer.warnings.push(PARTIAL.to_owned());
    }
    respond(result)
}

store_handlers! {
    instant => query::instant,
    range => query::range,
    all_series => series::series,
    labels => series::labels,
}

handlers! {
    explained => explain::explain,
    formatted => query::format,
    parsed => tree::parse,
    metadata => targets::metadata,
    all_targets => targets::targets,
    target_metadata => targets::target_metadata,
    relabel_steps => pools::relabel_steps,
    pool_config => pools::config,
    own_metrics => self_metrics::self_metrics,
    tsdb => status::tsdb,
    all_rules => rules::rules,
}

async fn all_exemplars(State(state): Shared, request: Request) -> Response<Body> {
    match params(&state, request).await {
        Ok(params) => exemplars::query(state, params).await,
        Err(error) => respond(Err(error)),
    }
}

async fn description(State(state): Shared, request: Request) -> Response<Body> {
    match params(&state, request).await {
        Ok(params) => openapi::openapi(state, params).await,
        Err(error) => respond(Err(error)),
    }
}

async fn label_values(
    State(state): Shared,
    Path(name): Path<String>,
    request: Request,
) -> Response<Body> {
    let whole = state.db.is_replayed();
    match params(&state, request).await {
        Ok(params) => respond_with(series::label_values(state, name, params).await, whole),
        Err(error) => respond(Err(error)),
    }
}

/// Makes a handler of a place to search.
macro_rules! searches {
    ($($name:ident => $place:ident),* $(,)?) => {
        $(async fn $name(State(state): Shared, request: Request) -> Response<Body> {
            match params(&state, request).await {
                Ok(params) => search::search(state, params, search::Place::$place).await,
                Err(error) => respond(Err(error)),
            }
        })*
    };
}

searches! {
    metric_names => MetricNames,
    label_names => LabelNames,
    searched_values => LabelValues,
}

async fn federated(State(state): Shared, request: Request) -> Response<Body> {
    if !state.status.is_ready() {
        return not_ready(&state.status);
    }
    match params(&state, request).await {
        Ok(params) => federate::federate(state, params).await,
        Err(error) => text(error.kind.status(), error.message),
    }
}

pub(crate) async fn healthy() -> Response<Body> {
    text(StatusCode::OK, "Hearth is Healthy.\n")
}

async fn is_ready(State(state): Shared) -> Response<Body> {
    if state.status.is_ready() {
        text(StatusCode::OK, "Hearth is Ready.\n")
    } else {
        not_ready(&state.status)
    }
}

pub(crate) fn not_ready(status: &Status) -> Response<Body> {
    let mut response = text(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable");
    let stopping = HeaderValue::from_static(if status.is_stopping() { "true" } else { "false" });
    response.headers_mut().insert("x-prometheus-stopping", stopping);
    response
}

/// Until the log is replayed only these are answered.
const BEFORE_READY: [&str; 3] = ["/status/walreplay", "/notifications", "/notifications/live"];

async fn ready(State(state): Shared, request: Request, next: Next) -> Response<Body> {
    let path = request.uri().path();
    if state.status.is_ready() || BEFORE_READY.iter().any(|always| path.ends_with(always)) {
        return next.run(request).await;
    }
    not_ready(&state.status)
}

async fn reload(State(state): Shared) -> Response<Body> {
    if !state.options.lifecycle {
        return text(StatusCode::FORBIDDEN, "Lifecycle API is not enabled.");
    }
    let (answer, answered) = oneshot::channel();
    if state.reload.send(answer).await.is_err() {
        return text(StatusCode::SERVICE_UNAVAILABLE, "shutting down\n");
    }
    match answered.await {
        Ok(Ok(())) => text(StatusCode::OK, ""),
        Ok(Err(error)) => {
            let message = format!("failed to reload config: {error}\n");
            text(StatusCode::INTERNAL_SERVER_ERROR, message)
        }
        Err(_) => text(StatusCode::SERVICE_UNAVAILABLE, "shutting down\n"),
    }
}

async fn only_post() -> Response<Body> {
    text(StatusCode::METHOD_NOT_ALLOWED, "Only POST or PUT requests allowed")
}

/// The original has the route and nothing behind it; deletion is an admin's.
async fn delete_series() -> Response<Body> {
    respond(Err(ApiError::internal("not implemented")))
}

/// Cross-origin headers for origins that `--web.cors.origin` matches.
async fn shared_with_others(State(state): Shared, request: Request, next: Next) -> Response<Body> {
    let origin = cors::origin(request.headers());
    let mut response = match *request.method() {
        Method::OPTIONS => cors::preflight(),
        _ => next.run(request).await,
    };
    // A method that is not served is refused before anybody looks at origins.
    if !response.headers().contains_key(header::ALLOW) {
        cors::add(response.headers_mut(), origin, &state.options.cors_origin);
    }
    response
}

/// Browsers may ask about every path below the API, before it is known whether it exists.
async fn unknown_api(State(state): Shared, uri: OriginalUri, request: Request) -> Response<Body> {
    if request.method() != Method::OPTIONS {
        return unknown(uri, request.method().clone()).await;
    }
    if !state.status.is_ready() {
        return not_ready(&state.status);
    }
    let mut response = cors::preflight();
    cors::add(response.headers_mut(), cors::origin(request.headers()), &state.options.cors_origin);
    response
}
