//! Calls of built-in functions.

use super::super::ast::{Node, NodeId};
use super::super::types::{self, Conflict, TypeId};
use super::Checker;
use crate::go;

/// What a function takes and gives; `None` is any type.
const SIGNATURES: &[(&str, &[Option<TypeId>])] = &[
    ("int", &[None, Some(types::INT)]),
    ("bool", &[None, Some(types::BOOL)]),
    ("defined", &[None, Some(types::BOOL)]),
    ("json", &[Some(types::STRING), Some(types::STRING)]),
    ("logfmt", &[Some(types::STRING), Some(types::STRING)]),
    ("float", &[None, Some(types::FLOAT)]),
    ("string", &[None, Some(types::STRING)]),
    ("timestamp", &[Some(types::INT)]),
    ("len", &[Some(types::STRING), Some(types::INT)]),
    ("settime", &[Some(types::INT), Some(types::NONE)]),
    ("strptime", &[Some(types::STRING), Some(types::STRING), Some(types::NONE)]),
    ("strtol", &[Some(types::STRING), Some(types::INT), Some(types::INT)]),
    ("tolower", &[Some(types::STRING), Some(types::STRING)]),
    ("getfilename", &[Some(types::STRING)]),
    (
        "subst",
        &[Some(types::PATTERN), Some(types::STRING), Some(types::STRING), Some(types::STRING)],
    ),
];

impl Checker {
    pub(super) fn check_call(&mut self, id: NodeId, name: &str, args: Option<NodeId>) {
        let list = args.map(|args| self.ast.list(args).to_vec()).unwrap_or_default();
        let mut got: Vec<TypeId> = list.iter().map(|&arg| self.ty(arg)).collect();
        let result = self.types.variable();
        got.push(result);
        let Some((_, signature)) = SIGNATURES.iter().find(|(known, _)| *known == name) else {
            return self.complain(id, format!("no function `{name}'"));
        };
        let wanted: Vec<TypeId> = signature
            .iter()
            .map(|ty| match ty {
                Some(ty) => self.types.fresh(*ty),
                None => self.types.variable(),
            })
            .collect();
        let (wanted, function) = (self.types.function(&wanted), self.types.function(&got));
        if let Err(error) = self.types.unify(wanted, function) {
            let mut message = self.types.explain(&error);
            if error.conflict == Conflict::Mismatch {
                message = format!("call to `{name}': {message}");
            }
            self.complain(id, message);
            return self.set_type(id, types::ERROR);
        }
        // Fields are texts under their own name, so that they are compared as such.
        let is_field = matches!(name, "json" | "logfmt");
        self.set_type(id, if is_field { types::STRING } else { result });
        match name {
            "subst" => self.without_groups = false,
            "strptime" => self.check_layout(id, list[1], got[1]),
            "tolower" if !self.types.equals(got[0], types::STRING) => {
                let ty = self.types.show(got[0]);
                let message = format!("Expecting a String for argument 1 of tolower(), not {ty}.");
                self.complain(list[0], message);
                self.set_type(id, types::ERROR);
            }
            "defined" if !matches!(self.ast.node(list[0]), Node::Capref { .. }) => {
                let message = "defined() expects a capture group reference as its argument";
                self.complain(list[0], message);
                self.set_type(id, types::ERROR);
            }
            _ => {}
        }
    }

    /// The layout of a time is a literal that can read itself.
    fn check_layout(&mut self, id: NodeId, layout: NodeId, ty: TypeId) {
        if !self.types.equals(ty, types::STRING) {
            let ty = self.types.show(ty);
            let message =
                format!("Expecting a format string for argument 2 of strptime(), not {ty}.");
            self.complain(layout, message);
            return self.set_type(id, types::ERROR);
        }
        let Node::Str(text) = self.ast.node(layout).clone() else {
            return self.complain(id, "Internal error: exprlist child is not string literal.");
        };
        let example = text.replace('_', "").replace('Z', "+");
        let zone = jiff::tz::TimeZone::UTC;
        let parsed = go::time::Layout::new(text.as_bytes());
        if go::time::parse(&parsed, example.as_bytes(), &zone).is_err() {
            let quoted = go::quote(text.as_bytes());
            let message = format!(
                "invalid time format string {quoted}\n\tRefer to the documentation at \
                 https://golang.org/pkg/time/#pkg-constants for advice."
            );
            self.complain(layout, message);
            self.set_type(id, types::ERROR);
        }
    }
}
