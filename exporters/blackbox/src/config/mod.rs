//! `blackbox.yml`: modules by name, each saying how to probe.
//!
//! [`Config::parse`] reads a text into checked structures, with blackbox_exporter's complaints;
//! nobody checks again. Secrets are never shown ([`Config::show`], [`Module::show`]).

mod additions;
mod cel;
mod dialogue;
mod dns;
mod dns_names;
mod encoding;
mod http;
mod module;
mod names;
mod show;
mod small;

use std::collections::BTreeMap;
use std::sync::Arc;

use common_config::Error;
use common_config::yaml::{self, Section, Value};

pub use additions::{Additions, HostPattern, Network, TargetList};
pub use cel::Cel;
pub use dialogue::{Dialogue, Expect, Label, Step};
pub use dns::{DnsModule, RrRules, Transport};
pub use dns_names::{class_code, class_name, rcode_code, rcode_name, type_code, type_name};
pub use http::{Compression, HeaderMatch, HttpModule};
pub use module::{GoDuration, IpChoice, Module};
pub use small::{GrpcModule, IcmpModule, TcpModule, UnixModule, WebsocketModule};

/// Modules that a configuration may hold; a forgotten loop in a generator should not fill memory.
pub const MODULES_MAX: usize = 100_000;

/// A whole configuration.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The modules by name.
    pub modules: BTreeMap<String, Arc<Module>>,
    /// What is worth a word though it is allowed: module and sentence.
    pub warnings: Vec<(String, &'static str)>,
}

impl Config {
    /// Reads the text of a file; `file` is named in errors.
    pub fn parse(text: &str, file: &str) -> Result<Config, Error> {
        read(text).map_err(|error| error.in_file(file))
    }
}

fn read(text: &str) -> Result<Config, Error> {
    let node = yaml::compose(text)?;
    if node.is_null() && text.lines().all(|line| matches!(line.trim(), "" | "---")) {
        return Err(Error::whole("EOF"));
    }
    let mut section = Section::open(&node, "config.plain")?;
    let modules = section.take("modules");
    section.finish()?;
    let mut config = Config::default();
    let Some(modules) = modules else { return Ok(config) };
    let entries = modules.entries("map[string]config.Module")?;
    if entries.len() > MODULES_MAX {
        return Err(Error::at(modules.at, format!("more than {MODULES_MAX} modules")));
    }
    for entry in entries {
        let module = match entry.node.value {
            Value::Null => Module::zero(),
            _ => Module::read(&entry.node)?,
        };
        let warnings = module.warnings().into_iter();
        config.warnings.extend(warnings.map(|text| (entry.key.clone(), text)));
        if config.modules.insert(entry.key.clone(), Arc::new(module)).is_some() {
            let message = format!("mapping key {:?} already defined", entry.key);
            return Err(Error::at(entry.at, message));
        }
    }
    Ok(config)
}

/// A list of patterns that were compiled when the configuration was read.
pub(crate) fn compile(
    node_at: common_config::Position,
    pattern: &str,
) -> Result<common_re2::Regex, Error> {
    common_re2::Regex::new(pattern).map_err(|_| {
        let message = format!("\"Could not compile regular expression\" regexp={pattern:?}");
        Error::at(node_at, message)
    })
}

/// The patterns of a list.
pub(crate) fn patterns(
    section: &mut Section<'_>,
    key: &str,
) -> Result<Vec<common_re2::Regex>, Error> {
    let texts: Vec<String> = section.or_default(key)?;
    let at = section.position_of(key);
    texts.iter().map(|text| compile(at, text)).collect()
}
