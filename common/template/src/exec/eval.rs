//! Pipelines, commands and operands.

use super::{Place, State};
use crate::ast::{Command, Number, Operand, Pipe, Term};
use crate::error::Error;
use crate::value::{Type, Value};

impl<'t> State<'t, '_> {
    /// The value of a pipeline, after its variables are set.
    pub(super) fn pipe(&mut self, dot: &Value, pipe: &'t Pipe) -> Result<Value, Error> {
        self.at = Place::Pipe(pipe);
        let mut value = None;
        for command in &pipe.commands {
            self.step()?;
            value = Some(self.command(dot, command, value)?);
        }
        let value = value.unwrap_or_default();
        for variable in &pipe.variables {
            if pipe.assigns {
                self.assign(variable, value.clone())?;
            } else {
                self.variables.push((variable, value.clone()));
            }
        }
        Ok(value)
    }

    pub(super) fn assign(&mut self, name: &str, value: Value) -> Result<(), Error> {
        match self.variables.iter_mut().rev().find(|(known, _)| *known == name) {
            Some(slot) => {
                slot.1 = value;
                Ok(())
            }
            None => Err(self.error(format!("undefined variable: {name}"))),
        }
    }

    fn variable(&self, name: &str) -> Result<Value, Error> {
        match self.variables.iter().rev().find(|(known, _)| *known == name) {
            Some((_, value)) => Ok(value.clone()),
            None => Err(self.error(format!("undefined variable: {name}"))),
        }
    }

    /// A command with the value of the command before it, when there is one, as last argument.
    fn command(
        &mut self,
        dot: &Value,
        command: &'t Command,
        last: Option<Value>,
    ) -> Result<Value, Error> {
        // The parser leaves no command empty.
        let Some((first, args)) = command.args.split_first() else { return Ok(Value::Nil) };
        match &first.term {
            Term::Function(name) => {
                self.at = Place::Operand(first);
                return self.function(dot, name, Place::Command(command), args, last);
            }
            Term::Field(fields) => {
                self.at = Place::Operand(first);
                return self.fields(dot, dot.clone(), fields, first, args, last);
            }
            Term::Chain(inner, fields) => {
                let value = self.chain_start(dot, first, inner)?;
                return self.fields(dot, value, fields, first, args, last);
            }
            Term::Variable(name, fields) if !fields.is_empty() => {
                self.at = Place::Operand(first);
                let value = self.variable(name)?;
                return self.fields(dot, value, fields, first, args, last);
            }
            Term::Pipe(pipe) => {
                self.not_a_function(first, args, last.as_ref())?;
                return self.deeper(|state| state.pipe(dot, pipe));
            }
            _ => {}
        }
        self.at = Place::Operand(first);
        self.not_a_function(first, args, last.as_ref())?;
        match &first.term {
            Term::Nil => Err(self.error("nil is not a command")),
            Term::Dot => Ok(dot.clone()),
            Term::Bool(value) => Ok(Value::Bool(*value)),
            Term::String { text, .. } => Ok(Value::from(text.as_str())),
            Term::Number { text, number } => self.number(text, *number),
            Term::Variable(name, _) => self.variable(name),
            // The others were dealt with above.
            _ => Err(self.error(format!("can't evaluate command {first}"))),
        }
    }

    fn not_a_function(
        &self,
        first: &Operand,
        args: &[Operand],
        last: Option<&Value>,
    ) -> Result<(), Error> {
        if args.is_empty() && last.is_none() {
            return Ok(());
        }
        // A pipeline is named without its parentheses.
        let name = match &first.term {
            Term::Pipe(pipe) => pipe.to_string(),
            _ => first.to_string(),
        };
        Err(self.error(format!("can't give argument to non-function {name}")))
    }

    fn number(&self, text: &str, number: Number) -> Result<Value, Error> {
        match number {
            Number::Int(value) => Ok(Value::Int(value)),
            Number::Float(value) => Ok(Value::Float(value)),
            Number::Overflow => Err(self.error(format!("{text} overflows int"))),
        }
    }

    fn chain_start(
        &mut self,
        dot: &Value,
        chain: &'t Operand,
        inner: &'t Operand,
    ) -> Result<Value, Error> {
        self.at = Place::Operand(chain);
        self.argument(dot, Type::Any, inner)
    }

    /// `.A.B.C` from a value on; only the last one can take arguments.
    fn fields(
        &mut self,
        dot: &Value,
        mut value: Value,
        fields: &'t [String],
        operand: &'t Operand,
        args: &'t [Operand],
        last: Option<Value>,
    ) -> Result<Value, Error> {
        let Some((end, path)) = fields.split_last() else { return Ok(value) };
        let mut typed_nil = false;
        for field in path {
            let next = self.field_of(dot, &value, typed_nil, field, operand, &[], None)?;
            typed_nil = matches!(next, Value::Nil) && !matches!(value, Value::Nil);
            value = next;
        }
        self.field_of(dot, &value, typed_nil, end, operand, args, last)
    }

    /// A field; `typed_nil` says that the value is nothing in a place where there could be
    /// something, as an entry of a map.
    #[expect(clippy::too_many_arguments, reason = "a call is made of that many things")]
    fn field_of(
        &mut self,
        dot: &Value,
        value: &Value,
        typed_nil: bool,
        name: &'t str,
        operand: &'t Operand,
        args: &'t [Operand],
        last: Option<Value>,
    ) -> Result<Value, Error> {
        if typed_nil {
            return Err(self.error(format!("nil pointer evaluating interface {{}}.{name}")));
        }
        if matches!(value, Value::Nil) {
            return Ok(Value::Nil);
        }
        if let Some(parameters) = method(value, name) {
            let place = Place::Operand(operand);
            return self.method(dot, value, name, parameters, place, args, last);
        }
        let has_args = !args.is_empty() || last.is_some();
        if let Value::Object(object) = value
            && let Some(field) = object.field(name)
        {
            if has_args {
                let message = format!("{name} has arguments but cannot be invoked as function");
                return Err(self.error(message));
            }
            return Ok(field);
        }
        if let Some(entry) = value.entry(name) {
            if has_args {
                return Err(self.error(format!("{name} is not a method but has arguments")));
            }
            return Ok(entry);
        }
        Err(self.error(format!("can't evaluate field {name} in type {}", value.type_name())))
    }

    /// An argument for a parameter of some type.
    pub(super) fn argument(
        &mut self,
        dot: &Value,
        wanted: Type,
        arg: &'t Operand,
    ) -> Result<Value, Error> {
        self.at = Place::Operand(arg);
        self.step()?;
        let value = match &arg.term {
            Term::Dot => dot.clone(),
            Term::Nil => {
                if matches!(wanted, Type::String | Type::Int | Type::Time | Type::Duration) {
                    return Err(self.error(format!("cannot assign nil to {}", wanted.name())));
                }
                return Ok(Value::Nil);
            }
            Term::Field(fields) => self.fields(dot, dot.clone(), fields, arg, &[], None)?,
            Term::Variable(name, fields) => {
                let value = self.variable(name)?;
                self.fields(dot, value, fields, arg, &[], None)?
            }
            Term::Pipe(pipe) => self.deeper(|state| state.pipe(dot, pipe))?,
            Term::Function(name) => self.function(dot, name, Place::Operand(arg), &[], None)?,
            Term::Chain(inner, fields) => {
                let value = self.deeper(|state| state.chain_start(dot, arg, inner))?;
                self.fields(dot, value, fields, arg, &[], None)?
            }
            Term::Bool(_) | Term::Number { .. } | Term::String { .. } => {
                return self.constant(wanted, arg);
            }
        };
        self.validate(wanted, value)
    }

    /// A constant for a parameter of some type.
    fn constant(&self, wanted: Type, arg: &Operand) -> Result<Value, Error> {
        match (wanted, &arg.term) {
            (Type::Any, Term::Bool(value)) => Ok(Value::Bool(*value)),
            (Type::Any | Type::String, Term::String { text, .. }) => Ok(Value::from(text.as_str())),
            (Type::Any, Term::Number { text, number }) => self.number(text, *number),
            (Type::Int, Term::Number { number: Number::Int(value), .. }) => Ok(Value::Int(*value)),
            (Type::Duration, Term::Number { number: Number::Int(value), .. }) => {
                Ok(Value::Duration(crate::time::Duration(*value)))
            }
            (Type::String, _) => Err(self.error(format!("expected string; found {arg}"))),
            (Type::Int | Type::Duration, _) => {
                Err(self.error(format!("expected integer; found {arg}")))
            }
            _ => {
                let wanted = wanted.name();
                Err(self.error(format!("can't handle {arg} for arg of type {wanted}")))
            }
        }
    }

    pub(super) fn validate(&self, wanted: Type, value: Value) -> Result<Value, Error> {
        if wanted.accepts(&value) {
            return Ok(value);
        }
        let name = wanted.name();
        if !matches!(value, Value::Nil) {
            let got = value.type_name();
            let message = format!("wrong type for value; expected {name}; got {got}");
            return Err(self.error(message));
        }
        match wanted {
            // The nil of a slice or a pointer.
            Type::Strings => Ok(Value::strings([""; 0])),
            Type::List => Ok(Value::list([])),
            Type::Object(_) => Ok(Value::Nil),
            _ => Err(self.error(format!("invalid value; expected {name}"))),
        }
    }
}

/// The parameters of a method, where the value has it.
fn method(value: &Value, name: &str) -> Option<&'static [Type]> {
    match value {
        Value::Time(_) => crate::time::time_method(name),
        Value::Duration(_) => crate::time::duration_method(name),
        Value::Object(object) => object.method(name),
        _ => None,
    }
}
