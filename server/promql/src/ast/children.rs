//! Going down the tree.

use super::{Expr, VectorSelector};

impl Expr {
    /// The expressions directly below, in the order in which they are written. The selector of a
    /// range belongs to its node and is none of them.
    #[must_use]
    pub fn children(&self) -> Vec<&Expr> {
        match self {
            Expr::Aggregate(e) => e.param.iter().chain([&e.expr]).collect(),
            Expr::Binary(e) => vec![&e.left, &e.right],
            Expr::Call(e) => e.args.iter().collect(),
            Expr::Paren(e) => vec![&e.expr],
            Expr::Subquery(e) => vec![&e.expr],
            Expr::Unary(e) => vec![&e.expr],
            Expr::Matrix(_) | Expr::Number(_) | Expr::String(_) | Expr::Vector(_) => Vec::new(),
        }
    }

    /// The selector that this node itself is, of an instant or a range.
    #[must_use]
    pub fn selector(&self) -> Option<&VectorSelector> {
        match self {
            Expr::Matrix(matrix) => Some(&matrix.vector),
            Expr::Vector(vector) => Some(vector),
            _ => None,
        }
    }

    /// All selectors of the tree. The parser bounds its height.
    #[must_use]
    pub fn selectors(&self) -> Vec<&VectorSelector> {
        let mut found: Vec<&VectorSelector> = self.selector().into_iter().collect();
        for child in self.children() {
            found.extend(child.selectors());
        }
        found
    }
}
