//! Putting a configuration in force: all of it or, when anything is wrong, none of it.

use std::sync::Arc;
use std::time::Duration;

use common_instrument::{Gauge, Registry};
use common_service::clock::{Clock, SystemClock};
use common_service::notify::Notifier;
use server_api::{Notice, Notifications, Status};
use server_promql::engine::SubqueryStep;

use super::loader::{Files, Loaded};
use super::parts::Parts;
use super::settings::{Settings, millis};

/// Reads the configuration again when asked.
pub(crate) struct Reloader {
    files: Files,
    status: Arc<Status>,
    notifications: Arc<Notifications>,
    subquery_step: SubqueryStep,
    successful: Gauge,
    succeeded_at: Gauge,
}

impl Reloader {
    pub(crate) fn new(
        settings: &Settings,
        status: Arc<Status>,
        notifications: Arc<Notifications>,
        registry: &Registry,
    ) -> Reloader {
        Reloader {
            files: settings.files.clone(),
            status,
            notifications,
            subquery_step: settings.subquery_step.clone(),
            successful: registry.gauge(
                "prometheus_config_last_reload_successful",
                "Whether the last configuration reload attempt was successful.",
            ),
            succeeded_at: registry.gauge(
                "prometheus_config_last_reload_success_timestamp_seconds",
                "Timestamp of the last successful configuration reload.",
            ),
        }
    }

    /// Reads everything again and puts it in force; otherwise the old configuration stays.
    pub(crate) async fn reload(&self, parts: &Parts) -> Result<(), String> {
        tracing::info!("Loading configuration");
        let result = match self.files.load() {
            Ok(loaded) => self.apply(parts, loaded).await,
            Err(error) => Err(error),
        };
        if let Err(error) = &result {
            self.notifications.raise(Notice::ReloadFailed);
            tracing::error!(err = error, "Error reloading config; the old one stays in force");
            self.successful.set(0.0);
            let (_, at) = **self.status.last_reload.load();
            self.status.last_reload.store(Arc::new((false, at)));
        }
        result
    }

    /// Puts a configuration in force.
    pub(crate) async fn apply(&self, parts: &Parts, loaded: Loaded) -> Result<(), String> {
        let yaml = loaded.config.to_yaml();
        let external_labels = loaded.config.global.external_labels.clone();
        let evaluation_interval = loaded.config.global.evaluation_interval;
        parts.apply(loaded).await?;
        self.subquery_step.set(millis(evaluation_interval));
        self.status.config_yaml.store(Arc::new(yaml));
        self.status.external_labels.store(Arc::new(external_labels));
        let now = SystemClock.now_ms();
        self.status.last_reload.store(Arc::new((true, now)));
        self.successful.set(1.0);
        self.notifications.clear(Notice::ReloadFailed);
        self.succeeded_at.set(now as f64 / 1000.0);
        tracing::info!("Completed loading of configuration");
        Ok(())
    }
}

/// Ticks as often as systemd wants a sign of life; never where it wants none.
pub(crate) struct Watchdog(Option<tokio::time::Interval>);

impl Watchdog {
    pub(crate) fn new(notifier: &Notifier) -> Watchdog {
        Watchdog(
            notifier
                .watchdog_interval()
                .map(|every| tokio::time::interval(every.max(Duration::from_millis(100)))),
        )
    }

    pub(crate) async fn tick(&mut self) {
        match &mut self.0 {
            Some(interval) => {
                interval.tick().await;
            }
            None => std::future::pending().await,
        }
    }
}
