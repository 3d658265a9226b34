//! Alertmanager's templates: notifications.

mod data;
mod functions;
mod json;
mod title;

pub use data::{Alert, Data, Kv};
pub use functions::AlertmanagerFunctions;
