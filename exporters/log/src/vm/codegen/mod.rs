//! From a checked program to code, instruction for instruction what mtail makes of it.

mod expression;
mod metric;

use std::collections::HashMap;

use super::code::{Object, Op};
use super::pattern::Pattern;
use crate::lang::ast::{Node, NodeId};
use crate::lang::checker::Checked;
use crate::lang::position::Complaints;

/// Most instructions of a program: decorators are written out where they are used.
pub const INSTRUCTIONS_MAX: usize = 1 << 20;

/// Deepest nesting with decorators written out.
const DEPTH_MAX: usize = 1000;

/// Makes code.
///
/// # Errors
/// Where types have no conversion, or metrics no sense.
pub fn generate(checked: Checked) -> Result<Object, Complaints> {
    let root = checked.root;
    let mut generator = Generator {
        checked,
        object: Object::default(),
        complaints: Complaints::default(),
        labels: Vec::new(),
        decorated: Vec::new(),
        indexes: HashMap::new(),
        pattern_nodes: Vec::new(),
        metrics: HashMap::new(),
        depth: 0,
        overflow: false,
    };
    generator.walk(root);
    generator.resolve_jumps();
    generator.settle_patterns();
    if generator.overflow {
        let message = format!("program has more than {INSTRUCTIONS_MAX} instructions");
        generator.complaints.add(None, message);
    }
    if !generator.complaints.0.is_empty() {
        return Err(generator.complaints);
    }
    Ok(generator.object)
}

pub(super) struct Generator {
    checked: Checked,
    object: Object,
    complaints: Complaints,
    /// Where each label points to.
    labels: Vec<u32>,
    /// Blocks that wait for the `next` of their decorators.
    decorated: Vec<NodeId>,
    /// The number of each pattern, as it was written out last.
    indexes: HashMap<NodeId, u32>,
    /// Where each pattern stands.
    pattern_nodes: Vec<NodeId>,
    /// The number of each metric, by its declaration.
    metrics: HashMap<NodeId, u32>,
    depth: usize,
    overflow: bool,
}

impl Generator {
    fn complain(&mut self, id: NodeId, message: &str) {
        let position = self.checked.ast.position(id);
        let message = format!("Internal compiler error, aborting compilation: {message}");
        self.complaints.add(position, message);
    }

    fn emit(&mut self, id: NodeId, op: Op) {
        if self.object.ops.len() >= INSTRUCTIONS_MAX {
            self.overflow = true;
            return;
        }
        self.object.ops.push(op);
        let line = self.checked.ast.position(id).map_or(0, |place| place.line);
        self.object.lines.push(line);
    }

    /// A label that points nowhere yet.
    fn label(&mut self) -> u32 {
        self.labels.push(0);
        u32::try_from(self.labels.len() - 1).unwrap_or(u32::MAX)
    }

    /// Points a label to the next instruction.
    fn place(&mut self, label: u32) {
        self.labels[label as usize] = u32::try_from(self.object.ops.len()).unwrap_or(u32::MAX);
    }

    fn resolve_jumps(&mut self) {
        for op in self.object.ops.iter_mut().chain(&mut self.object.begin) {
            if let Op::Jump(to) | Op::JumpIf(to) | Op::JumpUnless(to) = op {
                *to = self.labels.get(*to as usize).copied().unwrap_or(0);
            }
        }
    }

    /// Patterns are made ready when it is known which of their groups are read.
    fn settle_patterns(&mut self) {
        for index in 0..self.object.patterns.len() {
            if let Err(message) = self.object.patterns[index].settle() {
                self.complain(self.pattern_nodes[index], &message);
            }
        }
    }

    fn walk(&mut self, id: NodeId) {
        self.depth += 1;
        if self.depth > DEPTH_MAX || self.overflow {
            self.overflow = true;
        } else {
            self.node(id);
        }
        self.depth -= 1;
    }

    fn node(&mut self, id: NodeId) {
        match self.checked.ast.node(id).clone() {
            Node::Statements(list) | Node::Expressions(list) => {
                for member in list {
                    self.walk(member);
                }
            }
            Node::Declare(declaration) => self.declare(id, &declaration),
            Node::Condition { test, truth, otherwise } => {
                self.condition(id, test, truth, otherwise);
            }
            Node::Pattern { text, .. } => self.pattern(id, &text),
            Node::Stop => self.emit(id, Op::Stop),
            Node::Otherwise => self.emit(id, Op::Otherwise),
            Node::Decorated { block, decorator, .. } => self.decorated(block, decorator),
            Node::Next => {
                if let Some(block) = self.decorated.pop() {
                    self.walk(block);
                }
            }
            Node::Delete { target, expiry_ns } => self.delete(target, expiry_ns),
            Node::LogFilter(names) => self.object.log_filter.extend(names),
            Node::Begin(block) => self.begin(block),
            // Decorators are written out where they are used, fragments are parts of patterns.
            Node::Decorator { .. } | Node::Fragment { .. } | Node::Error => {}
            _ => self.expression(id),
        }
    }

    fn condition(&mut self, id: NodeId, test: NodeId, truth: NodeId, otherwise: Option<NodeId>) {
        let (on_else, end) = (self.label(), self.label());
        self.walk(test);
        self.emit(id, Op::JumpUnless(on_else));
        self.emit(id, Op::SetMatched(false));
        self.walk(truth);
        self.emit(id, Op::SetMatched(true));
        if otherwise.is_some() {
            self.emit(id, Op::Jump(end));
        }
        self.place(on_else);
        if let Some(otherwise) = otherwise {
            self.walk(otherwise);
        }
        self.place(end);
    }

    fn decorated(&mut self, block: NodeId, decorator: Option<NodeId>) {
        let Some(decorator) = decorator else { return };
        let Node::Decorator { block: body, .. } = *self.checked.ast.node(decorator) else { return };
        let waiting = self.decorated.len();
        self.decorated.push(block);
        self.walk(body);
        self.decorated.truncate(waiting);
    }

    /// The code of `begin { }` is kept apart.
    fn begin(&mut self, block: NodeId) {
        let (ops, lines) =
            (std::mem::take(&mut self.object.ops), std::mem::take(&mut self.object.lines));
        self.walk(block);
        let begun = std::mem::replace(&mut self.object.ops, ops);
        self.object.lines = lines;
        let offset = u32::try_from(self.object.begin.len()).unwrap_or(0);
        // Labels inside count from the start of this block.
        for op in begun {
            let op = match op {
                Op::Jump(label) => Op::Jump(self.shifted(label, offset)),
                Op::JumpIf(label) => Op::JumpIf(self.shifted(label, offset)),
                Op::JumpUnless(label) => Op::JumpUnless(self.shifted(label, offset)),
                op => op,
            };
            self.object.begin.push(op);
        }
    }

    fn shifted(&mut self, label: u32, offset: u32) -> u32 {
        let target = self.labels.get(label as usize).copied().unwrap_or(0);
        let shifted = self.label();
        self.labels[shifted as usize] = target + offset;
        shifted
    }

    fn delete(&mut self, target: NodeId, expiry_ns: i64) {
        self.walk(target);
        // The index was checked, so that the last instruction loads a datum.
        if let Some(op) = self.object.ops.last_mut()
            && let Op::Load { metric, keys } = *op
        {
            *op = if expiry_ns > 0 {
                Op::Expire { metric, keys, after_ns: expiry_ns }
            } else {
                Op::Delete { metric, keys }
            };
        }
    }

    /// Numbers a pattern; every place where it is written out has its own result.
    fn pattern(&mut self, id: NodeId, text: &str) {
        let Some(syntax) = self.checked.patterns.get(&id) else {
            return self.complain(id, "pattern was not parsed");
        };
        let index = u32::try_from(self.object.patterns.len()).unwrap_or(u32::MAX);
        self.object.patterns.push(Pattern::new(text, syntax));
        let line = self.checked.ast.position(id).map_or(0, |place| place.line);
        self.object.pattern_lines.push(line);
        self.pattern_nodes.push(id);
        self.indexes.insert(id, index);
    }

    /// The number of a pattern that was written out.
    fn index_of(&self, id: NodeId) -> Option<u32> {
        self.indexes.get(&id).copied()
    }
}
