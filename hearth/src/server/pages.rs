//! What is served when: the routes change once, when the store is there.

use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::Router;
use axum::extract::Request;
use common_instrument::Registry;
use common_web::{MetricsHandler, RequestMetrics};
use tower::ServiceExt as _;

use super::browser;
use super::settings::Settings;

/// Metrics and pages, which need no store.
pub(crate) fn extras(registry: &Registry) -> Router {
    let metrics = MetricsHandler::new(registry.clone(), 0, true).instrumented(registry);
    metrics.router("/metrics").merge(server_ui::router())
}

/// Everything that is served, measured, protected and below the route prefix.
pub(crate) fn below_prefix(
    settings: &Settings,
    requests: &Arc<RequestMetrics>,
    router: Router,
) -> Router {
    let router = browser::protected(requests.measuring(router));
    if settings.route_prefix.is_empty() {
        router
    } else {
        Router::new().nest(&settings.route_prefix, router)
    }
}

/// Answers each request with the routes that there are when it comes.
pub(crate) fn switching(pages: Arc<ArcSwap<Router>>) -> Router {
    Router::new().fallback(move |request: Request| {
        let router = Router::clone(&pages.load());
        async move { router.oneshot(request).await }
    })
}
