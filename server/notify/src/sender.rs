//! One Alertmanager with its queue and the task that empties it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use common_client::{Client, Method, Request, header};
use server_alertmanager::Alert;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::metrics::SenderMetrics;
use crate::queue::Queue;
use crate::wire;

/// Most alerts that are posted at once.
pub const ALERTS_PER_BATCH_MAX: usize = 64;

/// Most bytes of an Alertmanager's answer that are read.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// An Alertmanager in this process.
pub trait Sink: Send + Sync {
    /// Takes alerts; must not block for long.
    ///
    /// # Errors
    /// Why it does not take them.
    fn receive(&self, alerts: &[Arc<Alert>]) -> Result<(), String>;
}

/// Where alerts go.
#[derive(Clone)]
pub(crate) enum Target {
    Http { client: Client, url: String, timeout: Duration },
    Local(Arc<dyn Sink>),
}

impl Target {
    async fn deliver(&self, alerts: &[Arc<Alert>]) -> Result<(), String> {
        match self {
            Target::Local(sink) => sink.receive(alerts),
            Target::Http { client, url, timeout } => {
                let mut request = Request::new(Method::POST, url.clone()).timeout(*timeout);
                let json = header::HeaderValue::from_static("application/json");
                request.headers.insert(header::CONTENT_TYPE, json);
                request.body = wire::body(alerts)?.into();
                request.body_bytes_max = ANSWER_BYTES_MAX;
                request.encoded_bytes_max = ANSWER_BYTES_MAX;
                let answer = client.send(request).await.map_err(|error| error.to_string())?;
                if answer.status.is_success() {
                    Ok(())
                } else {
                    Err(format!("bad response status {}", answer.status))
                }
            }
        }
    }
}

/// How a sender ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    Run,
    /// Sends what is queued, as long as that works.
    Drain,
}

/// A queue and its task.
pub(crate) struct Sender {
    queue: Arc<Queue>,
    metrics: SenderMetrics,
    course: watch::Sender<Course>,
    task: JoinHandle<()>,
}

impl Sender {
    /// Must be called within a tokio runtime.
    pub(crate) fn start(
        name: &str,
        target: Target,
        capacity: usize,
        metrics: SenderMetrics,
    ) -> Sender {
        let queue = Arc::new(Queue::new(capacity));
        let (course, watched) = watch::channel(Course::Run);
        let (name, own, counted) = (name.to_owned(), queue.clone(), metrics.clone());
        let task = tokio::spawn(async move { run(&name, &target, &own, &counted, watched).await });
        Sender { queue, metrics, course, task }
    }

    /// Queues alerts.
    pub(crate) fn push(&self, alerts: impl IntoIterator<Item = Arc<Alert>>) {
        let dropped = self.queue.push(alerts);
        if dropped > 0 {
            tracing::warn!(dropped, "Alert notification queue full, dropping alerts");
            self.metrics.dropped.add(dropped as u64);
        }
    }

    pub(crate) fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Sends what is queued and ends; gives the queue up at the first failure.
    pub(crate) fn drain(self) -> JoinHandle<()> {
        self.course.send_replace(Course::Drain);
        self.task
    }
}

async fn run(
    name: &str,
    target: &Target,
    queue: &Queue,
    metrics: &SenderMetrics,
    mut course: watch::Receiver<Course>,
) {
    loop {
        let batch = queue.take(ALERTS_PER_BATCH_MAX);
        if batch.is_empty() {
            if *course.borrow() == Course::Drain {
                return;
            }
            tokio::select! {
                () = queue.filled() => {}
                // An error is the end of whoever could send more.
                changed = course.changed() => if changed.is_err() { return },
            }
            continue;
        }
        let began = Instant::now();
        let count = batch.len() as u64;
        let result = target.deliver(&batch).await;
        metrics.latency.observe(began.elapsed().as_secs_f64());
        metrics.latency_buckets.observe(began.elapsed().as_secs_f64());
        metrics.sent.add(count);
        let Err(error) = result else { continue };
        metrics.errors.add(count);
        metrics.dropped.add(count);
        tracing::error!(alertmanager = name, count, err = error, "Error sending alerts");
        if *course.borrow() == Course::Drain {
            metrics.dropped.add(queue.take(usize::MAX).len() as u64);
            return;
        }
    }
}
