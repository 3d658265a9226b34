//! Pipelines, commands and operands.

use super::Parser;
use crate::ast::{Command, Operand, Pipe, Term};
use crate::error::Error;
use crate::format::quote;
use crate::lex::{Kind, Token};

impl Parser<'_> {
    /// A pipeline up to its `end`, `}}` or `)`, which is read, too.
    pub(super) fn pipeline(&mut self, context: &str, end: Kind) -> Result<Pipe, Error> {
        let at = self.peek_word().at;
        let mut pipe = Pipe { at, variables: Vec::new(), assigns: false, commands: Vec::new() };
        self.declarations(&mut pipe, context)?;
        loop {
            let token = self.peek_word();
            match token.kind {
                kind if kind == end => {
                    self.at += 1;
                    self.check_pipeline(&pipe, context)?;
                    return Ok(pipe);
                }
                Kind::Bool
                | Kind::CharConstant
                | Kind::Dot
                | Kind::Field
                | Kind::Identifier
                | Kind::Number
                | Kind::Nil
                | Kind::RawString
                | Kind::String
                | Kind::Variable
                | Kind::LeftParen => {
                    let command = self.command()?;
                    pipe.commands.push(command);
                }
                _ => return Err(self.unexpected(&token, context)),
            }
        }
    }

    /// `$x :=`, `$x =` or, for a range, `$i, $x :=`.
    fn declarations(&mut self, pipe: &mut Pipe, context: &str) -> Result<(), Error> {
        loop {
            let variable = self.peek_word();
            if variable.kind != Kind::Variable {
                return Ok(());
            }
            let back = self.at;
            self.at += 1;
            let next = self.peek_word();
            let comma = next.kind == Kind::Char && next.text == ",";
            if !comma && !matches!(next.kind, Kind::Assign | Kind::Declare) {
                // The variable is an argument.
                self.at = back;
                return Ok(());
            }
            self.at += 1;
            pipe.variables.push(variable.text.clone());
            self.variables.push(variable.text);
            if !comma {
                pipe.assigns = next.kind == Kind::Assign;
                return Ok(());
            }
            if context != "range" || pipe.variables.len() > 1 {
                return Err(self.error(&format!("too many declarations in {context}")));
            }
            let next = self.peek_word().kind;
            if !matches!(next, Kind::Variable | Kind::RightDelim | Kind::RightParen) {
                return Err(self.error("range can only initialize variables"));
            }
        }
    }

    fn check_pipeline(&self, pipe: &Pipe, context: &str) -> Result<(), Error> {
        if pipe.commands.is_empty() {
            return Err(self.error(&format!("missing value for {context}")));
        }
        for (stage, command) in pipe.commands.iter().enumerate().skip(1) {
            let constant = matches!(
                command.args.first().map(|arg| &arg.term),
                Some(
                    Term::Bool(_)
                        | Term::Dot
                        | Term::Nil
                        | Term::Number { .. }
                        | Term::String { .. }
                )
            );
            if constant {
                let stage = stage + 1;
                return Err(
                    self.error(&format!("non executable command in pipeline stage {stage}"))
                );
            }
        }
        Ok(())
    }

    fn command(&mut self) -> Result<Command, Error> {
        let mut command = Command { at: self.peek_word().at, args: Vec::new() };
        loop {
            self.peek_word();
            if let Some(operand) = self.operand()? {
                command.args.push(operand);
            }
            let token = self.peek();
            match token.kind {
                Kind::Space => {
                    self.at += 1;
                    continue;
                }
                Kind::RightDelim | Kind::RightParen => {}
                Kind::Pipe => self.at += 1,
                _ => {
                    self.at += 1;
                    return Err(self.unexpected(&token, "operand"));
                }
            }
            break;
        }
        if command.args.is_empty() {
            return Err(self.error("empty command"));
        }
        Ok(command)
    }

    fn operand(&mut self) -> Result<Option<Operand>, Error> {
        let Some(mut operand) = self.term()? else { return Ok(None) };
        if self.peek().kind != Kind::Field {
            return Ok(Some(operand));
        }
        let at = self.peek().at;
        let mut more = Vec::new();
        while self.peek().kind == Kind::Field {
            more.push(self.next().text[1..].to_owned());
        }
        operand = match operand.term {
            Term::Field(mut fields) => {
                fields.append(&mut more);
                Operand { at, term: Term::Field(fields) }
            }
            Term::Variable(name, mut fields) => {
                fields.append(&mut more);
                Operand { at, term: Term::Variable(name, fields) }
            }
            Term::Bool(_) | Term::String { .. } | Term::Number { .. } | Term::Nil | Term::Dot => {
                let term = quote(&operand.to_string());
                return Err(self.error(&format!("unexpected . after term {term}")));
            }
            Term::Function(_) | Term::Pipe(_) | Term::Chain(..) => {
                Operand { at, term: Term::Chain(Box::new(operand), more) }
            }
        };
        Ok(Some(operand))
    }

    fn term(&mut self) -> Result<Option<Operand>, Error> {
        let token = self.next_word();
        let at = token.at;
        let term = match token.kind {
            Kind::Identifier => {
                if !(self.knows_function)(&token.text) {
                    let name = quote(&token.text);
                    return Err(self.error(&format!("function {name} not defined")));
                }
                Term::Function(token.text)
            }
            Kind::Dot => Term::Dot,
            Kind::Nil => Term::Nil,
            Kind::Variable => self.variable(&token)?,
            Kind::Field => Term::Field(vec![token.text[1..].to_owned()]),
            Kind::Bool => Term::Bool(token.text == "true"),
            Kind::CharConstant | Kind::Number => self.number(&token)?,
            Kind::LeftParen => {
                self.enter()?;
                let pipe = self.pipeline("parenthesized pipeline", Kind::RightParen)?;
                self.depth -= 1;
                Term::Pipe(Box::new(pipe))
            }
            Kind::String | Kind::RawString => {
                Term::String { text: self.unquote(&token.text)?, quoted: token.text }
            }
            _ => {
                self.at -= 1;
                return Ok(None);
            }
        };
        Ok(Some(Operand { at, term }))
    }

    fn variable(&self, token: &Token) -> Result<Term, Error> {
        if !self.variables.contains(&token.text) {
            let name = quote(&token.text);
            return Err(self.error(&format!("undefined variable {name}")));
        }
        Ok(Term::Variable(token.text.clone(), Vec::new()))
    }
}
