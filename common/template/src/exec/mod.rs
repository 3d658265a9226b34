//! Runs a syntax tree.

mod call;
mod eval;
mod walk;

use crate::ast::{Command, List, Node, Operand, Pipe};
use crate::error::Error;
use crate::format;
use crate::function::Functions;
use crate::set::Set;
use crate::value::Value;
use std::fmt::Display;

/// Most bytes that an execution may print.
pub const OUTPUT_BYTES_MAX: usize = 4 << 20;
/// Most nodes that an execution may walk through, loops and templates included.
pub const STEPS_MAX: usize = 1_000_000;
/// How deep templates, control structures and parentheses may nest while they run, together.
pub const EXEC_DEPTH_MAX: usize = 500;
/// How deep templates may call templates.
pub const TEMPLATE_DEPTH_MAX: usize = 100;
/// How deep lists and maps may nest that a template builds.
pub const VALUE_DEPTH_MAX: usize = 50;

/// Executes the template `name` of a set.
pub(crate) fn execute(
    set: &Set,
    name: &str,
    data: &Value,
    functions: &dyn Functions,
) -> Result<String, Error> {
    let Some(tree) = set.tree(name) else {
        let name = format::quote(name);
        return Err(Error::Exec(format!("template: no template {name} associated with template")));
    };
    let mut out = String::new();
    let mut meter = Meter { steps: 0, depth: 0, templates: 0 };
    let mut state = State {
        set,
        functions,
        tree,
        template: name,
        variables: vec![("$", data.clone())],
        at: Place::Start,
        meter: &mut meter,
        out: &mut out,
    };
    state.list(data, &tree.list)?;
    Ok(out)
}

/// What all templates of one execution share.
struct Meter {
    steps: usize,
    depth: usize,
    templates: usize,
}

/// What is being executed, for errors.
#[derive(Clone, Copy)]
enum Place<'t> {
    Start,
    Node(usize, &'t Node),
    Pipe(&'t Pipe),
    Command(&'t Command),
    Operand(&'t Operand),
}

/// The execution of one template.
struct State<'t, 'o> {
    set: &'t Set,
    functions: &'t dyn Functions,
    tree: &'t crate::set::Tree,
    template: &'t str,
    variables: Vec<(&'t str, Value)>,
    at: Place<'t>,
    meter: &'o mut Meter,
    out: &'o mut String,
}

/// How a list ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    Normal,
    Break,
    Continue,
}

impl<'t> State<'t, '_> {
    fn error(&self, message: impl Display) -> Error {
        let name = format::quote(self.template);
        let (at, context) = match self.at {
            Place::Start => {
                return Error::Exec(format!("template: {}: {message}", self.template));
            }
            Place::Node(at, node) => (at, node.to_string()),
            Place::Pipe(pipe) => (pipe.at, pipe.to_string()),
            Place::Command(command) => (command.at, command.to_string()),
            Place::Operand(operand) => (operand.at, operand.to_string()),
        };
        let (line, column) = self.tree.source.position(at);
        let source = &self.tree.source.name;
        Error::Exec(format!(
            "template: {source}:{line}:{column}: executing {name} at <{context}>: {message}"
        ))
    }

    fn step(&mut self) -> Result<(), Error> {
        self.meter.steps += 1;
        if self.meter.steps > STEPS_MAX {
            let name = self.template;
            return Err(Error::Limit(format!("template: {name}: more than {STEPS_MAX} steps")));
        }
        Ok(())
    }

    /// Runs `inner` one level deeper.
    fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        self.meter.depth += 1;
        if self.meter.depth > EXEC_DEPTH_MAX {
            return Err(self.error(format!("exceeded maximum depth ({EXEC_DEPTH_MAX})")));
        }
        let result = inner(self)?;
        self.meter.depth -= 1;
        Ok(result)
    }

    fn write(&mut self, text: &str) -> Result<(), Error> {
        if self.out.len() + text.len() > OUTPUT_BYTES_MAX {
            return Err(self.too_long());
        }
        self.out.push_str(text);
        Ok(())
    }

    fn too_long(&self) -> Error {
        let name = self.template;
        Error::Limit(format!("template: {name}: more than {OUTPUT_BYTES_MAX} bytes of output"))
    }

    fn list(&mut self, dot: &Value, list: &'t List) -> Result<Flow, Error> {
        for node in list {
            self.step()?;
            let flow = self.node(dot, node)?;
            if flow != Flow::Normal {
                return Ok(flow);
            }
        }
        Ok(Flow::Normal)
    }
}
