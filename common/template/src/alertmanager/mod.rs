//! Alertmanager's templates: notifications.

mod data;
mod functions;
mod json;

pub use data::{Alert, Data, Kv};
pub use functions::AlertmanagerFunctions;
