//! `/api/v1/features`: what this program can do and which of it is switched on.
//!
//! Names and groups are those of Prometheus 3.14. What is not built is false where the original
//! always has the name, and left out where its own list depends on how it was built.

use std::collections::BTreeMap;
use std::sync::Arc;

use server_promql::ast::{AggregateOp, BinaryOp};
use server_promql::functions::FUNCTIONS;

use crate::answer::Answer;
use crate::error::ApiError;
use crate::state::ApiState;

/// Features that neither the API nor the parser knows of.
#[derive(Clone, Debug, Default)]
pub struct Features {
    /// `--enable-feature=promql-delayed-name-removal`.
    pub delayed_name_removal: bool,
    /// `--enable-feature=exemplar-storage`.
    pub exemplar_storage: bool,
    /// `--enable-feature=created-timestamp-zero-ingestion`.
    pub start_timestamp_zeros: bool,
    /// Mechanisms of discovery that are run.
    pub discoveries: Vec<&'static str>,
    /// Functions that templates of alerts may call.
    pub template_functions: Vec<&'static str>,
}

type Group = BTreeMap<&'static str, bool>;

const AGGREGATIONS: [AggregateOp; 14] = [
    AggregateOp::Sum,
    AggregateOp::Avg,
    AggregateOp::Min,
    AggregateOp::Max,
    AggregateOp::Count,
    AggregateOp::Group,
    AggregateOp::Stddev,
    AggregateOp::Stdvar,
    AggregateOp::Topk,
    AggregateOp::Bottomk,
    AggregateOp::Quantile,
    AggregateOp::CountValues,
    AggregateOp::Limitk,
    AggregateOp::LimitRatio,
];

const OPERATORS: [BinaryOp; 18] = [
    BinaryOp::Add,
    BinaryOp::Sub,
    BinaryOp::Mul,
    BinaryOp::Div,
    BinaryOp::Mod,
    BinaryOp::Pow,
    BinaryOp::Atan2,
    BinaryOp::Equal,
    BinaryOp::NotEqual,
    BinaryOp::Less,
    BinaryOp::LessEqual,
    BinaryOp::Greater,
    BinaryOp::GreaterEqual,
    BinaryOp::And,
    BinaryOp::Or,
    BinaryOp::Unless,
    BinaryOp::TrimUpper,
    BinaryOp::TrimLower,
];

/// `/api/v1/features`
pub(crate) async fn features(state: Arc<ApiState>) -> Result<Answer, ApiError> {
    let groups = groups(&state);
    Ok(Answer::write(|json| {
        json.raw("{");
        for (i, (name, group)) in groups.iter().enumerate() {
            json.raw(if i > 0 { "," } else { "" }).key(name).raw("{");
            for (i, (name, is_on)) in group.iter().enumerate() {
                json.raw(if i > 0 { "," } else { "" }).key(name).boolean(*is_on);
            }
            json.raw("}");
        }
        json.raw("}");
    }))
}

fn groups(state: &ApiState) -> BTreeMap<&'static str, Group> {
    let features = &state.options.features;
    let all_on = |names: &[&'static str]| names.iter().map(|name| (*name, true)).collect();
    BTreeMap::from([
        ("api", api(state)),
        ("otlp_receiver", off(&["delta_conversion", "native_delta_ingestion"])),
        (
            "prometheus",
            Group::from([
                ("agent_mode", false),
                ("auto_reload_config", false),
                ("server_mode", true),
            ]),
        ),
        ("promql", promql(state)),
        ("promql_functions", functions(state)),
        ("promql_operators", operators(state)),
        (
            "rules",
            Group::from([
                ("concurrent_rule_eval", false),
                ("keep_firing_for", true),
                ("query_offset", true),
            ]),
        ),
        (
            "scrape",
            Group::from([
                ("extra_scrape_metrics", true),
                ("start_timestamp_zero_ingestion", features.start_timestamp_zeros),
                ("type_and_unit_labels", false),
            ]),
        ),
        ("service_discovery_providers", all_on(&features.discoveries)),
        ("templating_functions", all_on(&features.template_functions)),
        (
            "tsdb",
            Group::from([
                ("delayed_compaction", false),
                ("exemplar_storage", features.exemplar_storage),
                ("isolation", true),
                ("native_histograms", true),
                ("use_uncached_io", false),
            ]),
        ),
        // The pages are our own.
        ("ui", off(&["ui_v2", "ui_v3"])),
    ])
}

fn off(names: &[&'static str]) -> Group {
    names.iter().map(|name| (*name, false)).collect()
}

fn api(state: &ApiState) -> Group {
    Group::from([
        ("admin", state.options.admin),
        ("exclude_alerts", true),
        ("label_values_match", true),
        ("lifecycle", state.options.lifecycle),
        ("openapi_3.1", false),
        ("openapi_3.2", false),
        ("otlp_write_receiver", false),
        ("query_stats", true),
        ("query_warnings", true),
        ("remote_write_receiver", false),
        ("time_range_labels", true),
        ("time_range_series", true),
    ])
}

fn promql(state: &ApiState) -> Group {
    let parser = &state.parser;
    let mut group = Group::from([
        ("anchored", parser.extended_selectors),
        ("smoothed", parser.extended_selectors),
        ("delayed_name_removal", state.options.features.delayed_name_removal),
        ("duration_expr", parser.duration_expr),
        ("fill", parser.fill_modifiers),
        ("fill_left", parser.fill_modifiers),
        ("fill_right", parser.fill_modifiers),
        ("per_step_stats", false),
        ("type_and_unit_labels", false),
    ]);
    for name in [
        "at_modifier",
        "bool",
        "by",
        "group_left",
        "group_right",
        "ignoring",
        "negative_offset",
        "offset",
        "on",
        "per_query_lookback_delta",
        "subqueries",
        "without",
    ] {
        group.insert(name, true);
    }
    group
}

fn functions(state: &ApiState) -> Group {
    let is_on = |experimental: bool| !experimental || state.parser.experimental_functions;
    FUNCTIONS.iter().map(|function| (function.name, is_on(function.experimental))).collect()
}

fn operators(state: &ApiState) -> Group {
    let mut group: Group = OPERATORS.iter().map(|op| (op.as_str(), true)).collect();
    group.extend([("@", true), ("=~", true), ("!~", true)]);
    for op in AGGREGATIONS {
        let experimental = matches!(op, AggregateOp::Limitk | AggregateOp::LimitRatio);
        group.insert(op.as_str(), !experimental || state.parser.experimental_functions);
    }
    group
}
