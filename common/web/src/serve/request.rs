//! One request on its way to the router and back: limits, panics, accounts.

use std::any::Any;
use std::convert::Infallible;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use common_instrument::Counter;
use http_body_util::Limited;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::{Request, Response, StatusCode};
use tokio::time::{Instant, Sleep, sleep_until};
use tower::ServiceExt as _;

use super::Peer;
use super::state::InFlight;
use super::table::Place;
use crate::accompanied::{Accompanied, Companion};
use crate::protect::Guard;
use crate::{WebOptions, plain};

/// Hands requests to the router.
pub(super) struct Handler {
    router: Router,
    guard: Option<Arc<Guard>>,
    health_paths: Vec<String>,
    body_bytes_max: u64,
    body_deadline: std::time::Duration,
    panics: Counter,
}

impl Handler {
    pub(super) fn new(router: Router, guard: Option<Arc<Guard>>, options: &WebOptions) -> Handler {
        let registry = options.registry.clone().unwrap_or_default();
        Handler {
            router,
            guard,
            health_paths: options.health_paths.clone(),
            body_bytes_max: options.body_bytes_max,
            body_deadline: options.body_deadline,
            panics: registry.counter(
                "hearth_web_handler_panics_total",
                "Requests whose handler failed in an unforeseen way.",
            ),
        }
    }

    /// Answers one request. The guard goes when the answer's last byte does.
    pub(super) fn call(
        &self,
        request: Request<Incoming>,
        peer: Peer,
        place: Place,
        guard: InFlight,
    ) -> impl Future<Output = Result<Response<Body>, Infallible>> + use<> {
        let answer = self.answer(request, peer, place);
        async move {
            let response = answer.await;
            Ok(response.map(|body| Body::new(Accompanied { body, companion: guard })))
        }
    }

    fn answer(
        &self,
        request: Request<Incoming>,
        peer: Peer,
        place: Place,
    ) -> impl Future<Output = Response<Body>> + use<> {
        let path = request.uri().path();
        let is_refused = place == Place::HealthOnly && !self.health_paths.iter().any(|p| p == path);
        let is_too_large = request.body().size_hint().lower() > self.body_bytes_max;
        let deadline = Instant::now() + self.body_deadline;
        let limit = usize::try_from(self.body_bytes_max).unwrap_or(usize::MAX);
        let mut request = request.map(|body| {
            Body::new(Timed {
                body: Limited::new(body, limit),
                late: Box::pin(sleep_until(deadline)),
            })
        });
        request.extensions_mut().insert(peer);
        let (router, panics) = (self.router.clone(), self.panics.clone());
        let guard = self.guard.clone();
        let method_path = format!("{} {}", request.method(), request.uri().path());
        async move {
            if is_refused {
                return plain(StatusCode::SERVICE_UNAVAILABLE, "Too many connections.\n");
            }
            if is_too_large {
                return plain(StatusCode::PAYLOAD_TOO_LARGE, "http: request body too large\n");
            }
            let protection = match &guard {
                Some(guard) => match guard.admit(request.headers()).await {
                    Ok(protection) => Some(protection),
                    Err(refusal) => return *refusal,
                },
                None => None,
            };
            let mut response = match Caught(Box::pin(router.oneshot(request))).await {
                Ok(Ok(response)) => response,
                Ok(Err(never)) => match never {},
                Err(payload) => {
                    panics.inc();
                    let panic = panic_text(&*payload);
                    tracing::error!(request = %method_path, panic, "Handler panicked");
                    plain(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error.\n")
                }
            };
            if let Some(protection) = protection {
                protection.add_headers(&mut response);
            }
            response
        }
    }
}

fn panic_text(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("unknown")
}

/// A future whose panic is a value.
struct Caught<F>(Pin<Box<F>>);

impl<F: Future> Future for Caught<F> {
    type Output = Result<F::Output, Box<dyn Any + Send>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // Nothing of the future is looked at after a panic.
        match catch_unwind(AssertUnwindSafe(|| self.0.as_mut().poll(context))) {
            Ok(poll) => poll.map(Ok),
            Err(payload) => Poll::Ready(Err(payload)),
        }
    }
}

/// The body of a request, which must be there in time.
struct Timed {
    body: Limited<Incoming>,
    late: Pin<Box<Sleep>>,
}

impl HttpBody for Timed {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            return Poll::Ready(frame);
        }
        match self.late.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Some(Err("request body came too slowly".into()))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Companion for InFlight {}
