//! Calls of functions and methods.

use super::{OUTPUT_BYTES_MAX, Place, State, VALUE_DEPTH_MAX};
use crate::ast::Operand;
use crate::builtin;
use crate::error::Error;
use crate::function::Signature;
use crate::value::{Type, Value};

/// A call that makes so many bytes of text counts as a step.
const BYTES_PER_STEP: usize = 1024;

impl<'t> State<'t, '_> {
    /// Calls a function; what it complains about is reported at `place`.
    pub(super) fn function(
        &mut self,
        dot: &Value,
        name: &'t str,
        place: Place<'t>,
        args: &'t [Operand],
        last: Option<Value>,
    ) -> Result<Value, Error> {
        let own = self.functions.signature(name);
        if own.is_none() && matches!(name, "and" | "or") {
            return self.and_or(dot, name, args, last);
        }
        let Some(signature) = own.or_else(|| builtin::signature(name)) else {
            let name = crate::format::quote(name);
            return Err(self.error(format!("{name} is not a defined function")));
        };
        let values = self.arguments(dot, name, signature, args, last)?;
        let result = if own.is_some() {
            self.functions.call(name, &values)
        } else if let ("call", Some(first), [value, ..]) = (name, args.first(), values.as_slice())
            && !matches!(value, Value::Nil)
        {
            Err(format!("non-function {first} of type {}", value.type_name()))
        } else {
            builtin::call(name, &values)
        };
        self.finish_call(name, place, result)
    }

    #[expect(clippy::too_many_arguments, reason = "a call is made of that many things")]
    pub(super) fn method(
        &mut self,
        dot: &Value,
        receiver: &Value,
        name: &'t str,
        parameters: &'static [Type],
        place: Place<'t>,
        args: &'t [Operand],
        last: Option<Value>,
    ) -> Result<Value, Error> {
        let signature = Signature { parameters, variadic: false };
        let values = self.arguments(dot, name, signature, args, last)?;
        let result = match receiver {
            Value::Time(time) => crate::time::time_call(time, name, &values),
            Value::Duration(duration) => crate::time::duration_call(*duration, name, &values),
            Value::Object(object) => object.call(name, &values),
            // Nothing else has methods.
            _ => Err(format!("no method {name}")),
        };
        self.finish_call(name, place, result)
    }

    fn finish_call(
        &mut self,
        name: &str,
        place: Place<'t>,
        result: Result<Value, String>,
    ) -> Result<Value, Error> {
        let result = result.and_then(|value| {
            if value.depth() > VALUE_DEPTH_MAX {
                return Err(format!("value nested more than {VALUE_DEPTH_MAX} deep"));
            }
            Ok(value)
        });
        match result {
            Ok(value) => {
                self.charge(&value)?;
                Ok(value)
            }
            Err(message) => {
                self.at = place;
                Err(self.error(format!("error calling {name}: {message}")))
            }
        }
    }

    /// Counts what a call made: lists by their elements, and no string may pass the limit.
    fn charge(&mut self, value: &Value) -> Result<(), Error> {
        if let Value::List(list) = value {
            self.meter.steps += list.items().len();
        }
        if let Value::String(text) = value {
            self.meter.steps += text.len() / BYTES_PER_STEP;
            if text.len() > OUTPUT_BYTES_MAX {
                return Err(self.too_long());
            }
        }
        self.step()
    }

    /// `and` and `or` evaluate no more arguments than they need.
    fn and_or(
        &mut self,
        dot: &Value,
        name: &str,
        args: &'t [Operand],
        last: Option<Value>,
    ) -> Result<Value, Error> {
        if args.is_empty() && last.is_none() {
            return Err(
                self.error(format!("wrong number of args for {name}: want at least 1 got 0"))
            );
        }
        let mut value = Value::Nil;
        for arg in args {
            value = self.argument(dot, Type::Any, arg)?;
            if value.is_true() == (name == "or") {
                return Ok(value);
            }
        }
        Ok(last.unwrap_or(value))
    }

    fn arguments(
        &mut self,
        dot: &Value,
        name: &str,
        signature: Signature,
        args: &'t [Operand],
        last: Option<Value>,
    ) -> Result<Vec<Value>, Error> {
        let count = args.len() + usize::from(last.is_some());
        let fixed = signature.fixed();
        if signature.variadic && count < fixed {
            let got = args.len();
            let message =
                format!("wrong number of args for {name}: want at least {fixed} got {got}");
            return Err(self.error(message));
        }
        if !signature.variadic && count != fixed {
            let message = format!("wrong number of args for {name}: want {fixed} got {count}");
            return Err(self.error(message));
        }
        let mut values = Vec::with_capacity(count);
        for (i, arg) in args.iter().enumerate() {
            let value = self.argument(dot, signature.parameter(i), arg)?;
            values.push(value);
        }
        if let Some(last) = last {
            values.push(self.validate(signature.parameter(args.len()), last)?);
        }
        Ok(values)
    }
}
