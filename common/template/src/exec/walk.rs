//! Text, actions and control structures.

use super::{Flow, Place, State, TEMPLATE_DEPTH_MAX};
use crate::ast::{Branch, List, Node, Pipe};
use crate::error::Error;
use crate::format;
use crate::time::Duration;
use crate::value::Value;

impl<'t> State<'t, '_> {
    pub(super) fn node(&mut self, dot: &Value, node: &'t Node) -> Result<Flow, Error> {
        match node {
            Node::Text(text) => self.write(text)?,
            Node::Action { at, pipe } => {
                self.at = Place::Node(*at, node);
                let value = self.pipe(dot, pipe)?;
                if pipe.variables.is_empty() {
                    self.at = Place::Node(*at, node);
                    self.print(&value)?;
                }
            }
            Node::If(branch) => {
                self.at = Place::Node(branch.at, node);
                return self.scope(|state| {
                    let value = state.pipe(dot, &branch.pipe)?;
                    let list = if value.is_true() {
                        Some(&branch.list)
                    } else {
                        branch.otherwise.as_ref()
                    };
                    state.optional_list(dot, list)
                });
            }
            Node::With(branch) => {
                self.at = Place::Node(branch.at, node);
                return self.scope(|state| {
                    let value = state.pipe(dot, &branch.pipe)?;
                    if value.is_true() {
                        state.list(&value, &branch.list)
                    } else {
                        state.optional_list(dot, branch.otherwise.as_ref())
                    }
                });
            }
            Node::Range(branch) => {
                self.at = Place::Node(branch.at, node);
                return self.scope(|state| state.range(dot, branch));
            }
            Node::Template { at, name, pipe } => {
                self.at = Place::Node(*at, node);
                self.template(dot, *at, node, name, pipe.as_ref())?;
            }
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::Normal)
    }

    fn optional_list(&mut self, dot: &Value, list: Option<&'t List>) -> Result<Flow, Error> {
        list.map_or(Ok(Flow::Normal), |list| self.list(dot, list))
    }

    /// Runs `inner` one level deeper; variables that it declares are forgotten.
    fn scope(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Result<Flow, Error>,
    ) -> Result<Flow, Error> {
        let mark = self.variables.len();
        let flow = self.deeper(inner)?;
        self.variables.truncate(mark);
        Ok(flow)
    }

    fn print(&mut self, value: &Value) -> Result<(), Error> {
        match value {
            Value::Nil => self.write("<no value>"),
            Value::String(text) => self.write(text),
            value => {
                let mut text = String::new();
                format::print(&mut text, value);
                self.write(&text)
            }
        }
    }

    fn range(&mut self, dot: &Value, branch: &'t Branch) -> Result<Flow, Error> {
        let value = self.pipe(dot, &branch.pipe)?;
        let mut any = false;
        if let Some(items) = value.items() {
            for (index, item) in items.iter().enumerate() {
                any = true;
                if self.iteration(branch, Value::Int(index as i64), item)? {
                    return Ok(Flow::Normal);
                }
            }
        } else if let Some(entries) = value.entries() {
            for (key, item) in entries {
                any = true;
                if self.iteration(branch, Value::from(key.as_str()), item)? {
                    return Ok(Flow::Normal);
                }
            }
        } else if let Value::Int(count) | Value::Duration(Duration(count)) = value {
            if branch.pipe.variables.len() > 1 {
                let text = format::sprint(&[value]);
                let message = format!("can't use {text} to iterate over more than one variable");
                return Err(self.error(message));
            }
            for index in 0..count {
                any = true;
                if self.iteration(branch, Value::Int(index), &Value::Int(index))? {
                    return Ok(Flow::Normal);
                }
            }
        } else if !matches!(value, Value::Nil) {
            let text = format::sprint(&[value]);
            return Err(self.error(format!("range can't iterate over {text}")));
        }
        if any {
            return Ok(Flow::Normal);
        }
        self.optional_list(dot, branch.otherwise.as_ref())
    }

    /// Runs the body once; says whether the loop is over.
    fn iteration(&mut self, branch: &'t Branch, index: Value, item: &Value) -> Result<bool, Error> {
        self.step()?;
        match branch.pipe.variables.as_slice() {
            [] => {}
            [variable] => self.set_in_range(branch, variable, 1, item.clone())?,
            [first, second, ..] => {
                self.set_in_range(branch, second, 1, item.clone())?;
                self.set_in_range(branch, first, 2, index)?;
            }
        }
        let mark = self.variables.len();
        let flow = self.list(item, &branch.list)?;
        self.variables.truncate(mark);
        Ok(flow == Flow::Break)
    }

    /// Declared variables are on top of the stack, assigned ones anywhere.
    fn set_in_range(
        &mut self,
        branch: &'t Branch,
        name: &'t str,
        from_top: usize,
        value: Value,
    ) -> Result<(), Error> {
        if branch.pipe.assigns {
            return self.assign(name, value);
        }
        let top = self.variables.len();
        if let Some(slot) = top.checked_sub(from_top).and_then(|at| self.variables.get_mut(at)) {
            slot.1 = value;
        }
        Ok(())
    }

    fn template(
        &mut self,
        dot: &Value,
        at: usize,
        node: &'t Node,
        name: &'t str,
        pipe: Option<&'t Pipe>,
    ) -> Result<(), Error> {
        let dot = match pipe {
            Some(pipe) => self.pipe(dot, pipe)?,
            None => Value::Nil,
        };
        self.at = Place::Node(at, node);
        let Some(tree) = self.set.tree(name) else {
            return Err(self.error(format!("template {} not defined", format::quote(name))));
        };
        if self.meter.templates >= TEMPLATE_DEPTH_MAX {
            return Err(
                self.error(format!("exceeded maximum template depth ({TEMPLATE_DEPTH_MAX})"))
            );
        }
        self.meter.templates += 1;
        self.deeper(|state| {
            let mut inner = State {
                set: state.set,
                functions: state.functions,
                tree,
                template: name,
                variables: vec![("$", dot.clone())],
                at: Place::Start,
                meter: &mut *state.meter,
                out: &mut *state.out,
            };
            inner.list(&dot, &tree.list)
        })?;
        self.meter.templates -= 1;
        Ok(())
    }
}
