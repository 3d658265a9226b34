//! `index` and `slice`.

use crate::value::{List, Value};
use std::sync::Arc;

/// `item[key][key]...`
pub(super) fn index(item: &Value, keys: &[Value]) -> Result<Value, String> {
    if matches!(item, Value::Nil) {
        return Err("index of untyped nil".to_owned());
    }
    let mut item = item.clone();
    for key in keys {
        item = index_once(&item, key)?;
    }
    Ok(item)
}

fn index_once(item: &Value, key: &Value) -> Result<Value, String> {
    if let Some(items) = item.items() {
        let at = position(key, items.len())?;
        return items.get(at).cloned().ok_or_else(|| past_end("slice"));
    }
    if let Value::String(text) = item {
        let at = position(key, text.len())?;
        let byte = text.as_bytes().get(at).ok_or_else(|| past_end("string"))?;
        return Ok(Value::Int(i64::from(*byte)));
    }
    if item.entries().is_some() {
        let Some(key) = key.as_str() else {
            return Err(match key {
                Value::Nil => "value is nil; should be of type string".to_owned(),
                key => format!("value has type {}; should be string", key.type_name()),
            });
        };
        return Ok(item.entry(key).unwrap_or_default());
    }
    match item {
        Value::Nil => Err("index of nil pointer".to_owned()),
        item => Err(format!("can't index item of type {}", item.type_name())),
    }
}

/// The place just behind the last element passes Go's own check and fails later.
fn past_end(kind: &str) -> String {
    format!("reflect: {kind} index out of range")
}

fn position(key: &Value, length: usize) -> Result<usize, String> {
    let at = match key {
        Value::Int(at) => *at,
        Value::Nil => return Err("cannot index slice/array with nil".to_owned()),
        key => return Err(format!("cannot index slice/array with type {}", key.type_name())),
    };
    match usize::try_from(at) {
        Ok(position) if position <= length => Ok(position),
        _ => Err(format!("index out of range: {at}")),
    }
}

/// `item[a:b]`
pub(super) fn slice(item: &Value, bounds: &[Value]) -> Result<Value, String> {
    if matches!(item, Value::Nil) {
        return Err("slice of untyped nil".to_owned());
    }
    if bounds.len() > 3 {
        return Err(format!("too many slice indexes: {}", bounds.len()));
    }
    let length = match item {
        Value::String(_) if bounds.len() == 3 => {
            return Err("cannot 3-index slice a string".to_owned());
        }
        Value::String(text) => text.len(),
        item => match item.items() {
            Some(items) => items.len(),
            None => return Err(format!("can't slice item of type {}", item.type_name())),
        },
    };
    let mut at = [0, length, length];
    for (slot, bound) in at.iter_mut().zip(bounds) {
        *slot = position(bound, length)?;
    }
    for pair in at.windows(2) {
        if pair[0] > pair[1] {
            return Err(format!("invalid slice index: {} > {}", pair[0], pair[1]));
        }
    }
    if let Value::String(text) = item {
        // Go cuts characters in two; UTF-8 has to stay whole.
        let bytes = &text.as_bytes()[at[0]..at[1]];
        return Ok(Value::from(String::from_utf8_lossy(bytes).as_ref()));
    }
    let items = item.items().map(|items| items[at[0]..at[1]].to_vec()).unwrap_or_default();
    let type_name = match item {
        Value::List(list) => list.type_name(),
        Value::Object(object) => object.type_name(),
        _ => "[]interface {}",
    };
    Ok(Value::List(Arc::new(List::new(type_name, items))))
}
