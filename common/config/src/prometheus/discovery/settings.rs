//! The settings of one discovery entry, read and shown by its table.

use std::collections::BTreeMap;
use std::time::Duration;

use super::table::{Key, Kind, Shown};
use crate::http::{HttpClientConfig, TlsConfig};
use crate::url::Url;
use crate::yaml::{MapOut, Node, Out, Section};
use crate::{Error, Secret, duration, paths};

/// The values of all keys of a section, defaults included.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    values: Vec<(&'static str, Setting, Shown)>,
}

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub enum Setting {
    /// A text.
    Text(String),
    /// A URL.
    Url(Option<Url>),
    /// A secret.
    Secret(Secret),
    /// A file's name.
    Path(String),
    /// A bool.
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// A duration.
    Span(Duration),
    /// A list of texts.
    Texts(Vec<String>),
    /// A list of file names.
    Paths(Vec<String>),
    /// A mapping of texts.
    TextMap(BTreeMap<String, String>),
    /// A section.
    Section(Settings),
    /// A list of sections.
    Sections(Vec<Settings>),
    /// A TLS section.
    Tls(Box<TlsConfig>),
    /// The inline *http client* keys.
    Http(Box<HttpClientConfig>),
}

impl Settings {
    /// The value of a key, where the mechanism has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Setting> {
        self.values.iter().find(|(name, ..)| *name == key).map(|(_, value, _)| value)
    }

    /// The text, URL, path or secret of a key; empty where there is none.
    #[must_use]
    pub fn text(&self, key: &str) -> &str {
        match self.get(key) {
            Some(Setting::Text(text) | Setting::Path(text)) => text,
            Some(Setting::Secret(secret)) => secret.expose(),
            Some(Setting::Url(Some(url))) => url.as_str(),
            _ => "",
        }
    }

    /// The list of a key; empty where there is none.
    #[must_use]
    pub fn texts(&self, key: &str) -> &[String] {
        match self.get(key) {
            Some(Setting::Texts(texts) | Setting::Paths(texts)) => texts,
            _ => &[],
        }
    }

    /// The duration of a key; zero where there is none.
    #[must_use]
    pub fn span(&self, key: &str) -> Duration {
        match self.get(key) {
            Some(Setting::Span(span)) => *span,
            _ => Duration::ZERO,
        }
    }

    /// The number of a key; zero where there is none.
    #[must_use]
    pub fn number(&self, key: &str) -> i64 {
        match self.get(key) {
            Some(Setting::Number(number)) => *number,
            _ => 0,
        }
    }

    /// The bool of a key.
    #[must_use]
    pub fn flag(&self, key: &str) -> bool {
        matches!(self.get(key), Some(Setting::Flag(true)))
    }

    /// The URL of a key.
    #[must_use]
    pub fn url(&self, key: &str) -> Option<&Url> {
        match self.get(key) {
            Some(Setting::Url(url)) => url.as_ref(),
            _ => None,
        }
    }

    /// The section of a key.
    #[must_use]
    pub fn section(&self, key: &str) -> Option<&Settings> {
        match self.get(key) {
            Some(Setting::Section(section)) => Some(section),
            _ => None,
        }
    }

    /// The sections of a key.
    #[must_use]
    pub fn sections(&self, key: &str) -> &[Settings] {
        match self.get(key) {
            Some(Setting::Sections(sections)) => sections,
            _ => &[],
        }
    }

    /// The inline *http client* keys, where the mechanism has them.
    #[must_use]
    pub fn http(&self) -> Option<&HttpClientConfig> {
        match self.get("") {
            Some(Setting::Http(http)) => Some(http),
            _ => None,
        }
    }

    /// Reads a section by its table.
    pub(super) fn read(
        node: &Node,
        kind: &'static str,
        keys: &'static [Key],
    ) -> Result<Settings, Error> {
        let mut section = Section::open(node, kind)?;
        let mut values = Vec::with_capacity(keys.len());
        for key in keys {
            values.push((key.name, read_value(&mut section, key, kind)?, key.shown));
        }
        section.finish()?;
        Ok(Settings { values })
    }

    /// Puts a folder in front of every relative file name.
    pub(super) fn set_directory(&mut self, dir: &str) {
        for (_, value, _) in &mut self.values {
            match value {
                Setting::Path(path) => paths::join(dir, path),
                Setting::Paths(list) => list.iter_mut().for_each(|path| paths::join(dir, path)),
                Setting::Section(inner) => inner.set_directory(dir),
                Setting::Sections(list) => list.iter_mut().for_each(|one| one.set_directory(dir)),
                Setting::Tls(tls) => tls.set_directory(dir),
                Setting::Http(http) => http.set_directory(dir),
                _ => {}
            }
        }
    }

    /// The section as a loaded configuration shows it.
    pub(super) fn render(&self) -> MapOut {
        let mut out = MapOut::default();
        for (name, value, shown) in &self.values {
            match value {
                Setting::Http(http) => {
                    out.inline(http.render());
                }
                value => {
                    if *shown == Shown::Always || !value.is_empty() {
                        out.put(name, value.render());
                    }
                }
            }
        }
        out
    }
}

fn read_value(section: &mut Section<'_>, key: &Key, kind: &'static str) -> Result<Setting, Error> {
    let name = key.name;
    Ok(match key.kind {
        Kind::Text(default) => Setting::Text(section.or(name, default.to_owned())?),
        Kind::Lower(default) => Setting::Text(section.or(name, default.to_owned())?.to_lowercase()),
        Kind::Url => Setting::Url(read_url(section, name)?),
        Kind::Secret => Setting::Secret(section.or_default(name)?),
        Kind::Path => Setting::Path(section.or_default(name)?),
        Kind::Flag(default) => Setting::Flag(section.or(name, default)?),
        Kind::Number(default) => Setting::Number(section.or(name, default)?),
        Kind::Span(default) => {
            Setting::Span(section.or(name, Duration::from_secs(default.into()))?)
        }
        Kind::Texts(default) => {
            let default = default.iter().map(|text| (*text).to_owned()).collect();
            Setting::Texts(section.or(name, default)?)
        }
        Kind::Paths => Setting::Paths(section.or_default(name)?),
        Kind::TextMap => Setting::TextMap(section.or_default(name)?),
        Kind::Inner(keys) => {
            let null = Node { at: section.at(), value: crate::yaml::Value::Null };
            let node = section.take(name).unwrap_or(&null);
            Setting::Section(Settings::read(node, kind, keys)?)
        }
        Kind::Sections(keys) => {
            let empty = format!("empty or null section in {name}");
            let read = |node: &Node| Settings::read(node, kind, keys);
            Setting::Sections(crate::yaml::list_of(section.take(name), &empty, read)?)
        }
        Kind::Tls => Setting::Tls(Box::new(section.or_default(name)?)),
        Kind::Http => {
            let default = HttpClientConfig::default();
            Setting::Http(Box::new(HttpClientConfig::take(section, default)?))
        }
    })
}

fn read_url(section: &mut Section<'_>, name: &str) -> Result<Option<Url>, Error> {
    let Some(text) = section.get::<String>(name)? else {
        return Ok(None);
    };
    match Url::parse(&text) {
        Ok(url) => Ok(Some(url).filter(|_| !text.is_empty())),
        Err(reason) => Err(section.complain(name, reason)),
    }
}

impl Setting {
    fn is_empty(&self) -> bool {
        match self {
            Setting::Text(text) | Setting::Path(text) => text.is_empty(),
            Setting::Url(url) => url.is_none(),
            Setting::Secret(secret) => secret.is_empty(),
            Setting::Flag(flag) => !flag,
            Setting::Number(number) => *number == 0,
            Setting::Span(span) => span.is_zero(),
            Setting::Texts(list) | Setting::Paths(list) => list.is_empty(),
            Setting::TextMap(map) => map.is_empty(),
            Setting::Section(inner) => inner.values.iter().all(|value| value.1.is_empty()),
            Setting::Sections(list) => list.is_empty(),
            Setting::Tls(tls) => **tls == TlsConfig::default(),
            Setting::Http(_) => false,
        }
    }

    fn render(&self) -> Out {
        match self {
            Setting::Text(text) | Setting::Path(text) => Out::Text(text.clone()),
            Setting::Url(url) => {
                Out::Text(url.as_ref().map(ToString::to_string).unwrap_or_default())
            }
            Setting::Secret(secret) => Out::Text(secret.to_string()),
            Setting::Flag(flag) => Out::Bare(flag.to_string()),
            Setting::Number(number) => Out::Bare(number.to_string()),
            Setting::Span(span) => Out::Text(duration::format(*span)),
            Setting::Texts(list) | Setting::Paths(list) => {
                Out::List(list.iter().cloned().map(Out::Text).collect())
            }
            Setting::TextMap(map) => Out::Map(MapOut(
                map.iter().map(|(k, v)| (k.clone(), Out::Text(v.clone()))).collect(),
            )),
            Setting::Section(inner) => Out::Map(inner.render()),
            Setting::Sections(list) => {
                Out::List(list.iter().map(|one| Out::Map(one.render())).collect())
            }
            Setting::Tls(tls) => Out::Map(tls.render()),
            Setting::Http(http) => Out::Map(http.render()),
        }
    }
}
