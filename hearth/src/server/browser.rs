//! What browsers are told, and which of their requests are refused.

use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::Response;
use common_web::security::{page_headers, refuse_foreign_origin};

/// Paths that are posted to and change nothing: pages of other sites, say a dashboard, may ask
/// there where `--web.cors.origin` lets them.
const QUESTIONS: &[&str] = &[
    "/api/v1/query",
    "/api/v1/query_range",
    "/api/v1/query_exemplars",
    "/api/v1/explain",
    "/api/v1/format_query",
    "/api/v1/parse_query",
    "/api/v1/series",
    "/api/v1/labels",
    "/api/v1/read",
    "/api/v1/search/metric_names",
    "/api/v1/search/label_names",
    "/api/v1/search/label_values",
];

/// Puts the protection of browsers before all routes.
pub(crate) fn protected(router: Router) -> Router {
    router.layer(middleware::from_fn(refuse_forged)).layer(middleware::from_fn(page_headers))
}

/// Whatever is not known to be a question may change something.
async fn refuse_forged(request: Request, next: Next) -> Response {
    if QUESTIONS.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    refuse_foreign_origin(request, next).await
}
