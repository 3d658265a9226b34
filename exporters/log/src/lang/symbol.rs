//! Names and where they can be seen.

use std::collections::BTreeMap;

use super::ast::NodeId;
use super::position::Position;
use super::types::TypeId;

/// A symbol in [`Symbols::symbols`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SymbolId(u32);

/// A scope in [`Symbols::scopes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScopeId(u32);

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SymbolKind {
    /// A metric.
    Variable,
    /// A group of a pattern.
    Capref,
    /// A decorator.
    Decorator,
    /// A constant pattern.
    Pattern,
}

impl SymbolKind {
    /// The name in errors.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            SymbolKind::Variable => "variable",
            SymbolKind::Capref => "capture group reference",
            SymbolKind::Decorator => "decorator",
            SymbolKind::Pattern => "named pattern constant",
        }
    }
}

/// Something that has a name.
#[derive(Clone, Debug)]
pub struct Symbol {
    /// Name.
    pub name: String,
    /// What it stands for.
    pub kind: SymbolKind,
    /// Type of its value.
    pub ty: TypeId,
    /// Where it is declared.
    pub position: Option<Position>,
    /// The node that it stands for.
    pub binding: Option<NodeId>,
    /// Number of a group, or of a metric.
    pub address: usize,
    /// Somebody refers to it.
    pub used: bool,
}

/// Names that are seen together.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// The scope around it.
    pub parent: Option<ScopeId>,
    /// The first symbol of a name is the one that is found.
    pub names: BTreeMap<String, Vec<SymbolId>>,
}

/// Most entries in all scopes together; decorators copy what they see.
pub const SCOPE_ENTRIES_MAX: usize = 1 << 20;

/// All symbols and scopes of a program.
#[derive(Clone, Debug, Default)]
pub struct Symbols {
    symbols: Vec<Symbol>,
    scopes: Vec<Scope>,
    entries: usize,
}

impl Symbols {
    /// Adds a symbol that no scope holds yet.
    pub fn add(&mut self, symbol: Symbol) -> SymbolId {
        let id = SymbolId(u32::try_from(self.symbols.len()).unwrap_or(u32::MAX));
        self.symbols.push(symbol);
        id
    }

    /// A symbol.
    #[must_use]
    pub fn get(&self, id: SymbolId) -> &Symbol {
        &self.symbols[id.0 as usize]
    }

    /// A symbol, to change.
    pub fn get_mut(&mut self, id: SymbolId) -> &mut Symbol {
        &mut self.symbols[id.0 as usize]
    }

    /// A new scope inside another.
    pub fn open(&mut self, parent: Option<ScopeId>) -> ScopeId {
        let id = ScopeId(u32::try_from(self.scopes.len()).unwrap_or(u32::MAX));
        self.scopes.push(Scope { parent, names: BTreeMap::new() });
        id
    }

    /// A scope.
    #[must_use]
    pub fn scope(&self, id: ScopeId) -> &Scope {
        &self.scopes[id.0 as usize]
    }

    /// Makes a symbol visible under a name; the one that had the name first is given back.
    pub fn insert(&mut self, scope: ScopeId, name: &str, symbol: SymbolId) -> Option<SymbolId> {
        if self.entries >= SCOPE_ENTRIES_MAX {
            return None;
        }
        self.entries += 1;
        let holders = self.scopes[scope.0 as usize].names.entry(name.to_owned()).or_default();
        holders.push(symbol);
        (holders.len() > 1).then(|| holders[0])
    }

    /// Has a name stand for `symbol` from now on.
    pub fn prefer(&mut self, scope: ScopeId, name: &str, symbol: SymbolId) {
        if let Some(holders) = self.scopes[scope.0 as usize].names.get_mut(name) {
            holders.retain(|&holder| holder != symbol);
            holders.insert(0, symbol);
        }
    }

    /// Whether [`SCOPE_ENTRIES_MAX`] is reached.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.entries >= SCOPE_ENTRIES_MAX
    }

    /// The symbol of a kind that a name stands for, seen from `scope`.
    #[must_use]
    pub fn look_up(&self, scope: ScopeId, name: &str, kind: SymbolKind) -> Option<SymbolId> {
        let mut next = Some(scope);
        while let Some(id) = next {
            let scope = self.scope(id);
            if let Some(&first) = scope.names.get(name).and_then(|holders| holders.first())
                && self.get(first).kind == kind
            {
                return Some(first);
            }
            next = scope.parent;
        }
        None
    }

    /// Makes everything that is visible in `from` visible in `to`.
    pub fn copy(&mut self, from: ScopeId, to: ScopeId) {
        let mut next = Some(from);
        while let Some(id) = next {
            let scope = self.scope(id);
            next = scope.parent;
            let names = scope.names.clone();
            for symbol in names.into_values().flatten() {
                let name = self.get(symbol).name.clone();
                self.insert(to, &name, symbol);
            }
        }
    }
}
