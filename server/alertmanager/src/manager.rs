//! The Alertmanager as a whole: a task that flushes groups when their time has come.

use std::sync::{Arc, Weak};
use std::time::Duration;

use common_config::alertmanager::AlertmanagerFile;
use common_instrument::Registry;
use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::dispatch::{Dispatcher, Flush, Log, Refused, Verdict};
use crate::message::Message;
use crate::metrics::{Metrics, States};
use crate::receivers::{self, Integration, Receivers};
use crate::retry::{Blame, Failure, wait_after};
use crate::templates::{self, ReadTemplates};
use crate::{Alert, AlertView, Error, GroupView, read_template_files};

/// Most messages that are sent at the same time; others wait, one per group and integration.
pub const DELIVERIES_MAX: usize = 64;
/// How long [`Manager::shutdown`] waits for messages.
pub const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(5);
/// Least time for telling of a flush, however short the group's interval.
const DELIVERY_TIME_MIN: Duration = Duration::from_secs(10);
/// Longest sleep: after a step of the clock we are at most this late.
const SLEEP_MAX: Duration = Duration::from_secs(15);

/// What a manager needs.
pub struct ManagerOptions {
    /// The configuration.
    pub config: AlertmanagerFile,
    /// Where our pages can be reached; stands in messages.
    pub external_url: String,
    /// The time in milliseconds since 1970.
    pub now: Arc<dyn Fn() -> i64 + Send + Sync>,
    /// How the files of `templates` are read.
    pub read_templates: ReadTemplates,
}

impl ManagerOptions {
    /// Without receivers, with templates read from files.
    #[must_use]
    pub fn new(now: Arc<dyn Fn() -> i64 + Send + Sync>) -> ManagerOptions {
        ManagerOptions {
            config: AlertmanagerFile::default(),
            external_url: String::new(),
            now,
            read_templates: Arc::new(read_template_files),
        }
    }
}

/// Keeps alerts and tells the receivers. Ends with the value.
pub struct Manager {
    inner: Arc<Inner>,
    driver: tokio::task::JoinHandle<()>,
}

/// What the tasks share.
pub(crate) struct Inner {
    state: Mutex<State>,
    wake: Notify,
    now: Arc<dyn Fn() -> i64 + Send + Sync>,
    external_url: String,
    read_templates: ReadTemplates,
    metrics: Metrics,
    permits: Semaphore,
}

struct State {
    dispatcher: Dispatcher,
    log: Log,
    receivers: Receivers,
    config: Arc<AlertmanagerFile>,
    /// One task for each flush.
    deliveries: JoinSet<()>,
}

/// Numbers of everything.
pub(crate) struct Tally {
    pub(crate) active: usize,
    pub(crate) suppressed: usize,
    pub(crate) groups: usize,
    pub(crate) refused: Refused,
    pub(crate) receivers: usize,
    pub(crate) integrations: usize,
}

impl Manager {
    /// Starts a manager. Must be called in a tokio runtime.
    ///
    /// # Errors
    /// If templates or receivers of the configuration cannot be set up.
    pub fn new(options: ManagerOptions, registry: &Registry) -> Result<Manager, Error> {
        let receivers = set_up(&options.config, &options.read_templates)?;
        let state = State {
            dispatcher: Dispatcher::new(&options.config, (options.now)()),
            log: Log::default(),
            receivers,
            config: Arc::new(options.config),
            deliveries: JoinSet::new(),
        };
        let inner = Arc::new(Inner {
            state: Mutex::new(state),
            wake: Notify::new(),
            now: options.now,
            external_url: options.external_url,
            read_templates: options.read_templates,
            metrics: Metrics::new(registry),
            permits: Semaphore::new(DELIVERIES_MAX),
        });
        registry.register("alertmanager", Arc::new(States(Arc::downgrade(&inner))));
        let driver = tokio::spawn(drive(Arc::downgrade(&inner)));
        Ok(Manager { inner, driver })
    }

    /// Takes alerts. Those without labels, or that end before they begin, are not taken.
    /// Gives what is wrong with them.
    pub fn put(&self, alerts: Vec<Alert>) -> Vec<String> {
        let now_ms = self.inner.now_ms();
        let mut problems = Vec::new();
        let mut state = self.inner.state.lock();
        for alert in alerts {
            if let Err(problem) = check(&alert) {
                self.inner.metrics.invalid.inc();
                problems.push(problem.to_owned());
                continue;
            }
            self.inner.metrics.alert(alert.is_resolved_at(now_ms));
            state.dispatcher.put(alert, now_ms);
        }
        drop(state);
        self.inner.wake.notify_one();
        problems
    }

    /// Takes another configuration. Alerts stay, groups are made anew, messages on their way are
    /// given up and sent again; receivers that know of an alert are not told again.
    ///
    /// # Errors
    /// As [`Manager::new`]; the configuration is then as it was.
    pub fn apply(&self, config: AlertmanagerFile) -> Result<(), Error> {
        let receivers = set_up(&config, &self.inner.read_templates)?;
        let mut state = self.inner.state.lock();
        state.deliveries.abort_all();
        state.deliveries.detach_all();
        state.dispatcher.apply(&config, self.inner.now_ms());
        state.receivers = receivers;
        state.config = Arc::new(config);
        drop(state);
        self.inner.wake.notify_one();
        Ok(())
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> Arc<AlertmanagerFile> {
        Arc::clone(&self.inner.state.lock().config)
    }

    /// All alerts that have not ended.
    #[must_use]
    pub fn alerts(&self) -> Vec<AlertView> {
        self.inner.state.lock().dispatcher.alerts(self.inner.now_ms())
    }

    /// All groups that have an alert which has not ended.
    #[must_use]
    pub fn groups(&self) -> Vec<GroupView> {
        self.inner.state.lock().dispatcher.groups(self.inner.now_ms())
    }

    /// Sends what is due, waits at most [`SHUTDOWN_DEADLINE`] for messages on their way and ends.
    pub async fn shutdown(&self) {
        self.driver.abort();
        self.inner.start_due();
        let mut deliveries = std::mem::take(&mut self.inner.state.lock().deliveries);
        let all = async { while deliveries.join_next().await.is_some() {} };
        if tokio::time::timeout(SHUTDOWN_DEADLINE, all).await.is_err() {
            tracing::warn!(left = deliveries.len(), "messages were not sent before the end");
        }
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

fn set_up(config: &AlertmanagerFile, read: &ReadTemplates) -> Result<Receivers, Error> {
    let templates = Arc::new(templates::load(&config.templates, read)?);
    receivers::build(config, &templates)
}

/// What upstream's API refuses, in its words.
fn check(alert: &Alert) -> Result<(), &'static str> {
    if alert.labels.is_empty() {
        return Err("at least one label pair required");
    }
    if alert.ends_at_ms != 0 && alert.ends_at_ms < alert.starts_at_ms {
        return Err("start time must be before end time");
    }
    Ok(())
}

/// Flushes groups when their time has come, until the manager is gone.
async fn drive(inner: Weak<Inner>) {
    loop {
        let Some(strong) = inner.upgrade() else {
            return;
        };
        let next_ms = strong.start_due();
        let wait_ms = next_ms.map_or(i64::MAX, |next_ms| next_ms.saturating_sub(strong.now_ms()));
        let wait = Duration::from_millis(u64::try_from(wait_ms).unwrap_or(0)).min(SLEEP_MAX);
        // A timeout is as good a reason to look again as a call.
        let _ = tokio::time::timeout(wait, strong.wake.notified()).await;
    }
}

impl Inner {
    fn now_ms(&self) -> i64 {
        (self.now)()
    }

    pub(crate) fn tally(&self) -> Tally {
        let now_ms = self.now_ms();
        let state = self.state.lock();
        let alerts = state.dispatcher.alerts(now_ms);
        let suppressed = alerts.iter().filter(|view| !view.inhibited_by.is_empty()).count();
        Tally {
            active: alerts.len() - suppressed,
            suppressed,
            groups: state.dispatcher.group_count(),
            refused: state.dispatcher.refused,
            receivers: state.receivers.len(),
            integrations: state.receivers.values().map(Vec::len).sum(),
        }
    }

    /// Starts telling of all groups whose time has come; gives when the next one's comes.
    fn start_due(self: &Arc<Self>) -> Option<i64> {
        let now_ms = self.now_ms();
        let mut state = self.state.lock();
        while state.deliveries.try_join_next().is_some() {}
        state.log.forget_expired(now_ms);
        for flush in state.dispatcher.due(now_ms) {
            let integrations = state.receivers.get(&flush.receiver).cloned().unwrap_or_default();
            state.deliveries.spawn(Arc::clone(self).deliver(flush, integrations));
        }
        state.dispatcher.next_due_ms()
    }

    /// Tells all integrations of a receiver at the same time.
    async fn deliver(self: Arc<Self>, flush: Flush, integrations: Vec<Arc<Integration>>) {
        let interval = Duration::from_millis(u64::try_from(flush.group_interval_ms).unwrap_or(0));
        let deadline = Instant::now() + interval.max(DELIVERY_TIME_MIN);
        let flush = Arc::new(flush);
        let mut all = JoinSet::new();
        for integration in integrations {
            all.spawn(Arc::clone(&self).tell(Arc::clone(&flush), integration, deadline));
        }
        let mut is_success = true;
        while let Some(told) = all.join_next().await {
            // A panic is a failure too.
            is_success &= told.unwrap_or(false);
        }
        self.state.lock().dispatcher.done(&flush, is_success);
        self.wake.notify_one();
    }

    /// Tells one integration what it does not know yet; whether it knows all in the end.
    async fn tell(
        self: Arc<Self>,
        flush: Arc<Flush>,
        integration: Arc<Integration>,
        deadline: Instant,
    ) -> bool {
        let key = (flush.key.clone(), integration.id.clone());
        let (repeat_ms, wants) = (flush.repeat_interval_ms, integration.sends_resolved);
        let verdict =
            self.state.lock().log.verdict(&key, &flush.alerts, wants, repeat_ms, flush.now_ms);
        let reason = match verdict {
            Verdict::Quiet => return true,
            Verdict::Note => None,
            Verdict::Tell(reason) => Some(reason),
        };
        if let Some(reason) = reason {
            let message = Message::new(&flush, reason, wants, &self.external_url);
            let kind = integration.id.integration;
            let sent = self.send(&message, &integration, deadline).await;
            self.metrics.notification(kind, sent.as_ref().err().map(|failure| failure.blame));
            if let Err(failure) = sent {
                let receiver = &integration.id.receiver;
                tracing::error!(receiver, integration = kind, group = flush.key, error = %failure,
                    "a notification was not delivered");
                return false;
            }
        }
        self.state.lock().log.note(key, &flush.alerts, repeat_ms, flush.now_ms);
        true
    }

    /// Tries until it is delivered, refused for good, or the time is up.
    async fn send(
        &self,
        message: &Message,
        integration: &Integration,
        deadline: Instant,
    ) -> Result<(), Failure> {
        let mut last: Option<Failure> = None;
        for failures in 1.. {
            let attempt = async {
                // The semaphore is never closed.
                let _permit = self.permits.acquire().await;
                let start = Instant::now();
                let sent = integration.channel.send(message.clone(), deadline).await;
                self.metrics.attempt(integration.id.integration, start.elapsed(), sent.is_ok());
                sent
            };
            match tokio::time::timeout_at(deadline, attempt).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(failure)) if !failure.may_retry => return Err(failure),
                Ok(Err(failure)) => {
                    tracing::warn!(receiver = integration.id.receiver, failures, error = %failure,
                        "a notification will be tried again");
                    last = Some(failure);
                }
                Err(_) => break,
            }
            let next = Instant::now() + wait_after(failures);
            if next >= deadline {
                break;
            }
            tokio::time::sleep_until(next).await;
        }
        let problem = last.map_or_else(String::new, |failure| format!(": {}", failure.problem));
        let problem = format!("context deadline exceeded{problem}");
        Err(Failure { problem, blame: Blame::Deadline, may_retry: false })
    }
}
