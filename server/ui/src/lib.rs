//! The web pages, embedded.

/// Routes of the pages.
pub fn router() -> axum::Router {
    axum::Router::new()
}
