//! The patterns for the records of a section.

use common_re2::Regex;

use super::message::Record;
use crate::config::RrRules;
use crate::probe::ProbeLog;

/// Whether the records are as the rules want them. Patterns are compiled here: a bad one fails the
/// probe.
///
/// `fail_if_all_match` fails, as in the original, where one record does *not* match.
pub(super) fn hold(rules: &RrRules, records: &[Record], log: &mut ProbeLog) -> bool {
    for (patterns, name) in [
        (&rules.fail_if_not_matches, "fail_if_not_matches_regexp"),
        (&rules.fail_if_none_matches, "fail_if_none_matches_regexp"),
    ] {
        if records.is_empty() && !patterns.is_empty() {
            log.error(&format!("{name} specified but no RRs returned"), &[]);
            return false;
        }
    }
    let mut is_any_found = rules.fail_if_none_matches.is_empty() || records.is_empty();
    for record in records {
        log.debug("Validating RR", &[("rr", &record.text)]);
        for (patterns, wanted, message) in [
            (&rules.fail_if_matches, false, "At least one RR matched regexp"),
            (&rules.fail_if_all_match, true, "Not all RRs matched regexp"),
            (&rules.fail_if_not_matches, true, "At least one RR did not match regexp"),
        ] {
            for pattern in patterns {
                let Some(regex) = compile(pattern, log) else { return false };
                if regex.is_match(&record.text) != wanted {
                    log.error(message, &[("regexp", pattern), ("rr", &record.text)]);
                    return false;
                }
            }
        }
        for pattern in &rules.fail_if_none_matches {
            let Some(regex) = compile(pattern, log) else { return false };
            is_any_found |= regex.is_match(&record.text);
        }
    }
    if !is_any_found {
        log.error("None of the RRs did matched any regexp", &[]);
    }
    is_any_found
}

fn compile(pattern: &str, log: &mut ProbeLog) -> Option<Regex> {
    match Regex::new(pattern) {
        Ok(regex) => Some(regex),
        Err(error) => {
            log.error("Error matching regexp", &[("regexp", &pattern), ("err", &error)]);
            None
        }
    }
}
