//! Go's own functions.

mod compare;
mod escape;
mod index;

use crate::format;
use crate::function::Signature;
use crate::value::{Type, Value};

pub(crate) use escape::url_query;

const ONE: Signature = Signature { parameters: &[Type::Any], variadic: false };
const TWO: Signature = Signature { parameters: &[Type::Any, Type::Any], variadic: false };
const SOME: Signature = Signature { parameters: &[Type::Any], variadic: true };
const MORE: Signature = Signature { parameters: &[Type::Any, Type::Any], variadic: true };
const FORMAT: Signature = Signature { parameters: &[Type::String, Type::Any], variadic: true };

/// Whether it is one of Go's functions, `and` and `or` included, which the executor does itself.
pub(crate) fn is_known(name: &str) -> bool {
    matches!(name, "and" | "or") || signature(name).is_some()
}

/// What a function takes.
pub(crate) fn signature(name: &str) -> Option<Signature> {
    Some(match name {
        "not" | "len" => ONE,
        "ne" | "lt" | "le" | "gt" | "ge" => TWO,
        "eq" | "index" | "slice" | "call" => MORE,
        "print" | "println" | "html" | "js" | "urlquery" => SOME,
        "printf" => FORMAT,
        _ => return None,
    })
}

/// Calls a function with arguments that fit its signature.
pub(crate) fn call(name: &str, args: &[Value]) -> Result<Value, String> {
    match (name, args) {
        ("not", [value]) => Ok(Value::Bool(!value.is_true())),
        ("len", [value]) => match value.len() {
            Some(length) => Ok(Value::Int(length as i64)),
            None if matches!(value, Value::Nil) => {
                Err("reflect: call of reflect.Value.Type on zero Value".to_owned())
            }
            None => Err(format!("len of type {}", value.type_name())),
        },
        ("eq", [first, rest @ ..]) => compare::equal(first, rest).map(Value::Bool),
        ("ne", [a, b]) => {
            compare::equal(a, std::slice::from_ref(b)).map(|equal| Value::Bool(!equal))
        }
        ("lt", [a, b]) => compare::less(a, b).map(Value::Bool),
        ("le", [a, b]) => compare::less_or_equal(a, b).map(Value::Bool),
        ("gt", [a, b]) => compare::less_or_equal(a, b).map(|le| Value::Bool(!le)),
        ("ge", [a, b]) => compare::less(a, b).map(|lt| Value::Bool(!lt)),
        ("index", [item, keys @ ..]) => index::index(item, keys),
        ("slice", [item, bounds @ ..]) => index::slice(item, bounds),
        ("print", args) => Ok(Value::from(format::sprint(args))),
        ("println", args) => Ok(Value::from(format::sprintln(args))),
        ("printf", [format, args @ ..]) => {
            Ok(Value::from(format::sprintf(format.as_str().unwrap_or_default(), args)))
        }
        ("html", args) => Ok(Value::from(escape::html(&escape::text(args)))),
        ("js", args) => Ok(Value::from(escape::js(&escape::text(args)))),
        ("urlquery", args) => Ok(Value::from(escape::url_query(&escape::text(args)))),
        // There are no values that are functions; the executor knows better words.
        ("call", _) => Err("call of nil".to_owned()),
        _ => Err("wrong arguments".to_owned()),
    }
}
