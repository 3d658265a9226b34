//! Expressions and patterns.

use super::super::ast::{Node, NodeId};
use super::super::position::Position;
use super::super::token::Kind;
use super::{Parse, Parser};

/// Binary operators from loose to tight. Those of a level associate to the left.
const LEVELS: &[&[Kind]] = &[
    &[Kind::BitAnd, Kind::BitOr, Kind::Xor],
    &[Kind::Lt, Kind::Gt, Kind::Le, Kind::Ge, Kind::Eq, Kind::Ne],
    &[Kind::Shl, Kind::Shr],
    &[Kind::Plus, Kind::Minus],
    &[Kind::Mul, Kind::Div, Kind::Mod, Kind::Pow],
];

/// An operand, and how much of an expression it already is.
struct Operand {
    node: NodeId,
    /// No operator stands with it, so that it can be matched.
    is_primary: bool,
}

impl Parser<'_> {
    /// An assignment, an increment, or a condition.
    pub(super) fn expression_statement(&mut self) -> Parse<NodeId> {
        let first = self.unary_operand()?;
        match self.peek() {
            Kind::Assign | Kind::AddAssign => return self.assignment(first.node),
            Kind::Nl if self.is_postfix(first.node) => {
                self.take();
                return Ok(first.node);
            }
            _ => {}
        }
        let first = self.logical_operand_from(first)?;
        let test = self.logical_from(first)?;
        self.condition_blocks(test)
    }

    /// Whether a statement may consist of it: `~a` may not.
    fn is_postfix(&self, node: NodeId) -> bool {
        !matches!(self.ast.node(node), Node::Unary { op: Kind::Not, .. })
    }

    fn assignment(&mut self, left: NodeId) -> Parse<NodeId> {
        let op = self.take().kind;
        self.optional_newline();
        let right = self.logical()?;
        if self.peek() != Kind::Nl {
            return Err(self.unexpected(&[Kind::Nl]));
        }
        let node = self.binary(op, left, right);
        self.take();
        Ok(node)
    }

    /// A statement that begins with a pattern.
    pub(super) fn pattern_condition(&mut self) -> Parse<NodeId> {
        let pattern = self.pattern()?;
        let op = self.peek();
        if !matches!(op, Kind::And | Kind::Or) {
            let test = self.matching(pattern);
            return self.condition_blocks(test);
        }
        self.take();
        self.optional_newline();
        let right = self.logical()?;
        self.peek();
        let left = self.matching(pattern);
        let test = self.binary(op, left, right);
        self.condition_blocks(test)
    }

    /// The match of a pattern with the line; its position reaches to the token behind it.
    fn matching(&mut self, pattern: NodeId) -> NodeId {
        let place = Position::merge_maybe(Some(self.last), self.ast.position(pattern));
        self.ast.add(Node::Unary { op: Kind::Match, operand: pattern }, place)
    }

    fn binary(&mut self, op: Kind, left: NodeId, right: NodeId) -> NodeId {
        let place = Position::merge_maybe(self.ast.position(left), self.ast.position(right));
        self.ast.add(Node::Binary { op, left, right }, place)
    }

    fn logical(&mut self) -> Parse<NodeId> {
        let first = self.logical_operand()?;
        self.logical_from(first)
    }

    fn logical_from(&mut self, first: NodeId) -> Parse<NodeId> {
        let mut left = first;
        loop {
            let op = self.peek();
            if !matches!(op, Kind::And | Kind::Or) {
                return Ok(left);
            }
            self.take();
            self.optional_newline();
            let right = self.logical_operand()?;
            left = self.binary(op, left, right);
        }
    }

    fn logical_operand(&mut self) -> Parse<NodeId> {
        let first = self.unary_operand()?;
        self.logical_operand_from(first)
    }

    fn logical_operand_from(&mut self, first: Operand) -> Parse<NodeId> {
        let op = self.peek();
        if !first.is_primary || !matches!(op, Kind::Match | Kind::NotMatch) {
            return self.level(0, Some(first.node));
        }
        self.take();
        self.optional_newline();
        let right = if self.peek() == Kind::Div { self.pattern()? } else { self.primary(true)? };
        Ok(self.binary(op, first.node, right))
    }

    /// An expression of operators of this level and tighter ones.
    fn level(&mut self, level: usize, first: Option<NodeId>) -> Parse<NodeId> {
        let Some(operators) = LEVELS.get(level) else {
            return match first {
                Some(first) => Ok(first),
                None => Ok(self.unary_operand()?.node),
            };
        };
        let mut left = self.level(level + 1, first)?;
        loop {
            let op = self.peek();
            if !operators.contains(&op) {
                return Ok(left);
            }
            self.take();
            self.optional_newline();
            let right = self.level(level + 1, None)?;
            left = self.binary(op, left, right);
        }
    }

    /// `~x`, `x++` or `x`
    fn unary_operand(&mut self) -> Parse<Operand> {
        if self.accept(Kind::Not) {
            let operand = self.nested(Self::unary_operand)?;
            self.peek();
            let place = Position::merge_maybe(Some(self.last), self.ast.position(operand.node));
            let node = self.ast.add(Node::Unary { op: Kind::Not, operand: operand.node }, place);
            return Ok(Operand { node, is_primary: false });
        }
        let primary = self.primary(false)?;
        let node = self.postfix(primary)?;
        Ok(Operand { node, is_primary: node == primary })
    }

    /// Increments and decrements behind `operand`.
    pub(super) fn postfix(&mut self, operand: NodeId) -> Parse<NodeId> {
        let mut node = operand;
        while matches!(self.peek(), Kind::Inc | Kind::Dec) {
            let op = self.take();
            let place = Position::merge_maybe(Some(op.position), self.ast.position(node));
            node = self.ast.add(Node::Unary { op: op.kind, operand: node }, place);
        }
        Ok(node)
    }

    /// A name, literal, group, call or parenthesis. `or_pattern` says whether a pattern could stand
    /// here, too.
    pub(super) fn primary(&mut self, or_pattern: bool) -> Parse<NodeId> {
        match self.peek() {
            Kind::Id => self.indexed(),
            Kind::Builtin => self.call(),
            Kind::Capref | Kind::CaprefNamed => {
                let token = self.take();
                let named = token.kind == Kind::CaprefNamed;
                let node = Node::Capref { name: token.spelling, named, symbol: None };
                Ok(self.ast.add(node, token.position))
            }
            Kind::Str => {
                let token = self.take();
                Ok(self.ast.add(Node::Str(token.spelling), token.position))
            }
            Kind::IntLiteral => {
                let token = self.take();
                // Checked when the token was read.
                let value = crate::go::parse_int(token.spelling.as_bytes(), 10).unwrap_or(0);
                Ok(self.ast.add(Node::Int(value), token.position))
            }
            Kind::FloatLiteral => {
                let token = self.take();
                // Checked when the token was read.
                let value = crate::go::parse_float(token.spelling.as_bytes()).unwrap_or(0.0);
                Ok(self.ast.add(Node::Float(value), token.position))
            }
            Kind::LParen => {
                self.take();
                let inner = self.nested(Self::logical)?;
                if self.peek() != Kind::RParen {
                    return Err(self.unexpected(&[Kind::And, Kind::Or, Kind::RParen]));
                }
                self.take();
                Ok(inner)
            }
            _ if or_pattern => Err(self.unexpected(&[Kind::Builtin, Kind::Div])),
            _ => Err(self.unexpected(&[Kind::Builtin])),
        }
    }

    pub(super) fn name(&mut self) -> NodeId {
        let token = self.take();
        let node = Node::Name { name: token.spelling, symbol: None, lvalue: false };
        self.ast.add(node, token.position)
    }

    /// `a[b][c, d]`
    fn indexed(&mut self) -> Parse<NodeId> {
        let base = self.name();
        let mut list = Vec::new();
        while self.accept(Kind::LSquare) {
            self.nested(|parser| parser.arguments(&mut list))?;
            if self.peek() != Kind::RSquare {
                return Err(self.unexpected(&[Kind::RSquare, Kind::Comma]));
            }
            self.take();
        }
        let place = self.ast.position_of_list(&list);
        let index = self.ast.add(Node::Expressions(list), place);
        let place = Position::merge_maybe(self.ast.position(base), place);
        Ok(self.ast.add(Node::Indexed { base, index }, place))
    }

    /// Expressions or patterns with commas between, at least one.
    fn arguments(&mut self, list: &mut Vec<NodeId>) -> Parse<()> {
        loop {
            let argument = match self.peek() {
                Kind::Div => self.pattern()?,
                _ => self.argument()?,
            };
            list.push(argument);
            if !self.accept(Kind::Comma) {
                return Ok(());
            }
        }
    }

    /// An expression where a pattern could stand, too.
    fn argument(&mut self) -> Parse<NodeId> {
        match self.peek() {
            Kind::Not => self.logical(),
            _ => {
                let primary = self.primary(true)?;
                let node = self.postfix(primary)?;
                let operand = Operand { node, is_primary: node == primary };
                let first = self.logical_operand_from(operand)?;
                self.logical_from(first)
            }
        }
    }

    /// `len(x)`
    fn call(&mut self) -> Parse<NodeId> {
        self.set_mark();
        let name = self.take().spelling;
        self.expect(Kind::LParen)?;
        let mut args = None;
        if self.peek() != Kind::RParen {
            let mut list = Vec::new();
            self.nested(|parser| parser.arguments(&mut list))?;
            if self.peek() != Kind::RParen {
                return Err(self.unexpected(&[Kind::RParen, Kind::Comma]));
            }
            let place = self.ast.position_of_list(&list);
            args = Some(self.ast.add(Node::Expressions(list), place));
        }
        self.take();
        let place = self.since_mark();
        Ok(self.ast.add(Node::Call { name, args }, place))
    }

    /// `/x/ + NAME`; the slash waits.
    fn pattern(&mut self) -> Parse<NodeId> {
        self.set_mark();
        let first = self.regex_after_mark()?;
        let parts = self.concatenation(first)?;
        let place = self.ast.position(parts);
        Ok(self.ast.add(Node::Pattern { parts, text: String::new() }, place))
    }

    /// `/x/`, from where the mark is.
    pub(super) fn regex_after_mark(&mut self) -> Parse<NodeId> {
        self.expect(Kind::Div)?;
        self.lexer.enter_regex();
        if self.peek() != Kind::Regex {
            let message = "syntax error: unexpected end of file, expecting '/' to end regex";
            return Err(self.complain(message.to_owned()));
        }
        let text = self.take().spelling;
        self.expect(Kind::Div)?;
        let place = self.since_mark();
        Ok(self.ast.add(Node::Regex(text), place))
    }

    /// What is joined to the first part of a pattern.
    pub(super) fn concatenation(&mut self, first: NodeId) -> Parse<NodeId> {
        let mut left = first;
        while self.accept(Kind::Plus) {
            self.optional_newline();
            let right = if self.peek() == Kind::Id {
                self.name()
            } else {
                self.set_mark();
                self.regex_after_mark()?
            };
            left = self.binary(Kind::Plus, left, right);
        }
        Ok(left)
    }
}
