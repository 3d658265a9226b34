//! Patterns are put together and parsed, their groups become names.

use super::super::ast::{Node, NodeId};
use super::super::infer;
use super::super::symbol::{Symbol, SymbolKind};
use super::super::token::Kind;
use super::Checker;
use crate::go;

impl Checker {
    pub(super) fn check_pattern(&mut self, id: NodeId, parts: NodeId) {
        let mut whole = String::new();
        self.evaluate(parts, &mut whole);
        if whole.is_empty() {
            self.patterns.insert(id, common_re2::Syntax::default());
            return;
        }
        if let Node::Pattern { text, .. } = self.ast.node_mut(id) {
            text.clone_from(&whole);
        }
        self.check_regex(id, &whole);
    }

    pub(super) fn check_fragment(&mut self, id: NodeId, parts: NodeId) {
        let mut whole = String::new();
        self.evaluate(parts, &mut whole);
        if let Node::Fragment { text, .. } = self.ast.node_mut(id) {
            *text = whole;
        }
    }

    /// Appends the text of a part. Concatenations lean to the left and are followed in a loop.
    fn evaluate(&mut self, part: NodeId, whole: &mut String) {
        let mut parts = vec![part];
        while let Some(id) = parts.pop() {
            match self.ast.node(id).clone() {
                Node::Binary { op: Kind::Plus, left, right } => parts.extend([right, left]),
                Node::Binary { .. } => {
                    self.complain(id, "internal error: Invalid operator in concatenation");
                }
                Node::Indexed { base, index } => {
                    parts.push(base);
                    parts.extend(self.ast.list(index).iter().rev());
                }
                Node::Convert(inner) => parts.push(inner),
                Node::Regex(text) | Node::Str(text) => whole.push_str(&text),
                Node::Int(value) => whole.push_str(&value.to_string()),
                Node::Float(value) => whole.push_str(&go::format_g(value)),
                Node::Name { symbol: Some(symbol), .. } => {
                    let symbol = self.symbols.get(symbol).clone();
                    self.evaluate_name(id, &symbol, whole);
                }
                _ => {}
            }
            if whole.len() > super::super::parser::PROGRAM_BYTES_MAX {
                return;
            }
        }
    }

    fn evaluate_name(&mut self, id: NodeId, symbol: &Symbol, whole: &mut String) {
        let fragment = symbol.binding.map(|binding| self.ast.node(binding).clone());
        let Some(Node::Fragment { text, .. }) = fragment else {
            let message = format!(
                "Can't append {} `{}' to this pattern.\n\tTry using a `const'-defined pattern \
                 fragment.",
                symbol.kind.name(),
                symbol.name
            );
            return self.complain(id, message);
        };
        if text.is_empty() {
            let message = format!(
                "Can't evaluate pattern fragment `{}' here.\n\tTry defining it earlier in the \
                 program.",
                symbol.name
            );
            self.complain(id, message);
        }
        whole.push_str(&text);
    }

    fn check_regex(&mut self, id: NodeId, pattern: &str) {
        let max = self.limits.pattern_bytes_max;
        if pattern.len() > max {
            let message = format!(
                "Exceeded maximum regular expression pattern length of {max} bytes with {}.\n\t\
                 Excessively long patterns are likely to cause compilation and runtime performance \
                 problems.",
                pattern.len()
            );
            return self.complain(id, message);
        }
        let syntax = match common_re2::Syntax::parse(pattern) {
            Ok(syntax) => syntax,
            Err(error) => return self.complain(id, error.to_string()),
        };
        if !self.without_groups {
            self.declare_groups(id, pattern, &syntax);
        }
        self.patterns.insert(id, syntax);
    }

    fn declare_groups(&mut self, id: NodeId, pattern: &str, syntax: &common_re2::Syntax) {
        let types = infer::group_types(pattern);
        for (group, &ty) in types.iter().enumerate() {
            // What is repeated no times is not there, and neither is its name.
            let is_there = ty != super::types::NONE;
            let name = group.checked_sub(1).filter(|_| is_there);
            let name = name.and_then(|index| syntax.names.get(index)?.clone());
            let symbol = Symbol {
                name: name.clone().unwrap_or_else(|| group.to_string()),
                kind: SymbolKind::Capref,
                ty,
                position: self.ast.position(id),
                binding: Some(id),
                address: group,
                used: false,
            };
            let (number, symbol) = (group.to_string(), self.symbols.add(symbol));
            let Some(scope) = self.scope else { return };
            if let Some(first) = self.symbols.insert(scope, &number, symbol) {
                if name.is_none() {
                    // Of two patterns in one condition the last one gives the numbered groups from
                    // here on.
                    self.symbols.prefer(scope, &number, symbol);
                } else {
                    let place = self.symbols.get(first).position;
                    let what =
                        format!("Redeclaration of capture group `{number}' previously declared");
                    self.redeclared(id, &what, place);
                }
            }
            if let Some(name) = name {
                self.symbols.insert(scope, &name, symbol);
            }
        }
    }
}
