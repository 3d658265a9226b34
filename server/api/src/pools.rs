//! `/api/v1/scrape_pools`, `/api/v1/scrape_pools/config` and `/api/v1/targets/relabel_steps`.

use std::collections::BTreeMap;
use std::sync::Arc;

use common_config::prometheus::{RelabelConfig, ScrapeConfig};
use common_model::Labels;
use server_relabel::Step;

use crate::answer::Answer;
use crate::error::ApiError;
use crate::json::Json;
use crate::params::Params;
use crate::state::ApiState;

/// `/api/v1/scrape_pools`
pub(crate) async fn pools(state: Arc<ApiState>) -> Result<Answer, ApiError> {
    let pools = state.scrape.pools().await;
    Ok(Answer::write(|json| {
        json.raw("{\"scrapePools\":").strings(pools).raw("}");
    }))
}

/// `/api/v1/scrape_pools/config`
pub(crate) async fn config(state: Arc<ApiState>, params: Params) -> Result<Answer, ApiError> {
    let config = wanted(&state, &params).await?;
    Ok(Answer::write(|json| {
        json.raw("{\"yaml\":").string(&config.to_yaml()).raw("}");
    }))
}

/// `/api/v1/targets/relabel_steps`: what each rule of a pool makes of the labels.
pub(crate) async fn relabel_steps(
    state: Arc<ApiState>,
    params: Params,
) -> Result<Answer, ApiError> {
    let labels = match params.get("labels") {
        "" => return Err(ApiError::bad_data("no labels parameter provided")),
        text => serde_json::from_str::<BTreeMap<String, String>>(text)
            .map_err(|error| ApiError::bad_data(format!("error parsing labels: {error}")))?,
    };
    let config = wanted(&state, &params).await?;
    let labels = Labels::from_pairs(labels.iter().map(|(name, value)| (&**name, &**value)));
    let steps = server_relabel::steps(&labels, &config.relabel_configs);
    // The rules behind one that drops the labels have nothing to keep.
    let dropped = Step { output: Labels::default(), keep: false };
    let steps = steps.iter().chain(std::iter::repeat(&dropped));
    Ok(Answer::write(|json| {
        json.raw("{\"steps\":");
        json.list(config.relabel_configs.iter().zip(steps), |json, (rule, step)| {
            json.raw("{\"rule\":");
            write_rule(json, rule);
            json.raw(",\"output\":").labels(&step.output);
            json.raw(",\"keep\":").boolean(step.keep).raw("}");
        });
        json.raw("}");
    }))
}

async fn wanted(state: &ApiState, params: &Params) -> Result<Arc<ScrapeConfig>, ApiError> {
    match params.get("scrapePool") {
        "" => Err(ApiError::bad_data("no scrapePool parameter provided")),
        pool => state.scrape.config(pool).await.ok_or_else(|| {
            let problem = format!("error getting scrape config: scrape pool {pool:?} not found");
            ApiError::bad_data(problem)
        }),
    }
}

/// A rule; what is empty is left out.
fn write_rule(json: &mut Json, rule: &RelabelConfig) {
    json.raw("{");
    if !rule.source_labels.is_empty() {
        json.raw("\"sourceLabels\":").strings(&rule.source_labels).raw(",");
    }
    if !rule.separator.is_empty() {
        json.raw("\"separator\":").string(&rule.separator).raw(",");
    }
    json.raw("\"regex\":").string(rule.regex.as_str()).raw(",");
    if rule.modulus > 0 {
        json.raw("\"modulus\":").number(rule.modulus).raw(",");
    }
    for (key, text) in
        [("targetLabel", rule.target_label.as_str()), ("replacement", rule.replacement.as_str())]
    {
        if !text.is_empty() {
            json.key(key).string(text).raw(",");
        }
    }
    json.raw("\"action\":").string(rule.action.name()).raw("}");
}
