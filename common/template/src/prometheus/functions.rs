//! The functions of Prometheus' templates, in one table.

use super::{ANY, Env, QUERY_RESULT, QueryResult, SAMPLE, STRING, Sample, humanize, text};
use crate::builtin::url_query;
use crate::exec::OUTPUT_BYTES_MAX;
use crate::function::{Functions, Signature};
use crate::time::Duration;
use crate::title::title;
use crate::value::{Type, Value};
use common_re2::Regex;

/// The functions with what they need to know.
pub struct PrometheusFunctions<'a> {
    /// Answers `query`.
    pub env: &'a dyn Env,
    /// The time of the evaluation.
    pub now_ms: i64,
    /// Where the server can be reached.
    pub external_url: &'a str,
}

const fn takes(parameters: &'static [Type]) -> Signature {
    Signature { parameters, variadic: false }
}

const TABLE: &[(&str, Signature)] = &[
    ("args", Signature { parameters: ANY, variadic: true }),
    ("externalURL", takes(&[])),
    ("first", takes(&[Type::Object(QUERY_RESULT)])),
    ("graphLink", takes(STRING)),
    ("humanize", takes(ANY)),
    ("humanize1024", takes(ANY)),
    ("humanizeDuration", takes(ANY)),
    ("humanizePercentage", takes(ANY)),
    ("humanizeTimestamp", takes(ANY)),
    ("label", takes(&[Type::String, Type::Object(SAMPLE)])),
    ("match", takes(&[Type::String, Type::String])),
    ("now", takes(&[])),
    ("parseDuration", takes(STRING)),
    ("pathPrefix", takes(&[])),
    ("query", takes(STRING)),
    ("reReplaceAll", takes(&[Type::String, Type::String, Type::String])),
    ("safeHtml", takes(STRING)),
    ("sortByLabel", takes(&[Type::String, Type::Object(QUERY_RESULT)])),
    ("stripDomain", takes(STRING)),
    ("stripPort", takes(STRING)),
    ("strvalue", takes(&[Type::Object(SAMPLE)])),
    ("tableLink", takes(STRING)),
    ("title", takes(STRING)),
    ("toDuration", takes(ANY)),
    ("toLower", takes(STRING)),
    ("toTime", takes(ANY)),
    ("toUpper", takes(STRING)),
    ("urlQueryEscape", takes(STRING)),
    ("value", takes(&[Type::Object(SAMPLE)])),
];

impl PrometheusFunctions<'_> {
    /// What templates can call, sorted.
    pub fn names() -> impl Iterator<Item = &'static str> {
        TABLE.iter().map(|(name, _)| *name)
    }
}

impl Functions for PrometheusFunctions<'_> {
    fn signature(&self, name: &str) -> Option<Signature> {
        TABLE.iter().find(|(known, _)| *known == name).map(|(_, signature)| *signature)
    }

    fn call(&self, name: &str, args: &[Value]) -> Result<Value, String> {
        match (name, args) {
            ("query", [Value::String(expr)]) => {
                let samples = self.env.query(expr)?;
                Ok(QueryResult::value(samples.iter().map(Sample::value).collect()))
            }
            ("args", args) => {
                let entry = |(i, value): (usize, &Value)| (format!("arg{i}"), value.clone());
                Ok(Value::map(args.iter().enumerate().map(entry)))
            }
            ("now", []) => Ok(Value::Float(self.now_ms as f64 / 1000.0)),
            ("externalURL", []) => Ok(Value::from(self.external_url)),
            ("pathPrefix", []) => Ok(Value::from(text::url_path(self.external_url))),
            (_, [Value::String(text)]) => of_text(name, text),
            ("match" | "reReplaceAll", args) => of_pattern(name, args),
            ("first" | "label" | "value" | "strvalue" | "sortByLabel", args) => {
                of_samples(name, args)
            }
            (_, [value]) => of_number(name, value),
            _ => Err("wrong arguments".to_owned()),
        }
    }
}

/// Functions of one string; a number may come as a string, too.
fn of_text(name: &str, text: &str) -> Result<Value, String> {
    Ok(Value::from(match name {
        "graphLink" => format!("/graph?g0.expr={}&g0.tab=0", url_query(text)),
        "tableLink" => format!("/graph?g0.expr={}&g0.tab=1", url_query(text)),
        "safeHtml" => text.to_owned(),
        "stripDomain" => text::strip_domain(text),
        "stripPort" => text::strip_port(text).to_owned(),
        "title" => title(text, false),
        "toLower" => text::to_lower(text),
        "toUpper" => text::to_upper(text),
        "urlQueryEscape" => url_query(text),
        "parseDuration" => return text::parse_duration(text).map(Value::Float),
        _ => return of_number(name, &Value::from(text)),
    }))
}

/// Functions of one number.
fn of_number(name: &str, value: &Value) -> Result<Value, String> {
    let value = humanize::to_float(value)?;
    Ok(match name {
        "humanize" => Value::from(humanize::decimal(value)),
        "humanize1024" => Value::from(humanize::binary(value)),
        "humanizeDuration" => Value::from(humanize::duration(value)),
        "humanizePercentage" => Value::from(humanize::percentage(value)),
        "humanizeTimestamp" => Value::from(humanize::timestamp(value)?),
        "toTime" => Value::Time(humanize::time(value)?),
        // Go's conversion of what does not fit is the machine's; here it saturates.
        "toDuration" => Value::Duration(Duration((value * 1e9) as i64)),
        _ => return Err("wrong arguments".to_owned()),
    })
}

/// Functions of samples.
fn of_samples(name: &str, args: &[Value]) -> Result<Value, String> {
    let nil = || "runtime error: invalid memory address or nil pointer dereference".to_owned();
    let field = |sample: &Value, field: &str| match sample {
        Value::Object(sample) => sample.field(field).ok_or_else(nil),
        _ => Err(nil()),
    };
    match (name, args) {
        ("first", [samples]) => {
            let first = samples.items().and_then(<[Value]>::first).cloned();
            first.ok_or_else(|| "first() called on vector with no elements".to_owned())
        }
        ("label", [Value::String(label), sample]) => {
            Ok(field(sample, "Labels")?.entry(label).unwrap_or_default())
        }
        ("strvalue", [sample]) => {
            Ok(field(sample, "Labels")?.entry("__value__").unwrap_or_default())
        }
        ("value", [sample]) => field(sample, "Value"),
        ("sortByLabel", [Value::String(label), samples]) => {
            let mut sorted = samples.items().unwrap_or_default().to_vec();
            let key = |sample: &Value| {
                let labels = field(sample, "Labels").unwrap_or_default();
                labels.entry(label).and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
            };
            sorted.sort_by_cached_key(key);
            Ok(QueryResult::value(sorted))
        }
        _ => Err("wrong arguments".to_owned()),
    }
}

/// `match` and `reReplaceAll`, which Alertmanager has, too.
pub(crate) fn of_pattern(name: &str, args: &[Value]) -> Result<Value, String> {
    match (name, args) {
        ("match", [Value::String(pattern), Value::String(text)]) => {
            let regex = Regex::new(pattern).map_err(|error| error.to_string())?;
            Ok(Value::Bool(regex.is_match(text)))
        }
        ("reReplaceAll", [Value::String(pattern), Value::String(new), Value::String(text)]) => {
            // Go panics with these words.
            let panic = |error| format!("regexp: Compile({}): {error}", text::backquote(pattern));
            let regex = Regex::new(pattern).map_err(panic)?;
            Ok(Value::from(regex.replace_all_within(text, new, OUTPUT_BYTES_MAX)))
        }
        _ => Err("wrong arguments".to_owned()),
    }
}
