//! The functions of Alertmanager's templates, in one table.

use super::json;
use crate::function::{Functions, Signature};
use crate::prometheus::functions::of_pattern;
use crate::prometheus::{humanize, text};
use crate::time::Time;
use crate::title::title;
use crate::value::{Type, Value};
use jiff::tz::TimeZone;

/// The functions with what they need to know.
pub struct AlertmanagerFunctions<'a> {
    /// The time now.
    pub now: Time,
    /// Finds a time zone by its name.
    pub zone: &'a dyn Fn(&str) -> Option<TimeZone>,
}

const fn takes(parameters: &'static [Type]) -> Signature {
    Signature { parameters, variadic: false }
}

const STRING: &[Type] = &[Type::String];

const TABLE: &[(&str, Signature)] = &[
    ("append", Signature { parameters: &[Type::List, Type::Any], variadic: true }),
    ("date", takes(&[Type::String, Type::Time])),
    ("dict", Signature { parameters: &[Type::Any], variadic: true }),
    ("humanizeDuration", takes(&[Type::Any])),
    ("join", takes(&[Type::String, Type::Strings])),
    ("list", Signature { parameters: &[Type::Any], variadic: true }),
    ("match", takes(&[Type::String, Type::String])),
    ("now", takes(&[])),
    ("reReplaceAll", takes(&[Type::String, Type::String, Type::String])),
    ("safeHtml", takes(STRING)),
    ("safeUrl", takes(STRING)),
    ("since", takes(&[Type::Time])),
    ("stringSlice", Signature { parameters: STRING, variadic: true }),
    ("title", takes(STRING)),
    ("toJson", takes(&[Type::Any])),
    ("toLower", takes(STRING)),
    ("toUpper", takes(STRING)),
    ("trimSpace", takes(STRING)),
    ("tz", takes(&[Type::String, Type::Time])),
    ("urlUnescape", takes(STRING)),
];

impl Functions for AlertmanagerFunctions<'_> {
    fn signature(&self, name: &str) -> Option<Signature> {
        TABLE.iter().find(|(known, _)| *known == name).map(|(_, signature)| *signature)
    }

    fn call(&self, name: &str, args: &[Value]) -> Result<Value, String> {
        match (name, args) {
            ("now", []) => Ok(Value::Time(self.now.clone())),
            ("since", [Value::Time(time)]) => Ok(Value::Duration(self.now.since(time))),
            ("date", [Value::String(layout), Value::Time(time)]) => {
                Ok(Value::from(time.format(layout)))
            }
            ("tz", [Value::String(name), Value::Time(time)]) => {
                let zone = match name.as_ref() {
                    "" => Some(TimeZone::UTC),
                    name => (self.zone)(name),
                };
                let zone = zone.ok_or_else(|| format!("unknown time zone {name}"))?;
                Ok(Value::Time(time.in_zone(zone)))
            }
            ("match" | "reReplaceAll", args) => of_pattern(name, args),
            ("humanizeDuration", [value]) => {
                Ok(Value::from(humanize::duration(humanize::to_float(value)?)))
            }
            ("toJson", [value]) => json::encode(value).map(Value::from),
            ("join", [Value::String(separator), strings]) => {
                let strings = strings.items().unwrap_or_default().iter();
                let texts: Vec<_> = strings.filter_map(Value::as_str).collect();
                Ok(Value::from(texts.join(separator)))
            }
            ("list" | "append" | "stringSlice" | "dict", args) => of_list(name, args),
            (_, [Value::String(text)]) => of_text(name, text),
            _ => Err("wrong arguments".to_owned()),
        }
    }
}

fn of_text(name: &str, text: &str) -> Result<Value, String> {
    Ok(Value::from(match name {
        "safeHtml" | "safeUrl" => text.to_owned(),
        "title" => title(text, true),
        "toLower" => text::to_lower(text),
        "toUpper" => text::to_upper(text),
        "trimSpace" => text.trim().to_owned(),
        "urlUnescape" => url_unescape(text)?,
        _ => return Err("wrong arguments".to_owned()),
    }))
}

fn of_list(name: &str, args: &[Value]) -> Result<Value, String> {
    match (name, args) {
        ("list", items) => Ok(Value::list(items.iter().cloned())),
        ("append", [list, items @ ..]) => {
            let before = list.items().unwrap_or_default().iter();
            Ok(Value::list(before.chain(items).cloned()))
        }
        ("stringSlice", items) => Ok(Value::strings(items.iter().filter_map(Value::as_str))),
        ("dict", items) => {
            let (pairs, rest) = items.as_chunks::<2>();
            if !rest.is_empty() {
                return Err("dict requires an even number of arguments".to_owned());
            }
            let mut entries = Vec::with_capacity(pairs.len());
            for [key, value] in pairs {
                let key = key.as_str().ok_or_else(|| "dict keys must be strings".to_owned())?;
                entries.push((key, value.clone()));
            }
            Ok(Value::map(entries))
        }
        _ => Err("wrong arguments".to_owned()),
    }
}

/// `url.QueryUnescape`
fn url_unescape(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['%', '+']) {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        if rest[at..].starts_with('+') {
            bytes.push(b' ');
            rest = &rest[at + 1..];
            continue;
        }
        let digits = rest.get(at + 1..at + 3);
        let digits = digits.filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) else {
            let wrong: String = rest[at..].chars().take(3).collect();
            return Err(format!("invalid URL escape {}", crate::format::quote(&wrong)));
        };
        bytes.push(byte);
        rest = &rest[at + 3..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
