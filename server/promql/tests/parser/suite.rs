//! Upstream's recorded parser cases: accepted, or refused with exactly these texts.

use common_testkit::suites;
use serde_json::Value;
use server_promql::parser::{Options, parse};

/// One input of upstream's is built by a program; only its first piece was recorded, with one
/// complaint of each kind. Here it is built again, but lower than the limit of height.
fn rebuilt() -> String {
    format!("({}){}", "-{}-1".repeat(20), "[1m:]".repeat(10))
}

#[test]
fn recorded_queries_are_accepted_or_refused_in_upstreams_words() {
    let Some(suites) = suites() else { return };
    let text = std::fs::read_to_string(suites.join("parser/parse_cases.json")).unwrap();
    // The one input that is no UTF-8 stands there as a lone surrogate, which is no JSON text.
    let cases: Vec<Value> = serde_json::from_str(&text.replace("\\udcff", "\\ufffd")).unwrap();
    let mut wrong = Vec::new();
    for case in &cases {
        let wanted: Vec<&str> =
            case["err"].as_array().unwrap().iter().map(|err| err.as_str().unwrap()).collect();
        let mut input = case["input"].as_str().unwrap().to_owned();
        let is_rebuilt = input == "(" && wanted.len() == 2;
        if is_rebuilt {
            input = rebuilt();
        }
        let mut found: Vec<String> = match parse(&input, &Options::everything()) {
            Ok(_) => Vec::new(),
            Err(errors) => errors.iter().map(|error| error.message.clone()).collect(),
        };
        if is_rebuilt {
            found.dedup();
        }
        if found != wanted {
            wrong.push(format!("{input:?}\n  wanted {wanted:?}\n  found  {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} wrong\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
