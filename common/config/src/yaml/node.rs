//! The tree a YAML document is, before anybody knows what type it should have.

use crate::{Error, Position};

/// One value and where it begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it begins.
    pub at: Position,
    /// What it is.
    pub value: Value,
}

/// The shapes of YAML.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// A scalar that was not quoted: a text, number or bool, as the reader wants.
    Plain(String),
    /// A quoted or block scalar: always a text.
    Quoted(String),
    /// A `!!binary` scalar whose bytes are no text.
    Binary(Vec<u8>),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order of the text.
    Map(Vec<Entry>),
}

/// One key of a mapping with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key's text.
    pub key: String,
    /// Where the key begins.
    pub at: Position,
    /// The value.
    pub node: Node,
}

impl Node {
    /// Whether there is nothing.
    pub fn is_null(&self) -> bool {
        self.value == Value::Null
    }

    /// The entries of a mapping; nothing is an empty one.
    pub fn entries(&self, wanted: &str) -> Result<&[Entry], Error> {
        match &self.value {
            Value::Map(entries) => Ok(entries),
            Value::Null => Ok(&[]),
            _ => Err(self.mismatch(wanted)),
        }
    }

    /// The elements of a sequence; nothing is an empty one.
    pub fn elements(&self, wanted: &str) -> Result<&[Node], Error> {
        match &self.value {
            Value::List(elements) => Ok(elements),
            Value::Null => Ok(&[]),
            _ => Err(self.mismatch(wanted)),
        }
    }

    /// "This is not what is wanted", in the words of Go's decoder.
    pub fn mismatch(&self, wanted: &str) -> Error {
        let found = match &self.value {
            Value::Null => "!!null".to_owned(),
            Value::Plain(text) => {
                format!("{} `{}`", super::scalar::tag_of(text), shortened(text))
            }
            Value::Quoted(text) => format!("!!str `{}`", shortened(text)),
            Value::Binary(bytes) => {
                let message = format!("\"{}\" is not valid UTF-8", bytes.escape_ascii());
                return Error::at(self.at, message);
            }
            Value::List(_) => "!!seq".to_owned(),
            Value::Map(_) => "!!map".to_owned(),
        };
        Error::at(self.at, format!("cannot unmarshal {found} into {wanted}"))
    }
}

/// The beginning of a long scalar, as much as an error should quote.
fn shortened(text: &str) -> String {
    const SHOWN_MAX: usize = 40;
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
