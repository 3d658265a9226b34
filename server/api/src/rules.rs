//! `/api/v1/rules`, `/api/v1/alerts` and `/api/v1/alertmanagers`.

use std::collections::BTreeMap;
use std::sync::Arc;

use common_model::Matcher;
use server_rules::alert::State;
use server_rules::{AlertStatus, GroupStatus, RuleKind, RuleStatus};

use crate::answer::Answer;
use crate::error::ApiError;
use crate::json::Json;
use crate::params::{Params, go_integer};
use crate::sha1;
use crate::state::ApiState;
use crate::time::rfc3339;

/// What a rule evaluated never says as its last time.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// Which groups and rules are asked for.
struct Filter<'a> {
    kind: Option<RuleKind>,
    names: Vec<&'a str>,
    groups: Vec<&'a str>,
    files: Vec<&'a str>,
    sets: Vec<Vec<Matcher>>,
    with_alerts: bool,
}

impl<'a> Filter<'a> {
    fn read(params: &'a Params) -> Result<Filter<'a>, ApiError> {
        params.insist()?;
        let sets = params.matchers()?;
        let kind = match params.get("type").to_lowercase().as_str() {
            "" => None,
            "alert" => Some(RuleKind::Alert),
            "record" => Some(RuleKind::Record),
            _ => {
                let given = params.get("type");
                return Err(ApiError::parameter("type", format!("not supported value {given:?}")));
            }
        };
        let with_alerts = match params.get("exclude_alerts") {
            "" => true,
            text => !boolean(text).map_err(|problem| {
                let problem = format!("error converting exclude_alerts: {problem}");
                ApiError::parameter("exclude_alerts", problem)
            })?,
        };
        Ok(Filter {
            kind,
            names: params.all("rule_name[]").collect(),
            groups: params.all("rule_group[]").collect(),
            files: params.all("file[]").collect(),
            sets,
            with_alerts,
        })
    }

    fn wants_group(&self, group: &GroupStatus) -> bool {
        (self.groups.is_empty() || self.groups.contains(&group.name.as_str()))
            && (self.files.is_empty() || self.files.contains(&group.file.as_str()))
    }

    fn wants_rule(&self, rule: &RuleStatus) -> bool {
        let label = |matcher: &Matcher| {
            matcher.matches(rule.labels.get(&matcher.name).map_or("", String::as_str))
        };
        self.kind.as_ref().is_none_or(|kind| *kind == rule.kind)
            && (self.names.is_empty() || self.names.contains(&rule.name.as_str()))
            && (self.sets.is_empty() || self.sets.iter().any(|set| set.iter().all(label)))
    }
}

/// A truth value as Go writes it. `tRue` is none in Go's own reading, but the original takes it.
fn boolean(text: &str) -> Result<bool, String> {
    match text.to_lowercase().as_str() {
        "1" | "t" | "true" => Ok(true),
        "0" | "f" | "false" => Ok(false),
        other => Err(format!("strconv.ParseBool: parsing {other:?}: invalid syntax")),
    }
}

/// Groups a page has at most, zero being no limit, and the group that it begins with.
fn page(params: &Params) -> Result<(usize, &str), ApiError> {
    let wrong = |problem: String| ApiError::parameter("group_limit", problem);
    let limit = match params.get("group_limit") {
        "" => 0,
        text => {
            let limit = go_integer("ParseInt", text).map_err(|error| {
                wrong(format!("group_limit needs to be a valid number: {error}"))
            })?;
            if limit <= 0 {
                return Err(wrong("group_limit needs to be greater than 0".to_owned()));
            }
            usize::try_from(limit).unwrap_or(usize::MAX)
        }
    };
    let token = params.get("group_next_token");
    if limit == 0 && !token.is_empty() {
        return Err(ApiError::parameter(
            "group_next_token",
            "group_limit needs to be present in order to paginate over the groups",
        ));
    }
    Ok((limit, token))
}

/// `/api/v1/rules`
pub(crate) async fn rules(state: Arc<ApiState>, params: Params) -> Result<Answer, ApiError> {
    let filter = Filter::read(&params)?;
    let (limit, token) = page(&params)?;
    let mut groups: Vec<GroupStatus> = state.rules.groups();
    groups.retain(|group| filter.wants_group(group));
    if !token.is_empty() {
        let Some(at) = groups.iter().position(|group| next_token(group) == token) else {
            let problem = format!("invalid group_next_token '{token}'. were rule groups changed?");
            return Err(ApiError::parameter("group_next_token", problem));
        };
        groups.drain(..at);
    }
    let next = groups.get(limit).filter(|_| limit > 0).map(next_token);
    if limit > 0 {
        groups.truncate(limit);
    }
    // A filter on rules leaves out groups without any that it wants.
    let filters_rules =
        filter.kind.is_some() || !filter.names.is_empty() || !filter.sets.is_empty();
    Ok(Answer::write(|json| {
        json.raw("{\"groups\":");
        let shown = groups.iter().filter(|group| {
            !filters_rules || group.rules.iter().any(|rule| filter.wants_rule(rule))
        });
        json.list(shown, |json, group| write_group(json, group, &filter));
        if let Some(next) = next {
            json.raw(",\"groupNextToken\":").string(&next);
        }
        json.raw("}");
    }))
}

/// Names the group that a page begins with.
fn next_token(group: &GroupStatus) -> String {
    sha1::hex(format!("{};{}", group.file, group.name).as_bytes())
}

fn write_group(json: &mut Json, group: &GroupStatus, filter: &Filter<'_>) {
    json.raw("{\"name\":").string(&group.name).raw(",\"file\":").string(&group.file);
    json.raw(",\"rules\":");
    let wanted = group.rules.iter().filter(|rule| filter.wants_rule(rule));
    json.list(wanted, |json, rule| write_rule(json, rule, filter.with_alerts));
    json.raw(",\"interval\":").number(group.interval.as_secs_f64());
    json.raw(",\"limit\":").number(group.limit);
    json.raw(",\"evaluationTime\":").number(group.evaluation_time.as_secs_f64());
    let last = group.last_evaluation_ms.map_or(NEVER.to_owned(), rfc3339);
    json.raw(",\"lastEvaluation\":").string(&last).raw("}");
}

fn write_rule(json: &mut Json, rule: &RuleStatus, with_alerts: bool) {
    let is_alert = rule.kind == RuleKind::Alert;
    json.raw("{");
    if is_alert {
        json.raw("\"state\":").string(rule.state.as_str()).raw(",");
    }
    json.raw("\"name\":").string(&rule.name).raw(",\"query\":").string(&rule.query);
    if is_alert {
        json.raw(",\"duration\":").number(rule.duration.as_secs_f64());
        json.raw(",\"keepFiringFor\":").number(rule.keep_firing_for.as_secs_f64());
    }
    if is_alert || !rule.labels.is_empty() {
        json.raw(",\"labels\":");
        texts(json, &rule.labels);
    }
    if is_alert {
        json.raw(",\"annotations\":");
        texts(json, &rule.annotations);
        json.raw(",\"alerts\":");
        if with_alerts {
            json.list(&rule.alerts, write_alert);
        } else {
            json.raw("null");
        }
    }
    json.raw(",\"health\":").string(rule.health.as_str());
    if !rule.last_error.is_empty() {
        json.raw(",\"lastError\":").string(&rule.last_error);
    }
    json.raw(",\"evaluationTime\":").number(rule.evaluation_time.as_secs_f64());
    let last = rule.last_evaluation_ms.map_or(NEVER.to_owned(), rfc3339);
    json.raw(",\"lastEvaluation\":").string(&last);
    json.raw(",\"type\":").string(if is_alert { "alerting" } else { "recording" }).raw("}");
}

fn texts(json: &mut Json, texts: &BTreeMap<String, String>) {
    json.raw("{");
    for (i, (name, value)) in texts.iter().enumerate() {
        json.raw(if i > 0 { "," } else { "" }).plain_string(name).raw(":").plain_string(value);
    }
    json.raw("}");
}

fn write_alert(json: &mut Json, alert: &AlertStatus) {
    json.raw("{\"labels\":").labels(&alert.labels);
    json.raw(",\"annotations\":").labels(&alert.annotations);
    json.raw(",\"state\":").string(alert.state.as_str());
    json.raw(",\"activeAt\":").string(&rfc3339(alert.active_at_ms));
    if let Some(since) = alert.keep_firing_since_ms {
        json.raw(",\"keepFiringSince\":").string(&rfc3339(since));
    }
    json.raw(",\"value\":").string(&exponent_form(alert.value)).raw("}");
}

/// A float as Go's `%e` with the shortest digits: `1e+00`, how the API shows an alert's value.
fn exponent_form(value: f64) -> String {
    if !value.is_finite() {
        return common_model::format_float(value);
    }
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    format!("{digits}e{sign}{exponent:0>2}")
}

/// `/api/v1/alerts`
pub(crate) fn alerts(state: &ApiState) -> Answer {
    let mut alerts = state.rules.alerts();
    // What wakes people first.
    alerts.sort_by_key(|alert| alert.state != State::Firing);
    Answer::write(|json| {
        json.raw("{\"alerts\":").list(&alerts, write_alert).raw("}");
    })
}

/// `/api/v1/alertmanagers`
pub(crate) fn alertmanagers(state: &ApiState) -> Answer {
    let found = state.notify.alertmanagers();
    Answer::write(|json| {
        json.raw("{\"activeAlertmanagers\":");
        json.list(found.active.iter().map(String::as_str), write_url);
        json.raw(",\"droppedAlertmanagers\":");
        json.list(found.dropped.iter().map(String::as_str), write_url);
        json.raw("}");
    })
}

fn write_url(json: &mut Json, url: &str) {
    json.raw("{\"url\":").string(url).raw("}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alerts_value_is_shown_in_exponent_form() {
        for (value, text) in [
            (1.0, "1e+00"),
            (0.0, "0e+00"),
            (1234.5, "1.2345e+03"),
            (1e-7, "1e-07"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(exponent_form(value), text);
        }
    }
}
