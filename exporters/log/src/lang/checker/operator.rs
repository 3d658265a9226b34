//! Operators and indexes.

use super::super::ast::{Node, NodeId};
use super::super::token::Kind;
use super::super::types::{self, Conflict, TypeError, TypeId};
use super::{Checker, SymbolKind};

impl Checker {
    fn fail(&mut self, id: NodeId, message: impl Into<String>) {
        self.complain(id, message);
        self.set_type(id, types::ERROR);
    }

    /// A node of this type, converting it where it has another.
    fn converted(&mut self, id: NodeId, ty: TypeId) -> NodeId {
        if self.types.equals(ty, self.ty(id)) {
            return id;
        }
        let position = self.ast.position(id);
        let node = self.ast.add(Node::Convert(id), position);
        self.set_type(node, ty);
        node
    }

    fn set_operands(&mut self, id: NodeId, left: NodeId, right: NodeId) {
        if let Node::Binary { left: left_slot, right: right_slot, .. } = self.ast.node_mut(id) {
            (*left_slot, *right_slot) = (left, right);
        }
    }

    pub(super) fn check_binary(&mut self, id: NodeId, op: Kind, left: NodeId, right: NodeId) {
        let (left_ty, right_ty) = (self.ty(left), self.ty(right));
        if let Some(error) = [left_ty, right_ty].into_iter().find(|&ty| self.types.is_error(ty)) {
            return self.set_type(id, error);
        }
        match op {
            Kind::Div | Kind::Mod | Kind::Mul | Kind::Minus | Kind::Plus | Kind::Pow => {
                self.check_arithmetic(id, op, left, right);
            }
            Kind::Shl | Kind::Shr | Kind::BitAnd | Kind::BitOr | Kind::Xor => {
                let what = "Integer types expected for bitwise";
                self.check_uniform(id, op, (left_ty, right_ty), types::INT, what);
            }
            Kind::And | Kind::Or => {
                let (left, right) = (self.as_match(left), self.as_match(right));
                self.set_operands(id, left, right);
                let what = "Boolean types expected for logical";
                self.check_uniform(id, op, (left_ty, right_ty), types::BOOL, what);
            }
            Kind::Lt | Kind::Gt | Kind::Le | Kind::Ge | Kind::Eq | Kind::Ne => {
                self.check_comparison(id, op, left, right);
            }
            Kind::Assign | Kind::AddAssign => self.check_assignment(id, left, right),
            Kind::Match | Kind::NotMatch => self.check_match(id, op, left, right),
            _ => self.fail(id, format!("Unexpected operator {}", op.name())),
        }
    }

    /// Both operands are of one type, which the result has, too.
    fn check_uniform(
        &mut self,
        id: NodeId,
        op: Kind,
        (left, right): (TypeId, TypeId),
        ty: TypeId,
        what: &str,
    ) {
        let wanted = self.types.function(&[ty, ty, ty]);
        let result = self.types.variable();
        let got = self.types.function(&[left, right, result]);
        if let Err(error) = self.types.unify(wanted, got) {
            let (left, right) = (self.types.show(left), self.types.show(right));
            let message = match error.conflict {
                Conflict::Mismatch => format!("{what} {}, got {left} and {right}", op.name()),
                _ => self.types.explain(&error),
            };
            return self.fail(id, message);
        }
        self.set_type(id, ty);
    }

    fn cannot_apply(&mut self, op: Kind, error: &TypeError, sides: (TypeId, TypeId)) -> String {
        if error.conflict != Conflict::Mismatch {
            return self.types.explain(error);
        }
        let (left, right) = (self.types.show(sides.0), self.types.show(sides.1));
        let op = op.name();
        format!(
            "type mismatch: can't apply {op} to LHS of type {left:?} with RHS of type {right:?}."
        )
    }

    fn check_arithmetic(&mut self, id: NodeId, op: Kind, left: NodeId, right: NodeId) {
        let (left_ty, right_ty) = (self.ty(left), self.ty(right));
        let result = match self.types.upper_bound(left_ty, right_ty) {
            Ok(result) => result,
            Err(error) => {
                let message = self.cannot_apply(op, &error, (left_ty, right_ty));
                return self.fail(id, message);
            }
        };
        let got = self.types.function(&[left_ty, right_ty, result]);
        let any = self.types.variable();
        let wanted = self.types.function(&[any, any, any]);
        if let Err(error) = self.types.unify(wanted, got) {
            let message = self.types.explain(&error);
            return self.fail(id, message);
        }
        let (left, right) = (self.converted(left, result), self.converted(right, result));
        self.set_operands(id, left, right);
        let by_zero =
            matches!(op, Kind::Div | Kind::Mod) && matches!(self.ast.node(right), Node::Int(0));
        if by_zero {
            return self.fail(id, "Can't divide by zero.");
        }
        self.set_type(id, result);
    }

    fn check_comparison(&mut self, id: NodeId, op: Kind, left: NodeId, right: NodeId) {
        let (left_ty, right_ty) = (self.ty(left), self.ty(right));
        let common = match self.types.upper_bound(left_ty, right_ty) {
            Ok(common) => common,
            Err(error) => {
                let message = self.cannot_apply(op, &error, (left_ty, right_ty));
                return self.fail(id, message);
            }
        };
        let got = self.types.function(&[left_ty, right_ty, types::BOOL]);
        let wanted = self.types.function(&[common, common, types::BOOL]);
        if let Err(error) = self.types.unify(wanted, got) {
            let message = self.types.explain(&error);
            return self.fail(id, message);
        }
        let (left, right) = (self.converted(left, common), self.converted(right, common));
        self.set_operands(id, left, right);
        self.set_type(id, types::BOOL);
    }

    fn check_assignment(&mut self, id: NodeId, left: NodeId, right: NodeId) {
        let (left_ty, right_ty) = (self.ty(left), self.ty(right));
        // A type that is an error is unified with the left side, too, which explains it badly.
        let common = self.types.upper_bound(left_ty, right_ty).unwrap_or(types::ERROR);
        if let Err(error) = self.types.unify(left_ty, common) {
            let message = self.types.explain(&error);
            return self.fail(id, message);
        }
        if !self.set_lvalue(left) {
            let message = "Can't assign to expression on left; expecting a variable here.";
            self.complain(left, message);
            return self.set_type(id, types::ERROR);
        }
        self.set_type(id, left_ty);
    }

    /// Says that a variable is written to; `false` if it is none.
    fn set_lvalue(&mut self, id: NodeId) -> bool {
        let name = match *self.ast.node(id) {
            Node::Indexed { base, .. } => base,
            _ => id,
        };
        match self.ast.node_mut(name) {
            Node::Name { lvalue, .. } => {
                *lvalue = true;
                true
            }
            _ => false,
        }
    }

    fn check_match(&mut self, id: NodeId, op: Kind, left: NodeId, right: NodeId) {
        let (left_ty, right_ty) = (self.ty(left), self.ty(right));
        let (any, result) = (self.types.variable(), self.types.variable());
        let wanted = self.types.function(&[any, types::PATTERN, types::BOOL]);
        let got = self.types.function(&[left_ty, right_ty, result]);
        if let Err(error) = self.types.unify(wanted, got) {
            let mut message = self.types.explain(&error);
            if error.conflict == Conflict::Mismatch {
                message = format!("{message} for {} operator.", op.name());
            }
            return self.fail(id, message);
        }
        if !self.types.equals(right_ty, types::PATTERN) {
            let position = self.ast.position(right);
            let node = Node::Pattern { parts: right, text: String::new() };
            let pattern = self.ast.add(node, position);
            let pattern = self.walk(pattern);
            self.set_operands(id, left, pattern);
        }
        self.set_type(id, types::BOOL);
    }

    pub(super) fn check_unary(&mut self, id: NodeId, op: Kind, operand: NodeId) {
        let ty = self.ty(operand);
        if self.types.is_error(ty) {
            return self.set_type(id, ty);
        }
        match op {
            Kind::Not => {
                let wanted = self.types.function(&[types::INT, types::BOOL]);
                let result = self.types.variable();
                let got = self.types.function(&[ty, result]);
                if let Err(error) = self.types.unify(wanted, got) {
                    let message = format!("{} for `~' operator.", self.types.explain(&error));
                    self.complain(operand, message);
                    return self.set_type(id, types::ERROR);
                }
                self.set_type(id, types::BOOL);
            }
            Kind::Inc | Kind::Dec => self.check_increment(id, op, operand),
            _ => {
                let wanted = self.types.function(&[types::PATTERN, types::BOOL]);
                let result = self.types.variable();
                let got = self.types.function(&[ty, result]);
                if let Err(error) = self.types.unify(wanted, got) {
                    let ty = self.types.show(ty);
                    let message = match error.conflict {
                        Conflict::Mismatch => {
                            format!("type mismatch: Unary MATCH expects Pattern, received {ty}")
                        }
                        _ => self.types.explain(&error),
                    };
                    return self.fail(id, message);
                }
                self.set_type(id, types::BOOL);
            }
        }
    }

    fn check_increment(&mut self, id: NodeId, op: Kind, operand: NodeId) {
        if !self.set_lvalue(operand) {
            let message = "Can't assign to expression; expecting a variable here.";
            self.complain(operand, message);
            return self.set_type(id, types::ERROR);
        }
        let ty = self.ty(operand);
        let result = self.types.variable();
        let wanted = self.types.function(&[types::INT, types::INT]);
        let got = self.types.function(&[ty, result]);
        let unified = match self.types.unify(wanted, got) {
            Ok(unified) => unified,
            Err(error) => {
                let message = self.types.explain(&error);
                return self.fail(id, message);
            }
        };
        let operand_ty = self.types.args(unified).first().copied();
        if !operand_ty.is_some_and(|ty| self.types.occurs_in(types::INT, ty)) {
            let ty = self.types.show(ty);
            let message = format!("type mismatch: expecting an Int for {}, not {ty}.", op.name());
            self.complain(operand, message);
            return self.set_type(id, types::ERROR);
        }
        self.set_type(id, result);
    }

    /// `a[b]`; a name without index stands for itself, one of a pattern for the pattern.
    pub(super) fn check_indexed(&mut self, id: NodeId, base: NodeId, index: NodeId) -> NodeId {
        let list = self.ast.list(index).to_vec();
        let mut keys: Vec<TypeId> = list.iter().map(|&key| self.ty(key)).collect();
        if let Some(error) = keys.iter().copied().find(|&ty| self.types.is_error(ty)) {
            self.set_type(id, error);
            return id;
        }
        let Node::Name { symbol, .. } = *self.ast.node(base) else {
            self.fail(id, "Index taken on unindexable expression");
            return id;
        };
        let Some(symbol) = symbol else {
            self.set_type(id, types::ERROR);
            return id;
        };
        let ty = self.symbols.get(symbol).ty;
        if self.symbols.get(symbol).kind == SymbolKind::Pattern
            || self.types.equals(types::PATTERN, ty)
        {
            let position = self.ast.position(base);
            let node = Node::Pattern { parts: base, text: String::new() };
            let pattern = self.ast.add(node, position);
            return self.walk(pattern);
        }
        let Some(wanted_args) = self.types.dimension_args(ty).map(<[TypeId]>::len) else {
            if list.is_empty() {
                self.set_type(id, ty);
            } else {
                self.fail(id, "Index taken on unindexable expression");
            }
            return id;
        };
        let result = self.types.variable();
        keys.push(result);
        let got = self.types.dimension(&keys);
        if let Err(error) = self.types.unify(ty, got) {
            let (wanted, received) = (wanted_args - 1, keys.len() - 1);
            let counts =
                format!("keys for indexed expression: expecting {wanted}, received {received}");
            let message = match wanted.cmp(&received) {
                std::cmp::Ordering::Greater => format!("Not enough {counts}"),
                std::cmp::Ordering::Less => format!("Too many {counts}."),
                std::cmp::Ordering::Equal => self.types.explain(&error),
            };
            self.fail(id, message);
            return id;
        }
        if list.is_empty() {
            return base;
        }
        self.set_type(id, result);
        id
    }
}
