//! Queries that are well typed, made of the bytes of an input.

use server_promql::ast::ValueType;
use server_promql::functions::FUNCTIONS;

use crate::Bytes;

/// Deepest nesting that is made.
const DEPTH_MAX: usize = 6;

const NUMBERS: &[&str] = &[
    "0",
    "1",
    "-1",
    "2.5",
    "0.9",
    "NaN",
    "Inf",
    "-Inf",
    "1e300",
    "-0",
    "5e-324",
    "0x1f",
    "1h",
    "9223372036854775807",
    "-9.3e18",
    "1e10",
    "0.5",
    "100",
];
const TEXTS: &[&str] = &[
    "\"\"",
    "\"x\"",
    "\"y\"",
    "\"le\"",
    "\"__name__\"",
    "\"(.*)\"",
    "\"$1\"",
    "\"(?P<n>.)|\"",
    "\"${n}\"",
    "'é'",
    "\"[\"",
    "\",\"",
    "\"instance\"",
];
const SELECTORS: &[&str] = &[
    "a",
    "b",
    "h",
    "h_bucket",
    "target_info",
    "nothing",
    "a{x=\"1\"}",
    "{x=~\".+\"}",
    "{__name__=~\"a|b|h\"}",
    "a{x!=\"2\"}",
    "{x=\"1\",y!~\"b.*\"}",
    "{\"h\"}",
];
const RANGES: &[&str] =
    &["[1m]", "[5m]", "[1ms]", "[15s]", "[1h]", "[1000d]", "[30s*2]", "[step()+1]"];
const SUBQUERIES: &[&str] = &["[5m:1m]", "[10m:]", "[1m:7s]", "[1h:30m]", "[2m:step()]"];
const SHIFTS: &[&str] = &[
    "",
    "",
    "",
    "",
    " offset 1m",
    " offset -5m",
    " @ 100",
    " @ start()",
    " @ end()",
    " @ 1e9 offset 1y",
    " offset -(step()*2)",
    " @ -0.001",
];
const ENDS: &[&str] = &["", "", "", "", " anchored", " smoothed"];
const BINARY: &[&str] = &[
    "+", "-", "*", "/", "%", "^", "atan2", "==", "!=", "<", ">", "<=", ">=", "and", "or", "unless",
    "== bool", "< bool", "</", ">/",
];
const MATCHINGS: &[&str] = &[
    "",
    "",
    "on (x)",
    "ignoring (x)",
    "on ()",
    "ignoring (y, le)",
    "on (x) group_left ()",
    "ignoring (y) group_right (y)",
    "on (x) group_left (le)",
    "fill (1)",
    "on (x) fill_left (0)",
];
const AGGREGATES: &[&str] = &[
    "sum",
    "avg",
    "count",
    "min",
    "max",
    "group",
    "stddev",
    "stdvar",
    "topk",
    "bottomk",
    "quantile",
    "count_values",
    "limitk",
    "limit_ratio",
];
const GROUPINGS: &[&str] =
    &["", "by (x)", "without (x)", "by (le)", "without (le)", "by (__name__)", "by ()"];

/// A query; the parser may still refuse it, as matching depends on the operator.
#[must_use]
pub fn query(bytes: &mut Bytes<'_>) -> String {
    let types = [ValueType::Vector, ValueType::Vector, ValueType::Scalar, ValueType::Matrix];
    let wanted = *bytes.pick(&types);
    of_type(bytes, wanted, 0)
}

fn of_type(bytes: &mut Bytes<'_>, wanted: ValueType, depth: usize) -> String {
    let choice = if depth >= DEPTH_MAX || bytes.is_empty() { 0 } else { bytes.byte() };
    match wanted {
        ValueType::String => (*bytes.pick(TEXTS)).to_owned(),
        ValueType::Matrix if choice % 3 == 0 => {
            let (selector, range) = (bytes.pick(SELECTORS), bytes.pick(RANGES));
            format!("{selector}{range}{}{}", bytes.pick(ENDS), bytes.pick(SHIFTS))
        }
        ValueType::Matrix => {
            let inner = of_type(bytes, ValueType::Vector, depth + 1);
            format!("({inner}){}{}", bytes.pick(SUBQUERIES), bytes.pick(SHIFTS))
        }
        ValueType::Scalar => match choice % 4 {
            0 | 1 => (*bytes.pick(NUMBERS)).to_owned(),
            2 => binary(bytes, [ValueType::Scalar; 2], depth),
            _ => call(bytes, ValueType::Scalar, depth),
        },
        ValueType::Vector => match choice % 8 {
            0 => format!("{}{}{}", bytes.pick(SELECTORS), bytes.pick(ENDS), bytes.pick(SHIFTS)),
            1 => format!("-({})", of_type(bytes, ValueType::Vector, depth + 1)),
            2 => aggregate(bytes, depth),
            3 => binary(bytes, [ValueType::Vector; 2], depth),
            4 => binary(bytes, [ValueType::Vector, ValueType::Scalar], depth),
            5 => binary(bytes, [ValueType::Scalar, ValueType::Vector], depth),
            _ => call(bytes, ValueType::Vector, depth),
        },
    }
}

fn call(bytes: &mut Bytes<'_>, returns: ValueType, depth: usize) -> String {
    let fitting: Vec<_> = FUNCTIONS.iter().filter(|f| f.returns == returns).collect();
    let function = bytes.pick(&fitting);
    let least = if function.variadic == 0 { function.args.len() } else { function.args.len() - 1 };
    let count = match function.variadic {
        0 => function.args.len(),
        _ => least + usize::from(bytes.byte() % 3),
    };
    let Some(last) = function.args.last() else { return format!("{}()", function.name) };
    let args = (0..count)
        .map(|at| of_type(bytes, *function.args.get(at).unwrap_or(last), depth + 1))
        .collect::<Vec<_>>();
    format!("{}({})", function.name, args.join(", "))
}

fn binary(bytes: &mut Bytes<'_>, sides: [ValueType; 2], depth: usize) -> String {
    let operator = bytes.pick(BINARY);
    let vectors = sides == [ValueType::Vector; 2];
    let matching = if vectors { *bytes.pick(MATCHINGS) } else { "" };
    let [left, right] = sides.map(|side| of_type(bytes, side, depth + 1));
    format!("({left}) {operator} {matching} ({right})")
}

fn aggregate(bytes: &mut Bytes<'_>, depth: usize) -> String {
    let operator = *bytes.pick(AGGREGATES);
    let param = match operator {
        "topk" | "bottomk" | "quantile" | "limitk" | "limit_ratio" => {
            format!("{}, ", of_type(bytes, ValueType::Scalar, depth + 1))
        }
        "count_values" => "\"v\", ".to_owned(),
        _ => String::new(),
    };
    let grouping = bytes.pick(GROUPINGS);
    format!("{operator} {grouping} ({param}{})", of_type(bytes, ValueType::Vector, depth + 1))
}
