//! `eq`, `lt` and their like.

use crate::format;
use crate::value::Value;
use std::cmp::Ordering;
use std::sync::Arc;

/// Whether the first value equals any of the others.
pub(super) fn equal(first: &Value, others: &[Value]) -> Result<bool, String> {
    if others.is_empty() {
        return Err("missing argument for comparison".to_owned());
    }
    for other in others {
        if equal_pair(first, other)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn equal_pair(a: &Value, b: &Value) -> Result<bool, String> {
    match (a, b) {
        (Value::Nil, Value::Nil) => Ok(true),
        (Value::Nil, _) | (_, Value::Nil) => Ok(false),
        (Value::Bool(a), Value::Bool(b)) => Ok(a == b),
        (Value::Int(a), Value::Int(b)) => Ok(a == b),
        (Value::Float(a), Value::Float(b)) => Ok(a == b),
        (Value::String(a), Value::String(b)) => Ok(a == b),
        (Value::Duration(a), Value::Duration(b)) => Ok(a == b),
        (Value::Duration(a), Value::Int(b)) | (Value::Int(b), Value::Duration(a)) => Ok(a.0 == *b),
        (Value::Time(a), Value::Time(b)) => Ok(a.nanos() == b.nanos()),
        (Value::Object(a), Value::Object(b))
            if a.list().is_none() && a.map().is_none() && a.type_name() == b.type_name() =>
        {
            Ok(Arc::ptr_eq(a, b))
        }
        _ if basic(a) || basic(b) || a.type_name() != b.type_name() => Err(format!(
            "incompatible types for comparison: {} and {}",
            a.type_name(),
            b.type_name()
        )),
        _ => {
            let mut text = String::new();
            format::print(&mut text, b);
            Err(format!("non-comparable type {text}: {}", b.type_name()))
        }
    }
}

fn basic(value: &Value) -> bool {
    matches!(
        value,
        Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::String(_) | Value::Duration(_)
    )
}

fn order(a: &Value, b: &Value) -> Result<Option<Ordering>, String> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => Ok(Some(a.cmp(b))),
        (Value::Float(a), Value::Float(b)) => Ok(a.partial_cmp(b)),
        (Value::String(a), Value::String(b)) => Ok(Some(a.cmp(b))),
        (Value::Duration(a), Value::Duration(b)) => Ok(Some(a.cmp(b))),
        (Value::Duration(a), Value::Int(b)) => Ok(Some(a.0.cmp(b))),
        (Value::Int(a), Value::Duration(b)) => Ok(Some(a.cmp(&b.0))),
        (a, b) if !basic(a) || !basic(b) => Err("invalid type for comparison".to_owned()),
        (Value::Bool(_), Value::Bool(_)) => Err("invalid type for comparison".to_owned()),
        (a, b) => Err(format!(
            "incompatible types for comparison: {} and {}",
            a.type_name(),
            b.type_name()
        )),
    }
}

/// Whether a < b.
pub(super) fn less(a: &Value, b: &Value) -> Result<bool, String> {
    order(a, b).map(|order| order == Some(Ordering::Less))
}

/// Whether a < b or a == b.
pub(super) fn less_or_equal(a: &Value, b: &Value) -> Result<bool, String> {
    order(a, b).map(|order| matches!(order, Some(Ordering::Less | Ordering::Equal)))
}
