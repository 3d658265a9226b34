//! What targets share: bytes as choices, queries made of choices, and stores to ask.

mod api;
mod bytes;
mod grammar;
mod store;

pub use api::api;
pub use bytes::Bytes;
pub use grammar::query;
pub use store::store;
