//! `/api/v1/notifications` and `/api/v1/notifications/live`: what whoever looks after this server
//! should know now.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE};
use axum::http::{HeaderValue, Response, StatusCode};
use common_instrument::{Counter, Gauge, Registry};
use common_model::TimestampMs;
use hyper::body::Frame;
use parking_lot::Mutex;
use tokio::sync::mpsc;

use crate::answer::Answer;
use crate::json::Json;
use crate::time::rfc3339;

/// Changes that wait for a slow subscriber; more are dropped for it and counted.
const CHANGES_WAITING_MAX: usize = 10;

/// What there is to tell. The set is closed, so that nobody can fill the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The configuration could not be loaded again.
    ReloadFailed,
    /// The log is being replayed.
    Starting,
    /// The process is about to end.
    Stopping,
}

impl Notice {
    fn text(self) -> &'static str {
        match self {
            Notice::ReloadFailed => "Configuration reload has failed.",
            Notice::Starting => "Prometheus is starting and replaying the write-ahead log (WAL).",
            Notice::Stopping => {
                "Prometheus is shutting down and gracefully stopping all operations."
            }
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    notice: Notice,
    raised_at: TimestampMs,
    is_active: bool,
}

impl Entry {
    fn write(&self, json: &mut Json) {
        json.raw("{\"text\":").string(self.notice.text());
        json.raw(",\"date\":").string(&rfc3339(self.raised_at));
        json.raw(",\"active\":").boolean(self.is_active).raw("}");
    }

    /// As a server-sent event.
    fn event(&self) -> Bytes {
        let mut json = Json::default();
        json.raw("data: ");
        self.write(&mut json);
        json.raw("\n\n");
        Bytes::from(json.bytes)
    }
}

/// The notices that hold now, and those who want to hear of changes.
pub struct Notifications {
    board: Mutex<Board>,
    now: server_scrape::Now,
    subscribers_max: usize,
    active: Gauge,
    sent: Counter,
    dropped: Counter,
}

#[derive(Default)]
struct Board {
    entries: Vec<Entry>,
    subscribers: Vec<(u64, mpsc::Sender<Entry>)>,
    next_id: u64,
    is_closed: bool,
}

impl Notifications {
    /// No notices yet; at most `subscribers_max` may listen at a time.
    #[must_use]
    pub fn new(
        subscribers_max: usize,
        now: server_scrape::Now,
        registry: &Registry,
    ) -> Notifications {
        Notifications {
            board: Mutex::default(),
            now,
            subscribers_max,
            active: registry.gauge(
                "prometheus_api_notification_active_subscribers",
                "The current number of active notification subscribers.",
            ),
            sent: registry.counter(
                "prometheus_api_notification_updates_sent_total",
                "Total number of notification updates sent.",
            ),
            dropped: registry.counter(
                "prometheus_api_notification_updates_dropped_total",
                "Total number of notification updates dropped.",
            ),
        }
    }

    /// From now on this holds; where it did already, it has a new date.
    pub fn raise(&self, notice: Notice) {
        let entry = Entry { notice, raised_at: (self.now)(), is_active: true };
        let board = &mut *self.board.lock();
        match board.entries.iter_mut().find(|entry| entry.notice == notice) {
            Some(known) => *known = entry,
            None => board.entries.push(entry),
        }
        self.tell(board, entry);
    }

    /// This holds no longer.
    pub fn clear(&self, notice: Notice) {
        let board = &mut *self.board.lock();
        if let Some(at) = board.entries.iter().position(|entry| entry.notice == notice) {
            let entry = board.entries.remove(at);
            self.tell(board, Entry { is_active: false, ..entry });
        }
    }

    /// Ends all live streams, once they have told what they know, and takes no new ones: the end
    /// of the process does not wait for those who only listen.
    pub fn close(&self) {
        let board = &mut *self.board.lock();
        board.is_closed = true;
        board.subscribers.clear();
        self.active.set(0.0);
    }

    fn tell(&self, board: &Board, entry: Entry) {
        for (_, subscriber) in &board.subscribers {
            self.sent.inc();
            if subscriber.try_send(entry).is_err() {
                self.dropped.inc();
            }
        }
    }

    /// The list, for `/api/v1/notifications`.
    pub(crate) fn list(&self) -> Answer {
        let board = self.board.lock();
        Answer::write(|json| {
            json.list(&board.entries, |json, entry| entry.write(json));
        })
    }

    /// A stream of what holds now and of every change, for `/api/v1/notifications/live`.
    pub(crate) fn live(self: Arc<Notifications>) -> Response<Body> {
        let mut response = match self.subscribe() {
            Some(live) => Response::new(Body::new(live)),
            None => {
                let mut response = Response::new(Body::empty());
                *response.status_mut() = StatusCode::NO_CONTENT;
                response
            }
        };
        for (name, value) in [
            (CONTENT_TYPE, "text/event-stream"),
            (CACHE_CONTROL, "no-cache"),
            (CONNECTION, "keep-alive"),
        ] {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }

    fn subscribe(self: Arc<Notifications>) -> Option<Live> {
        let board = &mut *self.board.lock();
        if board.is_closed || board.subscribers.len() >= self.subscribers_max {
            return None;
        }
        let id = board.next_id;
        board.next_id += 1;
        let (sender, changes) = mpsc::channel(CHANGES_WAITING_MAX);
        board.subscribers.push((id, sender));
        self.active.set(board.subscribers.len() as f64);
        let known = board.entries.iter().copied().collect();
        Some(Live { known, changes, id, notifications: self.clone() })
    }

    fn unsubscribe(&self, id: u64) {
        let board = &mut *self.board.lock();
        board.subscribers.retain(|(subscriber, _)| *subscriber != id);
        self.active.set(board.subscribers.len() as f64);
    }
}

/// The body of a live stream; it is counted until it is dropped.
struct Live {
    /// What held when it began.
    known: VecDeque<Entry>,
    changes: mpsc::Receiver<Entry>,
    id: u64,
    notifications: Arc<Notifications>,
}

impl hyper::body::Body for Live {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let frame = |entry: Entry| Ok(Frame::data(entry.event()));
        if let Some(entry) = self.known.pop_front() {
            return Poll::Ready(Some(frame(entry)));
        }
        self.changes.poll_recv(context).map(|entry| entry.map(frame))
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.notifications.unsubscribe(self.id);
    }
}
