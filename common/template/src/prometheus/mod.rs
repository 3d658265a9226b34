//! Prometheus' templates: annotations and labels of alerts.

pub(crate) mod functions;
pub(crate) mod humanize;
pub(crate) mod text;

pub use functions::PrometheusFunctions;

use crate::error::Error;
use crate::set::Template;
use crate::value::{Object, Type, Value};
use common_model::Labels;
use std::fmt;
use std::sync::Arc;

/// What stands before every template of an alert.
const PROLOGUE: &str = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}\
{{$externalURL := .ExternalURL}}{{$value := .Value}}";

/// What templates may ask of the server.
pub trait Env {
    /// Evaluates an instant query at the time of the alert.
    ///
    /// # Errors
    /// What the query engine has to say.
    fn query(&self, expr: &str) -> Result<Vec<QuerySample>, String>;
}

/// One element of an instant vector.
#[derive(Clone, Debug, PartialEq)]
pub struct QuerySample {
    /// Its labels, name included.
    pub labels: Labels,
    /// Its value.
    pub value: f64,
}

/// An environment without a query engine, for checking templates.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoQueries;

impl Env for NoQueries {
    fn query(&self, _expr: &str) -> Result<Vec<QuerySample>, String> {
        Err("no query engine".to_owned())
    }
}

/// What a template of an alert can see.
#[derive(Clone, Debug)]
pub struct AlertData<'a> {
    /// Labels of the alert's sample.
    pub labels: &'a Labels,
    /// External labels of the server.
    pub external_labels: &'a Labels,
    /// Where the server can be reached.
    pub external_url: &'a str,
    /// The sample's value: a float, or the text of a histogram.
    pub value: Value,
}

/// Expands a template as Prometheus does for annotations and labels. The name should be
/// `__alert_` with the name of the alert.
///
/// # Errors
/// `error parsing template ...` and `error executing template ...`, as Prometheus words them.
pub fn expand(
    text: &str,
    name: &str,
    data: &AlertData<'_>,
    env: &dyn Env,
    now_ms: i64,
) -> Result<String, Error> {
    let functions = PrometheusFunctions { env, now_ms, external_url: data.external_url };
    let template = Template::parse(name, &format!("{PROLOGUE}{text}"), &functions)
        .map_err(|error| Error::Parse(format!("error parsing template {name}: {error}")))?;
    let object = Value::object(Alert {
        labels: string_map(data.labels),
        external_labels: string_map(data.external_labels),
        external_url: Value::from(data.external_url),
        value: data.value.clone(),
    });
    template
        .execute(&object, &functions)
        .map_err(|error| Error::Exec(format!("error executing template {name}: {error}")))
}

/// Checks that a text is a template, as Prometheus does when it loads rules.
///
/// # Errors
/// What is wrong with it.
pub fn check(text: &str, name: &str) -> Result<(), Error> {
    let functions = PrometheusFunctions { env: &NoQueries, now_ms: 0, external_url: "" };
    Template::parse(name, &format!("{PROLOGUE}{text}"), &functions).map(drop)
}

fn string_map(labels: &Labels) -> Value {
    Value::string_map(labels.iter())
}

#[derive(Debug)]
struct Alert {
    labels: Value,
    external_labels: Value,
    external_url: Value,
    value: Value,
}

impl Object for Alert {
    fn type_name(&self) -> &'static str {
        "struct { Labels map[string]string; ExternalLabels map[string]string; ExternalURL string; \
         Value interface {} }"
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("Labels", self.labels.clone()),
            ("ExternalLabels", self.external_labels.clone()),
            ("ExternalURL", self.external_url.clone()),
            ("Value", self.value.clone()),
        ]
    }
}

/// Go's name of [`Sample`].
const SAMPLE: &str = "*template.sample";
/// Go's name of [`QueryResult`].
const QUERY_RESULT: &str = "template.queryResult";

/// A result of `query`.
#[derive(Debug)]
struct Sample {
    labels: Value,
    value: f64,
}

impl Sample {
    fn value(sample: &QuerySample) -> Value {
        Value::object(Sample { labels: string_map(&sample.labels), value: sample.value })
    }
}

impl Object for Sample {
    fn type_name(&self) -> &'static str {
        SAMPLE
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![("Labels", self.labels.clone()), ("Value", Value::Float(self.value))]
    }
}

/// All results of `query`.
struct QueryResult(Vec<Value>);

impl QueryResult {
    fn value(samples: Vec<Value>) -> Value {
        Value::Object(Arc::new(QueryResult(samples)))
    }
}

impl fmt::Debug for QueryResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.0).finish()
    }
}

impl Object for QueryResult {
    fn type_name(&self) -> &'static str {
        QUERY_RESULT
    }

    fn list(&self) -> Option<&[Value]> {
        Some(&self.0)
    }
}

const ANY: &[Type] = &[Type::Any];
const STRING: &[Type] = &[Type::String];
