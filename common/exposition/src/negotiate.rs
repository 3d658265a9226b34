//! Which format an Accept header asks for.

use crate::{Escaping, Format, Protocol};

/// Clauses of an Accept header that are looked at.
const CLAUSES_MAX: usize = 64;

/// The format an `Accept` header asks for first; text 0.0.4 for what nobody here can write.
/// Clauses of higher `q` come first, among equals the earlier one.
#[must_use]
pub fn negotiate(accept: &str) -> Format {
    choose(accept, true)
}

/// [`negotiate`] without OpenMetrics: what node_exporter answers.
#[must_use]
pub fn negotiate_text(accept: &str) -> Format {
    choose(accept, false)
}

fn choose(accept: &str, openmetrics: bool) -> Format {
    let mut clauses: Vec<Clause<'_>> =
        accept.split(',').take(CLAUSES_MAX).filter_map(Clause::parse).collect();
    clauses.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    let mut escaping = Escaping::default();
    for clause in clauses {
        // An escaping that is named anywhere before the chosen clause counts, as in the original.
        if let Some(scheme) = clause.param("escaping").and_then(Escaping::from_name) {
            escaping = scheme;
        }
        let version = clause.param("version").unwrap_or("");
        let protocol = match (clause.media_type, version) {
            ("text/plain", "" | "0.0.4") => Protocol::Text004,
            ("text/plain", "1.0.0") => Protocol::Text100,
            ("application/openmetrics-text", "1.0.0") if openmetrics => Protocol::OpenMetrics100,
            ("application/openmetrics-text", "" | "0.0.1") if openmetrics => {
                Protocol::OpenMetrics001
            }
            _ => continue,
        };
        return Format { protocol, escaping };
    }
    Format { protocol: Protocol::Text004, escaping }
}

struct Clause<'a> {
    media_type: &'a str,
    params: &'a str,
    weight: f64,
}

impl<'a> Clause<'a> {
    fn parse(text: &'a str) -> Option<Clause<'a>> {
        let (media_type, params) = text.split_once(';').unwrap_or((text, ""));
        let mut clause = Clause { media_type: media_type.trim(), params, weight: 1.0 };
        if let Some(q) = clause.param("q") {
            clause.weight = q.parse().ok().filter(|q: &f64| q.is_finite())?;
        }
        Some(clause)
    }

    fn param(&self, wanted: &str) -> Option<&'a str> {
        self.params.split(';').find_map(|param| {
            let (name, value) = param.split_once('=')?;
            (name.trim() == wanted).then(|| value.trim())
        })
    }
}
