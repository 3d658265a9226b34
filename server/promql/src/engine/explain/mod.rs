//! What an evaluation does, node by node: [`Recorder`] listens, [`Plan`] tells.
//!
//! Series are pushed from node to node, so a node runs within the node below it and not beside it.
//! The recorder therefore knows one current node: whoever enters a node, or its sink, turns to
//! another one, and the time that passed is the time of the one that was current.

mod plan;

use std::time::Duration;

use hashbrown::HashMap;
use parking_lot::Mutex;

use super::QueryError;
use crate::ast::{Expr, VectorSelector};

pub use plan::{Execution, Plan, PlanNode, Search};

/// Most nodes of an expression that is explained.
pub const EXPLAIN_NODES_MAX: usize = 10_000;

/// Tells the time since some moment that stays the same.
pub type Clock<'a> = &'a (dyn Fn() -> Duration + Sync);

/// Listens to one evaluation of one expression, which must be the very tree it was made for. The
/// evaluation is sequential: one node at a time is the current one.
pub struct Recorder<'a> {
    expr: &'a Expr,
    clock: Clock<'a>,
    /// Number of a node, in the order in which they are written, by its address.
    numbers: HashMap<usize, usize>,
    state: Mutex<State>,
}

/// What one node did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measure {
    /// Time in the node itself: without the nodes below it, and without who takes its series.
    pub own: Duration,
    /// Steps it was evaluated at; zero where it was not evaluated.
    pub steps: usize,
    /// Series it handed on.
    pub series: u64,
    /// Samples in them.
    pub samples: u64,
    /// Series it read from the store.
    pub series_read: u64,
    /// Samples the store handed over, each once.
    pub samples_read: u64,
    /// Most bytes it kept at a time, as charged to the budget of the query.
    pub bytes_peak: u64,
    /// What it has kept and not yet given back.
    bytes: i64,
}

struct State {
    /// Measures of all nodes, and at the end that of who takes the result.
    measures: Vec<Measure>,
    current: usize,
    since: Duration,
    /// What the query held when the current node became it.
    bytes: usize,
}

impl<'a> Recorder<'a> {
    /// Listens from now on.
    ///
    /// # Errors
    /// `bad_data` where the expression has more than [`EXPLAIN_NODES_MAX`] nodes.
    pub fn new(expr: &'a Expr, clock: Clock<'a>) -> Result<Recorder<'a>, QueryError> {
        let (mut numbers, mut left) = (HashMap::new(), vec![expr]);
        let mut number = 0;
        while let Some(expr) = left.pop() {
            if number == EXPLAIN_NODES_MAX {
                return Err(QueryError::BadData(format!(
                    "an expression to explain has at most {EXPLAIN_NODES_MAX} nodes"
                )));
            }
            numbers.insert(address(expr), number);
            number += 1;
            left.extend(expr.children().into_iter().rev());
        }
        let state = State {
            measures: vec![Measure::default(); number + 1],
            current: number,
            since: clock(),
            bytes: 0,
        };
        Ok(Recorder { expr, clock, numbers, state: Mutex::new(state) })
    }

    /// Memory that this takes, and the plan made of it.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let node = size_of::<(usize, usize)>() + size_of::<Measure>() + size_of::<PlanNode<'_>>();
        // A hash table is at least half full.
        (node + size_of::<(usize, usize)>()) * (self.numbers.len() + 1)
    }

    /// What happened until now. The time of who takes the result ends here.
    #[must_use]
    pub fn plan(&self) -> Plan<'a> {
        let mut state = self.state.lock();
        let outside = state.measures.len() - 1;
        let bytes = state.bytes;
        state.turn((self.clock)(), bytes, outside);
        Plan::new(self.expr, &state.measures)
    }

    /// The number of a node, by its [`address`]; none for what is no node of the expression.
    pub(crate) fn number(&self, address: usize) -> Option<usize> {
        self.numbers.get(&address).copied()
    }

    /// Makes a node the current one and tells which one was; `bytes` is what the query holds.
    pub(crate) fn turn(&self, bytes: usize, number: usize) -> usize {
        self.state.lock().turn((self.clock)(), bytes, number)
    }

    /// Notes at how many steps a node is evaluated.
    pub(crate) fn entered(&self, number: usize, steps: usize) {
        self.state.lock().measures[number].steps = steps;
    }

    /// Counts a series that a node hands on.
    pub(crate) fn handed_on(&self, number: usize, samples: usize) {
        let mut state = self.state.lock();
        let measure = &mut state.measures[number];
        measure.series += 1;
        measure.samples += samples as u64;
    }

    /// Counts a series that the current node read from the store.
    pub(crate) fn read(&self, samples: usize) {
        let mut state = self.state.lock();
        let measure = state.current();
        measure.series_read += 1;
        measure.samples_read += samples as u64;
    }
}

impl State {
    fn current(&mut self) -> &mut Measure {
        // Only numbers of nodes, and that of who takes the result, ever become the current one.
        &mut self.measures[self.current]
    }

    fn turn(&mut self, now: Duration, bytes: usize, number: usize) -> usize {
        let passed = now.saturating_sub(self.since);
        let change = bytes as i64 - self.bytes as i64;
        let measure = self.current();
        measure.own += passed;
        measure.bytes += change;
        measure.bytes_peak = measure.bytes_peak.max(u64::try_from(measure.bytes).unwrap_or(0));
        (self.since, self.bytes) = (now, bytes);
        std::mem::replace(&mut self.current, number)
    }
}

/// What a node is known by: selectors by their own address, since functions look at them without
/// the expression around them.
pub(crate) fn address(expr: &Expr) -> usize {
    match expr.selector() {
        Some(selector) => address_of_selector(selector),
        None => std::ptr::from_ref(expr).addr(),
    }
}

/// As [`address`].
pub(crate) fn address_of_selector(selector: &VectorSelector) -> usize {
    std::ptr::from_ref(selector).addr()
}
