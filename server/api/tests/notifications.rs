//! Notices that operators see, as a list and live.

use std::sync::atomic::Ordering;
use std::task::Poll;

use axum::body::Body;
use http_body_util::BodyExt;
use server_api::Notice;

use crate::world::World;

const RELOAD: &str =
    r#"{"text":"Configuration reload has failed.","date":"1970-01-01T00:10:00Z","active":true}"#;

/// The next event of a stream, where there is one already.
async fn next(body: &mut Body) -> Option<String> {
    // What has been raised can be read without waiting.
    let frame = body.frame();
    let frame = std::pin::pin!(frame);
    match futures_poll(frame).await {
        Poll::Ready(Some(frame)) => {
            let bytes = frame.unwrap().into_data().unwrap();
            Some(String::from_utf8(bytes.to_vec()).unwrap())
        }
        Poll::Ready(None) => Some("end".to_owned()),
        Poll::Pending => None,
    }
}

async fn futures_poll<F: Future>(mut future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await
}

#[tokio::test]
async fn notices_are_listed_until_they_are_cleared() {
    let world = World::new().await;
    let listed = async || world.ask("GET notifications").await.1;
    assert_eq!(listed().await, r#"{"status":"success","data":[]}"#);
    world.notifications.raise(Notice::ReloadFailed);
    world.notifications.raise(Notice::ReloadFailed);
    assert_eq!(listed().await, format!(r#"{{"status":"success","data":[{RELOAD}]}}"#));
    world.notifications.clear(Notice::ReloadFailed);
    world.notifications.clear(Notice::Starting);
    assert_eq!(listed().await, r#"{"status":"success","data":[]}"#);
}

#[tokio::test]
async fn notices_are_told_before_the_log_is_replayed() {
    let world = World::new().await;
    world.status.ready.store(false, Ordering::Release);
    world.notifications.raise(Notice::Starting);
    let (status, body) = world.ask("GET notifications").await;
    assert_eq!(status.as_u16(), 200);
    assert!(body.contains("replaying the write-ahead log"), "{body}");
    assert_eq!(world.open("notifications/live").await.status().as_u16(), 200);
    assert_eq!(world.ask("GET query?query=1").await.0.as_u16(), 503);
}

#[tokio::test]
async fn a_live_stream_tells_what_holds_and_every_change_and_ends_with_the_process() {
    let world = World::new().await;
    world.notifications.raise(Notice::ReloadFailed);
    let answer = world.open("notifications/live").await;
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let mut body = answer.into_body();
    assert_eq!(next(&mut body).await, Some(format!("data: {RELOAD}\n\n")));
    assert_eq!(next(&mut body).await, None);
    world.notifications.clear(Notice::ReloadFailed);
    let cleared = RELOAD.replace("\"active\":true", "\"active\":false");
    assert_eq!(next(&mut body).await, Some(format!("data: {cleared}\n\n")));
    world.notifications.raise(Notice::Stopping);
    world.notifications.close();
    assert!(next(&mut body).await.unwrap().contains("shutting down"));
    assert_eq!(next(&mut body).await.as_deref(), Some("end"));
    assert_eq!(world.open("notifications/live").await.status().as_u16(), 204);
}

#[tokio::test]
async fn only_so_many_may_listen_and_those_who_leave_make_room() {
    let world = World::new().await;
    let first = world.open("notifications/live").await;
    let _second = world.open("notifications/live").await;
    assert_eq!(world.open("notifications/live").await.status().as_u16(), 204);
    drop(first);
    assert_eq!(world.open("notifications/live").await.status().as_u16(), 200);
}

#[tokio::test]
async fn who_does_not_read_loses_changes_and_holds_up_nobody() {
    let world = World::new().await;
    let mut body = world.open("notifications/live").await.into_body();
    for _ in 0..100 {
        world.notifications.raise(Notice::ReloadFailed);
    }
    let mut told = 0;
    while next(&mut body).await.is_some() {
        told += 1;
    }
    assert_eq!(told, 10);
}
