//! `probes`: endpoints that are asked from inside this process. Prometheus does not have it.
//!
//! Each entry stands for the scrape job that one would write for a blackbox_exporter, with a source
//! inside the process in its place.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use super::global::GlobalConfig;
use super::scrape::ScrapeConfig;
use crate::yaml::{self, MapOut, Node, Out, Section};
use crate::{Error, Position, paths};

/// The address of the source that probes.
pub const PROBE_SOURCE: &str = "blackbox";

/// The parameter that names the file of modules.
pub const PROBE_FILE_PARAM: &str = "config_file";

/// Targets of one entry.
const TARGETS_MAX: usize = 100_000;

/// What is asked how, and how often.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbeConfig {
    /// `job`: the label of the series; `probe-MODULE` where it is not written.
    pub job: String,
    /// `module`: how to probe.
    pub module: String,
    /// `config_file`: where modules are written, in blackbox_exporter's form; empty for those that
    /// are bundled.
    pub config_file: String,
    /// `targets`.
    pub targets: Vec<String>,
    /// `labels` of all of them.
    pub labels: BTreeMap<String, String>,
    /// `interval`, that of `global` by default.
    pub interval: Duration,
    /// `timeout`, never more than the interval.
    pub timeout: Duration,
    /// Where the entry stands.
    pub position: Position,
}

impl ProbeConfig {
    pub(super) fn list(
        node: Option<&Node>,
        global: &GlobalConfig,
    ) -> Result<Vec<ProbeConfig>, Error> {
        yaml::list_of(node, "empty or null probe section", |node| ProbeConfig::read(node, global))
    }

    fn read(node: &Node, global: &GlobalConfig) -> Result<ProbeConfig, Error> {
        let mut section = Section::open(node, "config.ProbeConfig")?;
        let Some(module) = section.filled("module")? else {
            return Err(section.complain("module", "module of a probe is missing"));
        };
        let or = |span: Duration, default| if span.is_zero() { default } else { span };
        let interval = or(section.or_default("interval")?, global.scrape_interval);
        let timeout: Duration = section.or_default("timeout")?;
        if timeout > interval {
            return Err(section.complain("timeout", "probe timeout greater than probe interval"));
        }
        let targets: Vec<String> = section.or_default("targets")?;
        if targets.is_empty() || targets.iter().any(String::is_empty) {
            return Err(section.complain("targets", "targets of a probe are missing"));
        }
        if targets.len() > TARGETS_MAX {
            let message = format!("more than {TARGETS_MAX} targets");
            return Err(section.complain("targets", message));
        }
        let probe = ProbeConfig {
            job: section.filled("job")?.unwrap_or_else(|| format!("probe-{module}")),
            config_file: section.filled("config_file")?.unwrap_or_default(),
            labels: section.or_default("labels")?,
            timeout: or(timeout, global.scrape_timeout.min(interval)),
            position: section.at(),
            module,
            targets,
            interval,
        };
        section.finish()?;
        // A label that cannot be one is told of now.
        probe.scrape_config(global)?;
        Ok(probe)
    }

    pub(super) fn set_directory(&mut self, dir: &str) {
        if !self.config_file.is_empty() {
            paths::join(dir, &mut self.config_file);
        }
    }

    /// The scrape job that this is.
    pub(super) fn scrape_config(&self, global: &GlobalConfig) -> Result<ScrapeConfig, Error> {
        let millis = |span: Duration| format!("{}ms", span.as_millis().max(1));
        // JSON is YAML, too.
        let job = json!({
            "job_name": self.job,
            "scheme": "inprocess",
            "metrics_path": "/probe",
            "scrape_interval": millis(self.interval),
            "scrape_timeout": millis(self.timeout),
            "params": {"module": [self.module], PROBE_FILE_PARAM: [self.config_file]},
            "static_configs": [{"targets": self.targets, "labels": self.labels}],
            "relabel_configs": [
                {"source_labels": ["__address__"], "target_label": "__param_target"},
                {"source_labels": ["__address__"], "target_label": "instance"},
                {"target_label": "__address__", "replacement": PROBE_SOURCE},
            ],
        });
        let moved = |error: Error| Error::at(self.position, error.to_string());
        let node = yaml::compose(&job.to_string()).map_err(moved)?;
        let mut config = ScrapeConfig::read(&node, global).map_err(moved)?;
        config.position = self.position;
        Ok(config)
    }

    pub(super) fn render(&self) -> Out {
        let mut out = MapOut::default();
        out.text("job", &self.job).text("module", &self.module);
        out.text("config_file", &self.config_file).texts("targets", &self.targets);
        out.text_map("labels", &self.labels);
        out.span("interval", self.interval).span("timeout", self.timeout);
        Out::Map(out)
    }
}
