//! From tokens to the syntax tree: text, actions and control structures.

mod literal;
mod pipeline;

use crate::ast::{Branch, List, Node, Pipe};
use crate::error::Error;
use crate::lex::{Kind, Token, lex};
use crate::{ast, format};

/// How deep parentheses and control structures may nest.
pub const NESTING_MAX: usize = 200;

/// A template that a text defines.
#[derive(Debug)]
pub(crate) struct Definition {
    pub(crate) name: String,
    pub(crate) list: List,
}

/// Parses a text with all templates that it defines; the last one is the text itself.
pub(crate) fn parse(
    name: &str,
    text: &str,
    knows_function: &dyn Fn(&str) -> bool,
) -> Result<Vec<Definition>, Error> {
    let mut parser = Parser {
        name,
        tokens: lex(text),
        at: 0,
        furthest: 0,
        knows_function,
        variables: vec!["$".to_owned()],
        range_depth: 0,
        depth: 0,
        action_line: 0,
        definitions: Vec::new(),
    };
    let list = parser.text()?;
    parser.define(name.to_owned(), list)?;
    Ok(parser.definitions)
}

/// What ended a list.
enum Stop {
    End,
    Else,
}

impl Stop {
    fn as_str(&self) -> &'static str {
        match self {
            Stop::End => "{{end}}",
            Stop::Else => "{{else}}",
        }
    }
}

/// A node, or what ends the list.
enum Step {
    Node(Node),
    Stop(Stop),
}

struct Parser<'p> {
    name: &'p str,
    tokens: Vec<Token>,
    at: usize,
    /// The last token looked at: errors name its line.
    furthest: usize,
    knows_function: &'p dyn Fn(&str) -> bool,
    /// What is declared where the parser stands.
    variables: Vec<String>,
    range_depth: usize,
    depth: usize,
    /// The line on which the current action starts, 0 outside.
    action_line: usize,
    definitions: Vec<Definition>,
}

impl Parser<'_> {
    fn text(&mut self) -> Result<List, Error> {
        let mut list = List::new();
        while self.peek().kind != Kind::Eof {
            if self.kind_at(0) == Kind::LeftDelim && self.first_word() == Kind::Define {
                self.next();
                self.next_word();
                self.definition()?;
                continue;
            }
            match self.step()? {
                Step::Node(node) => list.push(node),
                Step::Stop(stop) => {
                    return Err(self.error(&format!("unexpected {}", stop.as_str())));
                }
            }
        }
        Ok(list)
    }

    fn token(&self, at: usize) -> &Token {
        // The last token is never passed: it is the end or an error.
        &self.tokens[at.min(self.tokens.len() - 1)]
    }

    fn kind_at(&self, ahead: usize) -> Kind {
        self.token(self.at + ahead).kind
    }

    /// The first token in an action that is no space, seen from its delimiter.
    fn first_word(&mut self) -> Kind {
        let ahead = if self.kind_at(1) == Kind::Space { 2 } else { 1 };
        self.furthest = self.furthest.max(self.at + ahead);
        self.kind_at(ahead)
    }

    fn peek(&mut self) -> Token {
        self.furthest = self.furthest.max(self.at);
        self.token(self.at).clone()
    }

    fn next(&mut self) -> Token {
        let token = self.peek();
        self.at += 1;
        token
    }

    fn peek_word(&mut self) -> Token {
        while self.kind_at(0) == Kind::Space {
            self.at += 1;
        }
        self.peek()
    }

    fn next_word(&mut self) -> Token {
        let token = self.peek_word();
        self.at += 1;
        token
    }

    fn error(&self, message: &str) -> Error {
        let line = self.token(self.furthest).line;
        Error::Parse(format!("template: {}:{line}: {message}", self.name))
    }

    fn unexpected(&self, token: &Token, context: &str) -> Error {
        if token.kind != Kind::Error {
            return self.error(&format!("unexpected {} in {context}", token.describe()));
        }
        let mut message = token.text.clone();
        if self.action_line != 0 && self.action_line != token.line {
            let word = if message.ends_with(" action") { "" } else { " in action" };
            message = format!("{message}{word} started at {}:{}", self.name, self.action_line);
        }
        self.error(&message)
    }

    fn expect(&mut self, kind: Kind, context: &str) -> Result<Token, Error> {
        let token = self.next_word();
        if token.kind == kind { Ok(token) } else { Err(self.unexpected(&token, context)) }
    }

    fn define(&mut self, name: String, list: List) -> Result<(), Error> {
        match self.definitions.iter_mut().find(|known| known.name == name) {
            None => self.definitions.push(Definition { name, list }),
            Some(known) if ast::is_empty(&known.list) => known.list = list,
            Some(_) if ast::is_empty(&list) => {}
            Some(_) => {
                let name = format::quote(&name);
                return Err(
                    self.error(&format!("template: multiple definition of template {name}"))
                );
            }
        }
        Ok(())
    }

    fn definition(&mut self) -> Result<(), Error> {
        let context = "define clause";
        let name = self.next_word();
        let name = self.template_name(&name, context)?;
        self.expect(Kind::RightDelim, context)?;
        let list = self.fresh_scope(|parser| parser.list_until_end(context))?;
        self.define(name, list)
    }

    /// Runs `parse` where no variable but `$` is declared and no loop is around.
    fn fresh_scope<T>(
        &mut self,
        parse: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let variables = std::mem::replace(&mut self.variables, vec!["$".to_owned()]);
        let range_depth = std::mem::take(&mut self.range_depth);
        let result = parse(self)?;
        self.variables = variables;
        self.range_depth = range_depth;
        Ok(result)
    }

    fn list_until_end(&mut self, context: &str) -> Result<List, Error> {
        let (list, stop) = self.list()?;
        match stop {
            Stop::End => Ok(list),
            Stop::Else => Err(self.error(&format!("unexpected {{{{else}}}} in {context}"))),
        }
    }

    fn list(&mut self) -> Result<(List, Stop), Error> {
        let mut list = List::new();
        while self.peek_word().kind != Kind::Eof {
            match self.step()? {
                Step::Node(node) => list.push(node),
                Step::Stop(stop) => return Ok((list, stop)),
            }
        }
        Err(self.error("unexpected EOF"))
    }

    fn step(&mut self) -> Result<Step, Error> {
        let token = self.next_word();
        match token.kind {
            Kind::Text => Ok(Step::Node(Node::Text(token.text))),
            Kind::LeftDelim => {
                self.action_line = token.line;
                let step = self.action()?;
                self.action_line = 0;
                Ok(step)
            }
            _ => Err(self.unexpected(&token, "input")),
        }
    }

    fn action(&mut self) -> Result<Step, Error> {
        let token = self.peek_word();
        let control = |node| Ok(Step::Node(node));
        match token.kind {
            Kind::Block => self.at += 1,
            Kind::Break | Kind::Continue => {
                self.at += 1;
                return self.jump(token.kind).map(Step::Node);
            }
            Kind::Else => {
                self.at += 1;
                return self.else_control();
            }
            Kind::End => {
                self.at += 1;
                self.expect(Kind::RightDelim, "end")?;
                return Ok(Step::Stop(Stop::End));
            }
            Kind::If => {
                self.at += 1;
                return control(Node::If(self.branch("if")?));
            }
            Kind::Range => {
                self.at += 1;
                return control(Node::Range(self.branch("range")?));
            }
            Kind::With => {
                self.at += 1;
                return control(Node::With(self.branch("with")?));
            }
            Kind::Template => {
                self.at += 1;
                return self.template().map(Step::Node);
            }
            _ => {
                let at = token.at;
                let pipe = self.pipeline("command", Kind::RightDelim)?;
                return control(Node::Action { at, pipe });
            }
        }
        self.block().map(Step::Node)
    }

    fn jump(&mut self, kind: Kind) -> Result<Node, Error> {
        let (node, context) = match kind {
            Kind::Break => (Node::Break, "{{break}}"),
            _ => (Node::Continue, "{{continue}}"),
        };
        self.expect(Kind::RightDelim, context)?;
        if self.range_depth == 0 {
            return Err(self.error(&format!("{context} outside {{{{range}}}}")));
        }
        Ok(node)
    }

    /// `else`; where `if` or `with` follows it is left for the caller.
    fn else_control(&mut self) -> Result<Step, Error> {
        if !matches!(self.peek_word().kind, Kind::If | Kind::With) {
            self.expect(Kind::RightDelim, "else")?;
        }
        Ok(Step::Stop(Stop::Else))
    }

    fn branch(&mut self, context: &str) -> Result<Branch, Error> {
        self.enter()?;
        let declared = self.variables.len();
        let pipe = self.pipeline(context, Kind::RightDelim)?;
        let in_range = usize::from(context == "range");
        self.range_depth += in_range;
        let (list, stop) = self.list()?;
        self.range_depth -= in_range;
        let otherwise = match stop {
            Stop::End => None,
            Stop::Else => Some(self.otherwise(context)?),
        };
        self.variables.truncate(declared);
        self.depth -= 1;
        Ok(Branch { at: pipe.at, pipe, list, otherwise })
    }

    /// What stands behind `else`, where `else if` is short for an `if` with one `end` for both.
    fn otherwise(&mut self, context: &str) -> Result<List, Error> {
        match (context, self.peek().kind) {
            ("if", Kind::If) => {
                self.at += 1;
                Ok(vec![Node::If(self.branch("if")?)])
            }
            ("with", Kind::With) => {
                self.at += 1;
                Ok(vec![Node::With(self.branch("with")?)])
            }
            _ => {
                let (list, stop) = self.list()?;
                match stop {
                    Stop::End => Ok(list),
                    Stop::Else => Err(self.error("expected end; found {{else}}")),
                }
            }
        }
    }

    fn enter(&mut self) -> Result<(), Error> {
        self.depth += 1;
        if self.depth > NESTING_MAX {
            return Err(self.error(&format!("nested more than {NESTING_MAX} deep")));
        }
        Ok(())
    }

    fn template(&mut self) -> Result<Node, Error> {
        let context = "template clause";
        let token = self.next_word();
        let name = self.template_name(&token, context)?;
        let pipe = self.optional_pipeline(context)?;
        Ok(Node::Template { at: token.at, name, pipe })
    }

    fn optional_pipeline(&mut self, context: &str) -> Result<Option<Pipe>, Error> {
        if self.peek_word().kind == Kind::RightDelim {
            self.at += 1;
            return Ok(None);
        }
        self.pipeline(context, Kind::RightDelim).map(Some)
    }

    fn block(&mut self) -> Result<Node, Error> {
        let context = "block clause";
        let token = self.next_word();
        let name = self.template_name(&token, context)?;
        let pipe = self.pipeline(context, Kind::RightDelim)?;
        self.enter()?;
        let list = self.fresh_scope(|parser| parser.list_until_end(context))?;
        self.depth -= 1;
        self.define(name.clone(), list)?;
        Ok(Node::Template { at: token.at, name, pipe: Some(pipe) })
    }

    fn template_name(&mut self, token: &Token, context: &str) -> Result<String, Error> {
        match token.kind {
            Kind::String | Kind::RawString => self.unquote(&token.text),
            _ => Err(self.unexpected(token, context)),
        }
    }
}
