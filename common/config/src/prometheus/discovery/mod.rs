//! Where targets come from: `static_configs` and all `*_sd_configs`.
//!
//! Each mechanism is a table of its keys; all of them are read, checked and shown, whether or not
//! this program can run them.

mod amazon;
mod clouds;
mod local;
mod registries;
mod settings;
mod table;

use std::time::Duration;

pub use settings::{Setting, Settings};

use super::targets::TargetGroup;
use crate::http::HttpClientConfig;
use crate::yaml::{self, FromNode, MapOut, Node, Out, Section};
use crate::{Error, Position};
use table::Mechanism;

const STATIC_LIST: &str = "static_configs";

/// One entry of a list of discoveries.
#[derive(Clone, Debug, PartialEq)]
pub struct Discovery {
    /// `static`, `file`, `consul`, ...
    pub kind: &'static str,
    /// What it says.
    pub provider: Provider,
    /// Where it stands.
    pub position: Position,
}

/// What a discovery entry says.
#[derive(Clone, Debug, PartialEq)]
pub enum Provider {
    /// All of `static_configs`.
    Static(Vec<TargetGroup>),
    /// Any other mechanism.
    Settings(Settings),
}

/// An entry of `file_sd_configs`.
#[derive(Clone, Debug, PartialEq)]
pub struct FileDiscovery {
    /// File names, with at most one `*` in the last part.
    pub files: Vec<String>,
    /// How often the files are read if no change is noticed.
    pub refresh_interval: Duration,
}

/// An entry of `http_sd_configs`.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpDiscovery {
    /// Where to ask.
    pub url: String,
    /// How often.
    pub refresh_interval: Duration,
    /// How.
    pub http: HttpClientConfig,
}

/// An entry of `dns_sd_configs`.
#[derive(Clone, Debug, PartialEq)]
pub struct DnsDiscovery {
    /// Names to look up.
    pub names: Vec<String>,
    /// `SRV`, `A`, `AAAA`, `MX` or `NS`.
    pub record_type: String,
    /// The targets' port; SRV records bring their own.
    pub port: u16,
    /// How often.
    pub refresh_interval: Duration,
}

impl Discovery {
    /// The groups, if this is `static_configs`.
    #[must_use]
    pub fn groups(&self) -> Option<&[TargetGroup]> {
        match &self.provider {
            Provider::Static(groups) => Some(groups),
            Provider::Settings(_) => None,
        }
    }

    /// The settings, if this is of the given kind.
    #[must_use]
    pub fn settings(&self, kind: &str) -> Option<&Settings> {
        match &self.provider {
            Provider::Settings(settings) if self.kind == kind => Some(settings),
            _ => None,
        }
    }

    /// The entry, if it is one of `file_sd_configs`.
    #[must_use]
    pub fn file(&self) -> Option<FileDiscovery> {
        self.settings("file").map(|settings| FileDiscovery {
            files: settings.texts("files").to_vec(),
            refresh_interval: settings.span("refresh_interval"),
        })
    }

    /// The entry, if it is one of `http_sd_configs`.
    #[must_use]
    pub fn http(&self) -> Option<HttpDiscovery> {
        self.settings("http").map(|settings| HttpDiscovery {
            url: settings.text("url").to_owned(),
            refresh_interval: settings.span("refresh_interval"),
            http: settings.http().cloned().unwrap_or_default(),
        })
    }

    /// The entry, if it is one of `dns_sd_configs`.
    #[must_use]
    pub fn dns(&self) -> Option<DnsDiscovery> {
        self.settings("dns").map(|settings| DnsDiscovery {
            names: settings.texts("names").to_vec(),
            record_type: settings.text("type").to_uppercase(),
            port: u16::try_from(settings.number("port")).unwrap_or(0),
            refresh_interval: settings.span("refresh_interval"),
        })
    }

    pub(super) fn set_directory(&mut self, dir: &str) {
        if let Provider::Settings(settings) = &mut self.provider {
            settings.set_directory(dir);
        }
    }
}

/// All mechanisms except `static`, sorted by the key of their list.
fn mechanisms() -> Vec<&'static Mechanism> {
    let groups: [&[Mechanism]; 4] =
        [&local::MECHANISMS, &amazon::MECHANISMS, &clouds::MECHANISMS, &registries::MECHANISMS];
    let mut all: Vec<&Mechanism> = groups.into_iter().flatten().collect();
    all.sort_by_key(|mechanism| mechanism.list);
    all
}

/// Takes every list of discoveries out of a section.
pub(super) fn take(section: &mut Section<'_>) -> Result<Vec<Discovery>, Error> {
    let mut discoveries = Vec::new();
    if let Some(node) = section.take(STATIC_LIST).filter(|node| !node.is_null()) {
        discoveries.push(read_static(node)?);
    }
    for mechanism in mechanisms() {
        let empty = format!("empty or null section in {}", mechanism.list);
        let read = |node: &Node| {
            let settings = Settings::read(node, mechanism.name, mechanism.keys)?;
            (mechanism.check)(&settings).map_err(|message| Error::at(node.at, message))?;
            Ok(Discovery {
                kind: mechanism.name,
                provider: Provider::Settings(settings),
                position: node.at,
            })
        };
        discoveries.extend(yaml::list_of(section.take(mechanism.list), &empty, read)?);
    }
    Ok(discoveries)
}

fn read_static(node: &Node) -> Result<Discovery, Error> {
    let empty = "empty or null section in static_configs";
    let mut groups = yaml::list_of(Some(node), empty, TargetGroup::from_node)?;
    for (i, group) in groups.iter_mut().enumerate() {
        group.source = i.to_string();
    }
    Ok(Discovery { kind: "static", provider: Provider::Static(groups), position: node.at })
}

/// Refuses URLs where `host:port` is wanted: a common mistake.
pub(super) fn check_addresses(discoveries: &[Discovery]) -> Result<(), Error> {
    for discovery in discoveries {
        let targets = discovery.groups().unwrap_or_default().iter().flat_map(|g| &g.targets);
        if let Some(target) = targets.into_iter().find(|target| target.contains('/')) {
            let message = format!("{target:?} is not a valid hostname");
            return Err(Error::at(discovery.position, message));
        }
    }
    Ok(())
}

/// Shows every list of discoveries, sorted by key.
pub(super) fn render(discoveries: &[Discovery], out: &mut MapOut) {
    let mut lists: Vec<(&str, Vec<Out>)> = Vec::new();
    for discovery in discoveries {
        let (key, values) = match &discovery.provider {
            Provider::Static(groups) => {
                (STATIC_LIST, groups.iter().map(TargetGroup::render).collect())
            }
            Provider::Settings(settings) => {
                let list = mechanisms().into_iter().find(|m| m.name == discovery.kind);
                (list.map_or("", |m| m.list), vec![Out::Map(settings.render())])
            }
        };
        match lists.iter_mut().find(|(name, _)| *name == key) {
            Some((_, list)) => list.extend(values),
            None => lists.push((key, values)),
        }
    }
    lists.sort_by_key(|(key, _)| *key);
    for (key, list) in lists {
        out.list(key, list);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_mechanisms_of_upstream_are_there_once() {
        let mut names: Vec<&str> = mechanisms().iter().map(|mechanism| mechanism.name).collect();
        assert_eq!(names.len(), 36);
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 36);
        for mechanism in mechanisms() {
            assert_eq!(mechanism.list, format!("{}_sd_configs", mechanism.name));
        }
    }
}
