//! The syntax tree as indented text, for those who look for a mistake.

use std::fmt::Write as _;

use super::ast::{Ast, Node, NodeId};
use super::types::Types;

/// Deepest nesting that is shown.
const DEPTH_MAX: usize = 500;

/// Shows the tree under a node; with `types` after the check.
#[must_use]
pub fn dump(ast: &Ast, root: NodeId, types: Option<&Types>) -> String {
    let mut out = String::new();
    show(ast, root, types, 0, &mut out);
    out
}

fn show(ast: &Ast, id: NodeId, types: Option<&Types>, depth: usize, out: &mut String) {
    if depth > DEPTH_MAX {
        return;
    }
    let (label, children) = describe(ast.node(id));
    let indent = depth * 2;
    // Writing to a string cannot fail.
    let _ = write!(out, "{:indent$}({label}", "");
    if let (Some(types), Some(ty)) = (types, ast.nodes[id.0 as usize].ty) {
        let _ = write!(out, " <{}>", types.show(ty));
    }
    if let Some(position) = ast.position(id) {
        let _ = write!(out, " @ {position}");
    }
    if children.is_empty() {
        out.push_str(")\n");
        return;
    }
    out.push('\n');
    for child in children {
        show(ast, child, types, depth + 1, out);
    }
    let _ = writeln!(out, "{:indent$})", "");
}

fn describe(node: &Node) -> (String, Vec<NodeId>) {
    match node {
        Node::Statements(list) => ("statements".to_owned(), list.clone()),
        Node::Expressions(list) => ("expressions".to_owned(), list.clone()),
        Node::Condition { test, truth, otherwise } => {
            ("condition".to_owned(), [*test, *truth].into_iter().chain(*otherwise).collect())
        }
        Node::Name { name, .. } => (format!("name {name:?}"), Vec::new()),
        Node::Capref { name, .. } => (format!("capref {name:?}"), Vec::new()),
        Node::Call { name, args } => (format!("call {name:?}"), args.iter().copied().collect()),
        Node::Binary { op, left, right } => (op.name().to_owned(), vec![*left, *right]),
        Node::Unary { op, operand } => (op.name().to_owned(), vec![*operand]),
        Node::Indexed { base, index } => ("index".to_owned(), vec![*index, *base]),
        Node::Declare(declaration) => {
            let (kind, name) = (declaration.kind.name(), &declaration.name);
            let hidden = if declaration.hidden { "hidden " } else { "" };
            let keys = declaration.keys.join(", ");
            (format!("{hidden}{kind} {name:?} by ({keys})"), Vec::new())
        }
        Node::Str(text) => (format!("string {text:?}"), Vec::new()),
        Node::Int(value) => (format!("int {value}"), Vec::new()),
        Node::Float(value) => (format!("float {}", crate::go::format_g(*value)), Vec::new()),
        Node::Pattern { parts, .. } => ("pattern".to_owned(), vec![*parts]),
        Node::Regex(text) => (format!("regex {text:?}"), Vec::new()),
        Node::Fragment { name, parts, .. } => ("const".to_owned(), vec![*name, *parts]),
        Node::Decorator { name, block, .. } => (format!("def {name:?}"), vec![*block]),
        Node::Decorated { name, block, .. } => (format!("@{name}"), vec![*block]),
        Node::Next => ("next".to_owned(), Vec::new()),
        Node::Otherwise => ("otherwise".to_owned(), Vec::new()),
        Node::Delete { target, expiry_ns: 0 } => ("del".to_owned(), vec![*target]),
        Node::Delete { target, expiry_ns } => {
            (format!("del after {}", crate::go::show_duration(*expiry_ns)), vec![*target])
        }
        Node::Convert(inner) => ("convert".to_owned(), vec![*inner]),
        Node::Stop => ("stop".to_owned(), Vec::new()),
        Node::Error => ("error".to_owned(), Vec::new()),
        Node::LogFilter(names) => (format!("log_filter {names:?}"), Vec::new()),
        Node::Begin(block) => ("begin".to_owned(), vec![*block]),
    }
}
