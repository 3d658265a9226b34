//! A scalar over all steps of an evaluation.

/// One number a step; a constant is held once.
#[derive(Clone, Debug)]
pub(crate) enum Scalars {
    /// The same at every step.
    Constant(f64),
    /// One number a step.
    Steps(Vec<f64>),
}

impl Scalars {
    /// The number at a step.
    #[inline]
    pub(crate) fn at(&self, step: usize) -> f64 {
        match self {
            Scalars::Constant(value) => *value,
            Scalars::Steps(values) => values.get(step).copied().unwrap_or(f64::NAN),
        }
    }

    /// How many steps must be looked at to see every number.
    pub(crate) fn distinct(&self, steps: usize) -> usize {
        match self {
            Scalars::Constant(_) => steps.min(1),
            Scalars::Steps(_) => steps,
        }
    }

    /// Applies `f` to every number.
    pub(crate) fn map(self, f: impl Fn(f64) -> f64) -> Scalars {
        match self {
            Scalars::Constant(value) => Scalars::Constant(f(value)),
            Scalars::Steps(mut values) => {
                values.iter_mut().for_each(|v| *v = f(*v));
                Scalars::Steps(values)
            }
        }
    }

    /// Combines two scalars step by step.
    pub(crate) fn zip(
        &self,
        other: &Scalars,
        steps: usize,
        f: impl Fn(f64, f64) -> f64,
    ) -> Scalars {
        match (self, other) {
            (Scalars::Constant(a), Scalars::Constant(b)) => Scalars::Constant(f(*a, *b)),
            _ => Scalars::Steps((0..steps).map(|i| f(self.at(i), other.at(i))).collect()),
        }
    }
}
