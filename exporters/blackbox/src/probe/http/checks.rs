//! Whether headers and body of an answer are as the module wants them.

use std::time::Duration;

use hyper::HeaderMap;
use tokio::time::{Instant, timeout_at};

use crate::config::{Cel, HeaderMatch, HttpModule};
use crate::probe::ProbeLog;
use crate::probe::text::text_of;
use common_re2::Regex;

/// Bodies from this size on are matched on a thread of their own.
const INLINE_BYTES_MAX: usize = 64 << 10;

/// What is said of a verdict.
type Line = (&'static str, &'static str, String);

/// Whether all header rules hold; the first that does not is told.
pub(super) fn headers(http: &HttpModule, headers: &HeaderMap, log: &mut ProbeLog) -> bool {
    for (rules, is_forbidden) in
        [(&http.fail_if_header_matches, true), (&http.fail_if_header_not_matches, false)]
    {
        for rule in rules {
            if !header(rule, is_forbidden, headers, log) {
                return false;
            }
        }
    }
    true
}

fn header(rule: &HeaderMatch, is_forbidden: bool, all: &HeaderMap, log: &mut ProbeLog) -> bool {
    let values: Vec<_> = all.get_all(rule.header.as_str()).iter().collect();
    if values.is_empty() {
        if !rule.allow_missing {
            log.error("Missing required header", &[("header", &rule.header)]);
        }
        return rule.allow_missing;
    }
    let found = values.iter().find(|value| rule.regexp.is_match(&text_of(value.as_bytes())));
    if found.is_some() != is_forbidden {
        return true;
    }
    let message = if is_forbidden {
        "Header matched regular expression"
    } else {
        "Header did not match regular expression"
    };
    let count = values.len();
    log.error(
        message,
        &[("header", &rule.header), ("regexp", &rule.regexp), ("value_count", &count)],
    );
    false
}

/// The rules for bodies.
#[derive(Clone)]
pub(super) struct BodyRules {
    forbidden: Vec<Regex>,
    required: Vec<Regex>,
    cel_forbidden: Option<Cel>,
    cel_required: Option<Cel>,
}

/// What came of the rules: whether patterns failed and whether expressions did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) regex_failed: bool,
    pub(super) cel_failed: bool,
}

impl BodyRules {
    /// The rules of a module; `None` where there are none.
    pub(super) fn of(http: &HttpModule) -> Option<BodyRules> {
        let rules = BodyRules {
            forbidden: http.fail_if_body_matches.clone(),
            required: http.fail_if_body_not_matches.clone(),
            cel_forbidden: http.fail_if_body_json_matches.clone(),
            cel_required: http.fail_if_body_json_not_matches.clone(),
        };
        (rules.has_patterns() || rules.has_expressions()).then_some(rules)
    }

    pub(super) fn has_patterns(&self) -> bool {
        !self.forbidden.is_empty() || !self.required.is_empty()
    }

    pub(super) fn has_expressions(&self) -> bool {
        self.cel_forbidden.is_some() || self.cel_required.is_some()
    }

    /// Judges a body; `None` where the time was up before there was a verdict.
    pub(super) async fn judge(
        self,
        body: Vec<u8>,
        deadline: Instant,
        log: &mut ProbeLog,
    ) -> Option<Verdict> {
        let (verdict, lines) = if body.len() <= INLINE_BYTES_MAX {
            self.verdict(&body)
        } else {
            let work = tokio::task::spawn_blocking(move || self.verdict(&body));
            let late = deadline + Duration::from_millis(1);
            timeout_at(late, work).await.ok()?.ok()?
        };
        for (message, key, value) in lines {
            if key.is_empty() {
                log.error(message, &[]);
            } else {
                log.error(message, &[(key, &value)]);
            }
        }
        Some(verdict)
    }

    fn verdict(&self, body: &[u8]) -> (Verdict, Vec<Line>) {
        let mut verdict = Verdict::default();
        let mut lines = Vec::new();
        let text = text_of(body);
        if let Some(pattern) = self.forbidden.iter().find(|pattern| pattern.is_match(&text)) {
            lines.push(("Body matched regular expression", "regexp", pattern.to_string()));
            verdict.regex_failed = true;
        } else if let Some(pattern) = self.required.iter().find(|p| !p.is_match(&text)) {
            lines.push(("Body did not match regular expression", "regexp", pattern.to_string()));
            verdict.regex_failed = true;
        } else if self.has_expressions()
            && let Err(line) = self.expressions(body)
        {
            lines.push(line);
            verdict.cel_failed = true;
        }
        (verdict, lines)
    }

    fn expressions(&self, body: &[u8]) -> Result<(), Line> {
        let json: serde_json::Value = serde_json::from_slice(body)
            .map_err(|e| ("Error unmarshalling HTTP body to JSON", "err", e.to_string()))?;
        let eval =
            |cel: &Cel| cel.eval(&json).map_err(|e| ("Error evaluating CEL expression", "err", e));
        if let Some(cel) = &self.cel_forbidden
            && eval(cel)?
        {
            return Err(("Body matched CEL expression", "expression", cel.as_str().to_owned()));
        }
        if let Some(cel) = &self.cel_required
            && !eval(cel)?
        {
            let message = "Body did not match CEL expression";
            return Err((message, "expression", cel.as_str().to_owned()));
        }
        Ok(())
    }
}
