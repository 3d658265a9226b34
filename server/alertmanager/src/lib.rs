//! Routes, groups and receivers: alerts come in, messages go out.
//!
//! [`Manager`] keeps alerts, groups them as the routes say and tells the receivers, again and
//! again while something fires and once when it ended. What receivers were told is kept in memory
//! only: after a restart they are told once more of what still fires.

mod alert;
mod dispatch;
mod error;
mod manager;
mod message;
mod metrics;
mod receivers;
mod retry;
mod templates;

pub use alert::{Alert, fingerprint};
pub use dispatch::{ALERTS_MAX, AlertView, GROUPS_MAX, GroupView};
pub use error::Error;
pub use manager::{DELIVERIES_MAX, Manager, ManagerOptions, SHUTDOWN_DEADLINE};
pub use templates::{ReadTemplates, read_template_files};
