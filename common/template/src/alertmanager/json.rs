//! `toJson`: values as Go's `encoding/json` writes them.

use crate::exec::OUTPUT_BYTES_MAX;
use crate::value::Value;
use std::fmt::Write;

/// A value as JSON.
pub(super) fn encode(value: &Value) -> Result<String, String> {
    let mut out = String::new();
    push(&mut out, value)?;
    Ok(out)
}

fn push(out: &mut String, value: &Value) -> Result<(), String> {
    if out.len() > OUTPUT_BYTES_MAX {
        return Err(format!("more than {OUTPUT_BYTES_MAX} bytes of JSON"));
    }
    match value {
        Value::Nil => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Int(value) => out.push_str(&value.to_string()),
        Value::Duration(value) => out.push_str(&value.0.to_string()),
        Value::Float(value) => push_float(out, *value)?,
        Value::String(text) => push_string(out, text),
        Value::Time(time) => push_string(out, &time.rfc3339()),
        Value::List(_) | Value::Map(_) | Value::Object(_) => return push_compound(out, value),
    }
    Ok(())
}

fn push_compound(out: &mut String, value: &Value) -> Result<(), String> {
    if let Some(items) = value.items() {
        out.push('[');
        for (i, item) in items.iter().enumerate() {
            out.push_str(if i > 0 { "," } else { "" });
            push(out, item)?;
        }
        out.push(']');
        return Ok(());
    }
    out.push('{');
    if let Some(entries) = value.entries() {
        for (i, (name, entry)) in entries.iter().enumerate() {
            push_member(out, i, name, entry)?;
        }
    } else if let Value::Object(object) = value {
        for (i, (name, field)) in object.json_fields().iter().enumerate() {
            push_member(out, i, name, field)?;
        }
    }
    out.push('}');
    Ok(())
}

fn push_member(out: &mut String, index: usize, name: &str, value: &Value) -> Result<(), String> {
    out.push_str(if index > 0 { "," } else { "" });
    push_string(out, name);
    out.push(':');
    push(out, value)
}

/// Plain from 1e-6 up to 1e21, with an exponent outside.
fn push_float(out: &mut String, value: f64) -> Result<(), String> {
    if !value.is_finite() {
        return Err(format!("json: unsupported value: {}", common_model::format_float(value)));
    }
    let magnitude = value.abs();
    if magnitude == 0.0 || (1e-6..1e21).contains(&magnitude) {
        out.push_str(&common_model::format_float_fixed(value));
        return Ok(());
    }
    let text = format!("{value:e}");
    match text.split_once('e') {
        Some((mantissa, power)) if !power.starts_with('-') => {
            out.push_str(&format!("{mantissa}e+{power}"));
        }
        _ => out.push_str(&text),
    }
    Ok(())
}

fn push_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // Go escapes what HTML and JavaScript would stumble over. Writing cannot fail.
            c if c < ' ' || matches!(c, '<' | '>' | '&' | '\u{2028}' | '\u{2029}') => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
