//! The values that templates compute with.

use crate::time::{Duration, Time};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// A value; cloning is cheap.
#[derive(Clone, Debug, Default)]
pub enum Value {
    /// No value: what a missing field of nothing is.
    #[default]
    Nil,
    /// `bool`
    Bool(bool),
    /// `int`
    Int(i64),
    /// `float64`
    Float(f64),
    /// `string`
    String(Arc<str>),
    /// `time.Time`
    Time(Time),
    /// `time.Duration`
    Duration(Duration),
    /// A slice.
    List(Arc<List>),
    /// A map from strings, in order of its keys.
    Map(Arc<Map>),
    /// What has fields and methods.
    Object(Arc<dyn Object>),
}

/// A slice.
#[derive(Clone, Debug)]
pub struct List {
    type_name: &'static str,
    items: Vec<Value>,
    depth: usize,
}

impl List {
    /// A slice of a type that Go names so: `[]string`, `[]interface {}`.
    #[must_use]
    pub fn new(type_name: &'static str, items: Vec<Value>) -> List {
        let depth = 1 + items.iter().map(Value::depth).max().unwrap_or(0);
        List { type_name, items, depth }
    }

    /// As Go names the type.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        self.type_name
    }

    /// The elements.
    #[must_use]
    pub fn items(&self) -> &[Value] {
        &self.items
    }
}

/// A map from strings.
#[derive(Clone, Debug)]
pub struct Map {
    type_name: &'static str,
    entries: BTreeMap<String, Value>,
    missing: Value,
    depth: usize,
}

impl Map {
    /// A map of a type that Go names so: `map[string]string`, `map[string]interface {}`; `missing`
    /// is what a key has that is not there.
    #[must_use]
    pub fn new(type_name: &'static str, entries: BTreeMap<String, Value>, missing: Value) -> Map {
        let depth = 1 + entries.values().map(Value::depth).max().unwrap_or(0);
        Map { type_name, entries, missing, depth }
    }
}

/// The types that parameters of functions and methods can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// `interface {}`
    Any,
    /// `string`
    String,
    /// `int`
    Int,
    /// `time.Time`
    Time,
    /// `time.Duration`
    Duration,
    /// `[]string`
    Strings,
    /// `[]interface {}`
    List,
    /// The object type with this name.
    Object(&'static str),
}

/// What has fields and methods, and can be ranged over when it likes to.
pub trait Object: fmt::Debug + Send + Sync {
    /// As Go names the type, for error messages: `template.Alerts`.
    fn type_name(&self) -> &'static str;
    /// The fields in their order, as they are printed.
    fn fields(&self) -> Vec<(&'static str, Value)> {
        Vec::new()
    }
    /// One field.
    fn field(&self, name: &str) -> Option<Value> {
        self.fields().into_iter().find(|(field, _)| *field == name).map(|(_, value)| value)
    }
    /// The parameters of a method; `None` when there is no such method.
    fn method(&self, name: &str) -> Option<&'static [Type]> {
        let _ = name;
        None
    }
    /// Calls a method with arguments of the types that [`Object::method`] gave.
    ///
    /// # Errors
    /// What the method has to say.
    fn call(&self, name: &str, args: &[Value]) -> Result<Value, String> {
        let _ = args;
        Err(format!("no method {name}"))
    }
    /// The fields under the names that they have in JSON.
    fn json_fields(&self) -> Vec<(&'static str, Value)> {
        self.fields()
    }
    /// The elements, when it is a slice.
    fn list(&self) -> Option<&[Value]> {
        None
    }
    /// The entries, when it is a map from strings; a missing entry is an empty string.
    fn map(&self) -> Option<&BTreeMap<String, Value>> {
        None
    }
    /// How it prints itself, when it is a `fmt.Stringer`.
    fn print(&self) -> Option<String> {
        None
    }
}

impl Value {
    /// `[]string`
    pub fn strings<S: AsRef<str>>(items: impl IntoIterator<Item = S>) -> Value {
        let items = items.into_iter().map(|item| Value::from(item.as_ref())).collect();
        Value::List(Arc::new(List::new("[]string", items)))
    }

    /// `[]interface {}`
    pub fn list(items: impl IntoIterator<Item = Value>) -> Value {
        let items = items.into_iter().collect();
        Value::List(Arc::new(List::new("[]interface {}", items)))
    }

    /// `map[string]string`, of which a missing key is empty.
    pub fn string_map<N: Into<String>, V: AsRef<str>>(
        entries: impl IntoIterator<Item = (N, V)>,
    ) -> Value {
        let entry = |(name, value): (N, V)| (name.into(), Value::from(value.as_ref()));
        let entries = entries.into_iter().map(entry).collect();
        Value::Map(Arc::new(Map::new("map[string]string", entries, Value::from(""))))
    }

    /// `map[string]interface {}`, of which a missing key is no value.
    pub fn map<N: Into<String>>(entries: impl IntoIterator<Item = (N, Value)>) -> Value {
        let entries = entries.into_iter().map(|(name, value)| (name.into(), value)).collect();
        Value::Map(Arc::new(Map::new("map[string]interface {}", entries, Value::Nil)))
    }

    /// An object.
    pub fn object(object: impl Object + 'static) -> Value {
        Value::Object(Arc::new(object))
    }

    /// The text of a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// As Go names the type.
    #[must_use]
    pub fn type_name(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Value::Nil => "<nil>",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Float(_) => "float64",
            Value::String(_) => "string",
            Value::Time(_) => "time.Time",
            Value::Duration(_) => "time.Duration",
            Value::List(list) => list.type_name,
            Value::Map(map) => map.type_name,
            Value::Object(object) => object.type_name(),
        })
    }

    /// Whether `if` takes it for true: not the zero of its type.
    #[must_use]
    pub fn is_true(&self) -> bool {
        match self {
            Value::Nil => false,
            Value::Bool(value) => *value,
            Value::Int(value) => *value != 0,
            Value::Float(value) => *value != 0.0,
            Value::String(text) => !text.is_empty(),
            Value::Time(_) => true,
            Value::Duration(value) => value.0 != 0,
            _ => self.len() != Some(0),
        }
    }

    /// How many elements or bytes there are, where the question makes sense.
    #[must_use]
    pub fn len(&self) -> Option<usize> {
        match self {
            Value::String(text) => Some(text.len()),
            _ => self.items().map(<[Value]>::len).or_else(|| self.entries().map(BTreeMap::len)),
        }
    }

    /// Whether there are no elements, where the question makes sense.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == Some(0)
    }

    /// The elements of a slice.
    #[must_use]
    pub fn items(&self) -> Option<&[Value]> {
        match self {
            Value::List(list) => Some(&list.items),
            Value::Object(object) => object.list(),
            _ => None,
        }
    }

    /// The entries of a map.
    #[must_use]
    pub fn entries(&self) -> Option<&BTreeMap<String, Value>> {
        match self {
            Value::Map(map) => Some(&map.entries),
            Value::Object(object) => object.map(),
            _ => None,
        }
    }

    /// How deep lists and maps nest in it.
    pub(crate) fn depth(&self) -> usize {
        match self {
            Value::List(list) => list.depth,
            Value::Map(map) => map.depth,
            _ => 0,
        }
    }

    /// The entry of a map, or what the map has for missing keys. `None` when it is no map.
    pub(crate) fn entry(&self, key: &str) -> Option<Value> {
        let missing = match self {
            Value::Map(map) => map.missing.clone(),
            _ => Value::from(""),
        };
        Some(self.entries()?.get(key).cloned().unwrap_or(missing))
    }
}

impl Type {
    /// As Go names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Type::Any => "interface {}",
            Type::String => "string",
            Type::Int => "int",
            Type::Time => "time.Time",
            Type::Duration => "time.Duration",
            Type::Strings => "[]string",
            Type::List => "[]interface {}",
            Type::Object(name) => name,
        }
    }

    /// Whether a value can be given where this type is wanted.
    pub(crate) fn accepts(self, value: &Value) -> bool {
        match (self, value) {
            (Type::Any, _) | (Type::String, Value::String(_)) | (Type::Time, Value::Time(_)) => {
                true
            }
            _ => value.type_name() == self.name(),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::String(Arc::from(text))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::String(Arc::from(text))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Value {
        Value::Int(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Value {
        Value::Float(value)
    }
}
