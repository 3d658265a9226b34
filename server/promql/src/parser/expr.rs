//! Expressions: binary operators by precedence, signs, and what they work on.

use super::cursor::{Fail, Parser};
use crate::ast::{Binary, BinaryOp, Expr, NumberLiteral, Paren, StringLiteral, Unary};
use crate::lexer::{Kind, Token};

/// An expression and how many levels it has.
pub(super) struct Node {
    pub(super) expr: Expr,
    pub(super) height: u32,
}

impl Node {
    pub(super) fn leaf(expr: Expr) -> Node {
        Node { expr, height: 1 }
    }
}

/// How tightly operators bind; upstream's grammar has the same six levels.
pub(super) const OR: u8 = 1;
const AND: u8 = 2;
const COMPARISON: u8 = 3;
const SUM: u8 = 4;
const PRODUCT: u8 = 5;
pub(super) const POWER: u8 = 6;

/// The binary operator a token is, and how tightly it binds.
pub(super) fn binary_op(kind: Kind) -> Option<(BinaryOp, u8)> {
    Some(match kind {
        Kind::Or => (BinaryOp::Or, OR),
        Kind::And => (BinaryOp::And, AND),
        Kind::Unless => (BinaryOp::Unless, AND),
        Kind::Equal => (BinaryOp::Equal, COMPARISON),
        Kind::NotEqual => (BinaryOp::NotEqual, COMPARISON),
        Kind::Less => (BinaryOp::Less, COMPARISON),
        Kind::LessEqual => (BinaryOp::LessEqual, COMPARISON),
        Kind::Greater => (BinaryOp::Greater, COMPARISON),
        Kind::GreaterEqual => (BinaryOp::GreaterEqual, COMPARISON),
        Kind::TrimUpper => (BinaryOp::TrimUpper, COMPARISON),
        Kind::TrimLower => (BinaryOp::TrimLower, COMPARISON),
        Kind::Add => (BinaryOp::Add, SUM),
        Kind::Sub => (BinaryOp::Sub, SUM),
        Kind::Mul => (BinaryOp::Mul, PRODUCT),
        Kind::Div => (BinaryOp::Div, PRODUCT),
        Kind::Mod => (BinaryOp::Mod, PRODUCT),
        Kind::Atan2 => (BinaryOp::Atan2, PRODUCT),
        Kind::Pow => (BinaryOp::Pow, POWER),
        _ => return None,
    })
}

/// Whether an expression can start with such a token.
pub(super) fn starts_expression(kind: Kind) -> bool {
    kind.can_name_a_metric()
        || matches!(
            kind,
            Kind::Number
                | Kind::Duration
                | Kind::String
                | Kind::LeftParen
                | Kind::LeftBrace
                | Kind::Add
                | Kind::Sub
        )
}

impl Parser<'_> {
    /// A whole expression.
    pub(super) fn expression(&mut self) -> Result<Expr, Fail> {
        Ok(self.node(OR)?.expr)
    }

    /// An expression of operators that bind at least as tightly as `level`.
    pub(super) fn node(&mut self, level: u8) -> Result<Node, Fail> {
        self.enter()?;
        let node = self.operators(level);
        self.leave();
        node
    }

    fn operators(&mut self, level: u8) -> Result<Node, Fail> {
        let mut left = self.signed()?;
        while let Some((op, binds)) = binary_op(self.peek().kind) {
            if binds < level {
                break;
            }
            self.bump();
            let (matching, return_bool) = self.binary_modifiers()?;
            // Only powers group to the right.
            let right = self.node(if binds == POWER { POWER } else { binds + 1 })?;
            let height = 1 + left.height.max(right.height);
            self.limit_height(height)?;
            let span = left.expr.span().to(right.expr.span());
            let filled = matching.fill_left.is_some() || matching.fill_right.is_some();
            if filled && !self.options.fill_modifiers {
                let message = "binop fill modifiers are experimental and not enabled";
                self.complain(span, message.to_owned());
            }
            let (left_expr, right) = (left.expr, right.expr);
            let matching = Some(matching);
            let binary = Binary { op, left: left_expr, right, matching, return_bool, span };
            left = Node { expr: Expr::Binary(Box::new(binary)), height };
        }
        Ok(left)
    }

    /// A sign binds like a product: `-1^2` is `-(1^2)`, `-1*2` is `(-1)*2`.
    fn signed(&mut self) -> Result<Node, Fail> {
        let sign = self.peek();
        if !matches!(sign.kind, Kind::Add | Kind::Sub) {
            let operand = self.operand()?;
            return self.postfix(operand);
        }
        self.bump();
        let negative = sign.kind == Kind::Sub;
        let mut node = self.node(POWER)?;
        if let Expr::Number(number) = &mut node.expr {
            if negative {
                number.value = -number.value;
            }
            number.span.start = sign.start;
            return Ok(node);
        }
        let span = sign.span().to(node.expr.span());
        let expr = Expr::Unary(Box::new(Unary { negative, expr: node.expr, span }));
        Ok(Node { expr, height: node.height + 1 })
    }

    fn operand(&mut self) -> Result<Node, Fail> {
        let token = self.peek();
        match token.kind {
            Kind::Number | Kind::Duration => {
                self.bump();
                Ok(Node::leaf(Expr::Number(self.number_literal(token))))
            }
            Kind::String => {
                self.bump();
                Ok(Node::leaf(Expr::String(self.string_literal(token))))
            }
            Kind::LeftParen => {
                self.bump();
                let inner = self.node(OR)?;
                let close = self.expect(Kind::RightParen)?;
                let span = token.span().to(close.span());
                let expr = Expr::Paren(Box::new(Paren { expr: inner.expr, span }));
                Ok(Node { expr, height: inner.height + 1 })
            }
            kind if kind == Kind::LeftBrace || kind.can_name_a_metric() => self.named(token),
            _ => Err(Fail::Unexpected),
        }
    }

    /// A selector, a call or an aggregation: a parenthesis after the name tells.
    fn named(&mut self, name: Token) -> Result<Node, Fail> {
        if name.kind == Kind::LeftBrace {
            return Ok(Node::leaf(Expr::Vector(Box::new(self.selector()?))));
        }
        self.bump();
        let next = self.peek().kind;
        if name.kind.is_aggregator() {
            if matches!(next, Kind::LeftParen | Kind::By | Kind::Without) {
                return self.aggregate(name);
            }
        } else if next == Kind::LeftParen
            && (name.kind == Kind::Identifier || name.kind.is_context_word())
        {
            return self.call(name);
        }
        Ok(Node::leaf(Expr::Vector(Box::new(self.selector_named(name)?))))
    }

    fn number_literal(&mut self, token: Token) -> NumberLiteral {
        let value = self.number_value(token);
        NumberLiteral { value, is_duration: token.kind == Kind::Duration, span: token.span() }
    }

    fn string_literal(&mut self, token: Token) -> StringLiteral {
        let bytes = self.unquoted(token);
        let span = token.span();
        match String::from_utf8(bytes) {
            Ok(value) => StringLiteral { value, not_utf8: None, span },
            Err(error) => {
                let bytes = error.into_bytes();
                let value = String::from_utf8_lossy(&bytes).into_owned();
                StringLiteral { value, not_utf8: Some(bytes.into()), span }
            }
        }
    }
}
