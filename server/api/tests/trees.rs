//! Syntax trees as JSON.

use axum::http::StatusCode;

use crate::world::World;

/// What 3.14 says beside 3.5.
const NEWER: &[&str] = &["\"anchored\":false,", "\"smoothed\":false,"];

async fn check(world: &World, query: &str, wanted: &str) {
    let (status, body) = world.ask(&format!("POST parse_query query={query}")).await;
    assert_eq!(status, StatusCode::OK, "{query}: {body}");
    let body = NEWER.iter().fold(body, |body, newer| body.replace(newer, ""));
    let body = body.replace("\"fillValues\":{\"lhs\":null,\"rhs\":null},", "");
    assert_eq!(body, format!("{{\"status\":\"success\",\"data\":{wanted}}}"), "{query}");
}

/// `name` as it stands in trees.
fn selector(name: &str) -> String {
    format!(
        r#"{{"matchers":[{{"name":"__name__","type":"=","value":"{name}"}}],"name":"{name}","offset":0,"startOrEnd":null,"timestamp":null,"type":"vectorSelector"}}"#
    )
}

#[tokio::test]
async fn trees_are_those_of_the_original() {
    let world = World::new().await;
    for (query, wanted) in TREES {
        let wanted = ["a", "b", "x"].iter().fold((*wanted).to_owned(), |wanted, name| {
            wanted.replace(&format!("<{name}>"), &selector(name))
        });
        check(&world, query, &wanted).await;
    }
}

/// Queries, encoded, and their trees; `<x>` is the selector `x`.
const TREES: &[(&str, &str)] = &[
    ("x", "<x>"),
    ("-x", r#"{"expr":<x>,"op":"-","type":"unaryExpr"}"#),
    ("(x)", r#"{"expr":<x>,"type":"parenExpr"}"#),
    ("5m", r#"{"type":"numberLiteral","val":"300"}"#),
    ("Inf", r#"{"type":"numberLiteral","val":"+Inf"}"#),
    ("1e22", r#"{"type":"numberLiteral","val":"10000000000000000000000"}"#),
    ("0.0000001", r#"{"type":"numberLiteral","val":"0.0000001"}"#),
    ("'%5cxff'", "{\"type\":\"stringLiteral\",\"val\":\"\u{fffd}\"}"),
    (
        "x[5m]+@+end()",
        r#"{"matchers":[{"name":"__name__","type":"=","value":"x"}],"name":"x","offset":0,"range":300000,"startOrEnd":"end","timestamp":null,"type":"matrixSelector"}"#,
    ),
    (
        "{__name__='x',b!~'c.*'}+offset+-1m+@+5.25",
        r#"{"matchers":[{"name":"__name__","type":"=","value":"x"},{"name":"b","type":"!~","value":"c.*"}],"name":"","offset":-60000,"startOrEnd":null,"timestamp":5250,"type":"vectorSelector"}"#,
    ),
    (
        "x[1h:]",
        r#"{"expr":<x>,"offset":0,"range":3600000,"startOrEnd":null,"step":0,"timestamp":null,"type":"subquery"}"#,
    ),
    (
        "sum+without(job)(x)",
        r#"{"expr":<x>,"grouping":["job"],"op":"sum","param":null,"type":"aggregation","without":true}"#,
    ),
    (
        "topk(3,x)",
        r#"{"expr":<x>,"grouping":[],"op":"topk","param":{"type":"numberLiteral","val":"3"},"type":"aggregation","without":false}"#,
    ),
    (
        "a+%3E+bool+1",
        r#"{"bool":true,"lhs":<a>,"matching":null,"op":"\u003e","rhs":{"type":"numberLiteral","val":"1"},"type":"binaryExpr"}"#,
    ),
    (
        "a+%2b+on(j)+group_left(c)+b",
        r#"{"bool":false,"lhs":<a>,"matching":{"card":"many-to-one","include":["c"],"labels":["j"],"on":true},"op":"+","rhs":<b>,"type":"binaryExpr"}"#,
    ),
    (
        "a+and+b",
        r#"{"bool":false,"lhs":<a>,"matching":{"card":"many-to-many","include":[],"labels":[],"on":false},"op":"and","rhs":<b>,"type":"binaryExpr"}"#,
    ),
    (
        "round(x)",
        r#"{"args":[<x>],"func":{"argTypes":["vector","scalar"],"name":"round","returnType":"vector","variadic":1},"type":"call"}"#,
    ),
    (
        "time()",
        r#"{"args":[],"func":{"argTypes":[],"name":"time","returnType":"scalar","variadic":0},"type":"call"}"#,
    ),
];
