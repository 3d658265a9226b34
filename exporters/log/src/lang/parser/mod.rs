//! From tokens to a syntax tree.
//!
//! A parser by recursive descent over mtail's grammar that reports what mtail's table-driven parser
//! reports: that one reduces by default before it looks for a mistake, so what is expected at a
//! mistake is what the last unfinished construct cannot do without.

mod declaration;
mod expression;
mod statement;

use super::ast::{Ast, NodeId};
use super::lexer::Lexer;
use super::position::{Complaints, Position};
use super::token::{Kind, Token};

/// Deepest nesting of blocks, parentheses and brackets.
pub const NESTING_MAX: usize = 200;

/// Longest program in bytes.
pub const PROGRAM_BYTES_MAX: usize = 1 << 20;

/// A program whose grammar is right.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// Its nodes.
    pub ast: Ast,
    /// The statements of the program.
    pub root: NodeId,
}

/// Parses a program.
///
/// # Errors
/// All that the lexer refuses, and the first mistake in grammar.
pub fn parse(source: &[u8]) -> Result<Parsed, Complaints> {
    let mut parser = Parser {
        lexer: Lexer::new(source),
        ast: Ast::default(),
        complaints: Complaints::default(),
        token: None,
        last: Position::default(),
        mark: Position::default(),
        depth: 0,
    };
    if source.len() > PROGRAM_BYTES_MAX {
        let message = format!("program is longer than {PROGRAM_BYTES_MAX} bytes");
        parser.complaints.add(Position::default(), message);
        return Err(parser.complaints);
    }
    let root = parser.program();
    match root {
        Ok(root) if parser.complaints.0.is_empty() => Ok(Parsed { ast: parser.ast, root }),
        _ => Err(parser.complaints),
    }
}

/// The mistake is among the complaints.
#[derive(Debug)]
pub(super) struct Refused;

pub(super) type Parse<T> = Result<T, Refused>;

pub(super) struct Parser<'p> {
    lexer: Lexer<'p>,
    ast: Ast,
    complaints: Complaints,
    /// The token that was read and not taken.
    token: Option<Token>,
    /// Where the token stands that was read last.
    last: Position,
    /// Where the construct stands that was begun last; inner ones overwrite it, as in mtail.
    mark: Position,
    depth: usize,
}

impl Parser<'_> {
    /// Reads the next token, if none waits, and says what it is.
    fn peek(&mut self) -> Kind {
        if let Some(token) = &self.token {
            return token.kind;
        }
        let mut token = self.lexer.next_token();
        self.last = token.position;
        if let Some(message) = refusal(&token) {
            self.complaints.add(token.position, message);
            token.kind = Kind::Invalid;
        }
        let kind = token.kind;
        self.token = Some(token);
        kind
    }

    /// Takes the token that waits.
    fn take(&mut self) -> Token {
        self.peek();
        // `peek` has just put one there.
        let none = || Token { kind: Kind::Eof, spelling: String::new(), position: self.last };
        self.token.take().unwrap_or_else(none)
    }

    /// Takes the next token if it is `kind`.
    fn accept(&mut self, kind: Kind) -> bool {
        let found = self.peek() == kind;
        if found {
            self.token = None;
        }
        found
    }

    fn expect(&mut self, kind: Kind) -> Parse<Token> {
        if self.peek() == kind { Ok(self.take()) } else { Err(self.unexpected(&[kind])) }
    }

    /// One line feed may stand here.
    fn optional_newline(&mut self) -> bool {
        self.accept(Kind::Nl)
    }

    /// Begins a construct whose position starts at the token that waits.
    fn set_mark(&mut self) {
        self.peek();
        self.mark = self.last;
    }

    /// From the mark to the token that was read last.
    fn since_mark(&self) -> Position {
        self.mark.merge(self.last)
    }

    fn complain(&mut self, message: String) -> Refused {
        self.complaints.add(self.last, message);
        Refused
    }

    /// The token that waits is none of `expected`, which stand in the order of [`Kind`].
    fn unexpected(&mut self, expected: &[Kind]) -> Refused {
        let found = self.peek();
        let mut message = format!("syntax error: unexpected {}", found.name());
        for (index, kind) in expected.iter().enumerate() {
            message.push_str(if index == 0 { ", expecting " } else { " or " });
            message.push_str(kind.name());
        }
        self.complain(message)
    }

    /// Runs `inside` one level deeper.
    fn nested<T>(&mut self, inside: impl FnOnce(&mut Self) -> Parse<T>) -> Parse<T> {
        self.depth += 1;
        if self.depth > NESTING_MAX {
            return Err(self.complain(format!("nested deeper than {NESTING_MAX} levels")));
        }
        let result = inside(self);
        self.depth -= 1;
        result
    }
}

/// What is wrong with a token by itself.
fn refusal(token: &Token) -> Option<String> {
    let text = &token.spelling;
    match token.kind {
        Kind::Invalid => Some(text.clone()),
        Kind::IntLiteral => crate::go::parse_int(text.as_bytes(), 10).err().map(|error| {
            format!("bad number '{text}': {}", error.text("ParseInt", text.as_bytes()))
        }),
        Kind::FloatLiteral => crate::go::parse_float(text.as_bytes()).err().map(|error| {
            format!("bad number '{text}': {}", error.text("ParseFloat", text.as_bytes()))
        }),
        Kind::DurationLiteral => crate::go::parse_duration(text).err(),
        _ => None,
    }
}
