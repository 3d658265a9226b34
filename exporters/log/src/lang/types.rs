//! Types and their unification, with mtail's coercions.

/// A type in [`Types`]. Two types can be equal and still have different names, which matters: only a
/// type that is known under the name of a basic one is compared in its own way at run time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypeId(u32);

/// A group or metric nobody knows anything of.
pub const UNDEF: TypeId = TypeId(0);
/// No value.
pub const NONE: TypeId = TypeId(1);
/// Truth.
pub const BOOL: TypeId = TypeId(2);
/// 64 bits with a sign.
pub const INT: TypeId = TypeId(3);
/// 64 bits with a fraction.
pub const FLOAT: TypeId = TypeId(4);
/// Text.
pub const STRING: TypeId = TypeId(5);
/// A regular expression.
pub const PATTERN: TypeId = TypeId(6);
/// The value of a histogram.
pub const BUCKETS: TypeId = TypeId(7);
/// The result of a mistake that is reported elsewhere.
pub const ERROR: TypeId = TypeId(8);
const BASIC: &[&str] =
    &["Undef", "None", "Bool", "Int", "Float", "String", "Pattern", "Buckets", "Error"];

const FUNCTION: &str = "→";
const DIMENSION: &str = "⨯";

/// Why two types do not go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// They differ.
    Mismatch,
    /// One would hold itself.
    Recursive,
    /// Nobody thought of it.
    Internal,
    /// Reported elsewhere.
    Known,
}

/// Two types that do not go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypeError {
    /// Why.
    pub conflict: Conflict,
    expected: TypeId,
    received: TypeId,
}

#[derive(Clone, Debug)]
enum Type {
    Variable(Option<TypeId>),
    Operator { name: &'static str, args: Vec<TypeId> },
    Error,
}

/// Deepest nesting of a type; dimensions hold basic types only, so that nothing comes near it.
const DEPTH_MAX: usize = 64;

/// All types of a program.
#[derive(Clone, Debug)]
pub struct Types(Vec<Type>);

impl Default for Types {
    fn default() -> Types {
        let basic = |name: &&'static str| match *name {
            "Error" => Type::Error,
            name => Type::Operator { name, args: Vec::new() },
        };
        Types(BASIC.iter().map(basic).collect())
    }
}

impl Types {
    fn add(&mut self, ty: Type) -> TypeId {
        let id = TypeId(u32::try_from(self.0.len()).unwrap_or(u32::MAX));
        self.0.push(ty);
        id
    }

    fn get(&self, id: TypeId) -> &Type {
        &self.0[id.0 as usize]
    }

    /// A type that is not known yet.
    pub fn variable(&mut self) -> TypeId {
        self.add(Type::Variable(None))
    }

    /// From all types but the last to the last.
    pub fn function(&mut self, args: &[TypeId]) -> TypeId {
        self.add(Type::Operator { name: FUNCTION, args: args.to_vec() })
    }

    /// A metric with labels of all types but the last and values of the last.
    pub fn dimension(&mut self, args: &[TypeId]) -> TypeId {
        self.add(Type::Operator { name: DIMENSION, args: args.to_vec() })
    }

    /// A basic type under a name of its own.
    pub fn fresh(&mut self, basic: TypeId) -> TypeId {
        let ty = self.get(basic).clone();
        self.add(ty)
    }

    /// What a variable is bound to in the end.
    #[must_use]
    pub fn root(&self, id: TypeId) -> TypeId {
        let mut id = id;
        while let Type::Variable(Some(bound)) = self.get(id) {
            id = *bound;
        }
        id
    }

    fn operator(&self, id: TypeId) -> Option<(&'static str, &[TypeId])> {
        match self.get(id) {
            Type::Operator { name, args } => Some((name, args)),
            _ => None,
        }
    }

    fn is_variable(&self, id: TypeId) -> bool {
        matches!(self.get(id), Type::Variable(_))
    }

    /// The types of labels and value, where this is a dimension (not a variable bound to one).
    #[must_use]
    pub fn dimension_args(&self, id: TypeId) -> Option<&[TypeId]> {
        self.operator(id).filter(|(name, _)| *name == DIMENSION).map(|(_, args)| args)
    }

    /// The parts of an operator.
    #[must_use]
    pub fn args(&self, id: TypeId) -> &[TypeId] {
        self.operator(id).map_or(&[], |(_, args)| args)
    }

    /// Whether it stands for a mistake.
    #[must_use]
    pub fn is_error(&self, id: TypeId) -> bool {
        matches!(self.get(id), Type::Error)
    }

    /// Whether no part of it is unknown.
    #[must_use]
    pub fn is_complete(&self, id: TypeId) -> bool {
        self.complete_within(id, DEPTH_MAX)
    }

    fn complete_within(&self, id: TypeId, depth: usize) -> bool {
        let Some((_, args)) = self.operator(self.root(id)) else { return false };
        depth > 0 && args.iter().all(|&arg| self.complete_within(arg, depth - 1))
    }

    /// Whether two types are the same.
    #[must_use]
    pub fn equals(&self, a: TypeId, b: TypeId) -> bool {
        self.equal_within(a, b, DEPTH_MAX)
    }

    fn equal_within(&self, a: TypeId, b: TypeId, depth: usize) -> bool {
        let (a, b) = (self.root(a), self.root(b));
        if self.is_variable(a) {
            return if self.is_variable(b) { a == b } else { self.occurs_within(a, b, depth) };
        }
        match (self.operator(a), self.operator(b)) {
            (Some((a_name, a_args)), Some((b_name, b_args))) => {
                depth > 0
                    && a_name == b_name
                    && a_args.len() == b_args.len()
                    && a_args.iter().zip(b_args).all(|(&a, &b)| self.equal_within(a, b, depth - 1))
            }
            _ => false,
        }
    }

    /// Whether `inner` is `outer` or a part of it.
    #[must_use]
    pub fn occurs_in(&self, inner: TypeId, outer: TypeId) -> bool {
        self.occurs_within(inner, outer, DEPTH_MAX)
    }

    fn occurs_within(&self, inner: TypeId, outer: TypeId, depth: usize) -> bool {
        let root = self.root(outer);
        if depth == 0 {
            return false;
        }
        let same = match (self.is_variable(root), self.is_variable(self.root(inner))) {
            (true, true) => root == self.root(inner),
            (false, false) => self.equal_within(root, inner, depth - 1),
            _ => false,
        };
        same || self.operator(root).is_some_and(|(_, args)| {
            args.iter().any(|&arg| self.occurs_within(inner, arg, depth - 1))
        })
    }

    /// Makes two types the same, binding variables; `a` is what is expected.
    ///
    /// # Errors
    /// Where they do not go together.
    pub fn unify(&mut self, a: TypeId, b: TypeId) -> Result<TypeId, TypeError> {
        let (a_root, b_root) = (self.root(a), self.root(b));
        let error = |conflict| TypeError { conflict, expected: a_root, received: b_root };
        match (self.get(a_root).clone(), self.get(b_root).clone()) {
            (Type::Variable(_), Type::Variable(_)) => {
                if a_root != b_root {
                    self.0[a_root.0 as usize] = Type::Variable(Some(b_root));
                }
                Ok(b_root)
            }
            (Type::Variable(_), Type::Operator { .. }) => {
                if self.occurs_in(a_root, b_root) {
                    return Err(error(Conflict::Recursive));
                }
                self.0[a_root.0 as usize] = Type::Variable(Some(b_root));
                Ok(b_root)
            }
            (Type::Operator { .. }, Type::Variable(_)) => {
                self.unify(b, a).map_err(|reversed| TypeError {
                    conflict: Conflict::Mismatch,
                    expected: reversed.received,
                    received: reversed.expected,
                })
            }
            (
                Type::Operator { name: a_name, args: a_args },
                Type::Operator { name: b_name, args: b_args },
            ) => {
                if a_args.len() != b_args.len() {
                    return Err(error(Conflict::Mismatch));
                }
                let bound = if a_name == b_name { None } else { Some(self.upper_bound(a, b)?) };
                let mut args = Vec::with_capacity(a_args.len());
                for (a, b) in a_args.into_iter().zip(b_args) {
                    args.push(self.unify(a, b)?);
                }
                Ok(match bound {
                    Some(bound) => bound,
                    None => self.add(Type::Operator { name: a_name, args }),
                })
            }
            _ => Err(TypeError { conflict: Conflict::Internal, expected: a, received: b }),
        }
    }

    /// The smallest type that holds both.
    ///
    /// # Errors
    /// Where there is none.
    pub fn upper_bound(&self, a: TypeId, b: TypeId) -> Result<TypeId, TypeError> {
        let (a_root, b_root) = (self.root(a), self.root(b));
        if self.equals(a_root, b_root) {
            return Ok(a_root);
        }
        if self.is_variable(a_root) {
            return Ok(b_root);
        }
        if self.is_variable(b_root) || self.equals(b_root, UNDEF) {
            return Ok(a_root);
        }
        if self.equals(a_root, UNDEF) {
            return Ok(b_root);
        }
        let are = |x, y| {
            (self.equals(a_root, x) && self.equals(b_root, y))
                || (self.equals(b_root, x) && self.equals(a_root, y))
        };
        for (sub, sup, bound) in [
            (BOOL, INT, INT),
            (BOOL, FLOAT, FLOAT),
            (INT, FLOAT, FLOAT),
            (BOOL, STRING, STRING),
            (INT, STRING, STRING),
            (FLOAT, STRING, STRING),
            (STRING, PATTERN, PATTERN),
            (PATTERN, BOOL, BOOL),
            (PATTERN, INT, BOOL),
        ] {
            if are(sub, sup) {
                return Ok(bound);
            }
        }
        Err(TypeError { conflict: Conflict::Mismatch, expected: a, received: b })
    }

    /// The type in words.
    #[must_use]
    pub fn show(&self, id: TypeId) -> String {
        self.show_within(id, DEPTH_MAX)
    }

    fn show_within(&self, id: TypeId, depth: usize) -> String {
        let root = self.root(id);
        let args = match self.get(root) {
            Type::Variable(_) => return format!("typeVar{}", root.0),
            Type::Error => return "type error".to_owned(),
            Type::Operator { args, .. } => args,
        };
        let name = self.operator(root).map_or("", |(name, _)| name);
        if depth == 0 {
            return name.to_owned();
        }
        let shown: Vec<String> = args.iter().map(|&arg| self.show_within(arg, depth - 1)).collect();
        match shown.len() {
            0 => name.to_owned(),
            1 => format!("{name} {}", shown[0]),
            _ => shown.join(name),
        }
    }

    /// The error in words.
    #[must_use]
    pub fn explain(&self, error: &TypeError) -> String {
        let what = match error.conflict {
            Conflict::Mismatch => "type mismatch",
            Conflict::Recursive => "recursive unification error",
            Conflict::Internal => "internal error",
            Conflict::Known => return "type error".to_owned(),
        };
        let show = |id| {
            if self.is_complete(id) { self.show(id) } else { "incomplete type".to_owned() }
        };
        format!("{what}; expected {} received {}", show(error.expected), show(error.received))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_takes_the_type_it_is_used_with() {
        let mut types = Types::default();
        let variable = types.variable();
        types.unify(variable, FLOAT).unwrap();
        assert!(types.equals(variable, FLOAT));
        assert_ne!(variable, FLOAT);
        assert_eq!(types.upper_bound(variable, INT), Ok(FLOAT));
    }

    #[test]
    fn errors_name_what_is_complete() {
        let mut types = Types::default();
        let (one, two) = (types.function(&[INT, INT]), types.function(&[INT]));
        let error = types.unify(one, two).unwrap_err();
        let expected = "type mismatch; expected Int→Int received → Int";
        assert_eq!(types.explain(&error), expected);
        let dimension = types.dimension(&[STRING, INT]);
        assert_eq!(types.show(dimension), "String⨯Int");
    }
}
