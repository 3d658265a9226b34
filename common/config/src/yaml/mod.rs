//! YAML as Go's `yaml.v2` reads it in strict mode, with the place of everything.
//!
//! A text becomes a tree of [`Node`]s; readers take typed values from it key by key ([`Section`]),
//! or through serde ([`load`]). [`write`] goes the other way.

mod compose;
mod de;
mod node;
mod read;
mod scalar;
mod write;

pub use compose::compose;
pub use de::load;
pub use node::{Node, Value};
pub use read::{Binary, FromNode, Section, list_of};
pub use write::{MapOut, Out, write, write_indented};
