//! Probes for a server in the same process: the same modules and metrics, without HTTP between.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use common_client::ProxyEnv;
use common_instrument::Samples;
use common_service::clock::Clock;
use parking_lot::RwLock;
use tokio::time::Instant;

use crate::config::Config;
use crate::probe::{Level, ProbeContext, ProbeLog, Resolve, SystemResolver, prober, run};
use crate::query::Query;

/// The modules that are there without any file, in blackbox_exporter's form.
pub const BUNDLED_MODULES: &str = include_str!("../bundled/modules.yml");

/// Modules by the name of their file; the bundled ones have none.
pub type Files = HashMap<String, Config>;

/// Probes with the modules that were handed over last.
pub struct Inside {
    files: RwLock<Arc<Files>>,
    clock: Arc<dyn Clock>,
    resolver: Arc<dyn Resolve>,
    proxies: Arc<ProxyEnv>,
}

impl Inside {
    /// Nothing can be probed before [`Inside::replace`].
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, proxies: ProxyEnv) -> Inside {
        Inside {
            files: RwLock::default(),
            clock,
            resolver: Arc::new(SystemResolver::default()),
            proxies: Arc::new(proxies),
        }
    }

    /// Puts other modules in force; running probes end as they began.
    pub fn replace(&self, files: Files) {
        *self.files.write() = Arc::new(files);
    }

    /// Probes as a query says: `config_file`, `module`, `target`. An error where there is no such
    /// module; a probe that fails is none.
    pub async fn probe(&self, query: &str, timeout: Duration) -> Result<Samples, String> {
        let query = Query::parse(query);
        let (file, name) = (query.get("config_file"), query.get("module"));
        let (target, name) = (query.get("target"), if name.is_empty() { "http_2xx" } else { name });
        let files = Arc::clone(&self.files.read());
        let module = module_of(&files, file, name)?;
        let prober =
            prober(&module.prober).ok_or_else(|| format!("Unknown prober {:?}", module.prober))?;
        if target.is_empty() {
            return Err("Target parameter is missing".to_owned());
        }
        let own = Duration::try_from_secs_f64(module.timeout.seconds()).ok();
        let timeout = own.filter(|own| !own.is_zero()).map_or(timeout, |own| own.min(timeout));
        let context = ProbeContext {
            deadline: Instant::now() + timeout,
            clock: Arc::clone(&self.clock),
            resolver: Arc::clone(&self.resolver),
            proxies: Arc::clone(&self.proxies),
        };
        let log = ProbeLog::new(Arc::clone(&self.clock), Level::Debug, name, target);
        let outcome = run(&context, prober, module, target, log).await;
        if !outcome.is_success {
            tracing::debug!(module = name, endpoint = target, log = outcome.log, "Probe failed");
        }
        Ok(outcome.samples)
    }
}

/// A module of a file, or why there is none.
pub fn module_of<'a>(
    files: &'a Files,
    file: &str,
    name: &str,
) -> Result<&'a Arc<crate::config::Module>, String> {
    let known = files.get(file).and_then(|config| config.modules.get(name));
    known.ok_or_else(|| match file {
        "" => format!("Unknown module {name:?}"),
        file => format!("Unknown module {name:?} in {file}"),
    })
}

/// The bundled modules.
pub fn bundled() -> Result<Config, common_config::Error> {
    Config::parse(BUNDLED_MODULES, "bundled:modules.yml")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::PROBERS;

    #[test]
    fn every_bundled_module_can_be_run() {
        let config = bundled().unwrap();
        assert!(config.warnings.is_empty());
        for (name, module) in &config.modules {
            assert!(PROBERS.iter().any(|prober| prober.name == module.prober), "{name}");
        }
    }

    #[tokio::test]
    async fn a_probe_is_named_by_its_query() {
        let inside = Inside::new(Arc::new(common_service::clock::SystemClock), ProxyEnv::default());
        inside.replace(HashMap::from([(String::new(), bundled().unwrap())]));
        let probe = |query: &'static str| inside.probe(query, Duration::from_secs(5));
        // Nothing listens there, which is an answer.
        let samples = probe("module=tcp_connect&target=127.0.0.1%3A1").await.unwrap();
        assert!(samples.families().any(|family| family.name() == "probe_success"));
        for (query, expected) in [
            ("module=nothing&target=h", "Unknown module \"nothing\""),
            ("module=icmp&target=h&config_file=x.yml", "Unknown module \"icmp\" in x.yml"),
            ("module=icmp", "Target parameter is missing"),
        ] {
            assert_eq!(probe(query).await.map(drop), Err(expected.to_owned()), "{query}");
        }
    }
}
