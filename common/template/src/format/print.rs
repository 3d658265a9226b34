//! Values by any verb.

use super::{Spec, float, integer, text};
use crate::exec::OUTPUT_BYTES_MAX;
use crate::value::Value;

/// As `{{ . }}` prints a value.
pub(crate) fn print(out: &mut String, value: &Value) {
    verb(out, value, 'v', &Spec::default());
}

/// `fmt.Sprint`: a space between operands when neither is a string.
pub(crate) fn sprint(values: &[Value]) -> String {
    let mut out = String::new();
    for (i, value) in values.iter().enumerate() {
        if out.len() > OUTPUT_BYTES_MAX {
            break;
        }
        let strings = i > 0 && (value.as_str().is_some() || values[i - 1].as_str().is_some());
        if i > 0 && !strings {
            out.push(' ');
        }
        print(&mut out, value);
    }
    out
}

/// `fmt.Sprintln`
pub(crate) fn sprintln(values: &[Value]) -> String {
    let mut out = String::new();
    for (i, value) in values.iter().enumerate() {
        if out.len() > OUTPUT_BYTES_MAX {
            break;
        }
        if i > 0 {
            out.push(' ');
        }
        print(&mut out, value);
    }
    out.push('\n');
    out
}

/// One value by one verb, or the complaint that the verb does not fit.
pub(crate) fn verb(out: &mut String, value: &Value, verb: char, spec: &Spec) {
    if out.len() > OUTPUT_BYTES_MAX {
        // Whoever asked for it will refuse it.
        return;
    }
    if verb == 'T' {
        text::format(out, &value.type_name(), 's', spec);
        return;
    }
    if let Some(text) = stringer(value, verb, spec) {
        text::format(out, &text, verb, spec);
        return;
    }
    plain(out, value, verb, spec);
}

/// The same without asking the value how it would print itself.
fn plain(out: &mut String, value: &Value, verb: char, spec: &Spec) {
    let fits = match value {
        Value::Nil if verb == 'v' => {
            spec.pad(out, "<nil>");
            true
        }
        Value::Nil => {
            out.push_str(&format!("%!{verb}(<nil>)"));
            return;
        }
        Value::Bool(value) if matches!(verb, 't' | 'v') => {
            spec.pad(out, if *value { "true" } else { "false" });
            true
        }
        Value::Int(value) => integer::format(out, *value, verb, spec),
        Value::Duration(value) => integer::format(out, value.0, verb, spec),
        Value::Float(value) => float::format(out, *value, verb, spec),
        Value::String(value) => text::format(out, value, verb, spec),
        Value::Bool(_) => false,
        Value::Time(time) => {
            let fits = verb == 'v';
            if fits {
                text::format(out, &time.to_string(), 's', spec);
            }
            fits
        }
        Value::List(_) | Value::Map(_) | Value::Object(_) => {
            compound(out, value, verb, spec);
            true
        }
    };
    if !fits {
        out.push_str(&format!("%!{verb}({}=", value.type_name()));
        plain(out, value, 'v', spec);
        out.push(')');
    }
}

/// How a value prints itself, for the verbs that ask it.
fn stringer(value: &Value, verb: char, spec: &Spec) -> Option<String> {
    if spec.syntax || !matches!(verb, 'v' | 's' | 'q' | 'x' | 'X') {
        return None;
    }
    match value {
        Value::Time(time) => Some(time.to_string()),
        Value::Duration(duration) => Some(duration.to_string()),
        Value::Object(object) => object.print(),
        _ => None,
    }
}

fn compound(out: &mut String, value: &Value, which: char, spec: &Spec) {
    let syntax = spec.syntax && which == 'v';
    let between = if syntax { ", " } else { " " };
    if syntax {
        out.push_str(&value.type_name());
    }
    if let Some(items) = value.items() {
        out.push(if syntax { '{' } else { '[' });
        for (i, item) in items.iter().enumerate() {
            out.push_str(if i > 0 { between } else { "" });
            verb(out, item, which, spec);
        }
        out.push(if syntax { '}' } else { ']' });
    } else if let Some(entries) = value.entries() {
        out.push_str(if syntax { "{" } else { "map[" });
        for (i, (key, item)) in entries.iter().enumerate() {
            out.push_str(if i > 0 { between } else { "" });
            verb(out, &Value::from(key.as_str()), which, spec);
            out.push(':');
            verb(out, item, which, spec);
        }
        out.push(if syntax { '}' } else { ']' });
    } else if let Value::Object(object) = value {
        out.push('{');
        for (i, (name, field)) in object.fields().iter().enumerate() {
            out.push_str(if i > 0 { between } else { "" });
            if spec.names || syntax {
                out.push_str(name);
                out.push(':');
            }
            verb(out, field, which, spec);
        }
        out.push('}');
    }
}
