//! Arguments cut into long flags, short flags and values, `@file` replaced by the file's lines.

use std::collections::VecDeque;
use std::path::Path;

use super::{FlagError, World};

/// Arguments that files may add; a file that names itself ends here.
const ARGS_MAX: usize = 100_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Long(String),
    Short(String),
    Arg(String),
}

impl Token {
    /// As the user wrote it.
    pub(super) fn text(&self) -> String {
        match self {
            Token::Long(name) => format!("--{name}"),
            Token::Short(name) => format!("-{name}"),
            Token::Arg(value) => value.clone(),
        }
    }
}

pub(super) struct Tokens<'a> {
    args: VecDeque<String>,
    pushed: Option<Token>,
    args_only: bool,
    seen: usize,
    world: &'a World<'a>,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(args: &[String], world: &'a World<'a>) -> Tokens<'a> {
        Tokens {
            args: args.iter().cloned().collect(),
            pushed: None,
            args_only: false,
            seen: 0,
            world,
        }
    }

    /// Gives a token back; at most one is kept.
    pub(super) fn push(&mut self, token: Token) {
        self.pushed = Some(token);
    }

    /// The next token. `takes_value` tells of a letter whether it is a flag with a value, which may
    /// follow it directly: `-fvalue`.
    pub(super) fn next(
        &mut self,
        takes_value: &dyn Fn(char) -> bool,
    ) -> Result<Option<Token>, FlagError> {
        if let Some(token) = self.pushed.take() {
            return Ok(Some(token));
        }
        loop {
            let Some(arg) = self.args.pop_front() else { return Ok(None) };
            self.seen += 1;
            if self.seen > ARGS_MAX {
                return Err(FlagError::shape(format!("more than {ARGS_MAX} arguments")));
            }
            if self.args_only {
                return Ok(Some(Token::Arg(arg)));
            }
            if arg == "--" {
                self.args_only = true;
            } else if let Some(long) = arg.strip_prefix("--") {
                return Ok(Some(self.long(long)));
            } else if let Some(short) = arg.strip_prefix('-') {
                return Ok(Some(self.short(short, takes_value)));
            } else if let Some(file) = arg.strip_prefix('@') {
                self.expand(file)?;
            } else {
                return Ok(Some(Token::Arg(arg)));
            }
        }
    }

    fn long(&mut self, text: &str) -> Token {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        self.pushed = value.map(|value| Token::Arg(value.to_owned()));
        Token::Long(name.to_owned())
    }

    fn short(&mut self, text: &str, takes_value: &dyn Fn(char) -> bool) -> Token {
        let mut letters = text.chars();
        let Some(letter) = letters.next() else { return Token::Short(String::new()) };
        let rest = letters.as_str();
        if !rest.is_empty() {
            if takes_value(letter) {
                self.pushed = Some(Token::Arg(rest.to_owned()));
            } else {
                self.args.push_front(format!("-{rest}"));
            }
        }
        Token::Short(letter.to_string())
    }

    fn expand(&mut self, file: &str) -> Result<(), FlagError> {
        if file.is_empty() {
            return Err(FlagError::shape("expected @ file to expand arguments from"));
        }
        let text = (self.world.read)(Path::new(file)).map_err(|e| {
            let cause = crate::go_io_error(&e);
            FlagError::shape(format!(
                "failed to open arguments file {file:?}: open {file}: {cause}"
            ))
        })?;
        for line in text.lines().rev().filter(|line| !line.starts_with('#')) {
            self.args.push_front(line.to_owned());
        }
        Ok(())
    }
}
