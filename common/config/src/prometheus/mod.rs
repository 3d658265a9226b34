//! `prometheus.yml`: the whole schema as checked structures with upstream's defaults.

mod alerting;
mod cloud;
mod discovery;
mod global;
mod names;
mod probes;
mod relabel;
mod remote;
mod scrape;
mod storage;
mod targets;

use std::collections::BTreeMap;

pub use alerting::{AlertingConfig, AlertmanagerConfig};
pub use cloud::{AzureAd, AzureIdentity, GoogleIam, SigV4};
pub use discovery::{
    Discovery, DnsDiscovery, FileDiscovery, HttpDiscovery, Provider, Setting, Settings,
};
pub use global::{GlobalConfig, Limits};
pub use names::{EscapingScheme, NameScheme, ScrapeProtocol};
pub use probes::{PROBE_FILE_PARAM, PROBE_SOURCE, ProbeConfig};
pub use relabel::{RelabelAction, RelabelConfig};
pub use remote::{MetadataConfig, QueueConfig, RemoteReadConfig, RemoteWriteConfig, WriteMessage};
pub use scrape::ScrapeConfig;
pub use storage::{
    FloatEncoding, OtlpConfig, OtlpTranslation, Retention, StorageConfig, TracingConfig, TsdbConfig,
};
pub use targets::{TargetGroup, parse_target_file};

use crate::yaml::{self, MapOut, Node, Section};
use crate::{Error, Position, paths};

/// Go's garbage collector percentage, shown but of no effect here.
const GOGC_DEFAULT: i64 = 75;

/// Reads an environment variable.
pub type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Finds the files that match a pattern and reads them: names and texts, sorted by name.
pub type ReadGlob<'a> = &'a dyn Fn(&str) -> Result<Vec<(String, String)>, String>;

/// A loaded `prometheus.yml`; every value is valid and every default filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// `global`.
    pub global: GlobalConfig,
    /// `runtime.gogc`; accepted and shown, of no effect.
    pub gogc: i64,
    /// `alerting`.
    pub alerting: AlertingConfig,
    /// `rule_files`: names with at most one `*` part at the end.
    pub rule_files: Vec<String>,
    /// `scrape_config_files`, of the same form.
    pub scrape_config_files: Vec<String>,
    /// `scrape_configs` of this file; [`Config::all_scrape_configs`] adds those of other files.
    pub scrape_configs: Vec<ScrapeConfig>,
    /// `probes`; [`Config::all_scrape_configs`] makes jobs of them.
    pub probes: Vec<ProbeConfig>,
    /// `storage`.
    pub storage: StorageConfig,
    /// `tracing`, where it is written.
    pub tracing: Option<TracingConfig>,
    /// `remote_write`.
    pub remote_write: Vec<RemoteWriteConfig>,
    /// `remote_read`.
    pub remote_read: Vec<RemoteReadConfig>,
    /// `otlp`.
    pub otlp: OtlpConfig,
}

/// A discovery entry that this program reads but cannot run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported {
    /// `consul`, `ec2`, ...
    pub kind: &'static str,
    /// Where it stands.
    pub position: Position,
}

impl Config {
    /// Reads a configuration; file names in it become relative to the folder of `file`.
    pub fn load(text: &str, file: &str, env: Env<'_>) -> Result<Config, Error> {
        let mut config = Config::parse(text, env).map_err(|error| error.in_file(file))?;
        config.set_directory(paths::folder_of(file));
        Ok(config)
    }

    /// Reads a configuration and leaves file names as they are.
    pub fn parse(text: &str, env: Env<'_>) -> Result<Config, Error> {
        let node = yaml::compose(text)?;
        let mut section = Section::open(&node, "config.Config")?;
        let global = match section.take("global") {
            Some(node) => GlobalConfig::read(node, env)?,
            None => GlobalConfig::default(),
        };
        let scheme = global.metric_name_validation_scheme;
        let config = Config {
            gogc: gogc(section.take("runtime"), env)?,
            alerting: AlertingConfig::read(section.take("alerting"), scheme)?,
            rule_files: patterns(&mut section, "rule_files", "rule file")?,
            scrape_config_files: patterns(
                &mut section,
                "scrape_config_files",
                "scrape config file",
            )?,
            scrape_configs: scrape_configs(section.take("scrape_configs"), &global)?,
            probes: ProbeConfig::list(section.take("probes"), &global)?,
            storage: section.or_default("storage")?,
            tracing: section.get("tracing")?,
            remote_write: remote_write(section.take("remote_write"), scheme)?,
            remote_read: remote_read(section.take("remote_read"))?,
            otlp: match section.take("otlp").filter(|node| !node.is_null()) {
                Some(node) => OtlpConfig::read(node, scheme)?,
                None => OtlpConfig::default(),
            },
            global,
        };
        section.finish()?;
        Ok(config)
    }

    /// All scrape jobs: those of this file, those of `probes`, then those of `scrape_config_files`.
    pub fn all_scrape_configs(&self, read_glob: ReadGlob<'_>) -> Result<Vec<ScrapeConfig>, Error> {
        let mut all = self.scrape_configs.clone();
        for probe in &self.probes {
            all.push(probe.scrape_config(&self.global)?);
        }
        unique(&all, "scrape", |job| (&job.job_name, job.position))?;
        let mut jobs: BTreeMap<String, String> =
            all.iter().map(|job| (job.job_name.clone(), "main config file".to_owned())).collect();
        for pattern in &self.scrape_config_files {
            let files = read_glob(pattern).map_err(|reason| {
                Error::whole(format!(
                    "error retrieving scrape config files for {pattern:?}: {reason}"
                ))
            })?;
            for (file, text) in files {
                let more = parse_scrape_file(&text, &self.global).map_err(|e| e.in_file(&file))?;
                for mut job in more {
                    let here = format!("{file:?}");
                    if let Some(first) = jobs.insert(job.job_name.clone(), here) {
                        let name = &job.job_name;
                        let message = format!(
                            "found multiple scrape configs with job name {name:?}, first found in \
                             {first}"
                        );
                        return Err(Error::at(job.position, message).in_file(&file));
                    }
                    job.set_directory(paths::folder_of(&file));
                    all.push(job);
                }
            }
        }
        Ok(all)
    }

    /// Puts a folder in front of every relative file name.
    pub fn set_directory(&mut self, dir: &str) {
        self.global.set_directory(dir);
        self.alerting.set_directory(dir);
        if let Some(tracing) = &mut self.tracing {
            tracing.tls_config.set_directory(dir);
        }
        let patterns = self.rule_files.iter_mut().chain(&mut self.scrape_config_files);
        patterns.for_each(|pattern| paths::join(dir, pattern));
        self.scrape_configs.iter_mut().for_each(|job| job.set_directory(dir));
        self.probes.iter_mut().for_each(|probe| probe.set_directory(dir));
        self.remote_write.iter_mut().for_each(|remote| remote.http.set_directory(dir));
        self.remote_read.iter_mut().for_each(|remote| remote.http.set_directory(dir));
    }

    /// The discovery entries whose kind is not among those that the program runs.
    #[must_use]
    pub fn unsupported(&self, runs: &[&str]) -> Vec<Unsupported> {
        let jobs = self.scrape_configs.iter().flat_map(|job| &job.discoveries);
        let managers = self.alerting.alertmanagers.iter().flat_map(|m| &m.discoveries);
        jobs.chain(managers)
            .filter(|discovery| discovery.kind != "static" && !runs.contains(&discovery.kind))
            .map(|discovery| Unsupported { kind: discovery.kind, position: discovery.position })
            .collect()
    }

    /// The loaded configuration as YAML, secrets hidden: what `/api/v1/status/config` shows.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        let mut out = MapOut::default();
        out.map("global", self.global.render());
        let mut runtime = MapOut::default();
        runtime.number("gogc", self.gogc);
        out.map("runtime", runtime);
        out.map("alerting", self.alerting.render());
        out.texts("rule_files", &self.rule_files);
        out.texts("scrape_config_files", &self.scrape_config_files);
        out.list("scrape_configs", self.scrape_configs.iter().map(ScrapeConfig::render).collect());
        if !self.probes.is_empty() {
            out.list("probes", self.probes.iter().map(ProbeConfig::render).collect());
        }
        out.map("storage", self.storage.render());
        if let Some(tracing) = &self.tracing {
            out.map("tracing", tracing.render());
        }
        let writes = self.remote_write.iter().map(RemoteWriteConfig::render).collect();
        out.list("remote_write", writes);
        out.list("remote_read", self.remote_read.iter().map(RemoteReadConfig::render).collect());
        out.map("otlp", self.otlp.render());
        yaml::write(&out)
    }
}

/// An empty configuration: no jobs, no rules, upstream's defaults.
impl Default for Config {
    fn default() -> Config {
        Config {
            global: GlobalConfig::default(),
            gogc: GOGC_DEFAULT,
            alerting: AlertingConfig::default(),
            rule_files: Vec::new(),
            scrape_config_files: Vec::new(),
            scrape_configs: Vec::new(),
            probes: Vec::new(),
            storage: StorageConfig::default(),
            tracing: None,
            remote_write: Vec::new(),
            remote_read: Vec::new(),
            otlp: OtlpConfig::default(),
        }
    }
}

fn parse_scrape_file(text: &str, global: &GlobalConfig) -> Result<Vec<ScrapeConfig>, Error> {
    let node = yaml::compose(text)?;
    let mut section = Section::open(&node, "config.ScrapeConfigs")?;
    let empty = "empty or null scrape config section";
    let jobs = yaml::list_of(section.take("scrape_configs"), empty, |node| {
        ScrapeConfig::read(node, global)
    })?;
    section.finish()?;
    Ok(jobs)
}

fn scrape_configs(node: Option<&Node>, global: &GlobalConfig) -> Result<Vec<ScrapeConfig>, Error> {
    let empty = "empty or null scrape config section";
    let jobs = yaml::list_of(node, empty, |node| ScrapeConfig::read(node, global))?;
    unique(&jobs, "scrape", |job| (&job.job_name, job.position))?;
    Ok(jobs)
}

fn remote_write(node: Option<&Node>, scheme: NameScheme) -> Result<Vec<RemoteWriteConfig>, Error> {
    let empty = "empty or null remote write config section";
    let remotes = yaml::list_of(node, empty, |node| RemoteWriteConfig::read(node, scheme))?;
    unique(&remotes, "remote write", |remote| (&remote.name, remote.position))?;
    Ok(remotes)
}

fn remote_read(node: Option<&Node>) -> Result<Vec<RemoteReadConfig>, Error> {
    let empty = "empty or null remote read config section";
    let remotes = yaml::list_of(node, empty, RemoteReadConfig::read)?;
    unique(&remotes, "remote read", |remote| (&remote.name, remote.position))?;
    Ok(remotes)
}

/// Refuses two entries with one name; empty names are none.
fn unique<T>(
    entries: &[T],
    what: &str,
    name_of: impl Fn(&T) -> (&str, Position),
) -> Result<(), Error> {
    let mut seen = std::collections::HashSet::new();
    for entry in entries {
        let (name, position) = name_of(entry);
        if !name.is_empty() && !seen.insert(name) {
            let message = format!("found multiple {what} configs with job name {name:?}");
            return Err(Error::at(position, message));
        }
    }
    Ok(())
}

/// File patterns: a `*` only in the last part of the name.
fn patterns(section: &mut Section<'_>, key: &str, what: &str) -> Result<Vec<String>, Error> {
    let patterns: Vec<String> = section.or_default(key)?;
    let is_bad =
        |pattern: &&String| pattern.find('*').is_some_and(|star| pattern[star..].contains('/'));
    match patterns.iter().find(is_bad) {
        Some(bad) => Err(section.complain(key, format!("invalid {what} path {bad:?}"))),
        None => Ok(patterns),
    }
}

fn gogc(node: Option<&Node>, env: Env<'_>) -> Result<i64, Error> {
    let written = match node {
        None => 0,
        Some(node) => {
            let mut section = Section::open(node, "config.RuntimeConfig")?;
            let gogc = section.or_default("gogc")?;
            section.finish()?;
            gogc
        }
    };
    if written != 0 {
        return Ok(written);
    }
    Ok(match env("GOGC") {
        Some(text) if text.eq_ignore_ascii_case("off") => -1,
        Some(text) => text.parse().unwrap_or(GOGC_DEFAULT),
        None => GOGC_DEFAULT,
    })
}
