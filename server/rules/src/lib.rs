//! Recording and alerting rules: read, checked, evaluated on time, alerts kept and handed on.
//!
//! [`load`] turns the text of a rule file into [`GroupSpec`]s, [`check_file`] says what is wrong
//! with one. A [`Manager`] evaluates groups in tasks of their own; a [`Group`] on its own, driven
//! by hand over an [`Evaluator`], is what `promtool test rules` needs. The states of an alert are
//! a pure machine that gets the time as an argument ([`alert`]).

pub mod alert;
mod evaluator;
mod expand;
mod group;
mod lint;
mod load;
mod manager;
mod metrics;
mod query;
mod restore;
mod rule;
mod schedule;
mod stale;
mod status;
mod task;

pub use evaluator::{Evaluator, ManagerOptions, Notify, Now, QUERY_TIMEOUT_DEFAULT, Timing};
pub use group::{Group, GroupSettings};
pub use lint::{Duplicate, duplicates};
pub use load::{Complaint, GroupSpec, LoadOptions, RuleSpec, check_file, load};
pub use manager::{Manager, RuleSet};
pub use status::{AlertStatus, GroupStatus, Health, RuleStatus};

pub use common_config::rules::RuleKind;
