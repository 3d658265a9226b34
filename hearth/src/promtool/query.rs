//! `query` and `check healthy|ready`: questions to a server over HTTP.

use std::process::ExitCode;
use std::time::UNIX_EPOCH;

use common_client::{Client, ClientOptions, HeaderMap, Request, header, query_escape};
use common_config::HttpClientConfig;
use common_model::{format_float_fixed, parse_float};
use common_service::flags::Matches;
use serde_json::Value;

use super::api::{Api, Form, runtime};
use super::{explain, fail, refuse, show};
use crate::commands::{complain, print};
use crate::server::read;

/// Points of a range query without `--step`, about.
const POINTS_WANTED: f64 = 250.0;
/// How far back a range query goes without `--start`.
const RANGE_DEFAULT_S: f64 = 3600.0;
/// How far back series and labels are looked for without `--start`.
const LOOKUP_DEFAULT_S: f64 = 3600.0;

/// `query instant`
pub(super) fn instant(matches: &Matches) -> ExitCode {
    match instant_form(matches) {
        Ok(form) => ask(matches, "query", form, show::query),
        Err(error) => fail(error),
    }
}

fn instant_form(matches: &Matches) -> Result<Form, String> {
    let at = time(matches, "time", "evaluation time")?.unwrap_or_else(now_s);
    Ok(vec![("query", expr(matches)), ("time", format_float_fixed(at))])
}

/// `query explain`: of a range where one of its flags is given.
pub(super) fn explain(matches: &Matches) -> ExitCode {
    let is_range = !matches.duration("step").is_zero()
        || ["start", "end"].iter().any(|flag| matches.opt_str(flag).is_some());
    let form = if is_range { range_form(matches) } else { instant_form(matches) };
    match form {
        Ok(form) => ask(matches, "explain", form, explain::table),
        Err(error) => fail(error),
    }
}

/// `query range`
pub(super) fn range(matches: &Matches) -> ExitCode {
    match range_form(matches) {
        Ok(form) => ask(matches, "query_range", form, show::query),
        Err(error) => fail(error),
    }
}

fn range_form(matches: &Matches) -> Result<Form, String> {
    let start = time(matches, "start", "start time")?;
    let end = time(matches, "end", "end time")?.unwrap_or_else(now_s);
    let start = start.unwrap_or(end - RANGE_DEFAULT_S);
    if start >= end {
        return Err("start time is not before end time".to_owned());
    }
    let given = matches.duration("step").as_secs_f64();
    let step = if given == 0.0 { ((end - start) / POINTS_WANTED).floor().max(1.0) } else { given };
    Ok(vec![
        ("query", expr(matches)),
        ("start", format_float_fixed(start)),
        ("end", format_float_fixed(end)),
        ("step", format_float_fixed(step)),
    ])
}

/// `query series`
pub(super) fn series(matches: &Matches) -> ExitCode {
    match lookup(matches) {
        Ok(form) => ask(matches, "series", form, show::series),
        Err(error) => fail(error),
    }
}

/// `query labels`
pub(super) fn labels(matches: &Matches) -> ExitCode {
    let name = matches.arg("name").unwrap_or_default();
    match lookup(matches) {
        Ok(form) => ask(
            matches,
            &format!("label/{}/values", query_escape(name).replace('+', "%20")),
            form,
            show::labels,
        ),
        Err(error) => fail(error),
    }
}

/// `check healthy` and `check ready`
pub(super) fn probe(matches: &Matches, what: &str) -> ExitCode {
    let url = format!("{}/-/{what}", matches.str("url").trim_end_matches('/'));
    let answer = client(matches).and_then(|client| send(&client, Request::get(url)));
    match answer {
        Ok((200, body)) => {
            complain(&format!("  SUCCESS:  {}\n", String::from_utf8_lossy(&body)));
            ExitCode::SUCCESS
        }
        Ok((status, _)) => {
            fail(format!("check failed: URL={}, status={status}", matches.str("url")))
        }
        Err(error) => fail(error),
    }
}

/// Asks `/api/v1/PATH` and prints the answer's data.
fn ask(
    matches: &Matches,
    path: &str,
    form: Form,
    show: fn(&Value) -> Result<String, String>,
) -> ExitCode {
    let mut extra = HeaderMap::new();
    if matches.has("header")
        && let Err(error) = headers(matches, &mut extra)
    {
        return refuse(error);
    }
    let answer = Api::new(matches, matches.arg("server").unwrap_or_default()).and_then(|api| {
        if path.starts_with("label/") { api.get(path, &form) } else { api.post(path, &form, extra) }
    });
    let data = answer.map(|answer| {
        // The original tells warnings here and nowhere else.
        for warning in answer.warnings.iter().filter(|_| path.starts_with("label/")) {
            complain(&format!("query warning: {warning}\n"));
        }
        answer.data
    });
    let shown = data.and_then(|data| match matches.str("format") {
        "json" => Ok(format!("{}\n", data.get("result").unwrap_or(&data))),
        _ => show(&data),
    });
    match shown {
        Ok(text) => {
            print(&text);
            ExitCode::SUCCESS
        }
        Err(error) => fail(format!("query error: {error}")),
    }
}

pub(super) fn send(client: &Client, request: Request) -> Result<(u16, Vec<u8>), String> {
    let response = runtime()?.block_on(client.send(request)).map_err(|error| error.to_string())?;
    Ok((response.status.as_u16(), response.body.to_vec()))
}

pub(super) fn client(matches: &Matches) -> Result<Client, String> {
    let config = match matches.opt_str("http.config.file") {
        Some(file) => HttpClientConfig::load(&read(file.as_ref())?, file)
            .map_err(|error| format!("failed to load HTTP config file: {error}"))?,
        None => HttpClientConfig::default(),
    };
    Client::new(&config, ClientOptions::default()).map_err(|error| error.to_string())
}

/// The pairs of a flag like `--label=NAME=VALUE`; the last of several with one name holds.
pub(super) fn pairs(matches: &Matches, flag: &str) -> Result<Vec<(String, String)>, String> {
    let mut pairs = std::collections::BTreeMap::new();
    for text in matches.strs(flag) {
        let (name, value) = text
            .split_once(['=', ':'])
            .ok_or_else(|| format!("expected KEY=VALUE got '{text}'"))?;
        pairs.insert(name.to_owned(), value.to_owned());
    }
    Ok(pairs.into_iter().collect())
}

/// Sets the headers that `--header` names.
pub(super) fn headers(matches: &Matches, headers: &mut HeaderMap) -> Result<(), String> {
    for (name, value) in pairs(matches, "header")? {
        let bad = || format!("no header: {name}={value}");
        let name = header::HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
        let value = header::HeaderValue::from_str(&value).map_err(|_| bad())?;
        headers.insert(name, value);
    }
    Ok(())
}

fn lookup(matches: &Matches) -> Result<Form, String> {
    let end = time(matches, "end", "end time")?.unwrap_or_else(now_s);
    let start = time(matches, "start", "start time")?.unwrap_or(end - LOOKUP_DEFAULT_S);
    let mut form: Form =
        matches.strs("match").into_iter().map(|text| ("match[]", text.to_owned())).collect();
    form.push(("start", format_float_fixed(start)));
    form.push(("end", format_float_fixed(end)));
    Ok(form)
}

fn expr(matches: &Matches) -> String {
    matches.arg("expr").unwrap_or_default().to_owned()
}

/// Unix seconds of a flag that holds those or a date.
pub(super) fn time(matches: &Matches, flag: &str, what: &str) -> Result<Option<f64>, String> {
    let Some(text) = matches.opt_str(flag).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    if let Some(seconds) = parse_float(text).filter(|seconds| seconds.is_finite()) {
        return Ok(Some(seconds));
    }
    match text.parse::<jiff::Timestamp>() {
        Ok(at) => Ok(Some(at.as_millisecond() as f64 / 1000.0)),
        Err(_) => Err(format!("error parsing {what}: cannot parse {text:?} to a valid timestamp")),
    }
}

pub(super) fn now_s() -> f64 {
    let since = common_service::clock::system_time().duration_since(UNIX_EPOCH);
    since.map_or(0.0, |since| (since.as_millis() as f64) / 1000.0)
}
