//! The syntax tree, and how errors print it.

use crate::format::quote;
use std::fmt;

/// A run of nodes.
pub(crate) type List = Vec<Node>;

/// What stands in a template.
#[derive(Debug)]
pub(crate) enum Node {
    Text(String),
    Action { at: usize, pipe: Pipe },
    If(Branch),
    With(Branch),
    Range(Branch),
    Template { at: usize, name: String, pipe: Option<Pipe> },
    Break,
    Continue,
}

/// A control structure.
#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) at: usize,
    pub(crate) pipe: Pipe,
    pub(crate) list: List,
    pub(crate) otherwise: Option<List>,
}

/// `$x := a | b`.
#[derive(Debug)]
pub(crate) struct Pipe {
    pub(crate) at: usize,
    /// The variables that are set.
    pub(crate) variables: Vec<String>,
    /// They are assigned to (`=`), not declared.
    pub(crate) assigns: bool,
    pub(crate) commands: Vec<Command>,
}

/// `f a b`; never empty.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) at: usize,
    pub(crate) args: Vec<Operand>,
}

/// An operand with its position.
#[derive(Debug)]
pub(crate) struct Operand {
    pub(crate) at: usize,
    pub(crate) term: Term,
}

/// What an operand can be.
#[derive(Debug)]
pub(crate) enum Term {
    Dot,
    Nil,
    Bool(bool),
    Number {
        text: String,
        number: Number,
    },
    /// As it is written, and what it means.
    String {
        quoted: String,
        text: String,
    },
    Function(String),
    /// `.A.B`
    Field(Vec<String>),
    /// `$x.A.B`, the name with its dollar
    Variable(String, Vec<String>),
    /// `(pipe)`
    Pipe(Box<Pipe>),
    /// `(pipe).A.B`
    Chain(Box<Operand>, Vec<String>),
}

/// The value of a number, by how it is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    Int(i64),
    Float(f64),
    /// An integer that does not fit.
    Overflow,
}

impl fmt::Display for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.variables.is_empty() {
            let sign = if self.assigns { "=" } else { ":=" };
            write!(f, "{} {sign} ", self.variables.join(", "))?;
        }
        for (i, command) in self.commands.iter().enumerate() {
            if i > 0 {
                f.write_str(" | ")?;
            }
            write!(f, "{command}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, arg) in self.args.iter().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            write!(f, "{arg}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.term {
            Term::Dot => f.write_str("."),
            Term::Nil => f.write_str("nil"),
            Term::Bool(value) => write!(f, "{value}"),
            Term::Number { text, .. } => f.write_str(text),
            Term::String { quoted, .. } => f.write_str(quoted),
            Term::Function(name) => f.write_str(name),
            Term::Field(fields) => write_fields(f, fields),
            Term::Variable(name, fields) => {
                f.write_str(name)?;
                write_fields(f, fields)
            }
            Term::Pipe(pipe) => write!(f, "({pipe})"),
            Term::Chain(node, fields) => {
                write!(f, "{node}")?;
                write_fields(f, fields)
            }
        }
    }
}

fn write_fields(f: &mut fmt::Formatter<'_>, fields: &[String]) -> fmt::Result {
    fields.iter().try_for_each(|field| write!(f, ".{field}"))
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Node::Text(text) => f.write_str(text),
            Node::Action { pipe, .. } => write!(f, "{{{{{pipe}}}}}"),
            Node::If(branch) => write_branch(f, "if", branch),
            Node::With(branch) => write_branch(f, "with", branch),
            Node::Range(branch) => write_branch(f, "range", branch),
            Node::Template { name, pipe, .. } => {
                write!(f, "{{{{template {}", quote(name))?;
                if let Some(pipe) = pipe {
                    write!(f, " {pipe}")?;
                }
                f.write_str("}}")
            }
            Node::Break => f.write_str("{{break}}"),
            Node::Continue => f.write_str("{{continue}}"),
        }
    }
}

fn write_branch(f: &mut fmt::Formatter<'_>, keyword: &str, branch: &Branch) -> fmt::Result {
    write!(f, "{{{{{keyword} {}}}}}", branch.pipe)?;
    branch.list.iter().try_for_each(|node| write!(f, "{node}"))?;
    if let Some(list) = &branch.otherwise {
        f.write_str("{{else}}")?;
        list.iter().try_for_each(|node| write!(f, "{node}"))?;
    }
    f.write_str("{{end}}")
}

/// Whether a list would print nothing but spaces.
pub(crate) fn is_empty(list: &List) -> bool {
    list.iter().all(|node| matches!(node, Node::Text(text) if text.trim().is_empty()))
}
