//! What goes wrong while a program runs.

use thiserror::Error;

use crate::go::NumberError;

/// Why a program was ended for a line.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RuntimeError {
    /// A text that is no number.
    #[error("{0}")]
    Number(NotANumber),
    /// A value of another type than the instruction wants.
    #[error("unexpected {expected} type {found}")]
    Type {
        /// What is wanted.
        expected: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// A metric holds another type of value.
    #[error("datum is not {0}")]
    Datum(&'static str),
    /// Two values that have no order.
    #[error("cannot compare {0} with {1}")]
    Compare(&'static str, &'static str),
    /// Division by zero.
    #[error("Divide by zero {0} % 0")]
    DivideByZero(i64),
    /// A shift by a negative or huge number.
    #[error("shift int out of range")]
    Shift,
    /// A base that is no small number.
    #[error("int32 out of range")]
    Base,
    /// A group of a pattern that did not match.
    #[error("Not enough capture groups matched to select {0}th")]
    Group(u32),
    /// A text that is not in the layout.
    #[error("strptime ({layout}, {text}) failed")]
    Time {
        /// The layout.
        layout: String,
        /// The text.
        text: String,
    },
    /// `del x[y] after 1h` of something that is not there.
    #[error("No datum for given labelvalues")]
    NoDatum,
    /// A metric reached its limit of label values.
    #[error("metric {0} has reached its limit of series")]
    SeriesLimit(String),
    /// Texts made for one line take too much.
    #[error("texts made for one line take more than {0} bytes")]
    TextLimit(usize),
    /// The code takes from an empty stack; the compiler made a mistake.
    #[error("stack underflow")]
    Stack,
}

/// A text that is no number. Such errors are made for line after line and hardly ever shown, so that
/// they are put into words only then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotANumber {
    error: NumberError,
    /// Go's function that reads such numbers.
    function: &'static str,
    text: Box<[u8]>,
}

impl NotANumber {
    #[cold]
    pub(super) fn new(error: NumberError, function: &'static str, text: &[u8]) -> NotANumber {
        NotANumber { error, function, text: text.into() }
    }
}

impl std::fmt::Display for NotANumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.error.text(self.function, &self.text))
    }
}
