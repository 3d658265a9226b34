//! The `alerting` section: which Alertmanagers get which alerts.

use std::time::Duration;

use super::cloud::SigV4;
use super::discovery::{self, Discovery};
use super::names::NameScheme;
use super::relabel::{self, RelabelConfig};
use crate::http::HttpClientConfig;
use crate::yaml::{self, MapOut, Node, Out, Section};
use crate::{Error, Position};

const TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);
const API_VERSION: &str = "v2";

/// The `alerting` section.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlertingConfig {
    /// `alert_relabel_configs`, for every alert.
    pub alert_relabel_configs: Vec<RelabelConfig>,
    /// `alertmanagers`.
    pub alertmanagers: Vec<AlertmanagerConfig>,
}

/// One entry of `alertmanagers`.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertmanagerConfig {
    /// The inline *http client* keys.
    pub http: HttpClientConfig,
    /// `sigv4`.
    pub sigv4: Option<SigV4>,
    /// `scheme`, `http` by default.
    pub scheme: String,
    /// `path_prefix`.
    pub path_prefix: String,
    /// `timeout`, 10s by default.
    pub timeout: Duration,
    /// `relabel_configs`, for the Alertmanagers that are found.
    pub relabel_configs: Vec<RelabelConfig>,
    /// `alert_relabel_configs`, for the alerts sent to these.
    pub alert_relabel_configs: Vec<RelabelConfig>,
    /// All `*_sd_configs` and `static_configs`.
    pub discoveries: Vec<Discovery>,
    /// Where the entry stands.
    pub position: Position,
}

impl AlertingConfig {
    pub(super) fn read(node: Option<&Node>, scheme: NameScheme) -> Result<AlertingConfig, Error> {
        let Some(node) = node else {
            return Ok(AlertingConfig::default());
        };
        let mut section = Section::open(node, "config.AlertingConfig")?;
        let alertmanagers = yaml::list_of(
            section.take("alertmanagers"),
            "empty or null Alertmanager config section",
            |node| AlertmanagerConfig::read(node, scheme),
        )?;
        let rules = section.take("alert_relabel_configs");
        let empty = "empty or null alert relabeling rule";
        let alerting = AlertingConfig {
            alert_relabel_configs: relabel::list(rules, empty, scheme)?,
            alertmanagers,
        };
        section.finish()?;
        Ok(alerting)
    }

    pub(super) fn set_directory(&mut self, dir: &str) {
        for manager in &mut self.alertmanagers {
            manager.http.set_directory(dir);
            manager.discoveries.iter_mut().for_each(|discovery| discovery.set_directory(dir));
        }
    }

    pub(super) fn render(&self) -> MapOut {
        let mut out = MapOut::default();
        out.list("alert_relabel_configs", relabel::render(&self.alert_relabel_configs));
        out.list("alertmanagers", self.alertmanagers.iter().map(|m| m.render()).collect());
        out
    }
}

impl AlertmanagerConfig {
    fn read(node: &Node, scheme: NameScheme) -> Result<AlertmanagerConfig, Error> {
        let mut section = Section::open(node, "config.AlertmanagerConfig")?;
        let version: String = section.or("api_version", API_VERSION.to_owned())?;
        if version != API_VERSION {
            let message = format!(
                "expected Alertmanager api version to be one of [{API_VERSION}] but got {version}"
            );
            return Err(section.complain("api_version", message));
        }
        let relabel_node = section.take("relabel_configs");
        let alert_relabel_node = section.take("alert_relabel_configs");
        let config = AlertmanagerConfig {
            http: HttpClientConfig::take(&mut section, HttpClientConfig::default())?,
            sigv4: section.get("sigv4")?,
            scheme: section.or("scheme", "http".to_owned())?,
            path_prefix: section.or_default("path_prefix")?,
            timeout: section.or("timeout", TIMEOUT_DEFAULT)?,
            relabel_configs: relabel::list(
                relabel_node,
                "empty or null Alertmanager target relabeling rule",
                scheme,
            )?,
            alert_relabel_configs: relabel::list(
                alert_relabel_node,
                "empty or null Alertmanager alert relabeling rule",
                scheme,
            )?,
            discoveries: discovery::take(&mut section)?,
            position: section.at(),
        };
        section.finish()?;
        if config.sigv4.is_some() && config.http.has_authorization() {
            let message =
                "at most one of basic_auth, authorization, oauth2, & sigv4 must be configured";
            return Err(Error::at(node.at, message));
        }
        if config.relabel_configs.is_empty() {
            discovery::check_addresses(&config.discoveries)?;
        }
        Ok(config)
    }

    fn render(&self) -> Out {
        let mut out = self.http.render();
        if let Some(sigv4) = &self.sigv4 {
            out.put("sigv4", Out::Map(sigv4.render()));
        }
        out.text("scheme", &self.scheme);
        out.text("path_prefix", &self.path_prefix);
        out.span("timeout", self.timeout);
        out.text("api_version", API_VERSION);
        out.list("relabel_configs", relabel::render(&self.relabel_configs));
        out.list("alert_relabel_configs", relabel::render(&self.alert_relabel_configs));
        discovery::render(&self.discoveries, &mut out);
        Out::Map(out)
    }
}
