//! The nodes of an expression with what the evaluator did at each.

use std::fmt::{self, Write as _};
use std::time::Duration;

use common_model::{MatchOp, Matcher};

use super::Measure;
use crate::ast::{Cardinality, Expr, Matching, ValueType};
use crate::eval::is_invariant;

/// Longest text of a node; the query itself is at the node's place.
const TEXT_BYTES_MAX: usize = 256;

/// What an evaluation did.
#[derive(Debug)]
pub struct Plan<'a> {
    /// The whole expression.
    pub root: PlanNode<'a>,
    /// Time outside all nodes: opening the store, collecting and sorting the result.
    pub outside: Duration,
}

/// What an evaluation did at a node.
#[derive(Debug)]
pub struct PlanNode<'a> {
    /// The node.
    pub expr: &'a Expr,
    /// What it did itself.
    pub measure: Measure,
    /// Time in it and in the nodes below it.
    pub total: Duration,
    /// The nodes below it, in the order in which they are written.
    pub children: Vec<PlanNode<'a>>,
}

/// How a node hands on its series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Execution {
    /// It is a number or a text.
    Literal,
    /// It was not evaluated, or only looked at by the function it is an argument of.
    Skipped,
    /// Each series goes on before the next one comes.
    Streamed,
    /// Something is kept of the series, or they are, before the first one goes on.
    Materialised,
}

/// How series are found by a matcher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Search<'a> {
    /// One value, looked up.
    Equal,
    /// So many values, each looked up.
    Literals(usize),
    /// All values that begin so are looked through.
    Prefix(&'a str),
    /// All values of the label are looked through.
    Regex,
}

impl<'a> Plan<'a> {
    /// A plan of measures in the order in which the nodes are written; the last one is of none.
    pub(super) fn new(expr: &'a Expr, measures: &[Measure]) -> Plan<'a> {
        let mut rest = measures.iter().copied();
        let root = PlanNode::new(expr, &mut rest);
        Plan { root, outside: rest.next().unwrap_or_default().own }
    }
}

impl<'a> PlanNode<'a> {
    fn new(expr: &'a Expr, rest: &mut impl Iterator<Item = Measure>) -> PlanNode<'a> {
        let measure = rest.next().unwrap_or_default();
        let children: Vec<_> =
            expr.children().into_iter().map(|child| PlanNode::new(child, rest)).collect();
        let total = measure.own + children.iter().map(|child| child.total).sum::<Duration>();
        PlanNode { expr, measure, total, children }
    }

    /// The expression as it is printed, cut where it is long.
    #[must_use]
    pub fn text(&self) -> String {
        let mut cut = Cut(String::new());
        if write!(cut, "{}", self.expr).is_err() {
            cut.0.push('…');
        }
        cut.0
    }

    /// What kind of node it is, for people.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.expr {
            Expr::Aggregate(_) => "aggregation",
            Expr::Binary(binary) => match &binary.matching {
                None => "binary",
                Some(Matching { cardinality, .. }) => match cardinality {
                    Cardinality::OneToOne => "join one-to-one",
                    Cardinality::ManyToOne => "join many-to-one",
                    Cardinality::OneToMany => "join one-to-many",
                    Cardinality::ManyToMany => "set operation",
                },
            },
            Expr::Call(call) => {
                let over_ranges = call.args.iter().any(|a| a.value_type() == ValueType::Matrix);
                if over_ranges { "range function" } else { "function" }
            }
            Expr::Matrix(_) => "range selector",
            Expr::Number(_) => "number",
            Expr::Paren(_) => "parentheses",
            Expr::String(_) => "string",
            Expr::Subquery(_) => "subquery",
            Expr::Unary(_) => "sign",
            Expr::Vector(_) => "selector",
        }
    }

    /// How it hands on its series: as its kind says, else as was seen.
    #[must_use]
    pub fn execution(&self) -> Execution {
        match self.expr {
            Expr::Number(_) | Expr::String(_) => Execution::Literal,
            _ if !self.is_evaluated() => Execution::Skipped,
            Expr::Aggregate(_) => Execution::Materialised,
            Expr::Binary(binary) if binary.matching.is_some() => Execution::Materialised,
            _ if self.measure.bytes_peak > 0 => Execution::Materialised,
            _ => Execution::Streamed,
        }
    }

    /// Whether it is the same at every step, and so evaluated for one of them only.
    #[must_use]
    pub fn is_invariant(&self) -> bool {
        self.execution() != Execution::Literal && is_invariant(self.expr)
    }

    /// The matchers of a selector, with how series are found by each.
    #[must_use]
    pub fn matchers(&self) -> Vec<(&'a Matcher, Search<'a>)> {
        let matchers = self.expr.selector().map_or(&[][..], |selector| &selector.matchers);
        matchers.iter().map(|matcher| (matcher, Search::of(matcher))).collect()
    }

    /// Parentheses around a range are looked through.
    fn is_evaluated(&self) -> bool {
        let looked_through = matches!(self.expr, Expr::Paren(_));
        self.measure.steps > 0 || looked_through && self.children.iter().any(Self::is_evaluated)
    }
}

impl Execution {
    /// The name, in lower case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Execution::Literal => "literal",
            Execution::Skipped => "skipped",
            Execution::Streamed => "streamed",
            Execution::Materialised => "materialised",
        }
    }
}

impl<'a> Search<'a> {
    fn of(matcher: &'a Matcher) -> Search<'a> {
        if matches!(matcher.op, MatchOp::Equal | MatchOp::NotEqual) {
            return Search::Equal;
        }
        match matcher.pattern().map(|pattern| (pattern.set(), pattern.prefix())) {
            Some((Some(literals), _)) => Search::Literals(literals.len()),
            Some((None, prefix)) if !prefix.is_empty() => Search::Prefix(prefix),
            _ => Search::Regex,
        }
    }

    /// The name, in lower case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Search::Equal => "equal",
            Search::Literals(_) => "literals",
            Search::Prefix(_) => "prefix",
            Search::Regex => "regex",
        }
    }
}

/// Takes so much text and then refuses, so that high trees are not printed in full at every node.
struct Cut(String);

impl fmt::Write for Cut {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let left = TEXT_BYTES_MAX - self.0.len();
        if text.len() <= left {
            self.0.push_str(text);
            return Ok(());
        }
        self.0.push_str(&text[..text.floor_char_boundary(left)]);
        Err(fmt::Error)
    }
}
