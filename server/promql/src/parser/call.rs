//! Function calls and lists of arguments.

use super::cursor::{Fail, Parser};
use super::expr::{Node, OR, starts_expression};
use crate::ast::{Call, Expr, ValueType};
use crate::functions::{Signature, lookup};
use crate::lexer::{Kind, Token, go_quote};

/// Stands in for a function that does not exist; the query is refused anyway.
static UNKNOWN: Signature =
    Signature { name: "", args: &[], variadic: 0, returns: ValueType::Scalar, experimental: false };

/// Arguments and the height of the highest.
pub(super) struct Args {
    pub(super) exprs: Vec<Expr>,
    pub(super) height: u32,
}

impl Parser<'_> {
    /// A call; the name has been read.
    pub(super) fn call(&mut self, name: Token) -> Result<Node, Fail> {
        let args = self.args()?;
        let text = self.text_of(name);
        let function = lookup(text);
        match function {
            None => {
                let text = go_quote(text);
                self.complain(name.span(), format!("unknown function with name {text}"));
            }
            Some(f) if f.experimental && !self.options.experimental_functions => {
                let text = go_quote(text);
                self.complain(name.span(), format!("function {text} is not enabled"));
            }
            Some(_) => {}
        }
        let function = function.unwrap_or(&UNKNOWN);
        let mut span = name.span();
        span.end = self.last_end();
        let expr = Expr::Call(Box::new(Call { function, args: args.exprs, span }));
        Ok(Node { expr, height: args.height + 1 })
    }

    /// `(a, b)`
    pub(super) fn args(&mut self) -> Result<Args, Fail> {
        let mut args = Args { exprs: Vec::new(), height: 0 };
        self.expect(Kind::LeftParen)?;
        if self.eat(Kind::RightParen) {
            return Ok(args);
        }
        loop {
            let arg = self.node(OR)?;
            args.height = args.height.max(arg.height);
            args.exprs.push(arg.expr);
            if !self.another_arg()? {
                return Ok(args);
            }
        }
    }

    /// After an argument: whether one more follows, else the closing parenthesis is consumed.
    fn another_arg(&mut self) -> Result<bool, Fail> {
        while self.peek().kind == Kind::Comma {
            let comma = self.bump();
            if starts_expression(self.peek().kind) {
                return Ok(true);
            }
            let message = "trailing commas not allowed in function call args";
            self.complain(comma.span(), message.to_owned());
        }
        self.expect(Kind::RightParen)?;
        Ok(false)
    }
}
