//! Values as the types that instructions want.

use super::{Run, RuntimeError, Span, Thread, Value};
use crate::go;
use crate::vm::operate;

impl Thread<'_> {
    /// A value with the bytes of its text.
    pub(super) fn plain(&self, value: Value) -> operate::Plain<'_> {
        match value {
            Value::Bool(_) => operate::Plain::Other("bool"),
            Value::Int(value) | Value::Int64(value) => operate::Plain::Int(value),
            Value::Float(value) => operate::Plain::Float(value),
            Value::Text(span) => operate::Plain::Text(self.texts.bytes(span)),
            Value::Datum { .. } => operate::Plain::Other("datum"),
        }
    }

    pub(super) fn pop_int(&mut self) -> Run<i64> {
        let value = self.pop()?;
        self.int_of(value)
    }

    pub(super) fn int_of(&mut self, value: Value) -> Run<i64> {
        match value {
            Value::Int(value) | Value::Int64(value) => Ok(value),
            Value::Text(span) => operate::parse_int(self.texts.bytes(span), 10),
            Value::Datum { metric, slot } => self.datum_int(metric, slot),
            other => Err(unexpected("int", other)),
        }
    }

    pub(super) fn pop_float(&mut self) -> Run<f64> {
        let value = self.pop()?;
        self.float_of(value)
    }

    pub(super) fn float_of(&mut self, value: Value) -> Run<f64> {
        match value {
            Value::Float(value) => Ok(value),
            #[expect(clippy::cast_precision_loss, reason = "as in the language")]
            Value::Int(value) => Ok(value as f64),
            Value::Text(span) => operate::parse_float(self.texts.bytes(span)),
            Value::Datum { metric, slot } => self.datum_float(metric, slot),
            other => Err(unexpected("float", other)),
        }
    }

    pub(super) fn pop_text(&mut self) -> Run<Span> {
        let value = self.pop()?;
        self.text_of(value)
    }

    pub(super) fn text_of(&mut self, value: Value) -> Run<Span> {
        match value {
            Value::Text(span) => Ok(span),
            Value::Int(value) | Value::Int64(value) => self.texts.make_from(&value.to_string()),
            Value::Float(value) => self.texts.make_from(&go::format_g(value).to_uppercase()),
            Value::Datum { metric, slot } => self.datum_text(metric, slot),
            other @ Value::Bool(_) => Err(unexpected("string", other)),
        }
    }
}

pub(super) fn unexpected(expected: &'static str, found: Value) -> RuntimeError {
    RuntimeError::Type { expected, found: found.type_name() }
}
