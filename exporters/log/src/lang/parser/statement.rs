//! Statements and blocks.

use super::super::ast::{Node, NodeId};
use super::super::token::Kind;
use super::{Parse, Parser};

impl Parser<'_> {
    pub(super) fn program(&mut self) -> Parse<NodeId> {
        let list = self.statements()?;
        match self.peek() {
            Kind::Eof => Ok(self.list(list)),
            _ => Err(self.unexpected(&[])),
        }
    }

    fn list(&mut self, list: Vec<NodeId>) -> NodeId {
        let position = self.ast.position_of_list(&list);
        self.ast.add(Node::Statements(list), position)
    }

    /// Statements up to something that begins none.
    fn statements(&mut self) -> Parse<Vec<NodeId>> {
        let mut list = Vec::new();
        loop {
            match self.peek() {
                Kind::Eof | Kind::RCurly => return Ok(list),
                Kind::Nl => {
                    self.take();
                }
                _ => list.push(self.statement()?),
            }
        }
    }

    /// `{ ... }`
    fn block(&mut self) -> Parse<NodeId> {
        self.expect(Kind::LCurly)?;
        let list = self.nested(Self::statements)?;
        if self.peek() == Kind::Eof {
            let message = "syntax error: unexpected end of file, expecting '}' to end block";
            return Err(self.complain(message.to_owned()));
        }
        self.expect(Kind::RCurly)?;
        Ok(self.list(list))
    }

    fn statement(&mut self) -> Parse<NodeId> {
        match self.peek() {
            Kind::Invalid => {
                let token = self.take();
                Ok(self.ast.add(Node::Error, token.position))
            }
            Kind::Next => {
                let token = self.take();
                Ok(self.ast.add(Node::Next, token.position))
            }
            Kind::Stop => {
                let token = self.take();
                Ok(self.ast.add(Node::Stop, token.position))
            }
            Kind::Const => self.constant(),
            Kind::Otherwise => self.otherwise(),
            Kind::Def => self.decorator(),
            Kind::Deco => self.decorated(),
            Kind::Del => self.delete(),
            Kind::LogFilter => self.log_filter(),
            Kind::Hidden
            | Kind::Counter
            | Kind::Gauge
            | Kind::Timer
            | Kind::Text
            | Kind::Histogram => self.declaration(),
            Kind::Div => self.pattern_condition(),
            Kind::Id if self.at_begin() => self.begin(),
            Kind::Not
            | Kind::LParen
            | Kind::Id
            | Kind::Builtin
            | Kind::Capref
            | Kind::CaprefNamed
            | Kind::Str
            | Kind::IntLiteral
            | Kind::FloatLiteral => self.expression_statement(),
            _ => Err(self.unexpected(&[])),
        }
    }

    /// `begin {`; a metric may have that name, too.
    fn at_begin(&self) -> bool {
        self.token.as_ref().is_some_and(|token| token.spelling == "begin")
            && self.lexer.followed_by(b'{')
    }

    fn begin(&mut self) -> Parse<NodeId> {
        let token = self.take();
        let block = self.block()?;
        Ok(self.ast.add(Node::Begin(block), token.position))
    }

    /// `const NAME /x/ + OTHER`
    fn constant(&mut self) -> Parse<NodeId> {
        self.take();
        if self.peek() != Kind::Id {
            return Err(self.unexpected(&[Kind::Id]));
        }
        let name = self.name();
        if self.optional_newline() {
            // The pattern is begun before its first token is read.
            self.mark = self.last;
            if self.peek() != Kind::Div {
                return Err(self.unexpected(&[Kind::Div]));
            }
        } else {
            self.set_mark();
        }
        let first = self.regex_after_mark()?;
        let parts = self.concatenation(first)?;
        let position = self.ast.position(name);
        Ok(self.ast.add(Node::Fragment { name, parts, text: String::new() }, position))
    }

    fn otherwise(&mut self) -> Parse<NodeId> {
        self.set_mark();
        self.take();
        let truth = self.block()?;
        let place = self.since_mark();
        let test = self.ast.add(Node::Otherwise, place);
        Ok(self.condition(test, truth, None))
    }

    fn condition(&mut self, test: NodeId, truth: NodeId, otherwise: Option<NodeId>) -> NodeId {
        let list: Vec<NodeId> =
            [Some(test), Some(truth), otherwise].into_iter().flatten().collect();
        let position = self.ast.position_of_list(&list);
        self.ast.add(Node::Condition { test, truth, otherwise }, position)
    }

    /// The blocks behind a condition.
    pub(super) fn condition_blocks(&mut self, test: NodeId) -> Parse<NodeId> {
        match self.peek() {
            Kind::LCurly => {}
            Kind::Nl => {
                let message = "syntax error: statement with no effect, missing an assignment, `+' \
                               concatenation, or `{}' block?";
                return Err(self.complain(message.to_owned()));
            }
            Kind::LSquare => {
                let message = "syntax error: unexpected indexing of an expression";
                return Err(self.complain(message.to_owned()));
            }
            _ => return Err(self.unexpected(&[Kind::LCurly])),
        }
        let truth = self.block()?;
        let otherwise = if self.accept(Kind::Else) { Some(self.block()?) } else { None };
        Ok(self.condition(test, truth, otherwise))
    }

    /// `def name { }`
    fn decorator(&mut self) -> Parse<NodeId> {
        self.set_mark();
        self.take();
        let name = self.expect(Kind::Id)?.spelling;
        let block = self.block()?;
        let place = self.block_place(block);
        Ok(self.ast.add(Node::Decorator { name, block, scope: None }, place))
    }

    /// `@name { }`
    fn decorated(&mut self) -> Parse<NodeId> {
        self.set_mark();
        let name = self.take().spelling;
        let block = self.block()?;
        let place = self.block_place(block);
        Ok(self.ast.add(Node::Decorated { name, block, decorator: None }, place))
    }

    /// The position of a construct with a block: its mark, which the block may have moved.
    fn block_place(&self, block: NodeId) -> super::Position {
        match self.ast.position(block) {
            Some(block) => self.mark.merge(block),
            None => self.mark,
        }
    }

    /// `del x[y] after 1h`
    fn delete(&mut self) -> Parse<NodeId> {
        self.set_mark();
        self.take();
        let operand = self.primary(false)?;
        let target = self.postfix(operand)?;
        let mut expiry_ns = 0;
        if self.accept(Kind::After) {
            let token = self.expect(Kind::DurationLiteral)?;
            // Checked when the token was read.
            expiry_ns = crate::go::parse_duration(&token.spelling).unwrap_or(0);
        }
        let place = self.since_mark();
        Ok(self.ast.add(Node::Delete { target, expiry_ns }, place))
    }

    fn log_filter(&mut self) -> Parse<NodeId> {
        self.take();
        let names = self.words()?;
        let place = self.last;
        Ok(self.ast.add(Node::LogFilter(names), place))
    }

    /// Names or strings with commas between.
    pub(super) fn words(&mut self) -> Parse<Vec<String>> {
        let mut words = Vec::new();
        loop {
            match self.peek() {
                Kind::Id | Kind::Str => words.push(self.take().spelling),
                _ => return Err(self.unexpected(&[Kind::Str, Kind::Id])),
            }
            if !self.accept(Kind::Comma) {
                return Ok(words);
            }
        }
    }
}
