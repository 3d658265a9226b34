//! Which path is answered by whom.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, Method, Response, StatusCode, header};
use axum::middleware::{self, Next};
use axum::routing::{any, get, post};
use http_body_util::{BodyExt, Limited};
use tokio::sync::oneshot;

use crate::answer::{respond, text};
use crate::error::ApiError;
use crate::params::{BODY_BYTES_MAX, Params};
use crate::state::ApiState;
use crate::{federate, query, rules, series, status, targets, tree};

type Shared = State<Arc<ApiState>>;

/// All routes, below the route prefix.
pub fn router(state: Arc<ApiState>) -> Router {
    let api = Router::new()
        .merge(queries())
        .merge(statuses())
        .fallback(|| async { respond(Err(ApiError::not_found("not found"))) })
        .layer(middleware::from_fn_with_state(state.clone(), ready));
    Router::new()
        .nest("/api/v1", api)
        .route("/federate", get(federated))
        .route("/-/healthy", get(healthy))
        .route("/-/ready", get(is_ready))
        .route("/-/reload", post(reload).put(reload).fallback(only_post))
        .layer(middleware::from_fn_with_state(state.clone(), cors))
        .with_state(state)
}

fn queries() -> Router<Arc<ApiState>> {
    Router::new()
        .route("/query", get(instant).post(instant))
        .route("/query_range", get(range).post(range))
        .route("/series", get(all_series).post(all_series))
        .route("/labels", get(labels).post(labels))
        .route("/label/{name}/values", get(label_values))
        .route("/metadata", get(metadata))
        .route("/targets", get(all_targets))
        .route("/targets/metadata", get(target_metadata))
        .route("/rules", get(all_rules))
        .route(
            "/alertmanagers",
            get(|State(s): Shared| async move { respond(Ok(rules::alertmanagers(&s))) }),
        )
        .route("/format_query", get(formatted).post(formatted))
        .route("/parse_query", get(parsed).post(parsed))
        .route("/alerts", get(|State(s): Shared| async move { respond(Ok(rules::alerts(&s))) }))
        .route(
            "/scrape_pools",
            get(|State(s): Shared| async { respond(targets::scrape_pools(s).await) }),
        )
}

fn statuses() -> Router<Arc<ApiState>> {
    Router::new()
        .route("/status/config", get(|State(s): Shared| async { respond(status::config(s).await) }))
        .route("/status/flags", get(|State(s): Shared| async { respond(status::flags(s).await) }))
        .route("/status/buildinfo", get(|| async { respond(status::build_info().await) }))
        .route(
            "/status/runtimeinfo",
            get(|State(s): Shared| async { respond(status::runtime_info(s).await) }),
        )
        .route("/status/tsdb", get(tsdb))
        .route(
            "/status/walreplay",
            get(|State(s): Shared| async { respond(status::wal_replay(s).await) }),
        )
        .route("/{*rest}", any(|| async { respond(Err(ApiError::not_found("not found"))) }))
}

/// Parameters of the query string, then those of a form body.
async fn params(request: Request) -> Result<Params, ApiError> {
    let (head, body) = request.into_parts();
    let mut params = Params::default();
    if head.method == Method::POST {
        let body = Limited::new(body, BODY_BYTES_MAX).collect().await;
        let body =
            body.map_err(|_| ApiError::bad_data("error parsing form values: body too large"))?;
        params.extend(&body.to_bytes());
    }
    params.extend(head.uri.query().unwrap_or("").as_bytes());
    Ok(params)
}

/// Makes a handler of a function that takes parameters.
macro_rules! handlers {
    ($($name:ident => $answer:path),* $(,)?) => {
        $(async fn $name(State(state): Shared, request: Request) -> Response<Body> {
            match params(request).await {
                Ok(params) => respond($answer(state, params).await),
                Err(error) => respond(Err(error)),
            }
        })*
    };
}

handlers! {
    instant => query::instant,
    range => query::range,
    formatted => query::format,
    parsed => tree::parse,
    all_series => series::series,
    labels => series::labels,
    metadata => targets::metadata,
    all_targets => targets::targets,
    target_metadata => targets::target_metadata,
    tsdb => status::tsdb,
    all_rules => rules::rules,
}

async fn label_values(
    State(state): Shared,
    Path(name): Path<String>,
    request: Request,
) -> Response<Body> {
    match params(request).await {
        Ok(params) => respond(series::label_values(state, name, params).await),
        Err(error) => respond(Err(error)),
    }
}

async fn federated(State(state): Shared, request: Request) -> Response<Body> {
    if !state.status.is_ready() {
        return not_ready();
    }
    match params(request).await {
        Ok(params) => federate::federate(state, params).await,
        Err(error) => text(error.kind.status(), error.message),
    }
}

async fn healthy() -> Response<Body> {
    text(StatusCode::OK, "Hearth is Healthy.\n")
}

async fn is_ready(State(state): Shared) -> Response<Body> {
    if state.status.is_ready() { text(StatusCode::OK, "Hearth is Ready.\n") } else { not_ready() }
}

fn not_ready() -> Response<Body> {
    let mut response = text(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable");
    let stopping = HeaderValue::from_static("false");
    response.headers_mut().insert("x-prometheus-stopping", stopping);
    response
}

/// Until the log is replayed only `walreplay` is answered.
async fn ready(State(state): Shared, request: Request, next: Next) -> Response<Body> {
    if state.status.is_ready() || request.uri().path().ends_with("/status/walreplay") {
        return next.run(request).await;
    }
    not_ready()
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

/// Cross-origin headers for origins that `--web.cors.origin` matches.
async fn cors(State(state): Shared, request: Request, next: Next) -> Response<Body> {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let mut response = if request.method() == Method::OPTIONS {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        response
    } else {
        next.run(request).await
    };
    let allowed = origin.filter(|origin| {
        origin.to_str().is_ok_and(|origin| state.options.cors_origin.is_match(origin))
    });
    if let Some(origin) = allowed {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        for (name, value) in [
            (header::ACCESS_CONTROL_ALLOW_HEADERS, "Accept, Authorization, Content-Type, Origin"),
            (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, OPTIONS"),
            (header::ACCESS_CONTROL_EXPOSE_HEADERS, "Date"),
            (header::VARY, "Origin"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    response
}
