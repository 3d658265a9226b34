//! Upstream's test language (`.test` files), run in this process over the in-memory store.
//!
//! `load` fills the store, `eval` asks and compares. As upstream does, every instant query is
//! asked again as a range query and with `@` on its selectors.

mod annotations;
mod compare;
mod expression;
mod lazy;
mod load;
mod run;
mod script;

use std::fmt;
use std::sync::Arc;

use server_storage::memory::MemoryStore;
use server_storage::{Appendable, Queryable};

pub use expression::{histogram_expression, histogram_text, parse_histogram};
pub use lazy::{LazyLoader, OrderedStore};

/// What became of a script.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Evals that gave what was expected.
    pub passed: usize,
    /// Evals that did not, and commands that could not be read.
    pub failed: usize,
    /// Why, in order of the lines.
    pub failures: Vec<Failure>,
}

/// One failed eval or unreadable command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Line of the command, from 1.
    pub line: usize,
    /// The expression, or the command.
    pub expr: String,
    /// What was expected and what came.
    pub message: String,
}

/// `line 12: sum(x): expected ...`
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}: {}", self.line, self.expr, self.message)
    }
}

/// Where a script's samples go and come from.
#[derive(Clone)]
pub struct ScriptStore {
    /// Takes what is loaded.
    pub write: Arc<dyn Appendable>,
    /// Is asked.
    pub read: Arc<dyn Queryable>,
    /// Whether the store finds counter resets between histograms, as a database does; for one that
    /// does not they are found while loading.
    pub finds_resets: bool,
}

/// Runs the text of a `.test` file on an engine set up as upstream's tests expect.
#[must_use]
pub fn run_script(text: &str) -> Outcome {
    run_script_over(text, &|| {
        let store = Arc::new(MemoryStore::default());
        ScriptStore { write: store.clone(), read: store, finds_resets: false }
    })
}

/// The same over other stores: `empty` makes one at the beginning and for each `clear`.
#[must_use]
pub fn run_script_over(text: &str, empty: &dyn Fn() -> ScriptStore) -> Outcome {
    run::Runner::new(empty).run(&script::parse(text))
}

/// `5m`, `-1h30m`, or a plain number of seconds, as milliseconds.
fn time_ms(text: &str) -> Result<i64, String> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let ms = match digits.parse::<f64>() {
        Ok(seconds) if seconds.is_finite() => (seconds * 1000.0) as i64,
        _ => i64::try_from(crate::parser::parse_duration_ms(digits)?)
            .map_err(|_| "duration out of range".to_owned())?,
    };
    Ok(ms.saturating_mul(sign))
}
