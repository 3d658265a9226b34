//! Answers of a server as promtool writes them: `up{job="x"} => 1 @[1700000000]`.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use common_model::{format_float_fixed, parse_float};
use serde_json::{Map, Value};

use super::tsdb::go_g;

/// The data of a query.
pub(super) fn query(data: &Value) -> Result<String, String> {
    let result = &data["result"];
    let of_each = |show: fn(&Value) -> String| -> String {
        let text: String = items(result).iter().map(show).collect();
        // Nothing is an empty line.
        if text.is_empty() { "\n".to_owned() } else { text }
    };
    match data["resultType"].as_str().unwrap_or_default() {
        "vector" => Ok(of_each(sample)),
        "matrix" => {
            let mut series: Vec<&Value> = items(result).iter().collect();
            series.sort_by(|a, b| by_labels(&a["metric"], &b["metric"]));
            let text: String = series.into_iter().map(points).collect();
            Ok(if text.is_empty() { "\n".to_owned() } else { text })
        }
        "scalar" => Ok(format!("scalar: {}\n", point(result))),
        "string" => Ok(format!("{}\n", result[1].as_str().unwrap_or_default())),
        other => Err(format!("unexpected value type {other:?}")),
    }
}

/// The data of a series lookup.
pub(super) fn series(data: &Value) -> Result<String, String> {
    Ok(items(data).iter().map(|one| format!("{}\n", braces(one, true))).collect())
}

/// The data of a label lookup.
pub(super) fn labels(data: &Value) -> Result<String, String> {
    Ok(items(data).iter().map(|one| format!("{}\n", one.as_str().unwrap_or_default())).collect())
}

/// The items of a list; none where it is none.
pub(super) fn items(data: &Value) -> &[Value] {
    data.as_array().map_or(&[], Vec::as_slice)
}

fn sample(one: &Value) -> String {
    let name = braces(&one["metric"], false);
    let (time, value) = match &one["histogram"] {
        Value::Null => (&one["value"][0], plain(&one["value"][1])),
        histogram => (&histogram[0], histogram_text(&histogram[1])),
    };
    format!("{name} => {value} @[{time}]\n")
}

fn points(one: &Value) -> String {
    let mut out = format!("{} =>\n", braces(&one["metric"], false));
    for value in items(&one["values"]) {
        out.push_str(&format!("{}\n", point(value)));
    }
    for value in items(&one["histograms"]) {
        out.push_str(&format!("{} @[{}]\n", histogram_text(&value[1]), value[0]));
    }
    out
}

fn point(pair: &Value) -> String {
    format!("{} @[{}]", plain(&pair[1]), pair[0])
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The order of series in a matrix: those with fewer labels first, then name by name.
fn by_labels(a: &Value, b: &Value) -> Ordering {
    let empty = Map::new();
    let (a, b) = (a.as_object().unwrap_or(&empty), b.as_object().unwrap_or(&empty));
    let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let differ = names.into_iter().map(|name| match (a.get(name), b.get(name)) {
        (Some(a), Some(b)) => text(a).cmp(text(b)),
        (None, _) => Ordering::Less,
        (_, None) => Ordering::Greater,
    });
    a.len().cmp(&b.len()).then_with(|| differ.fold(Ordering::Equal, Ordering::then))
}

/// A number without exponent.
fn plain(value: &Value) -> String {
    shown(value, format_float_fixed)
}

/// A number with six decimals.
fn decimals(value: &Value) -> String {
    let finite = |number: f64| format!("{number:.6}");
    shown(value, |number| if number.is_finite() { finite(number) } else { go_g(number) })
}

fn shown(value: &Value, form: impl Fn(f64) -> String) -> String {
    let text = text(value);
    parse_float(text).map_or_else(|| text.to_owned(), form)
}

fn histogram_text(histogram: &Value) -> String {
    let mut out = format!(
        "Count: {}, Sum: {}, Buckets: [",
        decimals(&histogram["count"]),
        decimals(&histogram["sum"])
    );
    for (i, bucket) in items(&histogram["buckets"]).iter().enumerate() {
        let (open, close) = match bucket[0].as_u64() {
            Some(0) => ('(', ']'),
            Some(1) => ('[', ')'),
            Some(2) => ('(', ')'),
            _ => ('[', ']'),
        };
        let space = if i == 0 { "" } else { " " };
        let (from, to) = (shown(&bucket[1], go_g), shown(&bucket[2], go_g));
        let count = plain(&bucket[3]);
        out.push_str(&format!("{space}{open}{from},{to}{close}:{count}"));
    }
    out.push(']');
    out
}

/// Labels; the name stands before the braces unless `all` are to be inside.
pub(super) fn braces(labels: &Value, all: bool) -> String {
    let empty = Map::new();
    let labels = labels.as_object().unwrap_or(&empty);
    let name = labels.get("__name__").map_or("", text).to_owned();
    let inside: Vec<String> = labels
        .iter()
        .filter(|(label, _)| all || *label != "__name__")
        .map(|(label, value)| format!("{label}={value}"))
        .collect();
    match (all, inside.is_empty()) {
        (false, true) if !name.is_empty() => name,
        (false, _) => format!("{name}{{{}}}", inside.join(", ")),
        (true, _) => format!("{{{}}}", inside.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, shown: &str) {
        let data: Value = serde_json::from_str(json).unwrap();
        assert_eq!(query(&data).unwrap(), shown);
    }

    #[test]
    fn answers_look_as_promtool_writes_them() {
        check(
            r#"{"resultType":"vector","result":[
                {"metric":{"__name__":"up","a":"x\"y","b":"z"},"value":[1.5,"1"]},
                {"metric":{"__name__":"up"},"value":[2,"NaN"]}]}"#,
            "up{a=\"x\\\"y\", b=\"z\"} => 1 @[1.5]\nup => NaN @[2]\n",
        );
        check(r#"{"resultType":"matrix","result":[]}"#, "\n");
        check(r#"{"resultType":"scalar","result":[1,"2"]}"#, "scalar: 2 @[1]\n");
        check(
            r#"{"resultType":"matrix","result":[{"metric":{},"values":[[1,"2"],[2.001,"3"]]}]}"#,
            "{} =>\n2 @[1]\n3 @[2.001]\n",
        );
    }
}
