//! Arithmetic on literals is done once, before and after the check, as mtail does it.

use super::ast::{Ast, Node, NodeId};
use super::position::{Complaints, Position};
use super::token::Kind;
use crate::go::{mod_float, pow_float, to_int64};

/// Replaces operations on two literals by their result.
///
/// # Errors
/// Division by a literal zero.
pub fn fold(ast: &mut Ast) -> Result<(), Complaints> {
    let mut complaints = Complaints::default();
    // Operands were made before what they belong to.
    for index in 0..ast.nodes.len() {
        let Node::Binary { op, left, right } = ast.nodes[index].node else { continue };
        let result = match (number(ast, left), number(ast, right)) {
            (Some(Number::Int(a)), Some(Number::Int(b))) => fold_ints(op, a, b).map(Node::Int),
            (Some(a), Some(b)) => fold_floats(op, a, b).map(Node::Float),
            _ => continue,
        };
        match result {
            Ok(node) => {
                let place = Position::merge_maybe(ast.position(left), ast.position(right));
                ast.nodes[index].node = node;
                ast.nodes[index].position = place;
            }
            Err(Some(message)) => complaints.add(ast.nodes[index].position, message),
            Err(None) => {}
        }
    }
    if complaints.0.is_empty() { Ok(()) } else { Err(complaints) }
}

#[derive(Clone, Copy)]
enum Number {
    Int(i64),
    Float(f64),
}

impl Number {
    #[expect(clippy::cast_precision_loss, reason = "as in the language")]
    fn as_float(self) -> f64 {
        match self {
            Number::Int(value) => value as f64,
            Number::Float(value) => value,
        }
    }
}

fn number(ast: &Ast, id: NodeId) -> Option<Number> {
    match *ast.node(id) {
        Node::Int(value) => Some(Number::Int(value)),
        Node::Float(value) => Some(Number::Float(value)),
        _ => None,
    }
}

/// The result; `Err(None)` where nothing is computed.
fn fold_ints(op: Kind, a: i64, b: i64) -> Result<i64, Option<&'static str>> {
    Ok(match op {
        Kind::Plus => a.wrapping_add(b),
        Kind::Minus => a.wrapping_sub(b),
        Kind::Mul => a.wrapping_mul(b),
        Kind::Div if b == 0 => return Err(Some("divide by zero")),
        Kind::Div => a.wrapping_div(b),
        Kind::Mod if b == 0 => return Err(Some("mod by zero")),
        Kind::Mod => a.wrapping_rem(b),
        #[expect(clippy::cast_precision_loss, reason = "as in the language")]
        Kind::Pow => to_int64(pow_float(a as f64, b as f64)),
        _ => return Err(None),
    })
}

fn fold_floats(op: Kind, a: Number, b: Number) -> Result<f64, Option<&'static str>> {
    let (left, right) = (a.as_float(), b.as_float());
    Ok(match op {
        Kind::Plus => left + right,
        Kind::Minus => left - right,
        Kind::Mul => left * right,
        Kind::Div if right == 0.0 => return Err(Some("divide by zero")),
        Kind::Div => left / right,
        Kind::Mod if right == 0.0 => return Err(Some("mod by zero")),
        // mtail stores this one in the wrong place, and zero stays.
        Kind::Mod if matches!(a, Number::Int(_)) => 0.0,
        Kind::Mod => mod_float(left, right),
        Kind::Pow => pow_float(left, right),
        _ => return Err(None),
    })
}
