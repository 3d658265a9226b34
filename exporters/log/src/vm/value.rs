//! What is on the stack while a line is worked on.

/// Where the bytes of a text are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In the line.
    Line,
    /// Made while the line is worked on.
    Scratch,
    /// A constant of the program, by number.
    Constant(u32),
    /// The name of the source.
    FileName,
}

/// A piece of a text. No text is longer than [`super::text::TEXT_BYTES_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) place: Place,
    pub(super) start: u32,
    pub(super) end: u32,
}

/// One value. `Int` is what Go calls `int`, `Int64` what it calls `int64`; mtail treats them apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value {
    Bool(bool),
    Int(i64),
    Int64(i64),
    Float(f64),
    Text(Span),
    Datum { metric: u32, slot: u32 },
}

impl Value {
    pub(super) fn type_name(self) -> &'static str {
        match self {
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Int64(_) => "int64",
            Value::Float(_) => "float64",
            Value::Text(_) => "string",
            Value::Datum { .. } => "datum",
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_value_takes_two_words() {
        assert_eq!(size_of::<super::Value>(), 16);
    }
}
