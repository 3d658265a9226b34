//! Typed values from a tree, with the errors of Go's strict decoder.

use std::collections::BTreeMap;
use std::time::Duration;

use super::node::{Entry, Node, Value};
use super::scalar;
use crate::{Error, Position, Secret};

/// A type that can be read from a node.
pub trait FromNode: Sized {
    /// Reads a node that is not null.
    fn from_node(node: &Node) -> Result<Self, Error>;

    /// What null stands for, where that is not the same as an absent key: Go's decoder resets
    /// plain values to their zero value.
    fn from_null() -> Option<Self> {
        None
    }
}

/// The keys of a mapping, taken out one by one; what is left over at the end is an error.
pub struct Section<'n> {
    kind: &'static str,
    at: Position,
    entries: &'n [Entry],
    taken: Vec<bool>,
}

impl<'n> Section<'n> {
    /// Opens a mapping; `kind` names it in errors.
    pub fn open(node: &'n Node, kind: &'static str) -> Result<Section<'n>, Error> {
        let entries = node.entries(kind)?;
        if let Some(entry) = first_duplicate(entries) {
            let message = format!("field {} already set in type {kind}", entry.key);
            return Err(Error::at(entry.at, message));
        }
        Ok(Section { kind, at: node.at, entries, taken: vec![false; entries.len()] })
    }

    /// Where the mapping begins.
    pub fn at(&self) -> Position {
        self.at
    }

    /// The value of a key, null included; the key counts as known from now on.
    pub fn take(&mut self, key: &str) -> Option<&'n Node> {
        let index = self.entries.iter().position(|entry| entry.key == key)?;
        self.taken[index] = true;
        Some(&self.entries[index].node)
    }

    /// The value of a key; `None` where it is absent or null does not mean anything.
    pub fn get<T: FromNode>(&mut self, key: &str) -> Result<Option<T>, Error> {
        match self.take(key) {
            None => Ok(None),
            Some(node) if node.is_null() => Ok(T::from_null()),
            Some(node) => T::from_node(node).map(Some).map_err(|error| under(key, error)),
        }
    }

    /// The value of a key, or `default`.
    pub fn or<T: FromNode>(&mut self, key: &str, default: T) -> Result<T, Error> {
        Ok(self.get(key)?.unwrap_or(default))
    }

    /// The value of a key, or its type's default.
    pub fn or_default<T: FromNode + Default>(&mut self, key: &str) -> Result<T, Error> {
        self.or(key, T::default())
    }

    /// The text of a key where it is set and not empty.
    pub fn filled(&mut self, key: &str) -> Result<Option<String>, Error> {
        Ok(self.get::<String>(key)?.filter(|text| !text.is_empty()))
    }

    /// Where the value of a key stands; where the mapping begins, if the key is absent.
    pub fn position_of(&self, key: &str) -> Position {
        self.entries.iter().find(|entry| entry.key == key).map_or(self.at, |entry| entry.node.at)
    }

    /// A complaint about the value of a key.
    pub fn complain(&self, key: &str, message: impl Into<String>) -> Error {
        Error::at(self.position_of(key), message)
    }

    /// Fails if there are keys that nobody took.
    pub fn finish(self) -> Result<(), Error> {
        let unknown: Vec<&Entry> = self.left().collect();
        let Some(first) = unknown.first() else {
            return Ok(());
        };
        let names: Vec<&str> = unknown.iter().map(|entry| entry.key.as_str()).collect();
        let message = format!("field {} not found in type {}", names.join(", "), self.kind);
        Err(Error::at(first.at, message))
    }

    fn left(&self) -> impl Iterator<Item = &'n Entry> {
        self.entries.iter().zip(&self.taken).filter(|(_, taken)| !**taken).map(|(entry, _)| entry)
    }
}

/// Names the key in an error that speaks of a value only.
pub(super) fn under(key: &str, error: Error) -> Error {
    if error.message.starts_with("cannot unmarshal") || error.message.starts_with("not a valid") {
        return Error { message: format!("{key}: {}", error.message), ..error };
    }
    error
}

pub(super) fn first_duplicate(entries: &[Entry]) -> Option<&Entry> {
    let mut seen = std::collections::HashSet::with_capacity(entries.len());
    entries.iter().find(|entry| !seen.insert(entry.key.as_str()))
}

/// Reads a list of sections none of which may be null; `empty` is the complaint then.
pub fn list_of<T>(
    node: Option<&Node>,
    empty: &str,
    mut read: impl FnMut(&Node) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let Some(node) = node else {
        return Ok(Vec::new());
    };
    let one = |element: &Node| {
        if element.is_null() { Err(Error::at(element.at, empty)) } else { read(element) }
    };
    node.elements("list")?.iter().map(one).collect()
}

impl FromNode for String {
    fn from_node(node: &Node) -> Result<String, Error> {
        match &node.value {
            Value::Plain(text) | Value::Quoted(text) => Ok(text.clone()),
            _ => Err(node.mismatch("string")),
        }
    }

    fn from_null() -> Option<String> {
        Some(String::new())
    }
}

/// A text of which not every byte need be part of a character, as `!!binary` gives it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Binary(pub Vec<u8>);

impl FromNode for Binary {
    fn from_node(node: &Node) -> Result<Binary, Error> {
        match &node.value {
            Value::Binary(bytes) => Ok(Binary(bytes.clone())),
            _ => String::from_node(node).map(|text| Binary(text.into_bytes())),
        }
    }

    fn from_null() -> Option<Binary> {
        Some(Binary::default())
    }
}

impl FromNode for Secret {
    fn from_node(node: &Node) -> Result<Secret, Error> {
        match &node.value {
            Value::Plain(text) | Value::Quoted(text) => Ok(Secret::new(text.as_str())),
            _ => Err(Error::at(node.at, "a secret must be a text")),
        }
    }

    fn from_null() -> Option<Secret> {
        Some(Secret::default())
    }
}

impl FromNode for bool {
    fn from_node(node: &Node) -> Result<bool, Error> {
        let parsed = match &node.value {
            Value::Plain(text) => scalar::parse_bool(text),
            _ => None,
        };
        parsed.ok_or_else(|| node.mismatch("bool"))
    }

    fn from_null() -> Option<bool> {
        Some(false)
    }
}

fn integer<T: TryFrom<i128> + Default>(node: &Node, wanted: &str) -> Result<T, Error> {
    let Value::Plain(text) = &node.value else {
        return Err(node.mismatch(wanted));
    };
    let number = scalar::parse_int(text).or_else(|| {
        // Go cuts the fraction off.
        scalar::parse_float(text).filter(|float| float.is_finite()).map(|float| float as i128)
    });
    number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| node.mismatch(wanted))
}

macro_rules! integers {
    ($($int:ty => $name:literal),*) => {$(
        impl FromNode for $int {
            fn from_node(node: &Node) -> Result<$int, Error> {
                integer(node, $name)
            }

            fn from_null() -> Option<$int> {
                Some(0)
            }
        }
    )*};
}
integers!(i64 => "int", u64 => "uint", u32 => "uint32", u16 => "uint16", usize => "uint");

impl FromNode for f64 {
    fn from_node(node: &Node) -> Result<f64, Error> {
        let parsed = match &node.value {
            Value::Plain(text) => scalar::parse_float(text),
            _ => None,
        };
        parsed.ok_or_else(|| node.mismatch("float64"))
    }

    fn from_null() -> Option<f64> {
        Some(0.0)
    }
}

/// A duration as Prometheus writes it.
impl FromNode for Duration {
    fn from_node(node: &Node) -> Result<Duration, Error> {
        let text = String::from_node(node)?;
        crate::duration::parse(&text).map_err(|error| Error::at(node.at, error.to_string()))
    }

    fn from_null() -> Option<Duration> {
        Some(Duration::ZERO)
    }
}

impl<T: FromNode> FromNode for Vec<T> {
    fn from_node(node: &Node) -> Result<Vec<T>, Error> {
        let one = |element: &Node| match T::from_null() {
            Some(zero) if element.is_null() => Ok(zero),
            _ => T::from_node(element),
        };
        node.elements("list")?.iter().map(one).collect()
    }

    fn from_null() -> Option<Vec<T>> {
        Some(Vec::new())
    }
}

impl<T: FromNode> FromNode for BTreeMap<String, T> {
    fn from_node(node: &Node) -> Result<BTreeMap<String, T>, Error> {
        let entries = node.entries("map")?;
        if let Some(entry) = first_duplicate(entries) {
            let message = format!("key \"{}\" already set in map", entry.key);
            return Err(Error::at(entry.at, message));
        }
        let one = |entry: &Entry| {
            let value = match T::from_null() {
                Some(zero) if entry.node.is_null() => zero,
                _ => T::from_node(&entry.node)?,
            };
            Ok((entry.key.clone(), value))
        };
        entries.iter().map(one).collect()
    }

    fn from_null() -> Option<BTreeMap<String, T>> {
        Some(BTreeMap::new())
    }
}
