//! The parts of the daemon that a configuration drives.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::Arc;

use common_config::Config;
use common_instrument::Registry;
use common_service::clock::{Clock, SystemClock};
use common_service::flags::World;
use exporters_blackbox::inside::Inside;
use exporters_log::HostLogs;
use exporters_node::NodeExporter;
use server_api::{Asked, Notifications};
use server_notify::{Alert, Sink};
use server_rules::RuleSet;
use server_scrape::{Manager, ManagerOptions, Now};
use server_tsdb::{Db, Maintenance, ReplayProgress};

use crate::block_name::new_block_name;

use super::daemon::Failure;
use super::loader::Loaded;
use super::query_log::QueryLog;
use super::replayed::{self, Replayed};
use super::settings::{
    Settings, out_of_order_window_ms, retention_of, stale_series_limit, wants_xor2,
};
use super::sources;

/// What rules need.
fn rule_options(
    settings: &Settings,
    db: &Db,
    now: &Now,
    notify: Arc<server_notify::Manager>,
    queries: &Arc<QueryLog>,
) -> server_rules::ManagerOptions {
    server_rules::ManagerOptions {
        engine: settings.engine(queries.clone()),
        storage: Arc::new(Replayed(db.clone())),
        appendable: Arc::new(Replayed(db.clone())),
        notify: Arc::new(move |alerts| notify.send(alerts)),
        now: now.clone(),
        external_url: settings.external_url.clone(),
        parser: settings.parser.clone(),
        query_timeout: settings.query_timeout,
        timing: settings.timing,
    }
}

/// The alertmanager inside, without receivers until a configuration is applied.
fn alertmanager(
    settings: &Settings,
    now: &Now,
    registry: &Registry,
) -> Result<server_alertmanager::Manager, Failure> {
    let options = server_alertmanager::ManagerOptions {
        external_url: settings.external_url.clone(),
        ..server_alertmanager::ManagerOptions::new(now.clone())
    };
    Ok(server_alertmanager::Manager::new(options, registry)?)
}

/// Hands alerts to the alertmanager inside.
struct OwnAlertmanager(Arc<server_alertmanager::Manager>);

impl Sink for OwnAlertmanager {
    fn receive(&self, alerts: &[Arc<Alert>]) -> Result<(), String> {
        let problems = self.0.put(alerts.iter().map(|alert| Alert::clone(alert)).collect());
        if problems.is_empty() { Ok(()) } else { Err(problems.join("; ")) }
    }
}

/// Exemplars to keep: what is configured where they are stored at all.
pub(crate) fn exemplars_max(enabled: bool, config: &Config) -> usize {
    if enabled { usize::try_from(config.storage.exemplars()).unwrap_or(0) } else { 0 }
}

/// Everything that runs.
pub(crate) struct Parts {
    db: Db,
    now: Now,
    scrape: Arc<Manager>,
    probes: Arc<Inside>,
    rules: Arc<server_rules::Manager>,
    notify: Arc<server_notify::Manager>,
    alertmanager: Option<Arc<server_alertmanager::Manager>>,
    maintenance: Maintenance,
    logs: Option<HostLogs>,
    queries: Arc<QueryLog>,
    exemplar_storage: bool,
    /// What the flags say of time and bytes.
    retention: (i64, u64),
}

impl Parts {
    /// Builds the parts; none of them does anything before a configuration is applied.
    pub(crate) fn build(
        settings: &Settings,
        db: &Db,
        registry: &Registry,
        queries: Arc<QueryLog>,
    ) -> Result<Parts, Failure> {
        let now: Now = Arc::new(|| SystemClock.now_ms());
        let node = settings.node.clone().map(NodeExporter::new).transpose();
        let node = node.map_err(|error| Failure::Configuration(error.to_string()))?;
        let logs = settings.logs.clone().map(|options| {
            let here = std::env::current_dir().map_err(|error| error.to_string())?;
            HostLogs::start(options, &here)
        });
        let logs = logs.transpose().map_err(Failure::Configuration)?;
        let proxies = exporters_blackbox::proxy_variables(&World::real());
        let probes = Arc::new(Inside::new(Arc::new(SystemClock), proxies));
        let options = ManagerOptions {
            storage: Arc::new(Replayed(db.clone())),
            now: now.clone(),
            in_process: sources::in_process(node, logs.as_ref(), registry),
            asked: sources::asked(&probes),
            ready: replayed::when(db),
            starts: settings.starts,
        };
        let scrape = Arc::new(Manager::new(options, registry));
        let alertmanager = match settings.has_alertmanager {
            true => Some(Arc::new(alertmanager(settings, &now, registry)?)),
            false => None,
        };
        let local =
            alertmanager.clone().map(|manager| Arc::new(OwnAlertmanager(manager)) as Arc<dyn Sink>);
        let queue_capacity = settings.queue_capacity;
        let options = server_notify::Options { queue_capacity, local, ..Default::default() };
        let notify = Arc::new(server_notify::Manager::new(options, registry));
        let options = rule_options(settings, db, &now, notify.clone(), &queries);
        let rules = Arc::new(server_rules::Manager::new(options, registry));
        let maintenance = db.spawn_maintenance(now.clone(), Box::new(new_block_name))?;
        let exemplar_storage = settings.exemplar_storage;
        let db = db.clone();
        let retention = (settings.tsdb.retention_ms, settings.tsdb.retention_bytes);
        Ok(Parts {
            db,
            now,
            scrape,
            probes,
            rules,
            notify,
            alertmanager,
            maintenance,
            logs,
            queries,
            exemplar_storage,
            retention,
        })
    }

    /// What the API asks.
    pub(crate) fn asked(
        &self,
        notifications: Arc<Notifications>,
        replay: Arc<ReplayProgress>,
        registry: Registry,
    ) -> Asked {
        Asked {
            storage: Arc::new(self.db.clone()),
            db: self.db.clone(),
            scrape: self.scrape.clone(),
            rules: self.rules.clone(),
            notify: self.notify.clone(),
            notifications,
            now: self.now.clone(),
            replay,
            random: Arc::new(|| RandomState::new().build_hasher().finish()),
            registry,
        }
    }

    /// Puts a configuration in force.
    pub(crate) async fn apply(&self, loaded: Loaded) -> Result<(), String> {
        self.queries.reopen(&loaded.config.global.query_log_file)?;
        self.probes.replace(loaded.modules);
        self.scrape.apply(&loaded.scrape).await.map_err(|error| error.to_string())?;
        if let Some(alertmanager) = &self.alertmanager {
            alertmanager.apply(loaded.alertmanager).map_err(|error| error.to_string())?;
        }
        let exemplars_max = exemplars_max(self.exemplar_storage, &loaded.config);
        let out_of_order_window = out_of_order_window_ms(&loaded.config);
        let (time_ms, bytes, percentage) = retention_of(&loaded.config, self.retention);
        let xor2 = wants_xor2(&loaded.config);
        let (stale_share, stale_min) = stale_series_limit(&loaded.config);
        let global = &loaded.config.global;
        self.notify
            .apply(&loaded.config.alerting, &global.external_labels)
            .map_err(|error| error.to_string())?;
        let rules = RuleSet {
            groups: loaded.groups,
            interval: global.evaluation_interval,
            query_offset: global.rule_query_offset,
            external_labels: global.external_labels.clone(),
        };
        self.rules.apply(rules).await;
        self.db.resize_exemplars(exemplars_max);
        self.db.set_out_of_order_window(out_of_order_window);
        self.db.set_retention(time_ms, bytes, percentage);
        self.db.set_xor2(xor2);
        self.db.set_stale_series_limit(stale_share, stale_min);
        Ok(())
    }

    /// Ends everything that writes, in the order in which a sample travels.
    pub(crate) async fn shutdown(self) {
        // Who waits for the log has nothing to wait for any more.
        self.db.stop_replay();
        self.scrape.shutdown().await;
        self.rules.shutdown().await;
        self.notify.shutdown().await;
        if let Some(alertmanager) = &self.alertmanager {
            alertmanager.shutdown().await;
        }
        drop(self.maintenance);
        if let Some(logs) = self.logs {
            // Threads end when they have counted what is there.
            let _ = tokio::task::spawn_blocking(move || logs.stop()).await;
        }
    }
}
