//! The syntax tree: nodes in one table, named by number, so that the checker can put one in the place
//! of another and nothing is freed recursively.

use super::position::Position;
use super::symbol::{ScopeId, SymbolId};
use super::token::Kind;
use super::types::TypeId;

/// A node in [`Ast::nodes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NodeId(pub u32);

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// Only grows, by intention.
    Counter,
    /// Any value.
    Gauge,
    /// A duration.
    Timer,
    /// A text.
    Text,
    /// Counts in buckets.
    Histogram,
}

impl MetricKind {
    /// The number in JSON.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            MetricKind::Counter => 1,
            MetricKind::Gauge => 2,
            MetricKind::Timer => 3,
            MetricKind::Text => 4,
            MetricKind::Histogram => 5,
        }
    }

    /// The name, with a capital letter.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            MetricKind::Counter => "Counter",
            MetricKind::Gauge => "Gauge",
            MetricKind::Timer => "Timer",
            MetricKind::Text => "Text",
            MetricKind::Histogram => "Histogram",
        }
    }
}

/// `counter x by y`
#[derive(Clone, Debug)]
pub struct Declaration {
    /// As the program says it.
    pub name: String,
    /// As it is exported, where that differs.
    pub exported_name: String,
    /// Not exported.
    pub hidden: bool,
    /// Label names.
    pub keys: Vec<String>,
    /// Most label values; 0 for no limit.
    pub limit: i64,
    /// Boundaries of buckets.
    pub buckets: Vec<f64>,
    /// Kind.
    pub kind: MetricKind,
    /// What the checker made of it.
    pub symbol: Option<SymbolId>,
}

/// What a node is.
#[derive(Clone, Debug)]
pub enum Node {
    /// Statements, with a scope of their own.
    Statements(Vec<NodeId>),
    /// A condition with its blocks.
    Condition {
        /// What is asked.
        test: NodeId,
        /// What is done where it holds.
        truth: NodeId,
        /// What is done where it does not.
        otherwise: Option<NodeId>,
    },
    /// Expressions in brackets or parentheses.
    Expressions(Vec<NodeId>),
    /// A name.
    Name {
        /// Spelling.
        name: String,
        /// What the checker found.
        symbol: Option<SymbolId>,
        /// Written to.
        lvalue: bool,
    },
    /// `$1` or `$name`
    Capref {
        /// Spelling without the dollar.
        name: String,
        /// By name, not by number.
        named: bool,
        /// What the checker found.
        symbol: Option<SymbolId>,
    },
    /// `len(x)`
    Call {
        /// Function.
        name: String,
        /// [`Node::Expressions`].
        args: Option<NodeId>,
    },
    /// `a + b`
    Binary {
        /// Operator.
        op: Kind,
        /// Left side.
        left: NodeId,
        /// Right side.
        right: NodeId,
    },
    /// `a++`, `~a`, or the matching of a pattern.
    Unary {
        /// Operator.
        op: Kind,
        /// Operand.
        operand: NodeId,
    },
    /// `a[b]`
    Indexed {
        /// [`Node::Name`].
        base: NodeId,
        /// [`Node::Expressions`].
        index: NodeId,
    },
    /// A metric.
    Declare(Box<Declaration>),
    /// `"text"`
    Str(String),
    /// `1`
    Int(i64),
    /// `1.5`
    Float(f64),
    /// A pattern that can be matched; `text` is complete after the check.
    Pattern {
        /// What it is made of.
        parts: NodeId,
        /// The whole, empty before the check.
        text: String,
    },
    /// `/text/`
    Regex(String),
    /// `const NAME /x/`
    Fragment {
        /// [`Node::Name`].
        name: NodeId,
        /// What it is made of.
        parts: NodeId,
        /// The whole, empty before the check.
        text: String,
    },
    /// `def name { }`
    Decorator {
        /// Name.
        name: String,
        /// Statements.
        block: NodeId,
        /// Scope that decorated blocks see, once it is complete.
        scope: Option<ScopeId>,
    },
    /// `@name { }`
    Decorated {
        /// Name.
        name: String,
        /// Statements.
        block: NodeId,
        /// The decorator.
        decorator: Option<NodeId>,
    },
    /// `next`
    Next,
    /// The condition of `otherwise { }`
    Otherwise,
    /// `del a[b] after 1h`
    Delete {
        /// What is deleted.
        target: NodeId,
        /// After how long, in nanoseconds; 0 for at once.
        expiry_ns: i64,
    },
    /// A value as another type.
    Convert(NodeId),
    /// `stop`
    Stop,
    /// Something the lexer refused.
    Error,
    /// `log_filter "a", "b"`
    LogFilter(Vec<String>),
    /// `begin { }`
    Begin(NodeId),
}

/// A node with what is known of it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The node.
    pub node: Node,
    /// Where it stands; a list without members stands nowhere.
    pub position: Option<Position>,
    /// Its type, from the check.
    pub ty: Option<TypeId>,
}

/// All nodes of a program.
#[derive(Clone, Debug, Default)]
pub struct Ast {
    /// In the order in which they were made.
    pub nodes: Vec<Entry>,
}

impl Ast {
    /// Adds a node.
    pub fn add(&mut self, node: Node, position: impl Into<Option<Position>>) -> NodeId {
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.push(Entry { node, position: position.into(), ty: None });
        id
    }

    /// A node.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize].node
    }

    /// A node, to change.
    pub fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id.0 as usize].node
    }

    /// Where a node stands.
    #[must_use]
    pub fn position(&self, id: NodeId) -> Option<Position> {
        self.nodes[id.0 as usize].position
    }

    /// Says where a node stands.
    pub fn set_position(&mut self, id: NodeId, position: Option<Position>) {
        self.nodes[id.0 as usize].position = position;
    }

    /// Where the members of a list stand together.
    #[must_use]
    pub fn position_of_list(&self, list: &[NodeId]) -> Option<Position> {
        let mut places = list.iter().rev().map(|&id| self.position(id));
        let last = places.next().flatten();
        places.fold(last, |rest, place| Position::merge_maybe(place, rest))
    }

    /// The members of a list of expressions.
    #[must_use]
    pub fn list(&self, id: NodeId) -> &[NodeId] {
        match self.node(id) {
            Node::Expressions(list) | Node::Statements(list) => list,
            _ => &[],
        }
    }
}
