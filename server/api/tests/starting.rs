//! What is answered before the store is there, and when the end is near.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use common_instrument::Registry;
use http_body_util::BodyExt;
use server_api::{Notice, Notifications, Starting, Status, WAITING, starting_router};
use tower::ServiceExt;

use crate::world::{NOW, World};

async fn ask(router: &Router, request: &str) -> (u16, HeaderMap, String) {
    let (method, path) = request.split_once(' ').unwrap();
    let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (head.status.as_u16(), head.headers, String::from_utf8(body.to_vec()).unwrap())
}

fn starting() -> Router {
    let notifications = Notifications::new(2, Arc::new(|| NOW), &Registry::new());
    notifications.raise(Notice::Starting);
    starting_router(Starting {
        notifications: Arc::new(notifications),
        status: Arc::new(Status::new(0)),
        replay: Arc::default(),
    })
}

#[tokio::test]
async fn who_asks_while_the_log_is_replayed_is_told_so() {
    let router = starting();
    for (request, status, wanted) in [
        ("GET /-/healthy", 200, "Healthy"),
        ("HEAD /-/healthy", 200, ""),
        ("GET /-/ready", 503, "Service Unavailable"),
        ("POST /-/reload", 503, "Service Unavailable"),
        ("GET /version", 200, "{\"version\":\"3."),
        ("GET /federate", 503, "Service Unavailable"),
        ("GET /api/v1/query?query=1", 503, "Service Unavailable"),
        ("DELETE /api/v1/query?query=1", 405, "Method Not Allowed\n"),
        ("GET /api/v1/label/job/values", 503, "Service Unavailable"),
        ("POST /api/v1/admin/tsdb/snapshot", 503, "Service Unavailable"),
        ("GET /api/v1/notifications", 200, "replaying the write-ahead log"),
        (
            "GET /api/v1/status/walreplay",
            200,
            r#"{"min":0,"max":0,"current":0,"state":"in progress"}"#,
        ),
        ("GET /api/v1/nothing", 404, "404 page not found\n"),
    ] {
        let (answered, headers, body) = ask(&router, request).await;
        assert_eq!(answered, status, "{request}: {body}");
        assert!(body.contains(wanted), "{request}: {body}");
        let stopping = headers.get("x-prometheus-stopping").map(|value| value.to_str().unwrap());
        assert_eq!(stopping, (status == 503).then_some("false"), "{request}");
    }
}

#[tokio::test]
async fn methods_are_the_same_before_and_after() {
    let (before, after) = (starting(), World::new().await);
    for (path, allow) in WAITING {
        let request = format!("PATCH {}", path.replace("{name}", "job"));
        for router in [&before, &after.router] {
            let (status, headers, _) = ask(router, &request).await;
            assert_eq!((status, headers["allow"].to_str().unwrap()), (405, *allow), "{request}");
        }
    }
}

#[tokio::test]
async fn who_asks_while_the_process_ends_is_told_so() {
    let world = World::new().await;
    world.status.stopping.store(true, Ordering::Release);
    for path in ["/-/ready", "/api/v1/query?query=1", "/federate?match[]=up"] {
        let (status, headers, body) = ask(&world.router, &format!("GET {path}")).await;
        assert_eq!((status, body.as_str()), (503, "Service Unavailable"), "{path}");
        assert_eq!(headers["x-prometheus-stopping"], "true", "{path}");
    }
}
