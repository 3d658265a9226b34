//! Expressions.

use std::cmp::Ordering;

use super::Generator;
use crate::lang::ast::{Node, NodeId};
use crate::lang::symbol::{SymbolId, SymbolKind};
use crate::lang::token::Kind;
use crate::lang::types::{self, TypeId};
use crate::vm::code::{Arithmetic, Comparison, Op};

impl Generator {
    /// The type of a node.
    fn ty(&self, id: NodeId) -> TypeId {
        match self.checked.ast.node(id) {
            Node::Int(_) => types::INT,
            Node::Float(_) => types::FLOAT,
            Node::Str(_) => types::STRING,
            Node::Pattern { .. } | Node::Regex(_) => types::PATTERN,
            Node::Name { symbol, .. } | Node::Capref { symbol, .. } => {
                symbol.map_or(types::ERROR, |symbol| self.checked.symbols.get(symbol).ty)
            }
            _ => self.checked.ast.nodes[id.0 as usize].ty.unwrap_or(types::ERROR),
        }
    }

    fn is(&self, ty: TypeId, basic: TypeId) -> bool {
        self.checked.types.equals(ty, basic)
    }

    pub(super) fn expression(&mut self, id: NodeId) {
        match self.checked.ast.node(id).clone() {
            Node::Int(value) => self.emit(id, Op::PushInt(value)),
            Node::Float(value) => self.emit(id, Op::PushFloat(value)),
            Node::Str(text) => {
                let index = u32::try_from(self.object.texts.len()).unwrap_or(u32::MAX);
                self.object.texts.push(text);
                self.emit(id, Op::PushText(index));
            }
            Node::Name { name, symbol, lvalue } => self.load(id, &name, symbol, lvalue),
            Node::Capref { name, symbol, .. } => self.capref(id, &name, symbol),
            Node::Indexed { base, index } => {
                for key in self.checked.ast.list(index).to_vec() {
                    self.walk(key);
                    let ty = self.ty(key);
                    if self.is(ty, types::FLOAT) {
                        self.emit(id, Op::FloatToText);
                    } else if self.is(ty, types::INT) {
                        self.emit(id, Op::IntToText);
                    }
                }
                self.walk(base);
            }
            Node::Call { name, args } => self.call(id, &name, args),
            Node::Unary { op, operand } => self.unary(id, op, operand),
            Node::Binary { op, left, right } => self.binary(id, op, left, right),
            Node::Convert(inner) => {
                self.walk(inner);
                let (from, to) = (self.ty(inner), self.ty(id));
                if let Err(message) = self.convert(id, from, to) {
                    self.complain(id, &format!("internal error: {message} on node &{{}}"));
                }
            }
            _ => {}
        }
    }

    fn load(&mut self, id: NodeId, name: &str, symbol: Option<SymbolId>, lvalue: bool) {
        let Some(symbol) = symbol.map(|symbol| self.checked.symbols.get(symbol).clone()) else {
            return;
        };
        if symbol.kind != SymbolKind::Variable {
            return;
        }
        let metric = symbol.binding.and_then(|binding| self.metrics.get(&binding).copied());
        let Some(metric) = metric else {
            return self.complain(id, &format!("No metric bound to identifier {name:?}"));
        };
        let keys = self.object.metrics[metric as usize].keys.len();
        let keys = u32::try_from(keys).unwrap_or(u32::MAX);
        self.emit(id, Op::Load { metric, keys });
        if lvalue {
            return;
        }
        let args = self.checked.types.dimension_args(symbol.ty);
        let ty = args.and_then(|args| args.last().copied()).unwrap_or(symbol.ty);
        let op = if self.is(ty, types::FLOAT) {
            Op::GetFloat
        } else if self.is(ty, types::INT) {
            Op::GetInt
        } else if self.is(ty, types::STRING) {
            Op::GetText
        } else {
            let ty = self.checked.types.show(symbol.ty);
            return self.complain(
                id,
                &format!("invalid type for get {ty:?} in &ast.IDTerm{{Name:{name:?}}}"),
            );
        };
        self.emit(id, op);
    }

    /// The pattern and group that a reference means.
    fn group(&mut self, symbol: Option<SymbolId>) -> Option<(u32, u32)> {
        let symbol = self.checked.symbols.get(symbol?);
        let (binding, address) = (symbol.binding?, symbol.address);
        let pattern = self.index_of(binding)?;
        self.object.patterns[pattern as usize].want(address);
        Some((pattern, u32::try_from(address).ok()?))
    }

    fn capref(&mut self, id: NodeId, name: &str, symbol: Option<SymbolId>) {
        let Some((pattern, group)) = self.group(symbol) else {
            return self.complain(id, &format!("No regular expression bound to capref {name:?}"));
        };
        self.emit(id, Op::Capref { pattern, group });
        let ty = self.ty(id);
        if self.is(ty, types::FLOAT) {
            self.emit(id, Op::TextToFloat);
        } else if self.is(ty, types::INT) {
            self.emit(id, Op::TextToInt { base: false });
        }
    }

    fn call(&mut self, id: NodeId, name: &str, args: Option<NodeId>) {
        let list = args.map(|args| self.checked.ast.list(args).to_vec()).unwrap_or_default();
        if name == "defined" {
            if let Some(Node::Capref { symbol, .. }) =
                list.first().map(|&arg| self.checked.ast.node(arg).clone())
                && let Some((pattern, group)) = self.group(symbol)
            {
                self.emit(id, Op::Defined { pattern, group });
            }
            return;
        }
        for &arg in &list {
            self.walk(arg);
        }
        let op = match name {
            "int" | "float" | "string" => {
                let (from, to) =
                    (list.first().map_or(types::ERROR, |&arg| self.ty(arg)), self.ty(id));
                if let Err(message) = self.convert(id, from, to) {
                    self.complain(id, &format!("{message} on node &{{}}"));
                }
                return;
            }
            "bool" => return,
            "getfilename" => Op::FileName,
            "json" => Op::Json,
            "logfmt" => Op::Logfmt,
            "len" => Op::Length,
            "settime" => Op::Settime,
            "strptime" => Op::Strptime,
            "strtol" => Op::TextToInt { base: true },
            "timestamp" => Op::Timestamp,
            "tolower" => Op::Lower,
            _ => match list.first().map(|&arg| (arg, self.checked.ast.node(arg))) {
                Some((arg, Node::Pattern { .. })) => match self.index_of(arg) {
                    Some(pattern) => Op::ReplacePattern(pattern),
                    None => return,
                },
                _ => Op::Replace,
            },
        };
        self.emit(id, op);
    }

    fn unary(&mut self, id: NodeId, op: Kind, operand: NodeId) {
        self.walk(operand);
        match op {
            Kind::Inc => self.emit(id, Op::Increase { popped: false }),
            Kind::Dec => self.emit(id, Op::Decrease),
            Kind::Not => self.emit(id, Op::Flip),
            _ => {
                if let Some(pattern) = self.index_of(operand) {
                    self.emit(id, Op::Match(pattern));
                }
            }
        }
    }

    fn binary(&mut self, id: NodeId, op: Kind, left: NodeId, right: NodeId) {
        if matches!(op, Kind::And | Kind::Or) {
            return self.short_circuit(id, op == Kind::And, left, right);
        }
        let ty = self.ty(id);
        if op == Kind::AddAssign && !self.is(ty, types::INT) {
            // Once to write to, once to read.
            self.walk(left);
        }
        self.walk(left);
        self.walk(right);
        match op {
            Kind::Lt | Kind::Gt | Kind::Le | Kind::Ge | Kind::Eq | Kind::Ne => {
                self.comparison(id, op, left, right);
            }
            Kind::AddAssign if self.is(ty, types::INT) => {
                self.emit(id, Op::Increase { popped: true });
            }
            Kind::AddAssign if self.is(ty, types::FLOAT) => {
                self.emit(id, Op::Float(Arithmetic::Add));
                self.emit(id, Op::SetFloat);
            }
            Kind::AddAssign if self.is(ty, types::STRING) => {
                self.emit(id, Op::Join);
                self.emit(id, Op::SetText);
            }
            Kind::AddAssign => {
                let ty = self.checked.types.show(ty);
                self.complain(id, &format!("invalid type for add-assignment: {ty}"));
            }
            Kind::BitAnd => self.emit(id, Op::Int(Arithmetic::And)),
            Kind::BitOr => self.emit(id, Op::Int(Arithmetic::Or)),
            Kind::Xor => self.emit(id, Op::Int(Arithmetic::Xor)),
            Kind::Shl => self.emit(id, Op::Int(Arithmetic::ShiftLeft)),
            Kind::Shr => self.emit(id, Op::Int(Arithmetic::ShiftRight)),
            Kind::Match | Kind::NotMatch => self.text_match(id, op, right),
            _ => match self.typed_operator(op, ty) {
                Some(op) => self.emit(id, op),
                None => {
                    let (ty, number) = (self.checked.types.show(ty), op.number());
                    self.complain(id, &format!("no opcode for type {ty} in op {number}"));
                }
            },
        }
    }

    fn short_circuit(&mut self, id: NodeId, and: bool, left: NodeId, right: NodeId) {
        let (early, end) = (self.label(), self.label());
        for side in [left, right] {
            self.walk(side);
            self.emit(id, if and { Op::JumpUnless(early) } else { Op::JumpIf(early) });
        }
        self.emit(id, Op::PushBool(and));
        self.emit(id, Op::Jump(end));
        self.place(early);
        self.emit(id, Op::PushBool(!and));
        self.place(end);
    }

    fn text_match(&mut self, id: NodeId, op: Kind, right: NodeId) {
        let Some(pattern) = self.index_of(right) else {
            return self.complain(id, "unexpected rhs expression for match");
        };
        self.emit(id, Op::MatchText(pattern));
        if op == Kind::NotMatch {
            self.emit(id, Op::Not);
        }
    }

    fn comparison(&mut self, id: NodeId, op: Kind, left: NodeId, right: NodeId) {
        let (left_ty, right_ty) = (self.ty(left), self.ty(right));
        // Only a type under its own name counts: one that was inferred is compared dynamically.
        let comparison = match left_ty {
            _ if !self.is(left_ty, right_ty) => Comparison::Dynamic,
            types::FLOAT => Comparison::Float,
            types::INT => Comparison::Int,
            types::STRING => Comparison::Text,
            _ => Comparison::Dynamic,
        };
        let (order, holds) = match op {
            Kind::Lt => (Ordering::Less, true),
            Kind::Gt => (Ordering::Greater, true),
            Kind::Le => (Ordering::Greater, false),
            Kind::Ge => (Ordering::Less, false),
            Kind::Eq => (Ordering::Equal, true),
            _ => (Ordering::Equal, false),
        };
        self.emit(id, Op::Compare(comparison, order));
        if !holds {
            self.emit(id, Op::Not);
        }
    }

    fn typed_operator(&self, op: Kind, ty: TypeId) -> Option<Op> {
        let arithmetic = match op {
            Kind::Plus => Arithmetic::Add,
            Kind::Minus => Arithmetic::Subtract,
            Kind::Mul => Arithmetic::Multiply,
            Kind::Div => Arithmetic::Divide,
            Kind::Mod => Arithmetic::Modulo,
            Kind::Pow => Arithmetic::Power,
            Kind::Assign if self.is(ty, types::INT) => return Some(Op::SetInt),
            Kind::Assign if self.is(ty, types::FLOAT) => return Some(Op::SetFloat),
            Kind::Assign if self.is(ty, types::STRING) => return Some(Op::SetText),
            _ => return None,
        };
        if self.is(ty, types::INT) {
            return Some(Op::Int(arithmetic));
        }
        if self.is(ty, types::FLOAT) {
            return Some(Op::Float(arithmetic));
        }
        let text = self.is(ty, types::STRING) || self.is(ty, types::PATTERN);
        (text && arithmetic == Arithmetic::Add).then_some(Op::Join)
    }

    fn convert(&mut self, id: NodeId, from: TypeId, to: TypeId) -> Result<(), String> {
        let is = |ty, basic| self.checked.types.equals(basic, ty);
        let op = if is(from, types::INT) && is(to, types::FLOAT) {
            Op::IntToFloat
        } else if is(from, types::STRING) && is(to, types::FLOAT) {
            Op::TextToFloat
        } else if is(from, types::STRING) && is(to, types::INT) {
            Op::TextToInt { base: false }
        } else if is(from, types::FLOAT) && is(to, types::STRING) {
            Op::FloatToText
        } else if is(from, types::INT) && is(to, types::STRING) {
            Op::IntToText
        } else if (is(from, types::PATTERN) && is(to, types::BOOL))
            || self.checked.types.equals(from, to)
        {
            return Ok(());
        } else {
            let (from, to) = (self.checked.types.show(from), self.checked.types.show(to));
            return Err(format!("can't convert {from:?} to {to:?}"));
        };
        self.emit(id, op);
        Ok(())
    }
}
