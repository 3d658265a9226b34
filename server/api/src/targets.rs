//! `/api/v1/targets`, `/api/v1/metadata` and `/api/v1/targets/metadata`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use common_config::duration;
use common_model::{Labels, Metadata};
use server_scrape::{ActiveTarget, Health};

use crate::answer::Answer;
use crate::error::ApiError;
use crate::json::Json;
use crate::params::Params;
use crate::state::ApiState;
use crate::time::rfc3339;

/// `/api/v1/targets`
pub(crate) async fn targets(state: Arc<ApiState>, params: Params) -> Result<Answer, ApiError> {
    let wanted = params.get("state").to_lowercase();
    let pool = params.get("scrapePool");
    let in_pool = |name: &str| pool.is_empty() || pool == name;
    let (with_active, with_dropped) = match wanted.as_str() {
        "active" => (true, false),
        "dropped" => (false, true),
        "" | "any" => (true, true),
        _ => (false, false),
    };
    let mut active = if with_active { state.scrape.active().await } else { Vec::new() };
    active.retain(|target| in_pool(&target.pool));
    let all_dropped = state.scrape.dropped().await;
    let pools = state.scrape.pools().await;
    let mut counts: BTreeMap<&str, usize> = pools.iter().map(|pool| (pool.as_str(), 0)).collect();
    for dropped in &all_dropped {
        *counts.entry(&dropped.pool).or_default() += 1;
    }
    let options = &state.options;
    Ok(Answer::write(|json| {
        json.raw("{\"activeTargets\":");
        json.list(&active, |json, active| {
            let url = global_url(&active.target.url, &options.external_url, &options.listen_port);
            write_active(json, active, &url);
        });
        json.raw(",\"droppedTargets\":");
        let dropped = all_dropped.iter().filter(|dropped| with_dropped && in_pool(&dropped.pool));
        json.list(dropped, |json, dropped| {
            json.raw("{\"discoveredLabels\":").labels(&dropped.discovered);
            json.raw(",\"scrapePool\":").string(&dropped.pool).raw("}");
        });
        json.raw(",\"droppedTargetCounts\":");
        if with_dropped {
            for (i, (pool, count)) in counts.into_iter().enumerate() {
                json.raw(if i > 0 { "," } else { "{" }).key(pool).number(count);
            }
            json.raw(if pools.is_empty() && all_dropped.is_empty() { "{}}" } else { "}}" });
        } else {
            json.raw("null}");
        }
    }))
}

/// A target's URL as others reach it: what is said of the loopback is said of our external name,
/// and our own port is where our external URL leads.
fn global_url(url: &str, external_url: &str, own_port: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let authority = rest.split(['/', '?']).next().unwrap_or(rest);
    let Some((host, port)) = authority.rsplit_once(':') else { return url.to_owned() };
    if !matches!(host, "127.0.0.1" | "localhost") {
        return url.to_owned();
    }
    let path = &rest[authority.len()..];
    let (own_scheme, own) = external_url.split_once("://").unwrap_or(("http", ""));
    let own = own.split('/').next().unwrap_or(own);
    if port == own_port {
        return format!("{own_scheme}://{own}{path}");
    }
    let own_host = match own.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => host,
        _ => own,
    };
    format!("{scheme}://{own_host}:{port}{path}")
}

fn write_active(json: &mut Json, active: &ActiveTarget, global_url: &str) {
    let (target, last) = (&active.target, &active.last);
    json.raw("{\"discoveredLabels\":").labels(&target.discovered);
    json.raw(",\"labels\":").labels(&target.labels);
    json.raw(",\"scrapePool\":").string(&active.pool);
    json.raw(",\"scrapeUrl\":").string(&target.url);
    json.raw(",\"globalUrl\":").string(global_url);
    json.raw(",\"lastError\":").string(&last.error);
    let never = "0001-01-01T00:00:00Z".to_owned();
    json.raw(",\"lastScrape\":").string(&last.at.map_or(never, rfc3339));
    json.raw(",\"lastScrapeDuration\":").number(last.duration.as_secs_f64());
    json.raw(",\"health\":").string(last.health.as_str());
    json.raw(",\"scrapeInterval\":").string(&duration::format(target.interval));
    json.raw(",\"scrapeTimeout\":").string(&duration::format(target.timeout));
    if last.health != Health::Unknown {
        json.raw(",\"samples\":").number(last.samples);
    }
    json.raw("}");
}

/// `/api/v1/metadata`
pub(crate) async fn metadata(state: Arc<ApiState>, params: Params) -> Result<Answer, ApiError> {
    let limit = params.limit_or_none("limit")?;
    let per_metric = params.limit_or_none("limit_per_metric")?.filter(|limit| *limit > 0);
    let wanted = params.get("metric");
    let mut found: BTreeMap<String, BTreeSet<Seen>> = BTreeMap::new();
    for target in state.scrape.active().await {
        let metadata = target.metadata.lock();
        for (name, metadata) in metadata.iter().filter(|(n, _)| wanted.is_empty() || *n == wanted) {
            let seen = found.entry(name.to_owned()).or_default();
            if per_metric.is_none_or(|limit| seen.len() < limit) {
                seen.insert(Seen::of(metadata));
            }
        }
    }
    let shown = limit.unwrap_or(found.len());
    Ok(Answer::write(|json| {
        json.raw("{");
        for (i, (name, seen)) in found.iter().take(shown).enumerate() {
            json.raw(if i > 0 { "," } else { "" }).key(name);
            json.list(seen, |json, seen| {
                json.raw("{\"type\":").string(seen.kind).raw(",\"unit\":").string(&seen.unit);
                json.raw(",\"help\":").string(&seen.help).raw("}");
            });
        }
        json.raw("}");
    }))
}

/// One way in which targets describe a metric.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Seen {
    kind: &'static str,
    help: String,
    unit: String,
}

impl Seen {
    fn of(metadata: &Metadata) -> Seen {
        let kind = metadata.kind.as_str();
        Seen { kind, help: metadata.help.clone(), unit: metadata.unit.clone() }
    }
}

/// `/api/v1/targets/metadata`
pub(crate) async fn target_metadata(
    state: Arc<ApiState>,
    params: Params,
) -> Result<Answer, ApiError> {
    let limit = params.limit_or_none("limit")?.unwrap_or(usize::MAX);
    let metric = params.get("metric");
    let matchers = match params.get("match_target") {
        "" => Vec::new(),
        text => server_promql::parser::parse_selector(text)
            .map_err(|error| ApiError::parameter("match_target", error))?,
    };
    let mut found: Vec<(Labels, String, Metadata)> = Vec::new();
    for target in state.scrape.active().await {
        // No target is cut: the limit is looked at between them.
        if found.len() >= limit {
            break;
        }
        let labels = &target.target.labels;
        if !matchers.iter().all(|matcher| matcher.matches(labels.value(&matcher.name))) {
            continue;
        }
        let metadata = target.metadata.lock();
        let named = metadata.iter().filter(|(name, _)| metric.is_empty() || *name == metric);
        found.extend(named.map(|(name, seen)| (labels.clone(), name.to_owned(), seen.clone())));
    }
    Ok(Answer::write(|json| {
        json.list(&found, |json, (labels, name, seen)| {
            json.raw("{\"target\":").labels(labels);
            if metric.is_empty() {
                json.raw(",\"metric\":").string(name);
            }
            json.raw(",\"type\":").string(seen.kind.as_str());
            json.raw(",\"help\":").string(&seen.help);
            json.raw(",\"unit\":").string(&seen.unit).raw("}");
        });
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_the_loopback_is_said_of_our_external_name() {
        let check = |url: &str, external_url: &str, wanted: &str| {
            assert_eq!(global_url(url, external_url, "9090"), wanted, "{url} {external_url}");
        };
        check("http://127.0.0.1:9100/metrics", "http://h:9090", "http://h:9100/metrics");
        check("http://localhost:9090/metrics", "https://h/p", "https://h/metrics");
        check("https://localhost:9100/m?a=b", "http://h/p", "https://h:9100/m?a=b");
        check("http://h2:9100/metrics", "http://h:9090", "http://h2:9100/metrics");
        check("http://localhost/metrics", "http://h:9090", "http://localhost/metrics");
        check("http://[::1]:9100/metrics", "http://h:9090", "http://[::1]:9100/metrics");
        check("node", "http://h:9090", "node");
    }
}
