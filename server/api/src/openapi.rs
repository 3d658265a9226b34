//! `/api/v1/openapi.yaml`: what the API answers, for programs that write clients.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response, StatusCode};

use crate::answer::{respond, text};
use crate::error::ApiError;
use crate::params::Params;
use crate::state::ApiState;

/// How a path is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// With GET.
    Get,
    /// With GET, or with POST and a form.
    Form,
    /// With POST or PUT: it changes something.
    Change,
}

/// A path, how it is asked, what it does, and its parameters; those with `!` must be there, those
/// with `*` may come several times.
type Operation = (&'static str, How, &'static str, &'static [&'static str]);

const OPERATIONS: &[Operation] = &[
    (
        "/query",
        How::Form,
        "Evaluates an expression at one time.",
        &["query!", "time", "timeout", "limit", "lookback_delta", "stats"],
    ),
    (
        "/query_range",
        How::Form,
        "Evaluates an expression at many times.",
        &["query!", "start!", "end!", "step!", "timeout", "limit", "lookback_delta", "stats"],
    ),
    (
        "/query_exemplars",
        How::Form,
        "Exemplars of the series of an expression.",
        &["query!", "start", "end"],
    ),
    (
        "/explain",
        How::Form,
        "How an expression is evaluated.",
        &["query!", "time", "start", "end", "step"],
    ),
    ("/format_query", How::Form, "An expression, laid out well.", &["query!"]),
    ("/parse_query", How::Form, "An expression as a tree.", &["query!"]),
    ("/series", How::Form, "Labels of series.", &["match[]!*", "start", "end", "limit"]),
    ("/labels", How::Form, "Names of labels.", &["match[]*", "start", "end", "limit"]),
    (
        "/label/{name}/values",
        How::Get,
        "Values of a label.",
        &["match[]*", "start", "end", "limit"],
    ),
    (
        "/metadata",
        How::Get,
        "Type, help and unit of metrics.",
        &["metric", "limit", "limit_per_metric"],
    ),
    ("/targets", How::Get, "Targets and how they are.", &["state", "scrapePool"]),
    (
        "/targets/metadata",
        How::Get,
        "Metadata of metrics by target.",
        &["match_target", "metric", "limit"],
    ),
    (
        "/targets/relabel_steps",
        How::Get,
        "What each relabeling rule makes of labels.",
        &["scrapePool!", "labels!"],
    ),
    ("/scrape_pools", How::Get, "Names of scrape pools.", &[]),
    ("/scrape_pools/config", How::Get, "The configuration of a scrape pool.", &["scrapePool!"]),
    (
        "/rules",
        How::Get,
        "Rules and how they are.",
        &[
            "type",
            "rule_name[]*",
            "rule_group[]*",
            "file[]*",
            "match[]*",
            "exclude_alerts",
            "group_limit",
            "group_next_token",
        ],
    ),
    ("/alerts", How::Get, "Alerts that are pending or firing.", &[]),
    ("/alertmanagers", How::Get, "Alertmanagers that get alerts.", &[]),
    ("/search/metric_names", How::Form, "Names of metrics that look alike, a line each.", SEARCH),
    ("/search/label_names", How::Form, "Names of labels that look alike, a line each.", SEARCH),
    (
        "/search/label_values",
        How::Form,
        "Values of a label that look alike, a line each.",
        SEARCH_VALUES,
    ),
    ("/notifications", How::Get, "What operators should know.", &[]),
    ("/notifications/live", How::Get, "The same as events, as they come.", &[]),
    ("/features", How::Get, "What this server can do.", &[]),
    ("/status/config", How::Get, "The configuration in force.", &[]),
    ("/status/flags", How::Get, "Values of flags.", &[]),
    ("/status/buildinfo", How::Get, "The version.", &[]),
    ("/status/runtimeinfo", How::Get, "The process.", &[]),
    (
        "/status/self_metrics",
        How::Get,
        "What the process measures of itself.",
        &["metric_name_pattern"],
    ),
    ("/status/tsdb", How::Get, "Numbers of series and labels.", &["limit"]),
    ("/status/tsdb/blocks", How::Get, "The blocks on disk.", &[]),
    ("/status/walreplay", How::Get, "How far the replay of the log is.", &[]),
    ("/admin/tsdb/delete_series", How::Change, "Deletes series.", &["match[]!*", "start", "end"]),
    ("/admin/tsdb/clean_tombstones", How::Change, "Frees the space of what was deleted.", &[]),
    ("/admin/tsdb/snapshot", How::Change, "Makes a copy of all data.", &["skip_head"]),
    ("/openapi.yaml", How::Get, "This description.", &["openapi_version"]),
];

const SEARCH: &[&str] = &[
    "match[]*",
    "search[]*",
    "start",
    "end",
    "limit",
    "batch_size",
    "sort_by",
    "sort_dir",
    "case_sensitive",
    "include_score",
    "include_metadata",
    "fuzz_threshold",
    "fuzz_alg",
];
const SEARCH_VALUES: &[&str] = &[
    "label!",
    "match[]*",
    "search[]*",
    "start",
    "end",
    "limit",
    "batch_size",
    "sort_by",
    "sort_dir",
    "case_sensitive",
    "include_score",
    "fuzz_threshold",
    "fuzz_alg",
];

/// What every answer is wrapped in.
const COMPONENTS: &str = "components:
  responses:
    Answer:
      description: The answer.
      content:
        application/json:
          schema: {$ref: '#/components/schemas/Answer'}
    Failure:
      description: Why there is none.
      content:
        application/json:
          schema: {$ref: '#/components/schemas/Failure'}
  schemas:
    Answer:
      type: object
      required: [status]
      properties:
        status: {const: success}
        data: {}
        warnings: {type: array, items: {type: string}}
        infos: {type: array, items: {type: string}}
    Failure:
      type: object
      required: [status, errorType, error]
      properties:
        status: {const: error}
        errorType:
          enum: [timeout, canceled, execution, bad_data, internal, unavailable, not_found, not_acceptable]
        error: {type: string}
";

/// The description in the version of OpenAPI that is asked for.
pub(crate) async fn openapi(state: Arc<ApiState>, params: Params) -> Response<Body> {
    let version = match params.get("openapi_version") {
        "" | "3.1" => "3.1.0",
        "3.2" => "3.2.0",
        other => {
            let message = format!("unknown openapi_version {other:?}, expected 3.1 or 3.2");
            return respond(Err(ApiError::bad_data(message)));
        }
    };
    let base = format!("{}/api/v1", state.options.external_url);
    let mut response = text(StatusCode::OK, describe(version, &base));
    let yaml = HeaderValue::from_static("application/yaml; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, yaml);
    response
}

fn describe(version: &str, base: &str) -> String {
    // Writing to a string cannot fail.
    let mut out = format!(
        "openapi: {version}\ninfo:\n  title: Hearth API\n  description: The HTTP API of Prometheus, as \
         Hearth answers it.\n  version: {}\nservers:\n- url: {base:?}\npaths:\n",
        env!("CARGO_PKG_VERSION")
    );
    for (path, how, about, params) in OPERATIONS {
        let _ = writeln!(out, "  {path:?}:");
        let methods: &[&str] = match how {
            How::Get => &["get"],
            How::Form => &["get", "post"],
            How::Change => &["post", "put"],
        };
        for method in methods {
            let name = path.trim_matches('/').replace(['/', '{', '}', '.', '_'], "-");
            let name = name.replace("--", "-");
            let _ = writeln!(out, "    {method}:\n      operationId: {method}-{name}");
            let _ = writeln!(out, "      summary: {about:?}");
            write_parameters(&mut out, path, method, params);
            out.push_str("      responses:\n");
            out.push_str("        '200': {$ref: '#/components/responses/Answer'}\n");
            out.push_str("        default: {$ref: '#/components/responses/Failure'}\n");
        }
    }
    out + COMPONENTS
}

fn write_parameters(out: &mut String, path: &str, method: &str, params: &[&str]) {
    let parsed = params.iter().map(|text| {
        let name = text.trim_end_matches(['!', '*']);
        let schema = match text.contains('*') {
            true => "{type: array, items: {type: string}}",
            false => "{type: string}",
        };
        (name, text.contains('!'), schema)
    });
    // Writing to a string cannot fail.
    if method == "post" && !params.is_empty() {
        out.push_str(
            "      requestBody:\n        content:\n          application/x-www-form-urlencoded:\n",
        );
        out.push_str(
            "            schema:\n              type: object\n              properties:\n",
        );
        for (name, _, schema) in parsed.clone() {
            let _ = writeln!(out, "                {name:?}: {schema}");
        }
        let wanted: Vec<_> = parsed.filter(|p| p.1).map(|(name, ..)| format!("{name:?}")).collect();
        if !wanted.is_empty() {
            let _ = writeln!(out, "              required: [{}]", wanted.join(", "));
        }
        return;
    }
    let in_path = path.contains("{name}").then_some(("name", "path", true, "{type: string}"));
    let in_query = parsed.map(|(name, wanted, schema)| (name, "query", wanted, schema));
    let all: Vec<_> = in_path.into_iter().chain(in_query).collect();
    if !all.is_empty() {
        out.push_str("      parameters:\n");
    }
    for (name, place, wanted, schema) in all {
        let _ = writeln!(
            out,
            "      - {{name: {name:?}, in: {place}, required: {wanted}, schema: {schema}}}"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::{OPERATIONS, describe};
    use crate::starting::WAITING;

    #[test]
    fn every_path_that_waits_for_the_store_is_described() {
        let described = |path: &str| OPERATIONS.iter().any(|(known, ..)| *known == path);
        for path in WAITING.iter().filter_map(|(path, _)| path.strip_prefix("/api/v1")) {
            assert!(described(path), "{path}");
        }
    }

    #[test]
    fn the_description_is_yaml_with_an_operation_for_each_method() {
        let text = describe("3.1.0", "http://h:9090/api/v1");
        let parsed = common_config::yaml::compose(&text);
        assert!(parsed.is_ok(), "{parsed:?}");
        for wanted in [
            "openapi: 3.1.0\n",
            "- url: \"http://h:9090/api/v1\"\n",
            "  \"/query\":\n    get:\n      operationId: get-query\n",
            "      - {name: \"query\", in: query, required: true, schema: {type: string}}\n",
            "                \"match[]\": {type: array, items: {type: string}}\n",
            "              required: [\"query\", \"start\", \"end\", \"step\"]\n",
            "      operationId: get-label-name-values\n",
            "      - {name: \"name\", in: path, required: true, schema: {type: string}}\n",
        ] {
            assert!(text.contains(wanted), "{wanted}");
        }
    }
}
