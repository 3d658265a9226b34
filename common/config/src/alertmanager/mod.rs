//! `alertmanager.yml`: global values, the tree of routes, receivers and inhibition rules.
//!
//! Everything is checked here that needs no templates. The texts are amtool's. What this version
//! does not run (other kinds of receivers, time intervals, tracing) is refused, never ignored.

mod email;
mod global;
mod inhibit;
mod matchers;
mod receiver;
mod route;
#[cfg(test)]
mod tests;
mod webhook;

use std::collections::HashSet;

pub use email::{EmailConfig, HostPort};
pub use global::{GlobalConfig, SmtpConfig};
pub use inhibit::InhibitRule;
pub use matchers::parse_matchers;
pub use receiver::Receiver;
pub use route::{GROUP_BY_ALL, GroupBy, ROUTE_DEPTH_MAX, Route};
pub use webhook::WebhookConfig;

use crate::yaml::{self, Node, Section};
use crate::{Error, paths};

/// Sections that upstream runs and this version does not.
const SECTIONS_NOT_RUN: [&str; 4] =
    ["time_intervals", "mute_time_intervals", "tracing", "event_recorder"];

/// A loaded `alertmanager.yml`; every value is valid and every default filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertmanagerFile {
    /// `global`.
    pub global: GlobalConfig,
    /// `templates`: names of files, the last part of which may be a pattern.
    pub templates: Vec<String>,
    /// `route`: the root of the tree.
    pub route: Route,
    /// `receivers`, in order; names are unique, every route's receiver is among them.
    pub receivers: Vec<Receiver>,
    /// `inhibit_rules`, in order.
    pub inhibit_rules: Vec<InhibitRule>,
}

/// Groups alerts by their name and tells nobody.
impl Default for AlertmanagerFile {
    fn default() -> AlertmanagerFile {
        const NOBODY: &str = "nobody";
        AlertmanagerFile {
            global: GlobalConfig::default(),
            templates: Vec::new(),
            route: Route::root(NOBODY),
            receivers: vec![Receiver::named(NOBODY)],
            inhibit_rules: Vec::new(),
        }
    }
}

impl AlertmanagerFile {
    /// Reads a configuration; file names in it become relative to the folder of `file`.
    ///
    /// # Errors
    /// Where amtool gives one, and for what this version does not run.
    pub fn load(text: &str, file: &str) -> Result<AlertmanagerFile, Error> {
        let mut config = AlertmanagerFile::parse(text).map_err(|error| error.in_file(file))?;
        config.set_directory(paths::folder_of(file));
        Ok(config)
    }

    /// Reads a configuration and leaves file names as they are.
    ///
    /// # Errors
    /// As [`AlertmanagerFile::load`].
    pub fn parse(text: &str) -> Result<AlertmanagerFile, Error> {
        let node = yaml::compose(text)?;
        if node.is_null() {
            return Err(Error::whole("no route provided in config"));
        }
        let mut section = Section::open(&node, "config.plain")?;
        let global = section.take("global").filter(|node| !node.is_null());
        let global = global.map_or_else(|| Ok(GlobalConfig::default()), GlobalConfig::read)?;
        let receivers = yaml::list_of(section.take("receivers"), "missing receiver", |node| {
            Receiver::read(node, &global)
        })?;
        let route = section.take("route").filter(|node| !node.is_null());
        let Some(route) = route else {
            return Err(section.complain("", "no routes provided"));
        };
        let route = Route::read(route)?;
        for key in SECTIONS_NOT_RUN {
            if section.take(key).is_some_and(|node| !node.is_null()) {
                return Err(section.complain(key, not_run(key)));
            }
        }
        let inhibit_rules = yaml::list_of(
            section.take("inhibit_rules"),
            "missing inhibit rule",
            InhibitRule::read,
        )?;
        let templates = section.or_default("templates")?;
        section.finish()?;
        let mut names = HashSet::new();
        for receiver in &receivers {
            if !names.insert(receiver.name.as_str()) {
                let message = format!("notification config name {:?} is not unique", receiver.name);
                return Err(Error::at(receiver.position, message));
            }
        }
        route.check_receivers(&names)?;
        Ok(AlertmanagerFile { global, templates, route, receivers, inhibit_rules })
    }

    /// Puts a folder in front of every relative file name.
    fn set_directory(&mut self, dir: &str) {
        for template in &mut self.templates {
            paths::join(dir, template);
        }
        self.global.set_directory(dir);
        for receiver in &mut self.receivers {
            receiver.set_directory(dir);
        }
    }
}

/// The complaint about a key that upstream knows and this version does not run.
fn not_run(what: &str) -> String {
    format!("{what}: this version does not run it")
}

/// The text or else the file of a secret; both together are refused.
fn secret_or_file(
    section: &mut Section<'_>,
    key: &str,
) -> Result<(crate::Secret, Option<String>), Error> {
    let key_file = format!("{key}_file");
    let secret: crate::Secret = section.or_default(key)?;
    let file = section.filled(&key_file)?;
    if !secret.is_empty() && file.is_some() {
        let message = format!("at most one of {key} & {key_file} must be configured");
        return Err(section.complain(key, message));
    }
    Ok((secret, file))
}

/// The section `http_config`.
fn http_config(node: &Node) -> Result<crate::HttpClientConfig, Error> {
    let mut section = Section::open(node, "config.plain")?;
    let config = crate::HttpClientConfig::take(&mut section, crate::HttpClientConfig::default())?;
    section.finish()?;
    Ok(config)
}
