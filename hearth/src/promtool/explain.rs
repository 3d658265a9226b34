//! `query explain`: the plan of a query as a table, every node indented below the one that asks it.

use serde_json::Value;

/// The data of an explanation.
pub(super) fn table(data: &Value) -> Result<String, String> {
    let plan = &data["plan"];
    if !plan.is_object() {
        return Err("the answer has no plan".to_owned());
    }
    let mut rows =
        vec![["OWN", "TOTAL", "SERIES", "SAMPLES", "READ", "KEPT", "HOW"].map(str::to_owned)];
    let mut texts = vec!["NODE".to_owned()];
    add(plan, 0, &mut rows, &mut texts);
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or_default();
    let widths: [usize; 7] = std::array::from_fn(width);
    let mut out = String::new();
    for (row, text) in rows.iter().zip(&texts) {
        for (cell, width) in row.iter().zip(widths).take(6) {
            out.push_str(&format!("{cell:>width$}  "));
        }
        let width = widths[6];
        out.push_str(&format!("{:<width$}  {text}\n", row[6]));
    }
    let total = &data["seconds"];
    out.push_str(&format!(
        "{} in all, {} of them for the result; {} series and {} samples read; at most {} bytes held\n",
        time(&total["total"]),
        time(&total["result"]),
        data["seriesRead"],
        read(plan),
        data["peakBytes"],
    ));
    Ok(out)
}

/// Adds the rows of a node and of those below it. A node's matchers are lines without numbers.
fn add(node: &Value, depth: usize, rows: &mut Vec<[String; 7]>, texts: &mut Vec<String>) {
    let indent = "  ".repeat(depth);
    let invariant = if node["invariant"] == true { ", invariant" } else { "" };
    rows.push([
        time(&node["seconds"]["own"]),
        time(&node["seconds"]["total"]),
        node["series"].to_string(),
        node["samples"].to_string(),
        node["samplesRead"].to_string(),
        node["peakBytes"].to_string(),
        format!("{}{invariant}", text(&node["execution"])),
    ]);
    texts.push(format!("{indent}{}: {}", text(&node["kind"]), text(&node["expr"])));
    for matcher in node["matchers"].as_array().into_iter().flatten() {
        let detail = match (&matcher["literals"], &matcher["prefix"]) {
            (Value::Number(count), _) => format!(" {count}"),
            (_, Value::String(prefix)) => format!(" {prefix:?}"),
            _ => String::new(),
        };
        let (name, op, value) =
            (text(&matcher["name"]), text(&matcher["type"]), text(&matcher["value"]));
        rows.push(Default::default());
        texts.push(format!("{indent}  {name}{op}{value:?}: {}{detail}", text(&matcher["search"])));
    }
    for child in node["children"].as_array().into_iter().flatten() {
        add(child, depth + 1, rows, texts);
    }
}

/// Samples that a node and those below it read.
fn read(node: &Value) -> u64 {
    let children = node["children"].as_array().into_iter().flatten();
    node["samplesRead"].as_u64().unwrap_or_default() + children.map(read).sum::<u64>()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Seconds as milliseconds.
fn time(seconds: &Value) -> String {
    format!("{:.3}ms", seconds.as_f64().unwrap_or_default() * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_an_indented_table() {
        let data = r#"{"seconds":{"total":0.0035,"evaluation":0.003,"result":0.0005},
            "seriesRead":2,"peakBytes":640,
            "plan":{"expr":"sum(up)","kind":"aggregation","execution":"materialised",
              "invariant":false,"series":1,"samples":3,"samplesRead":0,"peakBytes":512,
              "seconds":{"own":0.001,"total":0.003},
              "children":[{"expr":"up","kind":"selector","execution":"streamed","invariant":true,
                "series":2,"samples":6,"samplesRead":4,"peakBytes":0,
                "seconds":{"own":0.002,"total":0.002},"children":[],"matchers":[
                  {"name":"job","type":"=~","value":"a|b","search":"literals","literals":2},
                  {"name":"x","type":"=~","value":"p.*","search":"prefix","prefix":"p"},
                  {"name":"__name__","type":"=","value":"up","search":"equal"}]}]}}"#;
        let found = table(&serde_json::from_str(data).unwrap()).unwrap();
        let lines: Vec<&str> = found.lines().map(str::trim).collect();
        assert_eq!(
            lines,
            [
                "OWN    TOTAL  SERIES  SAMPLES  READ  KEPT  HOW                  NODE",
                "1.000ms  3.000ms       1        3     0   512  materialised         aggregation: sum(up)",
                "2.000ms  2.000ms       2        6     4     0  streamed, invariant    selector: up",
                "job=~\"a|b\": literals 2",
                "x=~\"p.*\": prefix \"p\"",
                "__name__=\"up\": equal",
                "3.500ms in all, 0.500ms of them for the result; 2 series and 4 samples read; at most 640 bytes held",
            ]
        );
        table(&Value::Null).unwrap_err();
    }
}
