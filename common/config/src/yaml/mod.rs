//! YAML as Go's `yaml.v2` reads it in strict mode, with the place of everything.
//!
//! A text becomes a tree of [`Node`]s; readers take typed values from it key by key ([`Section`]),
//! or through serde ([`load`]).

mod compose;
mod node;
mod read;
mod scalar;
mod write;

pub(crate) use compose::compose;
pub(crate) use node::{Node, Value};
pub(crate) use read::{FromNode, Section, list_of};
pub(crate) use write::{MapOut, Out, write};
