//! `query instant` and `query range`: asks a server and prints what it says.

use std::time::Duration;

use common_client::{Client, ClientOptions, Method, Request, query_escape};
use common_config::HttpClientConfig;
use common_service::clock::{Clock, SystemClock};
use common_service::flags::Matches;
use serde_json::Value;

use super::FAILURE;
use crate::commands::{complain, print};

/// How long a server may take.
const TIMEOUT: Duration = Duration::from_secs(120);

/// A range query without a step has about this many points, as on the page.
const POINTS: f64 = 250.0;

/// A range query without a start begins this long before its end.
const RANGE_SECONDS: f64 = 300.0;

/// `query instant`
pub(super) fn instant(matches: &Matches) -> u8 {
    let mut form = vec![("query", expr(matches).to_owned())];
    if !matches.str("time").is_empty() {
        form.push(("time", matches.str("time").to_owned()));
    }
    answer(matches, "query", &form, &[])
}

/// `query range`
pub(super) fn range(matches: &Matches) -> u8 {
    let now = SystemClock.now_ms() as f64 / 1000.0;
    let (start, end) = match (time(matches.str("start")), time(matches.str("end"))) {
        (Ok(start), Ok(end)) => {
            let end = end.unwrap_or(now);
            (start.unwrap_or(end - RANGE_SECONDS), end)
        }
        (Err(problem), _) | (_, Err(problem)) => {
            complain(&format!("error parsing time: {problem}\n"));
            return FAILURE;
        }
    };
    if start > end {
        complain("start time is not before end time\n");
        return FAILURE;
    }
    let step = match matches.duration("step").as_secs_f64() {
        0.0 => ((end - start) / POINTS).floor().max(1.0),
        step => step,
    };
    let form = [
        ("query", expr(matches).to_owned()),
        ("start", start.to_string()),
        ("end", end.to_string()),
        ("step", step.to_string()),
    ];
    answer(matches, "query_range", &form, &matches.strs("header"))
}

fn expr(matches: &Matches) -> &str {
    matches.arg("expr").unwrap_or_default()
}

/// Seconds since 1970 from a number or RFC 3339; nothing from nothing.
fn time(text: &str) -> Result<Option<f64>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    if let Some(seconds) = common_model::parse_float(text) {
        return Ok(Some(seconds));
    }
    match text.parse::<jiff::Timestamp>() {
        Ok(at) => Ok(Some(at.as_millisecond() as f64 / 1000.0)),
        Err(_) => Err(format!("cannot parse {text:?} to a valid timestamp")),
    }
}

fn answer(matches: &Matches, endpoint: &str, form: &[(&str, String)], headers: &[&str]) -> u8 {
    match ask(matches.arg("server").unwrap_or_default(), endpoint, form, headers) {
        Ok(data) => {
            let result = &data["result"];
            if matches.str("format") == "json" {
                print(&format!("{result}\n"));
            } else {
                print(&plain(&data));
            }
            0
        }
        Err(problem) => {
            complain(&format!("query error: {problem}\n"));
            FAILURE
        }
    }
}

fn ask(
    server: &str,
    endpoint: &str,
    form: &[(&str, String)],
    headers: &[&str],
) -> Result<Value, String> {
    let server =
        if server.contains("://") { server.to_owned() } else { format!("http://{server}") };
    let url = format!("{}/api/v1/{endpoint}", server.trim_end_matches('/'));
    let mut request = Request::new(Method::POST, url).timeout(TIMEOUT);
    let mut body = String::new();
    for (name, value) in form {
        if !body.is_empty() {
            body.push('&');
        }
        body.push_str(name);
        body.push('=');
        body.push_str(&query_escape(value));
    }
    request.body = body.into();
    let kind = "application/x-www-form-urlencoded";
    for (name, value) in [("content-type", kind)]
        .into_iter()
        .chain(headers.iter().filter_map(|header| header.split_once('=')))
    {
        let name = common_client::header::HeaderName::try_from(name);
        let value = common_client::header::HeaderValue::try_from(value);
        match (name, value) {
            (Ok(name), Ok(value)) => request.headers.insert(name, value),
            _ => return Err("a header is malformed".to_owned()),
        };
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let answer = runtime.block_on(async {
        let client = Client::new(&HttpClientConfig::default(), ClientOptions::default())?;
        client.send(request).await
    });
    let answer = answer.map_err(|error| error.to_string())?;
    let body: Value = serde_json::from_slice(&answer.body)
        .map_err(|_| format!("server_error: server error: {}", answer.status.as_u16()))?;
    if body["status"] == "success" {
        return Ok(body["data"].clone());
    }
    let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
    Err(format!("{}: {}", text("errorType"), text("error")))
}

/// A result as promtool prints it.
fn plain(data: &Value) -> String {
    let result = &data["result"];
    let series = result.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut text = String::new();
    match data["resultType"].as_str() {
        Some("vector") => {
            for sample in series {
                let point = &sample["value"];
                let value = point[1].as_str().unwrap_or_default();
                text.push_str(&format!("{} => {value} @[{}]\n", metric(sample), point[0]));
            }
        }
        Some("matrix") => {
            for one in series {
                text.push_str(&format!("{} =>\n", metric(one)));
                for point in one["values"].as_array().map(Vec::as_slice).unwrap_or_default() {
                    let value = point[1].as_str().unwrap_or_default();
                    text.push_str(&format!("{value} @[{}]\n", point[0]));
                }
            }
        }
        Some("scalar") => {
            let value = result[1].as_str().unwrap_or_default();
            text.push_str(&format!("scalar: {value} @[{}]\n", result[0]));
        }
        _ => text.push_str(&format!("{}\n", result[1].as_str().unwrap_or_default())),
    }
    text
}

/// `name{a="b"}`
fn metric(series: &Value) -> String {
    let empty = serde_json::Map::new();
    let labels = series["metric"].as_object().unwrap_or(&empty);
    let name = labels.get("__name__").and_then(Value::as_str).unwrap_or_default();
    let pairs: Vec<String> = labels
        .iter()
        .filter(|(label, _)| *label != "__name__")
        .map(|(label, value)| format!("{label}={value}"))
        .collect();
    match (pairs.is_empty(), name.is_empty()) {
        (true, false) => name.to_owned(),
        _ => format!("{name}{{{}}}", pairs.join(", ")),
    }
}
