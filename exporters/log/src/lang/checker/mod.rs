//! Names are resolved, types inferred, patterns put together.
//!
//! One walk over the tree in mtail's order, because the first use of a metric decides its type.

mod builtin;
mod operator;
mod pattern;

use std::collections::HashMap;

use super::ast::{Ast, MetricKind, Node, NodeId};
use super::parser::Parsed;
use super::position::{Complaints, NAME_MARK, Position};
use super::symbol::{ScopeId, Symbol, SymbolId, SymbolKind, Symbols};
use super::token::Kind;
use super::types::{self, TypeId, Types};

/// Longest pattern and deepest expression.
#[derive(Clone, Copy, Debug)]
pub struct CheckLimits {
    /// Bytes.
    pub pattern_bytes_max: usize,
    /// Nodes from the root, at most [`DEPTH_MAX`].
    pub depth_max: usize,
    /// What is declared need not be used. Not so in mtail.
    pub lenient: bool,
}

/// Deepest expression that any flag can permit.
pub const DEPTH_MAX: usize = 500;

impl Default for CheckLimits {
    fn default() -> CheckLimits {
        CheckLimits { pattern_bytes_max: 1024, depth_max: 100, lenient: false }
    }
}

/// A program that makes sense.
#[derive(Debug)]
pub struct Checked {
    /// Nodes, with conversions put in.
    pub ast: Ast,
    /// The statements of the program.
    pub root: NodeId,
    /// Names.
    pub symbols: Symbols,
    /// Types.
    pub types: Types,
    /// Parsed patterns by [`Node::Pattern`].
    pub patterns: HashMap<NodeId, common_re2::Syntax>,
}

/// Checks a program.
///
/// # Errors
/// Everything that is wrong with it.
pub fn check(parsed: Parsed, limits: CheckLimits) -> Result<Checked, Complaints> {
    let mut checker = Checker {
        ast: parsed.ast,
        symbols: Symbols::default(),
        types: Types::default(),
        complaints: Complaints::default(),
        scope: None,
        decorator_scopes: Vec::new(),
        depth: 0,
        too_deep: false,
        without_groups: false,
        limits: CheckLimits { depth_max: limits.depth_max.min(DEPTH_MAX), ..limits },
        patterns: HashMap::new(),
    };
    let root = checker.walk(parsed.root);
    if checker.symbols.is_full() {
        checker.complaints.add(Position::default(), "too many names in decorated blocks");
    }
    if !checker.complaints.0.is_empty() {
        return Err(checker.complaints);
    }
    let Checker { ast, symbols, types, patterns, .. } = checker;
    Ok(Checked { ast, root, symbols, types, patterns })
}

struct Checker {
    ast: Ast,
    symbols: Symbols,
    types: Types,
    complaints: Complaints,
    scope: Option<ScopeId>,
    /// Scopes of the decorators being defined.
    decorator_scopes: Vec<ScopeId>,
    depth: usize,
    too_deep: bool,
    /// The walk is inside of a call of `subst`, whose patterns define no groups; a call that is wrong
    /// leaves it so.
    without_groups: bool,
    limits: CheckLimits,
    patterns: HashMap<NodeId, common_re2::Syntax>,
}

impl Checker {
    fn walk(&mut self, id: NodeId) -> NodeId {
        self.depth += 1;
        if self.depth > self.limits.depth_max {
            if !self.too_deep {
                let max = self.limits.depth_max;
                let message = format!("Expression exceeded maximum recursion depth of {max}");
                self.complaints.add(self.ast.position(id), message);
                self.too_deep = true;
            }
            self.depth -= 1;
            return id;
        }
        let entered = self.before(id);
        if entered {
            self.children(id);
        }
        let replaced = if entered && !self.too_deep { self.after(id) } else { id };
        self.depth -= 1;
        replaced
    }

    fn walk_list(&mut self, list: Vec<NodeId>) -> Vec<NodeId> {
        list.into_iter().map(|id| self.walk(id)).collect()
    }

    fn children(&mut self, id: NodeId) {
        let mut node = self.ast.node(id).clone();
        match &mut node {
            Node::Statements(list) | Node::Expressions(list) => {
                *list = self.walk_list(std::mem::take(list));
            }
            Node::Condition { test, truth, otherwise } => {
                *test = self.walk(*test);
                *truth = self.walk(*truth);
                *otherwise = otherwise.map(|block| self.walk(block));
            }
            Node::Call { args, .. } => *args = args.map(|args| self.walk(args)),
            Node::Binary { left, right, .. } => {
                *left = self.walk(*left);
                *right = self.walk(*right);
            }
            Node::Unary { operand, .. } => *operand = self.walk(*operand),
            Node::Indexed { base, index } => {
                *index = self.walk(*index);
                *base = self.walk(*base);
            }
            Node::Decorator { block, .. } | Node::Decorated { block, .. } | Node::Begin(block) => {
                *block = self.walk(*block);
            }
            Node::Convert(inner) => *inner = self.walk(*inner),
            Node::Pattern { parts, .. } | Node::Fragment { parts, .. } => {
                *parts = self.walk(*parts);
            }
            Node::Delete { target, .. } => *target = self.walk(*target),
            _ => return,
        }
        *self.ast.node_mut(id) = node;
    }

    fn open_scope(&mut self) {
        self.scope = Some(self.symbols.open(self.scope));
    }

    fn close_scope(&mut self) {
        self.scope = self.scope.and_then(|scope| self.symbols.scope(scope).parent);
    }

    fn look_up(&self, name: &str, kind: SymbolKind) -> Option<SymbolId> {
        self.scope.and_then(|scope| self.symbols.look_up(scope, name, kind))
    }

    /// Adds a symbol to the scope; gives the position of the one that has the name already.
    fn declare(&mut self, symbol: Symbol) -> (SymbolId, Option<Option<Position>>) {
        let name = symbol.name.clone();
        let id = self.symbols.add(symbol);
        let scope = self.scope.unwrap_or_else(|| self.symbols.open(None));
        let other = self.symbols.insert(scope, &name, id);
        (id, other.map(|other| self.symbols.get(other).position))
    }

    fn complain(&mut self, id: NodeId, message: impl Into<String>) {
        let position = self.ast.position(id);
        self.complaints.add(position, message);
    }

    /// What a node declares is known before its children are walked. Says whether they are.
    fn before(&mut self, id: NodeId) -> bool {
        match self.ast.node(id).clone() {
            Node::Statements(_) | Node::Condition { .. } => {
                self.open_scope();
                true
            }
            Node::Call { name, .. } => {
                self.without_groups |= name == "subst";
                true
            }
            Node::Capref { name, named, .. } => self.resolve_capref(id, &name, named),
            Node::Declare(declaration) => self.declare_metric(id, &declaration),
            Node::Name { name, .. } => self.resolve_name(id, &name),
            Node::Decorator { name, .. } => self.declare_decorator(id, &name),
            Node::Decorated { name, .. } => self.resolve_decorator(id, &name),
            Node::Fragment { name, .. } => self.declare_fragment(id, name),
            _ => true,
        }
    }

    fn resolve_capref(&mut self, id: NodeId, name: &str, named: bool) -> bool {
        let Some(found) = self.look_up(name, SymbolKind::Capref) else {
            let hint = if named {
                format!("Try using `(?P<{name}>...)' to name the capture group.")
            } else {
                format!("Check that there are at least {name} pairs of parentheses.")
            };
            let message = format!(
                "Capture group `${name}' was not defined by a regular expression visible to this \
                 scope.\n\t{hint}"
            );
            self.complain(id, message);
            return false;
        };
        self.symbols.get_mut(found).used = true;
        if let Node::Capref { symbol, .. } = self.ast.node_mut(id) {
            *symbol = Some(found);
        }
        true
    }

    fn declare_metric(&mut self, id: NodeId, declared: &super::ast::Declaration) -> bool {
        let name = &declared.name;
        let position = self.ast.position(id);
        let value = match declared.kind {
            MetricKind::Text => types::STRING,
            _ => self.types.variable(),
        };
        let ty = if declared.keys.is_empty() {
            value
        } else {
            let mut args: Vec<TypeId> =
                declared.keys.iter().map(|_| self.types.variable()).collect();
            args.push(value);
            self.types.dimension(&args)
        };
        let (symbol, other) = self.declare(Symbol {
            name: name.clone(),
            kind: SymbolKind::Variable,
            ty,
            position,
            binding: Some(id),
            address: 0,
            used: false,
        });
        if let Node::Declare(declaration) = self.ast.node_mut(id) {
            declaration.symbol = Some(symbol);
        }
        if let Some(place) = other {
            self.redeclared(
                id,
                &format!("Redeclaration of metric `{name}' previously declared"),
                place,
            );
            return false;
        }
        if !declared.buckets.is_empty() && declared.kind != MetricKind::Histogram {
            self.complain(id, format!("Can't specify buckets for non-histogram metric `{name}'."));
            return false;
        }
        true
    }

    pub(super) fn redeclared(&mut self, id: NodeId, what: &str, place: Option<Position>) {
        let place = place.map(|place| format!(" at {NAME_MARK}:{place}")).unwrap_or_default();
        self.complain(id, format!("{what}{place}"));
    }

    fn resolve_name(&mut self, id: NodeId, name: &str) -> bool {
        let found = self
            .look_up(name, SymbolKind::Variable)
            .or_else(|| self.look_up(name, SymbolKind::Pattern));
        let Some(found) = found else {
            let hint = if name.to_uppercase() == name {
                format!("Try adding `const {name} /.../' earlier in the program.")
            } else {
                format!("Try adding `counter {name}' to the top of the program.")
            };
            self.complain(id, format!("Identifier `{name}' not declared.\n\t{hint}"));
            return false;
        };
        self.symbols.get_mut(found).used = true;
        if let Node::Name { symbol, .. } = self.ast.node_mut(id) {
            *symbol = Some(found);
        }
        true
    }

    fn declare_decorator(&mut self, id: NodeId, name: &str) -> bool {
        let (_, other) = self.declare(Symbol {
            name: name.to_owned(),
            kind: SymbolKind::Decorator,
            ty: types::UNDEF,
            position: self.ast.position(id),
            binding: Some(id),
            address: 0,
            used: false,
        });
        if let Some(place) = other {
            self.redeclared(
                id,
                &format!("Redeclaration of decorator `@{name}' previously declared"),
                place,
            );
            return false;
        }
        // Without parent: it is copied where the decorator is used.
        let scope = self.symbols.open(None);
        self.decorator_scopes.push(scope);
        true
    }

    fn resolve_decorator(&mut self, id: NodeId, name: &str) -> bool {
        let binding = self.look_up(name, SymbolKind::Decorator).and_then(|found| {
            let symbol = self.symbols.get_mut(found);
            symbol.used = true;
            symbol.binding
        });
        let Some(declared) = binding else {
            let message = format!(
                "Decorator `@{name}' is not defined.\n\tTry adding a definition `def {name} {{}}' \
                 earlier in the program."
            );
            self.complain(id, message);
            return false;
        };
        let Node::Decorator { scope: Some(prepared), .. } = *self.ast.node(declared) else {
            let message = format!(
                "Decorator `@{name}' is not completely defined yet.\n\tTry removing @{name} from here."
            );
            self.complain(id, message);
            return false;
        };
        if let Node::Decorated { decorator, .. } = self.ast.node_mut(id) {
            *decorator = Some(declared);
        }
        self.open_scope();
        if let Some(scope) = self.scope {
            self.symbols.copy(prepared, scope);
        }
        true
    }

    fn declare_fragment(&mut self, id: NodeId, name: NodeId) -> bool {
        let Node::Name { name: text, .. } = self.ast.node(name).clone() else { return false };
        let (_, other) = self.declare(Symbol {
            name: text.clone(),
            kind: SymbolKind::Pattern,
            ty: types::PATTERN,
            position: self.ast.position(name),
            binding: Some(id),
            address: 0,
            used: false,
        });
        if let Some(place) = other {
            let what = format!("Redefinition of pattern constant `{text}' previously defined");
            self.redeclared(id, &what, place);
            return false;
        }
        true
    }

    /// Types are known after the children are walked. Gives the node that takes this one's place.
    fn after(&mut self, id: NodeId) -> NodeId {
        match self.ast.node(id).clone() {
            Node::Statements(_) => {
                self.check_scope();
                self.close_scope();
            }
            Node::Condition { test, .. } => {
                let test = self.check_test(test);
                if let Node::Condition { test: slot, .. } = self.ast.node_mut(id) {
                    *slot = test;
                }
                self.check_scope();
                self.close_scope();
            }
            Node::Decorated { .. } => self.close_scope(),
            Node::Next => self.check_next(id),
            Node::Decorator { name, .. } => self.finish_decorator(id, &name),
            Node::Binary { op, left, right } => self.check_binary(id, op, left, right),
            Node::Unary { op, operand } => self.check_unary(id, op, operand),
            Node::Expressions(list) => self.check_list(id, &list),
            Node::Indexed { base, index } => return self.check_indexed(id, base, index),
            Node::Call { name, args } => self.check_call(id, &name, args),
            Node::Pattern { parts, .. } => self.check_pattern(id, parts),
            Node::Fragment { parts, .. } => self.check_fragment(id, parts),
            Node::Delete { target, .. } => self.check_delete(target),
            _ => {}
        }
        id
    }

    /// The type of a node.
    fn ty(&self, id: NodeId) -> TypeId {
        match self.ast.node(id) {
            Node::Int(_) => types::INT,
            Node::Float(_) => types::FLOAT,
            Node::Str(_) => types::STRING,
            Node::Pattern { .. } | Node::Regex(_) | Node::Fragment { .. } => types::PATTERN,
            Node::Name { symbol, .. } | Node::Capref { symbol, .. } => {
                symbol.map_or(types::ERROR, |symbol| self.symbols.get(symbol).ty)
            }
            Node::Statements(_) | Node::Next | Node::Stop | Node::Otherwise => types::NONE,
            _ => self.ast.nodes[id.0 as usize].ty.unwrap_or(types::ERROR),
        }
    }

    fn set_type(&mut self, id: NodeId, ty: TypeId) {
        self.ast.nodes[id.0 as usize].ty = Some(ty);
    }

    /// Wraps a pattern where its match is meant.
    fn as_match(&mut self, id: NodeId) -> NodeId {
        if !matches!(self.ast.node(id), Node::Pattern { .. }) {
            return id;
        }
        let position = self.ast.position(id);
        let wrapped = self.ast.add(Node::Unary { op: Kind::Match, operand: id }, position);
        self.set_type(wrapped, types::BOOL);
        wrapped
    }

    fn check_test(&mut self, test: NodeId) -> NodeId {
        match self.ast.node(test) {
            Node::Binary { .. } | Node::Otherwise | Node::Unary { .. } => test,
            Node::Call { name, .. } if name == "defined" => test,
            Node::Pattern { .. } => self.as_match(test),
            _ => {
                let ty = self.types.show(self.ty(test));
                let message = format!(
                    "Can't interpret {ty} as a boolean expression here.\n\tTry using comparison \
                     operators to make the condition explicit."
                );
                self.complain(test, message);
                test
            }
        }
    }

    /// Everything that is declared is used, groups excepted.
    fn check_scope(&mut self) {
        let Some(scope) = self.scope else { return };
        if self.limits.lenient {
            return;
        }
        let declared = self.symbols.scope(scope).names.values().flatten();
        let unused: Vec<_> = declared
            .map(|&id| self.symbols.get(id))
            .filter(|symbol| !symbol.used && symbol.kind != SymbolKind::Capref)
            .map(|symbol| (symbol.position, symbol.kind, symbol.name.clone()))
            .collect();
        for (position, kind, name) in unused {
            let kind = kind.name();
            let message = format!("Declaration of {kind} `{name}' here is never used.");
            self.complaints.add(position, message);
        }
    }

    fn check_next(&mut self, id: NodeId) {
        let Some(&scope) = self.decorator_scopes.last() else {
            return self.complain(id, "Can't use `next' outside of a decorator.");
        };
        if !self.symbols.scope(scope).names.is_empty() {
            return self.complain(id, "Can't use `next' statement twice in a decorator.");
        }
        if let Some(visible) = self.scope {
            self.symbols.copy(visible, scope);
        }
    }

    fn finish_decorator(&mut self, id: NodeId, name: &str) {
        let Some(scope) = self.decorator_scopes.pop() else { return };
        if self.symbols.scope(scope).names.is_empty() {
            let message = format!(
                "No symbols found in decorator `@{name}'.\n\tTry adding a `next' statement inside \
                 the `{{}}' block."
            );
            self.complain(id, message);
        }
        if let Node::Decorator { scope: slot, .. } = self.ast.node_mut(id) {
            *slot = Some(scope);
        }
    }

    fn check_list(&mut self, id: NodeId, list: &[NodeId]) {
        let types: Vec<TypeId> = list.iter().map(|&member| self.ty(member)).collect();
        let error = types.iter().copied().find(|&ty| self.types.is_error(ty));
        let ty = error.unwrap_or_else(|| self.types.dimension(&types));
        self.set_type(id, ty);
    }

    fn check_delete(&mut self, target: NodeId) {
        let Node::Indexed { base, index } = *self.ast.node(target) else {
            let hint = "Try deleting from a dimensioned metric with this as an index.";
            return self.complain(target, format!("Cannot delete this.\n\t{hint}"));
        };
        if self.ast.list(index).is_empty() {
            let hint = "Try deleting an index from this dimensioned metric.";
            return self.complain(target, format!("Cannot delete this.\n\t{hint}"));
        }
        if let Node::Name { lvalue, .. } = self.ast.node_mut(base) {
            *lvalue = true;
        }
    }
}
