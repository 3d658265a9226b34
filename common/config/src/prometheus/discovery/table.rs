//! What a table says about the keys of a discovery mechanism.

use super::settings::Settings;

/// One mechanism: `consul` with its `consul_sd_configs`.
pub(crate) struct Mechanism {
    /// Its short name.
    pub(crate) name: &'static str,
    /// The key of its list.
    pub(crate) list: &'static str,
    /// Its keys in the order in which they are shown.
    pub(crate) keys: &'static [Key],
    /// What must hold between them.
    pub(crate) check: fn(&Settings) -> Result<(), String>,
}

/// One key of a section.
pub(crate) struct Key {
    /// Its name; empty for the inline client keys.
    pub(crate) name: &'static str,
    /// What it holds.
    pub(crate) kind: Kind,
    /// Whether it is shown when it is empty.
    pub(crate) shown: Shown,
}

/// When a key is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Shown {
    /// Always.
    Always,
    /// When it is not empty, zero or false.
    Filled,
}

/// What a key holds, with its default.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// A text.
    Text(&'static str),
    /// A text in small letters.
    Lower(&'static str),
    /// A URL.
    Url,
    /// A secret.
    Secret,
    /// A file's name.
    Path,
    /// A bool.
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// A duration in seconds.
    Span(u32),
    /// A list of texts.
    Texts(&'static [&'static str]),
    /// A list of file names.
    Paths,
    /// A mapping of texts.
    TextMap,
    /// A section that is there with its defaults when it is not written.
    Inner(&'static [Key]),
    /// A list of sections.
    Sections(&'static [Key]),
    /// A TLS section.
    Tls,
    /// The inline *http client* keys.
    Http,
}

/// A key that is shown when it is not empty.
pub(crate) const fn key(name: &'static str, kind: Kind) -> Key {
    Key { name, kind, shown: Shown::Filled }
}

/// A key that is always shown.
pub(crate) const fn always(name: &'static str, kind: Kind) -> Key {
    Key { name, kind, shown: Shown::Always }
}

/// The inline client keys.
pub(crate) const HTTP: Key = Key { name: "", kind: Kind::Http, shown: Shown::Always };

/// The check of a mechanism that has none.
pub(crate) fn anything(_: &Settings) -> Result<(), String> {
    Ok(())
}
