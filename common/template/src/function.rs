//! How functions are offered to templates.

use crate::value::{Type, Value};

/// What a function takes.
#[derive(Clone, Copy, Debug)]
pub struct Signature {
    /// The types of the parameters.
    pub parameters: &'static [Type],
    /// The last parameter may be given any number of times, or not at all.
    pub variadic: bool,
}

impl Signature {
    /// Parameters that must be given.
    pub(crate) fn fixed(&self) -> usize {
        self.parameters.len() - usize::from(self.variadic && !self.parameters.is_empty())
    }

    /// The type of the n-th argument.
    pub(crate) fn parameter(&self, n: usize) -> Type {
        let parameter = self.parameters.get(n).or(self.parameters.last());
        parameter.copied().unwrap_or(Type::Any)
    }
}

/// The functions that templates can call beside Go's own.
pub trait Functions {
    /// What a function takes; `None` when there is no such function.
    fn signature(&self, name: &str) -> Option<Signature>;
    /// Calls a function with arguments that fit its signature.
    ///
    /// # Errors
    /// What the function has to say; the engine adds where.
    fn call(&self, name: &str, args: &[Value]) -> Result<Value, String>;
}

/// No functions but Go's own.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFunctions;

impl Functions for NoFunctions {
    fn signature(&self, _name: &str) -> Option<Signature> {
        None
    }

    fn call(&self, name: &str, _args: &[Value]) -> Result<Value, String> {
        Err(format!("{name} is not a function"))
    }
}
