//! What the templates of notifications can see.

use crate::time::Time;
use crate::value::{List, Object, Type, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The label that comes first.
const ALERTNAME: &str = "alertname";

/// Labels or annotations: `template.KV`.
#[derive(Clone, Debug, Default)]
pub struct Kv(BTreeMap<String, Value>);

impl Kv {
    /// From names and values.
    pub fn new<N: Into<String>, V: AsRef<str>>(pairs: impl IntoIterator<Item = (N, V)>) -> Kv {
        let pair = |(name, value): (N, V)| (name.into(), Value::from(value.as_ref()));
        Kv(pairs.into_iter().map(pair).collect())
    }

    /// Name and value of each entry, `alertname` first, the others in order of their names.
    fn sorted(&self) -> Vec<(&str, &str)> {
        let is_first = |(name, _): &(&str, &str)| *name == ALERTNAME;
        let mut pairs: Vec<(&str, &str)> = Vec::with_capacity(self.0.len());
        for (name, value) in &self.0 {
            pairs.push((name, value.as_str().unwrap_or_default()));
        }
        pairs.sort_by_key(|pair| !is_first(pair));
        pairs
    }
}

fn print_pairs<'p>(pairs: impl IntoIterator<Item = (&'p str, &'p str)>) -> String {
    let texts: Vec<_> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    texts.join(", ")
}

impl Object for Kv {
    fn type_name(&self) -> &'static str {
        "template.KV"
    }

    fn method(&self, name: &str) -> Option<&'static [Type]> {
        match name {
            "SortedPairs" | "Names" | "Values" | "String" => Some(&[]),
            "Remove" => Some(&[Type::Strings]),
            _ => None,
        }
    }

    fn call(&self, name: &str, args: &[Value]) -> Result<Value, String> {
        let sorted = self.sorted();
        match (name, args) {
            ("SortedPairs", _) => Ok(Value::object(Pairs::new(&sorted))),
            ("Names", _) => Ok(Value::strings(sorted.iter().map(|(name, _)| name))),
            ("Values", _) => Ok(Value::strings(sorted.iter().map(|(_, value)| value))),
            ("String", _) => Ok(Value::from(print_pairs(sorted))),
            ("Remove", [names]) => {
                let mut rest = self.clone();
                for name in names.items().unwrap_or_default() {
                    rest.0.remove(name.as_str().unwrap_or_default());
                }
                Ok(Value::object(rest))
            }
            _ => Err(format!("no method {name}")),
        }
    }

    fn map(&self) -> Option<&BTreeMap<String, Value>> {
        Some(&self.0)
    }

    fn print(&self) -> Option<String> {
        Some(print_pairs(self.sorted()))
    }
}

/// `template.Pairs`
#[derive(Debug)]
struct Pairs(Vec<Value>);

impl Pairs {
    fn new(pairs: &[(&str, &str)]) -> Pairs {
        let pair = |(name, value): &(&str, &str)| {
            Value::object(Pair { name: Value::from(*name), value: Value::from(*value) })
        };
        Pairs(pairs.iter().map(pair).collect())
    }

    fn column(&self, column: &str) -> Vec<String> {
        let text = |pair: &Value| match pair {
            Value::Object(pair) => {
                pair.field(column).and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
            }
            _ => String::new(),
        };
        self.0.iter().map(text).collect()
    }
}

impl Object for Pairs {
    fn type_name(&self) -> &'static str {
        "template.Pairs"
    }

    fn method(&self, name: &str) -> Option<&'static [Type]> {
        matches!(name, "Names" | "Values" | "String").then_some(&[])
    }

    fn call(&self, name: &str, _args: &[Value]) -> Result<Value, String> {
        match name {
            "Names" => Ok(Value::strings(self.column("Name"))),
            "Values" => Ok(Value::strings(self.column("Value"))),
            "String" => Ok(Value::from(self.print().unwrap_or_default())),
            _ => Err(format!("no method {name}")),
        }
    }

    fn list(&self) -> Option<&[Value]> {
        Some(&self.0)
    }

    fn print(&self) -> Option<String> {
        let (names, values) = (self.column("Name"), self.column("Value"));
        Some(print_pairs(names.iter().map(String::as_str).zip(values.iter().map(String::as_str))))
    }
}

/// `template.Pair`
#[derive(Debug)]
struct Pair {
    name: Value,
    value: Value,
}

impl Object for Pair {
    fn type_name(&self) -> &'static str {
        "template.Pair"
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![("Name", self.name.clone()), ("Value", self.value.clone())]
    }
}

/// One alert: `template.Alert`.
#[derive(Clone, Debug)]
pub struct Alert {
    /// `firing` or `resolved`.
    pub status: String,
    /// Its labels.
    pub labels: Kv,
    /// Its annotations.
    pub annotations: Kv,
    /// When it began.
    pub starts_at: Time,
    /// When it ended or will end.
    pub ends_at: Time,
    /// Where it comes from.
    pub generator_url: String,
    /// A hash of its labels.
    pub fingerprint: String,
}

const ALERT_FIELDS: [&str; 7] =
    ["Status", "Labels", "Annotations", "StartsAt", "EndsAt", "GeneratorURL", "Fingerprint"];
const ALERT_JSON: [&str; 7] =
    ["status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint"];

impl Alert {
    fn values(&self) -> [Value; 7] {
        [
            Value::from(self.status.as_str()),
            Value::object(self.labels.clone()),
            Value::object(self.annotations.clone()),
            Value::Time(self.starts_at.clone()),
            Value::Time(self.ends_at.clone()),
            Value::from(self.generator_url.as_str()),
            Value::from(self.fingerprint.as_str()),
        ]
    }
}

impl Object for Alert {
    fn type_name(&self) -> &'static str {
        "template.Alert"
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        ALERT_FIELDS.into_iter().zip(self.values()).collect()
    }

    fn json_fields(&self) -> Vec<(&'static str, Value)> {
        ALERT_JSON.into_iter().zip(self.values()).collect()
    }
}

/// `template.Alerts`
#[derive(Debug)]
struct Alerts(Vec<Value>);

impl Object for Alerts {
    fn type_name(&self) -> &'static str {
        "template.Alerts"
    }

    fn method(&self, name: &str) -> Option<&'static [Type]> {
        matches!(name, "Firing" | "Resolved").then_some(&[])
    }

    fn call(&self, name: &str, _args: &[Value]) -> Result<Value, String> {
        let wanted = if name == "Firing" { "firing" } else { "resolved" };
        let has_status = |alert: &&Value| match alert {
            Value::Object(alert) => {
                alert.field("Status").is_some_and(|status| status.as_str() == Some(wanted))
            }
            _ => false,
        };
        let alerts = self.0.iter().filter(has_status).cloned().collect();
        Ok(Value::List(Arc::new(List::new("[]template.Alert", alerts))))
    }

    fn list(&self) -> Option<&[Value]> {
        Some(&self.0)
    }
}

/// A notification: `template.Data`.
#[derive(Clone, Debug)]
pub struct Data {
    /// The receiver's name, quoted as a pattern.
    pub receiver: String,
    /// `firing` or `resolved`.
    pub status: String,
    /// The alerts.
    pub alerts: Vec<Alert>,
    /// Why it is sent.
    pub notification_reason: String,
    /// The labels the alerts are grouped by.
    pub group_labels: Kv,
    /// The labels that all alerts have.
    pub common_labels: Kv,
    /// The annotations that all alerts have.
    pub common_annotations: Kv,
    /// Where Alertmanager can be reached.
    pub external_url: String,
}

const DATA_FIELDS: [&str; 8] = [
    "Receiver",
    "Status",
    "Alerts",
    "NotificationReason",
    "GroupLabels",
    "CommonLabels",
    "CommonAnnotations",
    "ExternalURL",
];
const DATA_JSON: [&str; 8] = [
    "receiver",
    "status",
    "alerts",
    "notification_reason",
    "groupLabels",
    "commonLabels",
    "commonAnnotations",
    "externalURL",
];

impl Data {
    /// As a value to execute templates with.
    #[must_use]
    pub fn into_value(self) -> Value {
        let alerts = self.alerts.into_iter().map(Value::object).collect();
        Value::object(Notification([
            Value::from(self.receiver),
            Value::from(self.status),
            Value::object(Alerts(alerts)),
            Value::from(self.notification_reason),
            Value::object(self.group_labels),
            Value::object(self.common_labels),
            Value::object(self.common_annotations),
            Value::from(self.external_url),
        ]))
    }
}

/// [`Data`] as values, made once.
#[derive(Debug)]
struct Notification([Value; 8]);

impl Object for Notification {
    fn type_name(&self) -> &'static str {
        "template.Data"
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        DATA_FIELDS.into_iter().zip(self.0.clone()).collect()
    }

    fn json_fields(&self) -> Vec<(&'static str, Value)> {
        DATA_JSON.into_iter().zip(self.0.clone()).collect()
    }
}
