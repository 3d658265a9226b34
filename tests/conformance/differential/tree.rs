//! A query as a tree of pieces, and the smaller trees it can be replaced by.

use std::fmt;

/// What a piece evaluates to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Scalar,
    Text,
    Vector,
    Matrix,
}

/// A piece of a query: words with pieces between them.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
enum Part {
    Words(String),
    Node(Node),
}

impl Node {
    /// A piece that is words alone.
    pub(super) fn leaf(kind: Kind, words: impl Into<String>) -> Node {
        Node { kind, parts: vec![Part::Words(words.into())] }
    }

    /// A piece after a pattern in which each `§` stands for the next of `nodes`.
    pub(super) fn of<const N: usize>(kind: Kind, pattern: &str, nodes: [Node; N]) -> Node {
        assert_eq!(pattern.matches('§').count(), N, "{pattern}");
        let mut words = pattern.split('§').map(|words| Part::Words(words.to_owned()));
        let mut parts: Vec<Part> = words.next().into_iter().collect();
        for (node, words) in nodes.into_iter().zip(words) {
            parts.extend([Part::Node(node), words]);
        }
        Node { kind, parts }
    }

    fn nodes(&self) -> impl Iterator<Item = (usize, &Node)> {
        self.parts.iter().enumerate().filter_map(|(at, part)| match part {
            Part::Node(node) => Some((at, node)),
            Part::Words(_) => None,
        })
    }

    fn is_leaf(&self) -> bool {
        self.nodes().next().is_none()
    }

    /// Trees with one piece replaced by a piece inside it or by something simple, the greatest
    /// changes first.
    pub(super) fn smaller(&self) -> Vec<Node> {
        let mut found = Vec::new();
        if !self.is_leaf() {
            found.extend(self.inside(self.kind));
            found.extend(simple(self.kind).iter().map(|words| Node::leaf(self.kind, *words)));
        }
        for (at, node) in self.nodes() {
            for smaller in node.smaller() {
                let mut copy = self.clone();
                copy.parts[at] = Part::Node(smaller);
                found.push(copy);
            }
        }
        found
    }

    /// The topmost pieces of a kind below this one.
    fn inside(&self, kind: Kind) -> Vec<Node> {
        let below = |(_, node): (usize, &Node)| {
            if node.kind == kind { vec![node.clone()] } else { node.inside(kind) }
        };
        self.nodes().flat_map(below).collect()
    }
}

/// What can stand for anything of a kind.
fn simple(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Scalar => &["1"],
        Kind::Text => &["\"job\""],
        Kind::Vector => &["g", "h"],
        Kind::Matrix => &["g[5m]", "h[5m]"],
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.iter().try_for_each(|part| match part {
            Part::Words(words) => f.write_str(words),
            Part::Node(node) => node.fmt(f),
        })
    }
}
